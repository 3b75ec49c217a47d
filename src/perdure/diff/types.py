"""What changed from one type to another, and whom it breaks.

The two types are walked side by side, one pair of definitions at a time: each pair is walked once, however often it is
reached, so recursion ends and one edit is one finding. Which way values travel is asked last: then the sets of values
of both types have the last word. A change of the walk that leaves nobody out is not called breaking, and where values
are left out, something is.

Source: SPEC 3.5, property 14.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from itertools import chain
from typing import Final, NamedTuple, final

from perdure.diff.changes import Change, change, finding, level_of, shown
from perdure.diff.findings import Finding, Profile
from perdure.diff.outcomes import Found
from perdure.diff.rules import Flow
from perdure.diff.sides import Sides
from perdure.diff.walk import Around, Step, walk
from perdure.gtype.nodes import GType, Node, Ref

__all__ = ["TypeComparison", "diff_types"]

_Pair = tuple[str, str]
"""The name of an old definition, and of the new one in its place; both empty for the root."""

_ROOT: Final[_Pair] = ("", "")


class _Place(NamedTuple):
    """A change, or a link to a pair of definitions, at a pointer from another pair."""

    met: Change | int
    """The number of the pair, where it is one."""
    pointer: str
    around: tuple[Around, ...]


class _Felt(NamedTuple):
    """A change at a stop of a tour."""

    found: Change
    pointer: str
    is_safe: bool
    """What is around the value makes up for it."""


class _Way(NamedTuple):
    """A way on from a stop."""

    pair: int
    pointer: str
    is_safe: bool


class _Stop(NamedTuple):
    """What a tour meets at a pair of definitions."""

    changes: tuple[_Felt, ...]
    links: tuple[_Way, ...]
    targets: tuple[int, ...]
    """Where the links lead."""
    distinct: frozenset[int]


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
        owners = {owner.partition("/")[0] for owner, _ in renames}
        self._sides = Sides(old, new, strict=profile == "strict", renamed=owners)
        self._renames = renames
        self._numbers: dict[_Pair, int] = {_ROOT: 0}
        self._pairs: list[_Pair] = [_ROOT]
        self._walks: dict[int, tuple[_Place, ...]] = {}
        self._stops: dict[tuple[Flow, bool], dict[int, _Stop]] = {}

    def diff(self, old: Node, new: Node, direction: Flow) -> tuple[Finding, ...]:
        """Return what changed from *old* to *new*, as `diff_types` does."""
        if self._sides.are_same(old, new):
            return ()
        root = self._places(walk(self._sides, old, new, "", self._renames))
        keeps = self._sides.keeps_old(old, new) if direction == "request" else self._sides.keeps_new(old, new)
        tour = _Tour(self, direction, look_around=False)
        tour.visit(root)
        if tour.is_breaking():
            tour = _Tour(self, direction, look_around=True)
            tour.visit(root, absorbed=keeps is True)
        found = tour.findings()
        if keeps is False and not any(each.level == "breaking" for each in found):
            found = (*found, self._left_out(old, new, direction))
        return found

    def owner(self, pair: int) -> str:
        """Return the name of the old definition of a pair."""
        return self._pairs[pair][0]

    def stops(self, direction: Flow, *, look_around: bool) -> dict[int, "_Stop"]:
        """Return what tours of one kind met so far, by the number of the pair."""
        return self._stops.setdefault((direction, look_around), {})

    def stop(self, pair: int, direction: Flow, *, look_around: bool) -> "_Stop":
        """Return what a tour meets at *pair*: what was edited there, and which pairs it leads to."""
        found = self._walks.get(pair)
        if found is None:
            before, after = self._pairs[pair]
            old, new = self._sides.resolve(Ref(name=before), 0), self._sides.resolve(Ref(name=after), 1)
            found = self._walks[pair] = self._places(walk(self._sides, old, new, before, self._renames))
        return self.stop_at(found, direction, look_around=look_around)

    def stop_at(self, places: tuple[_Place, ...], direction: Flow, *, look_around: bool) -> "_Stop":
        """Return what a tour meets at *places*; only if it looks around, what is absorbed by the types there."""
        changes: list[_Felt] = []
        links: list[_Way] = []
        for met, pointer, around in places:
            is_safe = bool(around) and look_around and self.are_absorbed(around, direction)
            if isinstance(met, Change):
                changes.append(_Felt(met, pointer, is_safe))
            else:
                links.append(_Way(met, pointer, is_safe))
        targets = tuple(link.pair for link in links)
        return _Stop(tuple(changes), tuple(links), targets, frozenset(targets))

    def are_absorbed(self, around: Iterable[Around], direction: Flow) -> bool:
        """Tell whether one of the combinations *around* a value leaves nobody out, whatever became of the value."""
        if direction == "request":
            return any(self._sides.keeps_old(each.old, each.new_whole) is True for each in around)
        return any(self._sides.keeps_new(each.old_whole, each.new) is True for each in around)

    def _places(self, steps: Iterable[Step]) -> tuple[_Place, ...]:
        """Return *steps* as what is gone through again and again."""
        return tuple(
            _Place(
                step.met if isinstance(step.met, Change) else self._number((step.met.old.name, step.met.new.name)),
                step.met.pointer,
                tuple(step.around),
            )
            for step in steps
        )

    def _number(self, pair: _Pair) -> int:
        number = self._numbers.setdefault(pair, len(self._pairs))
        if number == len(self._pairs):
            self._pairs.append(pair)
        return number

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
        self._met: dict[tuple[int, Change], _Met] = {}
        self._targets: list[tuple[int, ...]] = []
        """Where each stop leads, of all that were visited."""

    def is_breaking(self) -> bool:
        """Tell whether some change that was met breaks anybody, if nothing makes up for it."""
        return any(level_of(met.found, self._direction) == "breaking" for met in self._met.values())

    def findings(self) -> tuple[Finding, ...]:
        """Return the changes that were met, each once."""
        counts = Counter(chain.from_iterable(self._targets))
        return tuple(
            finding(
                met.found, self._direction, met.pointer, self._comparison.owner(pair), counts.get(pair, 1),
                absorbed=met.absorbed,
            )
            for (pair, _), met in self._met.items()
        )  # fmt: skip

    def visit(self, root: tuple[_Place, ...], *, absorbed: bool = False) -> None:
        """Go through the places of *root* and all pairs they lead to; *absorbed*: together they leave nobody out."""
        comparison, direction, look_around = self._comparison, self._direction, self._look_around
        stops, targets = comparison.stops(direction, look_around=look_around), self._targets
        visited: set[int] = set()
        settled: set[int] = set()  # those that were visited where nothing absorbs what is met
        start = comparison.stop_at(root, direction, look_around=look_around)
        waiting: list[tuple[int, _Stop, str, bool]] = [(0, start, "", absorbed)]
        for pair, stop, beginning, is_absorbed in waiting:
            for felt, pointer, is_safe in stop.changes:
                self._record(pair, felt, beginning + pointer, absorbed=is_absorbed or is_safe)
            targets.append(stop.targets)
            if stop.distinct <= settled:
                continue
            for target, pointer, is_safe in stop.links:
                safe = is_absorbed or is_safe
                if target in settled or (safe and target in visited):
                    continue
                visited.add(target)
                if not safe:
                    settled.add(target)
                if target not in stops:
                    stops[target] = comparison.stop(target, direction, look_around=look_around)
                waiting.append((target, stops[target], beginning + pointer, safe))

    def _record(self, pair: int, found: Change, pointer: str, *, absorbed: bool) -> None:
        met = self._met.setdefault((pair, found), _Met(found, pointer, absorbed=absorbed))
        if met.absorbed and not absorbed:
            met.pointer = pointer
            met.absorbed = False
