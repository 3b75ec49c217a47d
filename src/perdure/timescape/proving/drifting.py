"""What drifts: how to say so, and which types do, so that what only contains one of them is not blamed for it."""

from typing import Final, final

from perdure.gtype.nodes import Node
from perdure.timescape.proving.blame import types_around
from perdure.timescape.proving.flaws import Guilty
from perdure.timescape.proving.naming import former
from perdure.timescape.proving.plain import brief, difference, differences, pointer_to
from perdure.timescape.recorded import RecordedRevision

__all__ = ["Drifting", "came_otherwise"]

_LONG: Final = 100
"""A value of more characters is only shown where it differs."""


@final
class Drifting:
    """The types that drift over one revision, by themselves.

    Types made of fewer others are tried first, so when one is tried, all that it contains is known.
    """

    def __init__(self, revision: RecordedRevision) -> None:
        self._revision = revision
        self._guilty: dict[str, Guilty] = {}

    def note(self, name: str, guilty: Guilty) -> None:
        """Take note that the type *name* of before the revision drifts, and whose fault it is."""
        self._guilty.setdefault(name, guilty)

    def within(self, node: Node, first: object, second: object, owner: str = "") -> Guilty | None:
        """Return whose fault it is if two values differ in nothing but values of types that drift by themselves.

        Args:
            node: The type of both, after the revision.
            first: What was sent, carried forward.
            second: What was told, sent again and carried forward.
            owner: The type that is tried, whose own fault is not asked for.
        """
        found = [self._innermost(node, first, path, owner) for path in differences(first, second)]
        return None if not found or None in found else found[0]

    def _innermost(self, node: Node, value: object, path: tuple[str, ...], owner: str) -> Guilty | None:
        around = types_around(node, value, path, self._revision.after.types)
        names = [former(self._revision, name) for name, _ in around]
        known = [self._guilty[name] for name in names if name is not None and name != owner and name in self._guilty]
        return known[-1] if known else None


def came_otherwise(what: str, first: object, told: object, second: object) -> str:
    """Say that *what* was sent came otherwise when it was sent again.

    Args:
        what: What was sent, as the beginning of a clause.
        first: What became of it.
        told: What its sender was told.
        second: What became of that, sent again.
    """
    path = difference(first, second)
    if len(brief(first)) <= _LONG or not path:
        return f"{what} became {brief(first)}, is told as {brief(told)}, and sent again becomes {brief(second)}"
    one, other = (_shown(value, path) for value in (first, second))
    return f"of {what}, {pointer_to(path)} became {one}, and {other} when what is told was sent again"


def _shown(value: object, path: tuple[str | int, ...]) -> str:
    for step in path:
        if isinstance(value, list):
            value = value[int(step)]
        elif isinstance(value, dict):
            if step not in value:
                return "nothing"
            value = value[step]
    return brief(value, _LONG)
