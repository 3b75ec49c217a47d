"""`perdure diff`: what changed between two sides, and whom it breaks."""

import datetime as dt
import filecmp
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

from msgspec import Struct

from perdure.cli.console import complain, output, write
from perdure.cli.plan import EXIT_FAILED, EXIT_OK, EXIT_USAGE
from perdure.cli.sides import Called, UnknownSideError, Versions, follow_steps, read_document
from perdure.cli.target import find_target, load_quietly
from perdure.diff.findings import LEVELS, Finding, Level, Profile
from perdure.errors import DocumentError, IgnoreFileError
from perdure.gtype.nodes import GType
from perdure.manifest.records import Api
from perdure.timescape.authoring.hints import HintError, read_hints
from perdure.timescape.authoring.inference import with_inferred
from perdure.timescape.authoring.schema_hints import read_schema_hints

if TYPE_CHECKING:
    from perdure.diff.ignore import Ignore

__all__ = ["DiffOptions", "run_diff"]

IGNORE_FILE = "perdure-ignore.toml"
"""What is read from the current folder, if it is there."""


@final
class DiffOptions(Struct, frozen=True, kw_only=True):
    """What the command line says; `perdure.cli.main.diff` says what each means."""

    start: str | None = None
    end: str | None = None
    direction: Literal["request", "response"] | None = None
    renames: Sequence[str] = ()
    moves: Sequence[str] = ()
    ignore: Path | None = None
    profile: Profile = "json"
    format: Literal["text", "json"] = "text"
    fail_on: Level | None = None
    today: dt.date


class _UsageError(Exception):
    """The words of the command line do not fit together."""


def run_diff(targets: Sequence[str], options: DiffOptions) -> int:
    """Print what changed between *targets* to stdout and return the exit code.

    Args:
        targets: Two files with documents; or an app, whose versions and code are compared.
        options: How.
    """
    try:
        entries = _ignores(options.ignore)
        findings = _compare(targets, options)
    except (_UsageError, UnknownSideError, DocumentError, HintError, IgnoreFileError) as error:
        complain(str(error))
        return EXIT_USAGE
    return _tell(findings, entries, options)


def _compare(targets: Sequence[str], options: DiffOptions) -> Sequence[Finding]:
    for each in targets:
        if each.startswith("-") and each != "-":
            raise _UsageError(f"there is no option {each}; `perdure diff --help` lists them")
    if len(targets) > 2:
        raise _UsageError("two documents or one app can be compared, not " + " ".join(targets))
    if len(targets) == 2:
        return _compare_documents(Path(targets[0]), Path(targets[1]), options)
    if targets and Path(targets[0]).suffix in {".json", ".yaml", ".yml"}:
        raise _UsageError(f"{targets[0]} is a document; name the one to compare it with too")
    if options.direction is not None:
        raise _UsageError("--as is for two JSON Schemas; an API says itself what is sent and what is answered")
    return _compare_versions(targets[0] if targets else None, options)


def _compare_documents(old: Path, new: Path, options: DiffOptions) -> Sequence[Finding]:
    from perdure.diff.types import diff_types

    if options.start is not None or options.end is not None:
        raise _UsageError("--from and --to name versions of an app, not of documents")
    if str(old) == str(new) == "-":
        raise _UsageError("only one of two documents can come from stdin")
    before = read_document(old)
    after = before if _are_equal(old, new) else read_document(new)
    if isinstance(before, Api) and isinstance(after, Api):
        if options.direction is not None:
            raise _UsageError("--as is for two JSON Schemas; these are OpenAPI documents")
        return _diff_apis(before, after, Called({}, {}), options)
    if isinstance(before, GType) and isinstance(after, GType):
        if options.direction is None:
            raise _UsageError(
                "these are JSON Schemas: say --as request or --as response, for what breaks depends on it"
            )
        if options.moves:
            raise _UsageError("--move is for APIs; these are JSON Schemas")
        renames = read_schema_hints(options.renames, before, after)
        return diff_types(before, after, options.direction, renames=renames, profile=options.profile)
    api, schema = (old, new) if isinstance(before, Api) else (new, old)
    raise _UsageError(f"{api} is an OpenAPI document, but {schema} is none; compare two of a kind")


def _are_equal(old: Path, new: Path) -> bool:
    """Tell whether two files have the same content; one that large is not worth reading twice."""
    return "-" not in {str(old), str(new)} and new.is_file() and filecmp.cmp(old, new, shallow=False)


def _compare_versions(app: str | None, options: DiffOptions) -> Sequence[Finding]:
    versions = Versions(load_quietly(find_target(app, Path.cwd())))
    if not versions.recorded:
        raise UnknownSideError("no revision is recorded yet to compare with; `perdure revision` records the first")
    first = versions.recorded - 1 if options.start is None else versions.place(options.start)
    last = versions.recorded if options.end is None else versions.place(options.end)
    steps = versions.steps(first, last)
    return _diff_apis(steps[0].api, steps[-1].api, follow_steps(steps), options)


def _diff_apis(old: Api, new: Api, called: Called, options: DiffOptions) -> Sequence[Finding]:
    from perdure.diff.apis import diff_apis

    hints = read_hints(options.renames, options.moves, old, new)
    inferred = with_inferred(hints, old, new).renames.pairs()
    renames, moves = {**inferred, **called.renames, **hints.renames.pairs()}, {**called.moves, **hints.moves}
    return diff_apis(old, new, renames=renames, moves=moves, profile=options.profile)


def _ignores(named: Path | None) -> "Sequence[Ignore]":
    from perdure.diff.endpoint_rules import ENDPOINT_RULES
    from perdure.diff.ignore import parse_ignores
    from perdure.diff.rules import RULES

    file = Path(IGNORE_FILE) if named is None else named
    if named is None and not file.is_file():
        return ()
    try:
        return parse_ignores(file.read_text("utf-8"), (*RULES, *ENDPOINT_RULES))
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise IgnoreFileError(f"{file} cannot be read: {why}") from error
    except IgnoreFileError as error:
        raise IgnoreFileError(f"{file}: {error}") from error


def _tell(findings: Sequence[Finding], entries: "Sequence[Ignore]", options: DiffOptions) -> int:
    from perdure.cli.findings import findings_to_json, show_findings
    from perdure.diff.ignore import sift

    sifted = sift(findings, entries, options.today)
    if options.format == "json":
        write(findings_to_json(sifted.kept))
    else:
        show_findings(sifted.kept, output(), ignored=len(sifted.ignored))
    for entry in sifted.unused:
        complain(f"the ignore file's entry for {entry} matches nothing any more; delete it")
    for entry in sifted.ended:
        complain(f"the ignore file's entry for {entry} ended on {entry.until}; it no longer counts")
    grave = LEVELS[: LEVELS.index(options.fail_on) + 1] if options.fail_on is not None else ()
    return EXIT_FAILED if any(finding.level in grave for finding in sifted.kept) else EXIT_OK
