"""Recording what changed as a new revision.

Source: SPEC 3.5.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import final

from msgspec import Struct

from perdure.clock import Clock
from perdure.errors import RevisionError
from perdure.manifest.records import Api
from perdure.timescape.authoring.draft import draft_body, list_changes
from perdure.timescape.authoring.folder import file_name, next_instant, slug, write_files
from perdure.timescape.authoring.hints import read_hints
from perdure.timescape.authoring.inference import with_inferred
from perdure.timescape.authoring.sides import Sides
from perdure.timescape.authoring.source import Facts, file_text
from perdure.timescape.authoring.suggestions import suggestions
from perdure.timescape.delta import Seal, delta, digest_of, encode_delta
from perdure.timescape.holes import Hole, find_holes
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.renames import kept_renames
from perdure.timescape.semver import parse_semver

__all__ = ["Order", "Written", "check_label", "check_message", "record_revision"]

_MESSAGE_LENGTH = 200


@final
class Order(Struct, frozen=True, kw_only=True):
    """What a person asks for."""

    message: str
    label: str | None = None
    seconds: int | None = None
    """When; None for today, or now."""
    renames: Sequence[str] = ()
    moves: Sequence[str] = ()
    """Hints; see `perdure.timescape.authoring.hints`."""


@final
class Written(Struct, frozen=True, kw_only=True):
    """A revision that was written."""

    name: str
    file: Path
    holes: tuple[Hole, ...] = ()
    """Where a person still has to decide."""
    functions: int = 0
    """How many transformers were written."""
    impossible: tuple[str, ...] = ()
    """What nothing can be carried over, and why: it was declared to be impossible."""
    suggestions: tuple[str, ...] = ()
    """Hints that might be meant."""


def record_revision(
    folder: Path, revisions: Sequence[RecordedRevision], api: Api, order: Order, clock: Clock
) -> Written | None:
    """Write the revision that leads from the last of *revisions* to *api*; None, and nothing written, if it is equal.

    Args:
        folder: Where the files are; made if need be.
        revisions: What is recorded there, oldest first.
        api: The API as the code has it.
        order: What is asked for.
        clock: Tells which day it is.
    Raises:
        HintError: A hint names what is not there.
        RevisionError: The message, label or date cannot be used, or a file cannot be written.
    """
    last = revisions[-1] if revisions else None
    before = last.after if last is not None else Api()
    check_message(order.message)
    check_label(order.label, revisions)
    hints = with_inferred(read_hints(order.renames, order.moves, before, api), before, api)
    change = delta(before, api, kept_renames(hints.renames, before, api))
    sides = Sides(before, api, hints)
    if not change.types and not change.endpoints:
        return None
    seconds = _instant(order, last, clock)
    name = file_name(seconds, slug(order.message), folder)
    facts = Facts(seconds, order.label, last.name if last is not None else None)
    body = draft_body(sides)
    text = file_text(order.message, list_changes(sides), facts, body)
    seal = Seal(digest=digest_of(name, facts, change, last.digest if last is not None else ""))
    write_files(folder, {f"{name}.json": encode_delta(name, change, seal), f"{name}.py": text})
    return Written(
        name=name, file=folder / f"{name}.py", holes=find_holes(text), functions=len(body.functions),
        impossible=tuple(f"{each.way}s of {each.key}: {each.reason}" for each in body.no_ways),
        suggestions=tuple(suggestions(sides)),
    )  # fmt: skip


def check_message(message: str) -> None:
    """Refuse a message that cannot name a revision.

    Raises:
        RevisionError: It is empty, or its first line is too long.
    """
    first = message.strip().partition("\n")[0]
    if not first:
        raise RevisionError("-m needs a message: say in a few words what changed")
    if len(first) > _MESSAGE_LENGTH:
        raise RevisionError(
            f"-m: the first line has {len(first)} characters; say it in {_MESSAGE_LENGTH}, and more on further lines"
        )


def check_label(label: str | None, revisions: Sequence[RecordedRevision]) -> None:
    """Refuse a label that is none, or not newer than those there are.

    Raises:
        RevisionError: So it is.
    """
    if label is None:
        return
    semver = parse_semver(label)
    if semver is None:
        raise RevisionError(f"--label {label}: no semantic version such as v1.2.0")
    for each in revisions:
        known = parse_semver(each.label) if each.label is not None else None
        if known is not None and known.rank >= semver.rank:
            said = "has that label already" if known.rank == semver.rank else f"has {each.label}, which is newer"
            raise RevisionError(f"--label {label}: {each.name} {said}")


def _instant(order: Order, last: RecordedRevision | None, clock: Clock) -> int:
    if order.seconds is None:
        return next_instant(last.seconds if last is not None else None, clock)
    if last is not None and order.seconds < last.seconds:
        raise RevisionError(f"--date lies before {last.name}, which the new revision follows")
    return order.seconds
