"""Pieces of mirror types: what msgspec calls each kind of JSON value, with as many constraints as it can hold.

msgspec tells the members of a union apart by the kind of the value alone, so a type is kept as parts that each claim
some kinds; two parts that claim the same kind have to give way to something wider.
"""

import math
import sys
import typing
from collections.abc import Iterable
from typing import Annotated, Any, Final, ForwardRef, Never, final

from msgspec import Meta, Struct

from perdure.gtype.nodes import (
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    Duration,
    Enum,
    Integer,
    Literal,
    Null,
    Number,
    String,
    Time,
    Uuid,
)
from perdure.gtype.unsafe_unions import has_pattern, holds_items, is_bounded, is_fixed_tuple
from perdure.gtype.validator_patterns import python_pattern
from perdure.gtype.validator_scalars import DECIMAL_PATTERN, ScalarNode, allowed_values, wire_type

__all__ = ["ALL_KINDS", "ANYTHING", "Part", "Shortfall", "annotated", "join", "merge", "scalar_parts"]

ALL_KINDS: Final = frozenset({"null", "bool", "int", "float", "str", "array", "object"})
"""What msgspec tells apart."""

_CONTAINERS: Final = frozenset({"array", "object"})
_BOUNDED: Final = frozenset({"int", "float", "str", "object"})
"""What may be of values, or of a size, within bounds."""
_INT64: Final = (-(2**63), 2**63 - 1)
_FINITE: Final = Annotated[float, Meta(ge=-sys.float_info.max, le=sys.float_info.max)]
_WIDEST: Final[dict[str, object]] = {
    "null": None, "bool": bool, "int": int, "float": _FINITE, "str": str, "array": list[Any], "object": dict[str, Any],
}  # fmt: skip


@final
class Part(Struct, frozen=True):
    """One alternative of a mirror type."""

    kinds: frozenset[str]
    annotation: object
    widest: bool = False
    """It takes every value of its kinds."""


ANYTHING: Final = Part(ALL_KINDS, Any, widest=True)
"""The part that takes any value."""


@final
class Shortfall:
    """Remembers whether a mirror takes anything its GType refuses."""

    def __init__(self) -> None:
        self.exact = True

    def widen(self, *parts: Part) -> list[Part]:
        """Return *parts*, noting that they take too much."""
        self.exact = False
        return list(parts)


def join(parts: list[Part]) -> object:
    """Return the annotation of the union of *parts*; of no parts, one that takes nothing."""
    if not parts:
        return Never
    if len(parts) == 1:
        return parts[0].annotation
    return typing.Union[tuple(part.annotation for part in parts)]  # noqa: UP007  (of a tuple only known now)


def merge(parts: Iterable[Part], shortfall: Shortfall) -> list[Part]:
    """Return *parts* such that no two claim the same kind."""
    merged: list[Part] = []
    for part in parts:
        rivals = [other for other in merged if other.kinds & part.kinds]
        if not rivals:
            merged.append(part)
            continue
        merged = [other for other in merged if other not in rivals]
        merged += _settle([*rivals, part], shortfall)
    return [wider for part in merged for wider in _beside(part, [o for o in merged if o is not part], shortfall)]


def _beside(part: Part, others: list[Part], shortfall: Shortfall) -> list[Part]:
    """Return *part* such that msgspec can hold it in one union with *others*: see `perdure.gtype.unsafe_unions`."""
    beside_tuple, beside_items = any(map(_may_be_fixed_tuple, others)), any(map(_may_hold_items, others))
    if isinstance(part.annotation, ForwardRef):
        if (beside_tuple and part.kinds & _BOUNDED) or (beside_items and "str" in part.kinds):
            return [each for wide in shortfall.widen(*_widest(part.kinds)) for each in _beside(wide, others, shortfall)]
    elif (beside_tuple and is_bounded(part.annotation)) or (beside_items and has_pattern(part.annotation)):
        base = typing.get_args(part.annotation)[0]
        return shortfall.widen(Part(part.kinds, base, widest=base in {str, int, float}))
    return [part]


def _may_be_fixed_tuple(part: Part) -> bool:
    """Return whether *part* is, or by its name may be, of tuples of one length."""
    return "array" in part.kinds if isinstance(part.annotation, ForwardRef) else is_fixed_tuple(part.annotation)


def _may_hold_items(part: Part) -> bool:
    """Return whether *part* is, or by its name may be, of arrays or dicts; those of Structs are told apart."""
    return bool(part.kinds & _CONTAINERS) if isinstance(part.annotation, ForwardRef) else holds_items(part.annotation)


def _settle(rivals: list[Part], shortfall: Shortfall) -> list[Part]:
    """Return parts that take at least what *rivals* take, which overlap."""
    kinds = frozenset().union(*(rival.kinds for rival in rivals))
    greatest = next((rival for rival in rivals if rival.widest and rival.kinds >= kinds), None)
    if greatest is not None:
        return [greatest]
    if all(typing.get_origin(rival.annotation) is typing.Literal for rival in rivals):
        return [Part(kinds, _literal([value for rival in rivals for value in typing.get_args(rival.annotation)]))]
    if kinds == ALL_KINDS:
        return shortfall.widen(ANYTHING)
    return shortfall.widen(*_widest(kinds))


def _widest(kinds: frozenset[str]) -> list[Part]:
    """Return parts that take every value of *kinds*."""
    return [Part(frozenset({kind}), _WIDEST[kind], widest=True) for kind in sorted(kinds)]


def annotated(base: object, **constraints: object) -> object:
    """Return *base* with those of *constraints* that are not None."""
    given: dict[str, Any] = {name: value for name, value in constraints.items() if value is not None}
    return Annotated[base, Meta(**given)] if given else base


def scalar_parts(node: ScalarNode, shortfall: Shortfall) -> list[Part]:
    """Return what msgspec calls *node*."""
    match node:
        case String(min_length=low, max_length=high, pattern=pattern):
            rewritten = None if pattern is None else python_pattern(pattern)
            text = annotated(str, min_length=low, max_length=high, pattern=rewritten)
            return [Part(frozenset({"str"}), text, widest=text is str)]
        case Integer():
            return _integer_parts(node, shortfall)
        case Number():
            return _number_parts(node, shortfall)
        case Boolean():
            return [Part(frozenset({"bool"}), bool, widest=True)]
        case Null():
            return [Part(frozenset({"null"}), None, widest=True)]
        case Decimal():
            digits = Part(frozenset({"str"}), Annotated[str, Meta(pattern=DECIMAL_PATTERN)])
            return [digits, *_number_parts(Number(), shortfall)]
        case Literal() | Enum():
            return _literal_parts(node, shortfall)
        case Bytes() | Date() | Time() | DateTime() | Duration() | Uuid():
            return [Part(frozenset({"str"}), wire_type(node))]


def _integer_parts(node: Integer, shortfall: Shortfall) -> list[Part]:
    """Return the part for whole numbers; ``62.0`` is left to the validator."""
    lows = [bound for bound in (node.ge, None if node.gt is None else node.gt + 1) if bound is not None]
    highs = [bound for bound in (node.le, None if node.lt is None else node.lt - 1) if bound is not None]
    constraints = {"ge": max(lows, default=None), "le": min(highs, default=None), "multiple_of": node.multiple_of}
    if any(bound is not None and not _INT64[0] <= bound <= _INT64[1] for bound in constraints.values()):
        return shortfall.widen(Part(frozenset({"int"}), int, widest=True))
    whole = annotated(int, **constraints)
    return [Part(frozenset({"int"}), whole, widest=whole is int)]


def _number_parts(node: Number, shortfall: Shortfall) -> list[Part]:
    """Return a part for whole numbers, which stay whole, and one for the others."""
    if node.multiple_of is not None:
        # msgspec divides binary fractions, where 0.3 is no multiple of 0.1.
        shortfall.exact = False
    bounds = [bound for bound in (node.ge, node.gt, node.le, node.lt) if bound is not None]
    if not bounds:
        return [Part(frozenset({kind}), _WIDEST[kind], widest=True) for kind in ("int", "float")]
    whole = Integer(
        ge=None if node.ge is None else math.ceil(node.ge),
        gt=None if node.gt is None else math.floor(node.gt),
        le=None if node.le is None else math.floor(node.le),
        lt=None if node.lt is None else math.ceil(node.lt),
    )
    return [*_integer_parts(whole, shortfall), Part(frozenset({"float"}), _bounded_float(node))]


def _bounded_float(node: Number) -> object:
    low: dict[str, object] = {"ge": -sys.float_info.max}
    if node.gt is not None and (node.ge is None or node.gt >= node.ge):
        low = {"gt": node.gt}
    elif node.ge is not None:
        low = {"ge": node.ge}
    high: dict[str, object] = {"le": sys.float_info.max}
    if node.lt is not None and (node.le is None or node.lt <= node.le):
        high = {"lt": node.lt}
    elif node.le is not None:
        high = {"le": node.le}
    return annotated(float, **low, **high)


def _literal_parts(node: Literal | Enum, shortfall: Shortfall) -> list[Part]:
    """Return a part for each kind among the allowed values."""
    values = allowed_values(node)
    parts: list[Part] = []
    if None in values:
        parts.append(Part(frozenset({"null"}), None, widest=True))
    if texts := [value for value in values if isinstance(value, str)]:
        parts.append(Part(frozenset({"str"}), _literal(texts)))
    if truths := {value for value in values if isinstance(value, bool)}:
        parts.append(Part(frozenset({"bool"}), bool if len(truths) == 2 else _literal(truths), widest=len(truths) == 2))
    numbers = [value for value in values if isinstance(value, int | float) and not isinstance(value, bool)]
    whole = [int(value) for value in numbers if isinstance(value, int) or value.is_integer()]
    if any(not _INT64[0] <= value <= _INT64[1] for value in whole):
        parts += shortfall.widen(Part(frozenset({"int"}), int, widest=True))
    elif whole:
        parts.append(Part(frozenset({"int"}), _literal(whole)))
    if len(whole) < len(numbers):
        parts += shortfall.widen(Part(frozenset({"float"}), _FINITE, widest=True))
    return parts or shortfall.widen(ANYTHING)


def _literal(values: Iterable[object]) -> object:
    subscriptable: Any = typing.Literal
    return subscriptable[tuple(values)]
