"""Values at the corners of a type, without chance: every alternative of every part at least once.

Random values reach a certain member of an enum, a bound or an absent member only by luck, the more so the deeper it
lies. These take each choice in turn, all parts of an object at the same time, so there are no more of them than the
part with the most choices has.

Source: each-choice coverage, as in combinatorial testing; pairs are left to chance.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from typing import final

from perdure.gtype.intersections import combine
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    Duration,
    Enum,
    GType,
    Integer,
    Intersection,
    Literal,
    Node,
    Null,
    Number,
    Object,
    Record,
    Ref,
    String,
    Time,
    Tuple,
    Union,
    Uuid,
)
from perdure.gtype.validator import compile_validator
from perdure.gtype.validator_scalars import json_key
from perdure.timescape.proving.plain import fresh, size

__all__ = ["corners"]

_MOST = 64
_DEEPEST = 24
_LONG = 12
_FEW = 3
_LIMIT_CHARACTERS = 1500
_TEXTS = (
    "a", "Ab", "a b", "", " ", "007", "a-b", "a/b", "0042", "a b c", "x1", "0", "-1", "12.50", "1e3", "é", "日本", "😀",
    "a, b", "a,b", "a;b", "a; b", "a:b", "a|b", "a.b_c@d.e", "Ab Cd, Ef-Gh", "2024-01-05", " a ", "%41", "\n", "NULL",
    '"', "x" * 64,
)  # fmt: skip
"""With each sign by which people join and split texts, so a way back that splits at another one shows."""
_WHOLE = (
    1, 0, 2, 3, 7, 10, 29, 57, 99, 100, 115, 1001, 1009, 9999, 12345, 65536, -1, -7, -100, 2**31, 2**53 + 1,
    -(2**53) - 1, 2**63 - 1, -(2**63),
)  # fmt: skip
_FRACTIONS = (
    1.0, 0.0, 0.1, 0.5, 1.005, 2.675, 19.99, 0.1 + 0.2, 1e-7, 123456789.12, 1e15 + 0.5, 1e16, 1e22, -1.5, -0.0, 1e300,
)  # fmt: skip
_INSTANTS = ("2024-02-29T12:30:45", "1970-01-01T00:00:00", "2000-12-31T23:59:59.123456", "9999-12-31T23:59:59")
_FORMATTED: dict[type, tuple[object, ...]] = {
    Date: ("2024-02-29", "1970-01-01", "0001-01-01", "9999-12-31"),
    Time: tuple(f"{time}{zone}" for time in ("12:30:45", "00:00:00.5") for zone in ("Z", "+05:30", "")),
    DateTime: tuple(f"{instant}{zone}" for zone in ("Z", "+05:30", "-08:00", "") for instant in _INSTANTS),
    Duration: ("PT1S", "PT0S", "P1D", "PT1.5S", "-P1D"),
    Uuid: ("00000000-0000-0000-0000-000000000000", "12345678-1234-5678-1234-567812345678"),
    Bytes: ("", "AA==", "AAEC/w==", "YWJjZA=="),
    Decimal: ("1", "0", "1.50", "-0.00", "0.1", "19.99", "12345678901234567890.123456789", 1, 0.5, -1.5),
    Boolean: (True, False),
    Null: (None,),
    AnyValue: (None, 0, "", "a", [], {}, {"a": [1]}, True, 1.5),
}


class _TooDeepError(Exception):
    """A value of this type would not end."""


def corners(gtype: GType, matching: Callable[[GType], Iterable[object]]) -> Iterator[object]:
    """Yield a few dozen values of *gtype*, the plain ones first.

    Args:
        gtype: The type.
        matching: Makes a few values of a type that has to be searched for: a text with a pattern.
    """
    judge = compile_validator(gtype)
    try:
        found = _Corners(gtype, matching).of(gtype.root, 0)
    except _TooDeepError:
        return
    for value in found:
        if judge.is_valid(value):
            yield fresh(value)


@final
class _Corners:
    def __init__(self, gtype: GType, matching: Callable[[GType], Iterable[object]]) -> None:
        self._gtype = gtype
        self._matching = matching
        self._known: dict[Node, list[object]] = {}
        self._within: list[str] = []

    def of(self, node: Node, depth: int) -> list[object]:
        """Return alternatives for *node*; at least one.

        Raises:
            _TooDeepError: There are none that end here.
        """
        if depth > _DEEPEST:
            raise _TooDeepError
        match node:
            case Ref(name=name):
                return self._named(name, depth)
            case Object():
                return self._objects(node, depth)
            case Array():
                return self._arrays(node, depth)
            case Record():
                return self._records(node, depth)
            case Tuple(items=members):
                parts = [self.of(member, depth + 1) for member in members]
                return _small([[part[0] for part in parts], *(list(choice) for choice in _in_turn(parts))])
            case Union(members=members):
                return _some(self._alternatives(members, depth))
            case Intersection(members=members):
                one = combine(node, self._gtype)
                return self.of(one, depth) if one is not node else _some(self._alternatives(members, depth))
            case _:
                return self._scalars(node)

    def _named(self, name: str, depth: int) -> list[object]:
        # Twice around a recursive type shows what happens within it; more only makes the values large.
        if self._within.count(name) > 1:
            raise _TooDeepError
        self._within.append(name)
        try:
            return self.of(self._gtype.definitions[name], depth)
        finally:
            self._within.pop()

    def _alternatives(self, members: Sequence[Node], depth: int) -> list[object]:
        found: list[object] = []
        for member in members:
            try:
                found.extend(islice(self.of(member, depth), _MOST // len(members) + 4))
            except _TooDeepError:
                continue
        return found

    def _objects(self, node: Object, depth: int) -> list[object]:
        parts: dict[str, list[object]] = {}
        optional: list[str] = []
        for field in node.fields:
            try:
                parts[field.name] = self.of(field.node, depth + 1)
            except _TooDeepError:
                if field.required:
                    raise
                continue
            if not field.required:
                optional.append(field.name)
        full: list[object] = [dict(zip(parts, choice, strict=True)) for choice in _in_turn(list(parts.values()))]
        first = dict(zip(parts, (each[0] for each in parts.values()), strict=True))
        without: list[object] = [{name: each for name, each in first.items() if name != gone} for gone in optional]
        bare: list[object] = (
            [{name: each for name, each in first.items() if name not in optional}] if len(optional) > 1 else []
        )
        ends: list[object] = (
            [{name: pick(each, key=size) for name, each in parts.items()} for pick in (min, max)] if parts else []
        )
        return _small([first, *bare, *without, *ends, *full])

    def _arrays(self, node: Array, depth: int) -> list[object]:
        low = node.min_items or 0
        try:
            items = self.of(node.items, depth + 1)
        except _TooDeepError:
            items = []
        if not items and low:
            raise _TooDeepError
        high = max(low, _LONG) if node.max_items is None else node.max_items
        if node.unique:
            items = list({json_key(item): item for item in items}.values())
        padded = [*items] if node.unique else [items[index % len(items)] for index in range(max(low, len(items)))]
        single = padded[: max(low, 1)]
        rows = [padded[start : start + high] for start in range(0, len(padded), high)] if high else []
        rows[:0] = [padded[start : start + _FEW] for start in (0, _FEW + 2, 2 * _FEW + 2)] if high > _FEW else []
        filled = [row if len(row) >= low else [*row, *padded[: low - len(row)]] for row in rows]
        if items and high and not node.unique:
            filled += [[pick(items, key=size)] * min(high, max(low, _LONG)) for pick in (min, max)]
        return _small([single, *([[]] if not low else []), *filled]) if high else [[]]

    def _records(self, node: Record, depth: int) -> list[object]:
        low = node.min_size or 0
        try:
            values = self.of(node.values, depth + 1)
            names = self.of(node.keys, depth + 1) if node.keys is not None else ["a", "b c", "é", "0", ""]
        except _TooDeepError:
            if low:
                raise
            return [{}]
        texts = [name for name in names if isinstance(name, str)]
        if not texts:
            return [{}]
        high = min(len(texts), math.inf if node.max_size is None else node.max_size)
        count = int(max(1, low, min(high, len(values))))
        rows: list[object] = [{texts[0]: values[0]}, {}]
        for start in range(0, len(values), count):
            row = values[start : start + count]
            rows.append({texts[index % len(texts)]: each for index, each in enumerate(row)})
        full = {name: values[index % len(values)] for index, name in enumerate(texts[: int(high)])}
        return _small([*rows, full])

    def _scalars(self, node: Node) -> list[object]:
        known = self._known.get(node)
        if known is None:
            own = GType(node)
            judge = compile_validator(own)
            known = [value for value in _candidates(node) if judge.is_valid(value)][:_MOST]
            known = self._known[node] = known or [*self._matching(own)]
        return _some(known)


def _candidates(node: Node) -> Iterable[object]:
    match node:
        case Enum(members=members):
            return [value for _, value in members]
        case Literal(values=values):
            return values
        case String():
            lengths = [each for each in (node.min_length, node.max_length) if each is not None and each <= 5000]
            edges = [sign * length for length in lengths for sign in ("a", "é", "a ")]
            return [*_TEXTS, *(text[:length] for length in lengths for text in edges)] if node.pattern is None else []
        case Integer() | Number():
            return _numbers(node)
        case _:
            return _FORMATTED.get(type(node), ())


def _numbers(node: Integer | Number) -> Iterable[object]:
    step = node.multiple_of or 1
    bounds = [each for each in (node.ge, node.gt, node.le, node.lt) if each is not None]
    near = [bound + away * step for bound in bounds for away in (0, 1, -1)]
    if isinstance(node, Integer):
        return dict.fromkeys([*near, *(each * step for each in _WHOLE)])
    tight = [math.nextafter(bound, toward) for bound in bounds for toward in (math.inf, -math.inf)]
    # By their text, as 0.0 equals -0.0.
    every = [*near, *_FRACTIONS, *tight, *(each * step for each in (1, 2, 5, -3))]
    return {repr(each): each for each in every}.values()


def _in_turn(parts: list[list[object]]) -> Iterator[tuple[object, ...]]:
    """Yield choices of one of each of *parts*, until every alternative was chosen.

    Neighbours that have the same alternatives do not take the same one: what is swapped would look the same.
    """
    for index in range(min(_MOST, max(map(len, parts), default=0))):
        yield tuple(part[(index + place) % len(part)] for place, part in enumerate(parts))


def _small(found: list[object]) -> list[object]:
    """Return those of *found* that are not too long to be put into others; what is large would grow at each level."""
    small = [value for value in found[:_MOST] if size(value)[0] <= _LIMIT_CHARACTERS]
    return small or [min(found, key=size)]


def _some(found: list[object]) -> list[object]:
    if not found:
        raise _TooDeepError
    return found[:_MOST]
