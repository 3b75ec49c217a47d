"""Arrays that fit some types and none of some others.

The length is chosen first: between the lengths at which any of the types starts or stops to fit nothing changes but how
many items there are, so a few lengths stand for all. Then each unwanted type has to be broken by an item, or by two
equal ones.
"""

from collections.abc import Iterator
from itertools import combinations
from typing import NamedTuple, final

from perdure.diff.outcomes import EMPTY, UNKNOWN, Found, Outcome, Solve, constant, first
from perdure.gtype.nodes import Array, Node, Tuple
from perdure.gtype.validator_scalars import json_key

__all__ = ["find_array"]

_MOST_ITEMS = 64
_GREATEST_LENGTH = 10_000
_Nodes = tuple[Node, ...]


class _Cell(NamedTuple):
    """One value, and at which indexes it stands."""

    wanted: _Nodes
    unwanted: _Nodes
    indexes: tuple[int, ...]


_Cells = tuple[_Cell, ...]


def find_array(wanted: list[Array | Tuple], unwanted: list[Array | Tuple], solve: Solve) -> Outcome:
    """Find an array that all of *wanted* allow and none of *unwanted*; *solve* finds its items."""
    low = max((_sizes(node)[0] for node in wanted), default=0)
    high = min((limit for node in wanted if (limit := _sizes(node)[1]) is not None), default=None)
    if high is not None and high < low:
        return EMPTY
    lengths = _lengths(low, high, unwanted)
    fitting = [length for length in lengths if length <= _GREATEST_LENGTH]
    found = first(_Search(wanted, unwanted, length, solve).find() for length in fitting)
    return UNKNOWN if found is EMPTY and len(fitting) < len(lengths) else found


def _sizes(node: Array | Tuple) -> tuple[int, int | None]:
    if isinstance(node, Tuple):
        return len(node.items), len(node.items)
    return node.min_items or 0, node.max_items


def _lengths(low: int, high: int | None, unwanted: list[Array | Tuple]) -> list[int]:
    """Return lengths from *low* to *high* that stand for all of them."""
    starts = {low}
    for node in unwanted:
        least, most = _sizes(node)
        starts |= {least} if most is None else {least, most + 1}
    room = 2 * len(unwanted) + 1
    found = {0} | {start + more for start in starts for more in range(room + 1)}
    return sorted(length for length in found if length >= low and (high is None or length <= high))


@final
class _Search:
    """Looks for one array of a given length."""

    def __init__(self, wanted: list[Array | Tuple], unwanted: list[Array | Tuple], length: int, solve: Solve) -> None:
        self._solve = solve
        self._unique = any(isinstance(node, Array) and node.unique for node in wanted)
        self._unwanted = [node for node in unwanted if _has_length(node, length)]
        self._alike = not any(isinstance(node, Tuple) for node in (*wanted, *self._unwanted))
        # Among items of one type, two for each unwanted array make all the difference; the rest may be equal.
        apart = min(length, 2 * len(unwanted) + 1) if self._alike and length > _MOST_ITEMS else length
        groups = [(index,) for index in range(apart)] + ([tuple(range(apart, length))] if apart < length else [])
        self._cells = tuple(_Cell(tuple(_item(node, at[0]) for node in wanted), (), at) for at in groups)

    def find(self) -> Outcome:
        """Find an array."""
        return self._find(self._cells, 0)

    def _find(self, cells: _Cells, index: int) -> Outcome:
        if index == len(self._unwanted):
            return self._build(cells)
        return first(self._find(option, index + 1) for option in self._breaches(cells, self._unwanted[index]))

    def _breaches(self, cells: _Cells, node: Array | Tuple) -> Iterator[_Cells]:
        """Yield *cells* with each choice that keeps an array from fitting *node*."""
        for place in self._choices(cells, 1):
            cell = cells[place]
            for index in cell.indexes if isinstance(node, Tuple) else cell.indexes[:1]:
                unwanted = (*cell.unwanted, _item(node, index))
                if self._solve(cell.wanted, unwanted) is not EMPTY:
                    yield (*cells[:place], cell._replace(unwanted=unwanted), *cells[place + 1 :])
        if not isinstance(node, Array) or not node.unique or self._unique:
            return
        if any(len(cell.indexes) > 1 for cell in cells):
            yield cells
        for one, other in combinations(self._choices(cells, 2), 2):
            yield self._joined(cells, one, other)

    def _choices(self, cells: _Cells, untouched: int) -> list[int]:
        """Return the cells to choose from: of those about which nothing is known yet, as few as may be needed."""
        if not self._alike:
            return list(range(len(cells)))
        plain = [place for place, cell in enumerate(cells) if not cell.unwanted and len(cell.indexes) == 1]
        skipped = set(plain[untouched:])
        return [place for place in range(len(cells)) if place not in skipped]

    def _joined(self, cells: _Cells, one: int, other: int) -> _Cells:
        """Return *cells* with the same value at two places."""
        a, b = cells[one], cells[other]
        both = _Cell((*a.wanted, *b.wanted), (*a.unwanted, *b.unwanted), (*a.indexes, *b.indexes))
        return tuple(both if place == one else cell for place, cell in enumerate(cells) if place != other)

    def _build(self, cells: _Cells) -> Outcome:
        """Find a value for each of *cells*."""
        if self._unique:
            return self._build_unique(cells)
        items: dict[int, object] = {}
        certain = True
        for cell in cells:
            outcome = self._solve(cell.wanted, cell.unwanted)
            if outcome is EMPTY:
                return EMPTY
            certain = certain and isinstance(outcome, Found)
            items |= dict.fromkeys(cell.indexes, outcome.value if isinstance(outcome, Found) else None)
        return Found([items[index] for index in sorted(items)]) if certain else UNKNOWN

    def _build_unique(self, cells: _Cells) -> Outcome:
        """Find values for *cells* of which no two are equal."""
        if sum(len(cell.indexes) for cell in cells) > _MOST_ITEMS:
            return UNKNOWN
        choices: list[list[object]] = []
        certain = True
        for cell in cells:
            values, complete = self._several(cell, len(cells))
            if not values and complete:
                return EMPTY
            certain = certain and (complete or len(values) >= len(cells))
            choices.append(values)
        chosen = _assign(choices)
        if chosen is None:
            return EMPTY if certain else UNKNOWN
        return Found(chosen)

    def _several(self, cell: _Cell, count: int) -> tuple[list[object], bool]:
        """Return up to *count* values for *cell*, and whether fewer than that means there are no more."""
        values: list[object] = []
        while len(values) < count:
            outcome = self._solve(cell.wanted, (*cell.unwanted, constant(values)) if values else cell.unwanted)
            if not isinstance(outcome, Found):
                return values, outcome is EMPTY
            values.append(outcome.value)
        return values, True


def _has_length(node: Array | Tuple, length: int) -> bool:
    low, high = _sizes(node)
    return low <= length and (high is None or length <= high)


def _item(node: Array | Tuple, index: int) -> Node:
    return node.items[index] if isinstance(node, Tuple) else node.items


def _assign(choices: list[list[object]]) -> list[object] | None:
    """Return one of each of *choices*, no two of them equal, or None; by augmenting paths."""
    owner: dict[object, int] = {}
    taken: dict[int, object] = {}

    def place(index: int, met: set[object]) -> bool:
        for value in choices[index]:
            key = json_key(value)
            if key in met:
                continue
            met.add(key)
            if key not in owner or place(owner[key], met):
                owner[key] = index
                taken[index] = value
                return True
        return False

    if not all(place(index, set()) for index in range(len(choices))):
        return None
    return [taken[index] for index in range(len(choices))]
