"""Which answers of the old API are which of the new one, by status.

An answer may be documented under its status, the range it lies in (``4XX``) or as the rest (``default``). What is
documented more exactly than before is compared with what covered it.
"""

from collections.abc import Collection, Iterator
from typing import NamedTuple

from perdure.diff.facts import Note
from perdure.gtype.nodes import Node
from perdure.manifest.records import Endpoint

__all__ = ["AnswerPair", "compare_statuses"]

_REST = "default"


class AnswerPair(NamedTuple):
    """What answers of one status carry, before and now; None is no body."""

    pointer: str
    """Where they are, without what of them."""
    was: str
    """Under which status they were documented."""
    status: str
    """Under which they are."""
    old: Node | None
    new: Node | None


def compare_statuses(old: Endpoint, new: Endpoint) -> Iterator[Note | AnswerPair]:
    """Yield what differs in the statuses of *old* and *new*, and every two answers to be compared."""
    before, after = _answers(old), _answers(new)
    normal, now = str(old.status), str(new.status)
    if normal != now and normal not in after and now not in before:
        yield Note("response-status-changed", f"the answer's status was {normal} and is now {now}")
        yield AnswerPair("", normal, now, before.pop(normal), after.pop(now))
    pairs = _pairs(before, after)
    for was, status in pairs:
        pointer = "" if was == normal else f"/responses/{_more_exact(was, status)}"
        yield AnswerPair(pointer, was, status, before[was], after[status])
    for status in sorted(before.keys() - {was for was, _ in pairs}):
        kind = "success" if _is_success(status) else "error"
        yield Note(f"response-{kind}-status-removed", f"the status {status} was an answer and no longer is")
    for status in sorted(after.keys() - {status for _, status in pairs}):
        kind = "success" if _is_success(status) else "error"
        yield Note(f"response-{kind}-status-added", f"the status {status} was no answer and now is")


def _pairs(before: Collection[str], after: Collection[str]) -> list[tuple[str, str]]:
    """Return the statuses of both that document one answer; the more exact side leads."""
    forwards = [(status, found) for status in sorted(before) if (found := _covering(after, status)) is not None]
    taken = {found for _, found in forwards}
    return forwards + [
        (found, status)
        for status in sorted(after)
        if status not in taken and (found := _covering(before, status)) is not None
    ]


def _answers(endpoint: Endpoint) -> dict[str, Node | None]:
    further = {status if status == _REST else status.upper(): node for status, node in endpoint.responses.items()}
    return {**further, str(endpoint.status): endpoint.response}


def _covering(answers: Collection[str], status: str) -> str | None:
    """Return under what *answers* document *status*; ``default`` is taken to mean errors."""
    candidates = (status, f"{status[:1]}XX") if _is_success(status) else (status, f"{status[:1]}XX", _REST)
    return next((each for each in candidates if each in answers), None)


def _more_exact(status: str, other: str) -> str:
    return min(status, other, key=lambda each: (each == _REST, each.endswith("XX")))


def _is_success(status: str) -> bool:
    return status[:1] in {"1", "2", "3"}
