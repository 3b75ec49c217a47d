"""`perdure revision`: record what changed, and keep what is not published yet in order."""

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import final

from msgspec import Struct

from perdure.cli.console import complain, say
from perdure.cli.operations import recorded_operations
from perdure.cli.plan import EXIT_OK, EXIT_USAGE
from perdure.cli.target import Target, find_target, import_app, load_quietly
from perdure.clock import Clock
from perdure.errors import RevisionError
from perdure.timescape.authoring.amending import amend_revision
from perdure.timescape.authoring.folder import read_instant
from perdure.timescape.authoring.hints import HintError
from perdure.timescape.authoring.publishing import publish_revisions
from perdure.timescape.authoring.recording import Order, Written, check_label, check_message, record_revision
from perdure.timescape.authoring.redating import redate_revisions
from perdure.timescape.authoring.squashing import squash_revisions
from perdure.timescape.loading import load_revisions

__all__ = ["RevisionOptions", "run_revision"]


@final
class RevisionOptions(Struct, frozen=True, kw_only=True):
    """What the command line says; `perdure.cli.main.revision` says what each means."""

    message: str | None = None
    label: str | None = None
    date: str | None = None
    renames: Sequence[str] = ()
    moves: Sequence[str] = ()
    amend: bool = False
    squash: str | None = None
    redate: str | None = None
    after: str | None = None
    publish: bool = False


def run_revision(app: str | None, options: RevisionOptions, clock: Clock) -> int:
    """Do what *options* say to the revisions of *app*, and return the exit code."""
    wrong = _misuse(options) or _malformed(options)
    if wrong is not None:
        complain(wrong)
        return EXIT_USAGE
    target = find_target(app, Path.cwd())
    try:
        if options.redate is not None:
            return _redate(target, options, clock)
        if options.publish:
            return _publish(target)
        if options.squash is not None:
            return _squash(target, options)
        return _amend(target, options) if options.amend else _record(target, options, clock)
    except HintError as error:
        complain(str(error))
        return EXIT_USAGE


def _misuse(options: RevisionOptions) -> str | None:
    """Return what does not fit together in *options*."""
    modes = {
        "--amend": options.amend, "--squash": options.squash is not None, "--redate": options.redate is not None,
        "--publish": options.publish,
    }  # fmt: skip
    chosen = [name for name, is_chosen in modes.items() if is_chosen]
    if len(chosen) > 1:
        return f"{' and '.join(chosen)} are done one after the other"
    mode = chosen[0] if chosen else ""
    if not mode and options.message is None:
        return 'say what changed: perdure revision -m "Orders have lines"'
    refused = {
        "--message": (options.message, mode in {"--redate", "--publish"}),
        "--label": (options.label, mode in {"--redate", "--publish"}),
        "--date": (options.date, mode in {"--amend", "--squash", "--publish"}),
        "--rename": (options.renames, mode in {"--squash", "--redate", "--publish"}),
        "--move": (options.moves, mode in {"--squash", "--redate", "--publish"}),
        "--after": (options.after, mode != "--redate"),
    }
    wrong = next((name for name, (value, is_refused) in refused.items() if value and is_refused), None)
    if wrong == "--after":
        return "--after goes with --redate; a new revision follows the last one"
    return None if wrong is None else f"{wrong} has no meaning with {mode}"


def _malformed(options: RevisionOptions) -> str | None:
    """Return what no app could make sense of in *options*."""
    try:
        if options.message is not None:
            check_message(options.message)
        check_label(options.label, ())
        if options.date is not None:
            read_instant(options.date)
    except RevisionError as error:
        return str(error)
    return None


def _record(target: Target, options: RevisionOptions, clock: Clock) -> int:
    order = Order(
        message=options.message or "", label=options.label,
        seconds=None if options.date is None else read_instant(options.date),
        renames=options.renames, moves=options.moves,
    )  # fmt: skip
    app = load_quietly(target)
    folder = app.revisions_folder
    revisions = load_revisions(folder) if folder.is_dir() else ()
    written = record_revision(folder, revisions, app.api(), order, clock)
    if written is None:
        say("nothing changed since the last revision; nothing is written")
        return EXIT_OK
    _tell(written, "wrote")
    return EXIT_OK


def _amend(target: Target, options: RevisionOptions) -> int:
    app = load_quietly(target)
    written = amend_revision(app.revisions_folder, app.api(), options.message, options.label,
                             (options.renames, options.moves))  # fmt: skip
    _tell(written, "amended")
    if options.renames and not written.functions:
        say("  --rename is recorded, but the functions for it are there and stay as they are: mend them by hand, or")
        say("  delete both files and record the revision again")
    return EXIT_OK


def _squash(target: Target, options: RevisionOptions) -> int:
    folder = import_app(target).revisions_folder
    written, left = squash_revisions(folder, options.squash or "", options.message, options.label)
    _tell(written, "squashed into")
    for name in left:
        say(f"  {name} stands for no type of the version before: call it from what makes the new type")
    return EXIT_OK


def _redate(target: Target, options: RevisionOptions, clock: Clock) -> int:
    folder = import_app(target).revisions_folder
    seconds = None if options.date is None else read_instant(options.date)
    for told in redate_revisions(folder, options.redate or "", options.after, seconds, clock):
        say(told)
    return EXIT_OK


def _publish(target: Target) -> int:
    app = import_app(target)
    with recorded_operations(app.config, app.name, "revision") as operations, operations.of("publish"):
        names = publish_revisions(app.revisions_folder)
    for name in names:
        say(f"published {name}")
    if not names:
        say("all revisions are published already")
    return EXIT_OK


def _tell(written: Written, verb: str) -> None:
    here = Path.cwd()
    file = written.file.relative_to(here) if written.file.is_relative_to(here) else written.file
    count = written.functions
    none = "no transformer is added" if verb == "amended" else "no transformer is needed"
    made = f"{count} transformer{'' if count == 1 else 's'}" if count else none
    if written.impossible and not count:
        made = "no transformer can be written"
    say(f"{verb} {file} and its .json: {made}")
    for told in written.impossible:
        say(f"  nothing can carry {told}")
    for hole in written.holes:
        say(f"{file}:{hole.line}: decide {hole.what}")
    for hint in written.suggestions:
        option, _, what = hint.partition(" ")
        say(f"  did you mean {option} {what if what.startswith(chr(39)) else shlex.quote(what)}?")
    if written.suggestions:
        say("  if so, delete both files and say it with -m again")
    if written.holes:
        say(f"{len(written.holes)} place{'' if len(written.holes) == 1 else 's'} to decide; then: perdure check")
