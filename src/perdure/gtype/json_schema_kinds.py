"""What a JSON Schema allows of the values of one JSON type, by the keywords about that type."""

from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import Final, cast

from msgspec import UNSET
from msgspec.structs import replace

from perdure.errors import TypeDefinitionError
from perdure.gtype.constraints import integer_bound
from perdure.gtype.json_schema_pointers import append, refuse
from perdure.gtype.json_schema_texts import ASSERTED_FORMATS
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Bytes,
    Field,
    Integer,
    Intersection,
    Node,
    Null,
    Number,
    Object,
    Record,
    String,
    Tuple,
    Union,
)
from perdure.gtype.validator_patterns import compile_pattern

__all__ = ["ALL_KINDS", "KEYWORDS", "Read", "Schema", "intersect", "is_of", "node_of_kind"]

Schema = Mapping[str, object]
"""A JSON Schema that is an object."""

Read = Callable[[object, str], Node]
"""Reads the schema at a pointer."""

ALL_KINDS: Final = ("null", "boolean", "number", "string", "array", "object")

KEYWORDS: Final[Mapping[str, tuple[str, ...]]] = {
    "number": ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"),
    "string": ("minLength", "maxLength", "pattern", "format", "contentEncoding"),
    "array": ("items", "prefixItems", "uniqueItems", "minItems", "maxItems"),
    "object": (
        "properties", "required", "additionalProperties", "propertyNames", "minProperties", "maxProperties",
    ),
}  # fmt: skip
"""The keywords about each type."""

_BOUNDS: Final = {
    "minimum": "ge", "exclusiveMinimum": "gt", "maximum": "le", "exclusiveMaximum": "lt", "multipleOf": "multiple_of",
}  # fmt: skip
_MOST_LENGTHS = 16


def node_of_kind(kind: str, schema: Schema, pointer: str, read: Read) -> Node:
    """Return what *schema* allows of values of *kind*, one of `ALL_KINDS` or ``integer``.

    Raises:
        TypeDefinitionError: A keyword has a value it cannot have, or that no GType can express.
    """
    match kind:
        case "null":
            return Null()
        case "boolean":
            return Boolean()
        case "integer":
            whole = {name: integer_bound(name, exact) for name, exact, _ in _bounds(schema, pointer)}
            return replace(Integer(), **whole)
        case "number":
            bounds = {name: _float(exact, append(pointer, key)) for name, exact, key in _bounds(schema, pointer)}
            return replace(Number(), **bounds)
        case "string":
            return _string(schema, pointer)
        case "array":
            return _array(schema, pointer, read)
        case _:
            return _object(schema, pointer, read)


def is_of(value: object, kinds: Sequence[str]) -> bool:
    """Tell whether a plain *value* is of one of *kinds*, which are of `ALL_KINDS` or ``integer``."""
    if value is None or isinstance(value, bool | str):
        return {type(None): "null", bool: "boolean", str: "string"}[type(value)] in kinds
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    return "number" in kinds or ("integer" in kinds and whole)


def intersect(members: Sequence[Node]) -> Node:
    """Return what all of *members* allow: anything where there is none."""
    if not members:
        return AnyValue()
    return members[0] if len(members) == 1 else Intersection(members=tuple(members))


def _bounds(schema: Schema, pointer: str) -> list[tuple[str, Fraction, str]]:
    found = []
    for keyword, name in _BOUNDS.items():
        if keyword not in schema:
            continue
        value = schema[keyword]
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise refuse(append(pointer, keyword), f"{value!r} is no number")
        exact = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
        if keyword == "multipleOf" and exact <= 0:
            raise refuse(append(pointer, keyword), "it must be more than 0")
        found.append((name, exact, keyword))
    return found


def _float(exact: Fraction, pointer: str) -> float:
    try:
        value = float(exact)
        if Fraction(repr(value)) == exact:
            return value
    except OverflowError:
        pass
    raise refuse(pointer, "a number with this many digits cannot bound numbers exactly: round it")


def _count(schema: Schema, keyword: str, pointer: str) -> int | None:
    value = schema.get(keyword)
    if value is None and keyword not in schema:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0 or value != int(value):
        raise refuse(append(pointer, keyword), f"{value!r} is no count")
    return int(value)


def _string(schema: Schema, pointer: str) -> Node:
    pattern, form = schema.get("pattern"), schema.get("format")
    if "pattern" in schema:
        if not isinstance(pattern, str):
            raise refuse(append(pointer, "pattern"), "it must be text")
        try:
            compile_pattern(pattern)
        except TypeDefinitionError as error:
            raise refuse(append(pointer, "pattern"), str(error)) from None
    kinds: list[Node] = []
    if isinstance(form, str) and form in ASSERTED_FORMATS:
        kinds.append(ASSERTED_FORMATS[form])
        form = None
    if schema.get("contentEncoding") == "base64":
        kinds.append(Bytes())
    form = schema.get("x-format", form)
    text = String(
        min_length=_count(schema, "minLength", pointer), max_length=_count(schema, "maxLength", pointer),
        pattern=cast("str | None", pattern), format=form if isinstance(form, str) else None,
    )  # fmt: skip
    return intersect([*kinds, text] if not kinds or text != String() else kinds)


def _array(schema: Schema, pointer: str, read: Read) -> Node:
    low, high = _count(schema, "minItems", pointer), _count(schema, "maxItems", pointer)
    unique = schema.get("uniqueItems", False)
    if not isinstance(unique, bool):
        raise refuse(append(pointer, "uniqueItems"), f"{unique!r} is neither true nor false")
    items = schema.get("items", True)
    if isinstance(items, Sequence):
        raise refuse(append(pointer, "items"), "a list of schemas is called prefixItems since 2020-12")
    if "prefixItems" not in schema and items is not False:
        return Array(items=read(items, append(pointer, "items")), min_items=low, max_items=high, unique=unique)
    node = _tuple(schema, pointer, read, (low or 0, high))
    return intersect([node, Array(items=AnyValue(), unique=True)] if unique else [node])


def _tuple(schema: Schema, pointer: str, read: Read, sizes: tuple[int, int | None]) -> Node:
    """Return the tuples of each allowed length."""
    given = schema.get("prefixItems", ())
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise refuse(append(pointer, "prefixItems"), "it must be a list of schemas")
    prefix = [read(item, append(pointer, "prefixItems", index)) for index, item in enumerate(given)]
    low, high = sizes
    if schema.get("items", True) is not False and (high is None or high > len(prefix)):
        raise refuse(pointer, "prefixItems without items: false allows further items, which no GType can say")
    high = len(prefix) if high is None else min(high, len(prefix))
    if not 0 <= high - low < _MOST_LENGTHS:
        raise refuse(
            pointer, f"arrays of {low} to {high} items: none, or too many lengths for prefixItems; use minItems"
        )
    lengths = tuple(Tuple(items=tuple(prefix[:size])) for size in range(low, high + 1))
    return lengths[0] if len(lengths) == 1 else Union(members=lengths)


def _object(schema: Schema, pointer: str, read: Read) -> Node:
    extra = schema.get("additionalProperties", True)
    fields = _fields(schema, pointer, read, closed=extra is False)
    names = read(schema["propertyNames"], append(pointer, "propertyNames")) if "propertyNames" in schema else None
    low, high = _count(schema, "minProperties", pointer), _count(schema, "maxProperties", pointer)
    values: Node = AnyValue()
    if not isinstance(extra, bool):
        values = read(extra, append(pointer, "additionalProperties"))
    record = Record(values=values, keys=None if names == AnyValue() else names, min_size=low, max_size=high)
    if not fields and extra is not False and (values != AnyValue() or "properties" not in schema):
        return record
    if values != AnyValue():
        raise refuse(
            append(pointer, "additionalProperties"),
            "an object with named members cannot have a schema for all others: name them, or make it a map",
        )
    known = Object(fields=fields, closed=extra is False)
    return intersect([known] if record == Record(values=AnyValue()) else [known, record])


def _fields(schema: Schema, pointer: str, read: Read, *, closed: bool) -> tuple[Field, ...]:
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, Mapping):
        raise refuse(append(pointer, "properties"), "it must be an object")
    if not isinstance(required, list | tuple) or not all(isinstance(name, str) for name in required):
        raise refuse(append(pointer, "required"), "it must be a list of names")
    fields = []
    for name, member in properties.items():
        default = member.get("default", UNSET) if isinstance(member, Mapping) else UNSET
        node = read(member, append(pointer, "properties", name))
        fields.append(Field(name=name, node=node, required=name in required, default=default))
    unnamed = [name for name in dict.fromkeys(required) if name not in properties]
    if unnamed and closed:
        raise refuse(append(pointer, "required"), f"{unnamed[0]!r} is required, but additionalProperties forbids it")
    return (*fields, *(Field(name=name, node=AnyValue()) for name in unnamed))
