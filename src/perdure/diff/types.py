"""What changed from one type to another, and whom it breaks.

The two types are walked side by side, one pair of definitions at a time: each pair is walked once, however often it is
reached, so recursion ends and one edit is one finding. Which way values travel is asked last: then the sets of values
of both types have the last word. A change of the walk that leaves nobody out is not called breaking, and where values
are left out, something is.

Source: SPEC 3.5, property 14.
"""

from collections.abc import Iterable, Mapping
from typing import NamedTuple, final

from perdure.diff.changes import Change, change, finding, shown
from perdure.diff.findings import Finding, Profile
from perdure.diff.outcomes import Found
from perdure.diff.rules import Flow
from perdure.diff.sides import Sides
from perdure.diff.walk import Around, Step, walk
from perdure.gtype.nodes import GType, Node, Ref

__all__ = ["TypeComparison", "diff_types"]

_Pair = tuple[str, str]
"""The name of an old definition, and of the new one in its place; both empty for the root."""


class _Place(NamedTuple):
    """A change, or a link to a pair of definitions, at a pointer from another pair."""

    met: Change | _Pair
    pointer: str
    around: tuple[Around, ...]


def diff_types(
    old: GType, new: GType, direction: Flow, *, renames: Mapping[tuple[str, str], str] = {}, profile: Profile = "json"
) -> tuple[Finding, ...]:
    """Return what changed from *old* to *new*, in the order of the old type's members.

    Args:
        old: The type clients know.
        new: The type they will meet.
        direction: ``request``: clients send values of *old*, which must be valid by *new*; ``response``: clients that
            expect *old* are sent values of *new*.
        renames: What members were renamed to, by owner and old name: ``{("Order", "items"): "lines"}``. The owner is
            the name of a type or, inside a type, that name and a pointer; without a name, a pointer from the root.
        profile: How clients read.
    Raises:
        KeyError: A reference leads nowhere.
    Source: SPEC 3.5.
    """
    comparison = TypeComparison(old.definitions, new.definitions, renames=renames, profile=profile)
    return comparison.diff(old.root, new.root, direction)


@final
class TypeComparison:
    """Two sets of definitions, and what was found out about them; for many types that share them."""

    def __init__(
        self, old: Mapping[str, Node], new: Mapping[str, Node], *, renames: Mapping[tuple[str, str], str] = {},
        profile: Profile = "json",
    ) -> None:  # fmt: skip
        """Prepare to compare types that refer to *old* and *new*; the rest is as for `diff_types`."""
        self._sides = Sides(old, new, strict=profile == "strict")
        self._renames = renames
        self._walks: dict[_Pair, tuple[_Place, ...]] = {}

    def diff(self, old: Node, new: Node, direction: Flow) -> tuple[Finding, ...]:
        """Return what changed from *old* to *new*, as `diff_types` does."""
        if self._sides.are_same(old, new):
            return ()
        root = _places(walk(self._sides, old, new, "", self._renames))
        found = _Tour(self, direction, look_around=False).findings(root)
        keeps = self._sides.keeps_old(old, new) if direction == "request" else self._sides.keeps_new(old, new)
        if any(each.level == "breaking" for each in found):
            found = _Tour(self, direction, look_around=True).findings(root, absorbed=keeps is True)
        if keeps is False and not any(each.level == "breaking" for each in found):
            found = (*found, self._left_out(old, new, direction))
        return found

    def places(self, pair: _Pair) -> tuple[_Place, ...]:
        """Return what was edited between the two definitions of *pair*, and which pairs they lead to."""
        found = self._walks.get(pair)
        if found is None:
            old, new = self._sides.resolve(Ref(name=pair[0]), 0), self._sides.resolve(Ref(name=pair[1]), 1)
            found = self._walks[pair] = _places(walk(self._sides, old, new, pair[0], self._renames))
        return found

    def are_absorbed(self, around: Iterable[Around], direction: Flow) -> bool:
        """Tell whether one of the combinations *around* a value leaves nobody out, whatever became of the value."""
        if direction == "request":
            return any(self._sides.keeps_old(each.old, each.new_whole) is True for each in around)
        return any(self._sides.keeps_new(each.old_whole, each.new) is True for each in around)

    def _left_out(self, old: Node, new: Node, direction: Flow) -> Finding:
        """Return the finding that all changes together leave values out, though none of them alone."""
        lost = direction == "request"
        outcome = self._sides.lost(old, new) if lost else self._sides.gained(old, new)
        message = "values that were valid are now refused" if lost else "values that were not valid may now be sent"
        if isinstance(outcome, Found):
            message += f", for example {shown(outcome.value)}"
        found = change("values-left-out", "", message)
        return finding(found, direction, "", "", 1, absorbed=False)


class _Met:
    """Where a change is felt."""

    __slots__ = ("absorbed", "found", "pointer")

    def __init__(self, found: Change, pointer: str, *, absorbed: bool) -> None:
        self.found = found
        self.pointer = pointer
        self.absorbed = absorbed


@final
class _Tour:
    """Goes through pairs of definitions, the nearest first; each once, or twice if it is absorbed only the first time.

    In a large API nearly everything leads to everything else: here is where the time of a diff goes.
    """

    def __init__(self, comparison: TypeComparison, direction: Flow, *, look_around: bool) -> None:
        self._comparison = comparison
        self._direction = direction
        self._look_around = look_around
        self._met: dict[tuple[_Pair, Change], _Met] = {}
        self._counts: dict[_Pair, int] = {}

    def findings(self, root: tuple[_Place, ...], *, absorbed: bool = False) -> tuple[Finding, ...]:
        """Return the changes among the places of *root* and of all pairs they lead to.

        Args:
            root: Where to start.
            absorbed: All changes together leave nobody out.
        """
        self._visit(root, absorbed=absorbed)
        return tuple(
            finding(
                met.found, self._direction, met.pointer, pair[0], self._counts.get(pair, 1), absorbed=met.absorbed
            )
            for (pair, _), met in self._met.items()
        )  # fmt: skip

    def _visit(self, root: tuple[_Place, ...], *, absorbed: bool) -> None:
        comparison, counts, visited = self._comparison, self._counts, dict[_Pair, bool]()
        waiting: list[tuple[_Pair, tuple[_Place, ...], str, bool]] = [(("", ""), root, "", absorbed)]
        for pair, places, beginning, is_absorbed in waiting:
            for met, pointer, around in places:
                is_safe = is_absorbed
                if around and not is_safe and self._look_around:
                    is_safe = comparison.are_absorbed(around, self._direction)
                if isinstance(met, Change):
                    self._record(pair, met, beginning + pointer, absorbed=is_safe)
                    continue
                counts[met] = counts.get(met, 0) + 1
                before = visited.get(met)
                if before is None or (before and not is_safe):
                    visited[met] = is_safe
                    waiting.append((met, comparison.places(met), beginning + pointer, is_safe))

    def _record(self, pair: _Pair, found: Change, pointer: str, *, absorbed: bool) -> None:
        met = self._met.setdefault((pair, found), _Met(found, pointer, absorbed=absorbed))
        if met.absorbed and not absorbed:
            met.pointer = pointer
            met.absorbed = False


def _places(steps: Iterable[Step]) -> tuple[_Place, ...]:
    """Return *steps* as what is gone through again and again."""
    return tuple(
        _Place(
            step.met if isinstance(step.met, Change) else (step.met.old.name, step.met.new.name),
            step.met.pointer,
            tuple(step.around),
        )
        for step in steps
    )
