"""One edit of a shared type is felt at many endpoints: findings, gathered into the edits they come from."""

import re
from collections.abc import Iterable
from typing import NamedTuple, final

from msgspec import Struct

from perdure.diff.findings import LEVELS, Direction, Finding, Level

__all__ = ["Group", "Place", "group"]

# How many places of one endpoint a shared type is felt at says nothing about the edit.
_ELSEWHERE = re.compile(r" \(and at \d+ other places?\)$")


class Place(NamedTuple):
    """Where an edit is felt."""

    method: str
    path: str
    pointer: str

    @property
    def endpoint(self) -> str:
        """Method and path; "" where types are compared by themselves."""
        return f"{self.method} {self.path}".strip()


@final
class Group(Struct, frozen=True, kw_only=True):
    """One edit, and everywhere it is felt in one direction."""

    rule: str
    level: Level
    direction: Direction
    type: str
    message: str
    places: tuple[Place, ...]

    @property
    def endpoints(self) -> tuple[str, ...]:
        """The endpoints it is felt at, each once."""
        return tuple(dict.fromkeys(place.endpoint for place in self.places))

    @property
    def pointers(self) -> tuple[str, ...]:
        """The pointers it is felt at, each once, the shortest first."""
        return tuple(sorted({place.pointer for place in self.places}, key=lambda pointer: (len(pointer), pointer)))


def group(findings: Iterable[Finding]) -> tuple[Group, ...]:
    """Return the edits behind *findings*: the grave ones first, else in the order of *findings*.

    What is said of one named type in the same words is one edit; of types without a name, what is said of the same
    pointer. But an edit is told once for a message; what is told twice are edits of two members of the type.
    """
    alike: dict[tuple[str, ...], list[Finding]] = {}
    for finding in findings:
        subject = f" {finding.type}" if finding.type else finding.pointer
        key = (finding.level, finding.rule, subject, _ELSEWHERE.sub("", finding.message))
        alike.setdefault(key, []).append(finding)
    edits = [edit for found in alike.values() for edit in _edits(found)]
    return tuple(sorted(map(_group, edits), key=lambda each: LEVELS.index(each.level)))


def _edits(alike: list[Finding]) -> Iterable[list[Finding]]:
    messages = {(each.method, each.path, *_message(each.pointer)) for each in alike}
    if len(messages) == len(alike):
        return [alike]
    by_member: dict[str, list[Finding]] = {}
    for each in alike:
        by_member.setdefault(each.pointer.rpartition("/")[2], []).append(each)
    return by_member.values()


def _message(pointer: str) -> list[str]:
    """Return the beginning of *pointer* that tells what clients send or read from what else they do."""
    tokens = pointer.split("/")
    return tokens[: 3 if tokens[1:2] == ["responses"] else 2]


def _group(edit: list[Finding]) -> Group:
    first = edit[0]
    return Group(
        rule=first.rule, level=first.level, direction=first.direction, type=first.type,
        message=_ELSEWHERE.sub("", first.message),
        places=tuple(Place(each.method, each.path, each.pointer) for each in edit),
    )  # fmt: skip
