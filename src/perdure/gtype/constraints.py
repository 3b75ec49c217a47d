"""What the metadata of an ``Annotated`` type demands, from msgspec, annotated-types and Pydantic alike.

Metadata is read into one list of demands, which is then applied to a node. What cannot be held to is refused: a
constraint that is written down but not enforced is worse than none.
"""

import math
import sys
from collections.abc import Iterable, Iterator
from fractions import Fraction
from typing import cast, final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from perdure.errors import TypeDefinitionError
from perdure.gtype.markers import Masked, Unique
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Bytes,
    DateTime,
    Integer,
    Intersection,
    Node,
    Null,
    Number,
    Record,
    String,
    Time,
    Union,
)
from perdure.gtype.patterns import ecma_pattern

__all__ = ["Demand", "annotate", "constrain", "integer_bound", "read_demands", "restricts"]

_BOUNDS = ("ge", "gt", "le", "lt", "multiple_of")
_LENGTHS = ("min_length", "max_length")
_META = (*_BOUNDS, *_LENGTHS, "pattern", "tz", "description")
_NOTES = ("description", "deprecated", "secret")
_UNUSED_PYDANTIC = "only runs inside a Pydantic model: move the member into one, or use msgspec.Meta"


@final
class Demand(Struct, frozen=True):
    """One thing metadata asks for: ``ge``, ``min_length``, ``pattern``, ``tz``, ``unique`` or ``description``."""

    name: str
    value: object


def read_demands(extras: Iterable[object], where: str, *, pydantic: bool = False) -> list[Demand]:
    """Return what *extras*, the metadata of an ``Annotated`` type, ask for.

    Args:
        extras: The metadata, in order. Objects of unknown libraries are skipped, as PEP 593 asks.
        where: The place, for error messages.
        pydantic: The type stands in a Pydantic model, which enforces more than a GType can express.
    Raises:
        TypeDefinitionError: A constraint cannot be expressed.
    """
    found: list[Demand] = []
    for extra in extras:
        if extra is Unique:
            found.append(Demand("unique", True))
        elif extra is Masked:
            found.append(Demand("secret", True))
        elif isinstance(extra, msgspec.Meta):
            found += _from_meta(extra)
        else:
            library = type(extra).__module__.partition(".")[0]
            if library == "annotated_types":
                found += _from_annotated_types(extra, where, pydantic=pydantic)
            elif library in {"pydantic", "pydantic_core"}:
                found += _from_pydantic(extra, where, pydantic=pydantic)
            elif isinstance(documentation := getattr(extra, "documentation", None), str):
                found.append(Demand("description", documentation))
    return found


def restricts(demands: Iterable[Demand]) -> bool:
    """Tell whether *demands* refuse any value, rather than only describe the type."""
    return any(demand.name not in _NOTES for demand in demands)


def _from_meta(meta: msgspec.Meta) -> Iterator[Demand]:
    for name in _META:
        value = getattr(meta, name)
        if value is not None:
            yield Demand(name, value)
    schema = meta.extra_json_schema or {}
    if schema.get("deprecated"):
        yield Demand("deprecated", True)
    if schema.get("writeOnly") or schema.get("x-secret"):
        yield Demand("secret", True)
    for name in ("description", "format"):
        if name in schema:
            yield Demand(name, schema[name])


def _from_annotated_types(extra: object, where: str, *, pydantic: bool) -> Iterator[Demand]:
    if isinstance(extra, Iterable):  # Interval and Len are groups of simpler ones
        yield from read_demands(extra, where, pydantic=pydantic)
        return
    kind = type(extra).__name__
    names = {"Ge": "ge", "Gt": "gt", "Le": "le", "Lt": "lt", "MultipleOf": "multiple_of", "MinLen": "min_length",
             "MaxLen": "max_length", "DocInfo": "documentation"}  # fmt: skip
    if kind in names:
        yield Demand("description" if kind == "DocInfo" else names[kind], getattr(extra, names[kind]))
    elif kind == "Timezone":
        zone = cast("object", getattr(extra, "tz", None))
        if zone not in (None, ...):
            raise TypeDefinitionError(f"{where}: {extra!r} asks for one time zone: use Meta(tz=True) and convert")
        yield Demand("tz", zone is ...)
    elif kind != "Unit" and not pydantic:
        raise TypeDefinitionError(
            f"{where}: {extra!r} is code, which no schema can express: use bounds, lengths or a pattern, "
            "or check it in the handler"
        )


def _from_pydantic(extra: object, where: str, *, pydantic: bool) -> Iterator[Demand]:
    from pydantic.fields import FieldInfo

    if isinstance(extra, FieldInfo):
        yield from read_demands(extra.metadata, where, pydantic=pydantic)
        if extra.description is not None:
            yield Demand("description", extra.description)
        if extra.deprecated:
            yield Demand("deprecated", True)
        return
    if isinstance(extra, Iterable):  # StringConstraints
        yield from read_demands(extra, where, pydantic=pydantic)
        return
    given = {name: value for name, value in getattr(extra, "__dict__", {}).items() if value is not None}
    understood = [name for name in ("pattern", *_BOUNDS, *_LENGTHS) if name in given]
    for name in understood:
        yield Demand(name, getattr(given[name], "pattern", given[name]))
    if not pydantic and (len(given) > len(understood) or not hasattr(extra, "__dict__")):
        raise TypeDefinitionError(f"{where}: {extra!r} {_UNUSED_PYDANTIC}")


def annotate(node: Node, demands: Iterable[Demand]) -> Node:
    """Return *node* with the descriptive part of *demands*; the last one counts."""
    notes = {demand.name: demand.value for demand in demands if demand.name in _NOTES}
    return replace(node, **notes) if notes else node


def constrain(node: Node, demands: Iterable[Demand], where: str, *, pydantic: bool = False) -> Node:
    """Return *node* narrowed to what *demands* ask for.

    A union is narrowed member by member, ``null`` excepted: ``Annotated[int | None, Ge(1)]`` bounds the number.

    Raises:
        TypeDefinitionError: The kind of *node* has no such constraint, or its value cannot be used.
    """
    for demand in demands:
        if demand.name not in _NOTES:
            node = _narrow(node, demand, where, pydantic=pydantic)
    return node


def _narrow(node: Node, demand: Demand, where: str, *, pydantic: bool) -> Node:
    name, value = demand.name, demand.value
    match node:
        case Union(members=members):
            narrowed = tuple(
                member if isinstance(member, Null) else _narrow(member, demand, where, pydantic=pydantic)
                for member in members
            )
            return replace(node, members=narrowed)
        case Intersection(members=members):
            return replace(node, members=(_narrow(members[0], demand, where, pydantic=pydantic), *members[1:]))
        case Integer() if name in _BOUNDS:
            return _tighten(node, name, integer_bound(name, _number(value, where)), where)
        case Number() if name in _BOUNDS:
            return _tighten(node, name, float(_number(value, where)), where)
        case String() | Bytes() | Array() if name in _LENGTHS:
            items = {"min_length": "min_items", "max_length": "max_items"}
            return _tighten(node, items[name] if isinstance(node, Array) else name, _size(value, where), where)
        case Record() if name in _LENGTHS:
            return _tighten(node, name.replace("length", "size"), _size(value, where), where)
        case String() if name == "pattern":
            return _tighten(node, name, ecma_pattern(str(value), where), where)
        case String() if name == "format":
            return replace(node, format=str(value))
        case Array() if name == "unique":
            return replace(node, unique=True)
        case Time() | DateTime() if name == "tz":
            return replace(node, tz=bool(value))
    if name == "format" or (pydantic and not isinstance(node, AnyValue)):
        return node
    kind = node.__struct_config__.tag
    raise TypeDefinitionError(f"{where}: {name}={value!r} has no meaning for a value of kind {kind}: remove it")


def _tighten(node: Node, name: str, value: object, where: str) -> Node:
    """Return *node* with constraint *name*; together with one it already has, both hold."""
    old = getattr(node, name)
    if old is None or old == value:
        return replace(node, **{name: value})
    if name in {"ge", "gt", "min_length", "min_items", "min_size"}:
        return replace(node, **{name: max(old, cast("float", value))})
    if name in {"le", "lt", "max_length", "max_items", "max_size"}:
        return replace(node, **{name: min(old, cast("float", value))})
    if isinstance(node, Integer):
        return replace(node, multiple_of=math.lcm(old, cast("int", value)))
    if isinstance(node, Number):
        return Intersection(members=(node, Number(multiple_of=cast("float", value))))
    if isinstance(node, String):
        return Intersection(members=(node, String(pattern=cast("str", value))))
    raise TypeDefinitionError(f"{where}: {name} is given twice")


def integer_bound(name: str, value: Fraction) -> int:
    """Return the whole number that bounds whole numbers as *value* does: ``ge=1.5`` is ``ge=2``."""
    if name == "multiple_of":
        return value.numerator  # a whole number is a multiple of p/q in lowest terms iff it is one of p
    return math.ceil(value) if name in {"ge", "lt"} else math.floor(value)


def _number(value: object, where: str) -> Fraction:
    if isinstance(value, bool) or not (isinstance(value, int | float | Fraction) or _is_decimal(value)):
        raise TypeDefinitionError(f"{where}: {value!r} is no number to bound one with")
    try:
        # The decimal digits a person wrote are meant, not the binary fraction nearest to them.
        exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(cast("int", value))
        float(exact)
    except (ValueError, OverflowError):
        raise TypeDefinitionError(f"{where}: {value!r} is not finite, or too large to bound a number") from None
    return exact


def _is_decimal(value: object) -> bool:
    decimal = sys.modules.get("decimal")
    return decimal is not None and isinstance(value, decimal.Decimal)


def _size(value: object, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise TypeDefinitionError(f"{where}: {value!r} is no length")
    return value
