"""Drawn data types in two tellings, and values that fit them or not.

A `Shape` is a Python type for the program and a JSON Schema, written by hand, for an independent judge.
"""

import itertools
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import jsonschema_rs
import msgspec
from hypothesis import strategies as st

__all__ = ["Shape", "documents", "records"]


_numbers = itertools.count()
"""No two types of one API may have the same name."""


@dataclass(frozen=True)
class Shape:
    """One type."""

    python: Any
    schema: dict[str, Any]
    values: st.SearchStrategy[Any]

    def admits(self, value: object) -> bool:
        """Return the judge's verdict."""
        return bool(jsonschema_rs.validator_for(self.schema).is_valid(value))


def _integers(low: int, span: int) -> Shape:
    meta = msgspec.Meta(ge=low, le=low + span)
    schema = {"type": "integer", "minimum": low, "maximum": low + span}
    values = st.integers(low, low + span) | st.integers(low, low + span).map(float)
    return Shape(Annotated[int, meta], schema, values)


def _strings(shortest: int, span: int) -> Shape:
    meta = msgspec.Meta(min_length=shortest, max_length=shortest + span)
    schema = {"type": "string", "minLength": shortest, "maxLength": shortest + span}
    text = st.text(st.characters(codec="utf-8"), min_size=shortest, max_size=shortest + span)
    return Shape(Annotated[str, meta], schema, text)


def _lists(item: Shape, longest: int) -> Shape:
    python = Annotated[list[item.python], msgspec.Meta(max_length=longest)]  # type: ignore[name-defined]
    schema = {"type": "array", "items": item.schema, "maxItems": longest}
    return Shape(python, schema, st.lists(item.values, max_size=longest))


def _nullable(inner: Shape) -> Shape:
    return Shape(inner.python | None, {"anyOf": [inner.schema, {"type": "null"}]}, inner.values | st.none())


_leaves = st.one_of(
    st.builds(_integers, st.integers(-20, 20), st.integers(0, 20)),
    st.builds(_strings, st.integers(0, 3), st.integers(0, 4)),
    st.just(Shape(bool, {"type": "boolean"}, st.booleans())),
    st.just(Shape(float, {"type": "number"}, st.floats(-1e6, 1e6) | st.integers(-9, 9))),
    st.just(Shape(Literal["a", "b"], {"enum": ["a", "b"]}, st.sampled_from(["a", "b"]))),
)
_members = st.from_regex(r"[a-z]{1,6}", fullmatch=True).map(lambda name: f"m_{name}")


@st.composite
def _structs(draw: st.DrawFn, inner: st.SearchStrategy[Shape]) -> Shape:
    """Return an object with at least one required member."""
    members = draw(st.dictionaries(_members, st.tuples(inner, st.booleans()), min_size=1, max_size=4))
    first, *_ = members
    required = [name for name, (_, is_optional) in members.items() if name == first or not is_optional]
    fields: list[Any] = [(name, members[name][0].python) for name in required]
    fields += [(name, each.python, msgspec.UNSET) for name, (each, _) in members.items() if name not in required]
    fields = [
        (name, tp | msgspec.UnsetType, *default) if default else (name, tp) for name, tp, *default in fields
    ]  # fmt: skip
    python = msgspec.defstruct(f"Drawn{next(_numbers)}", fields, module=__name__)
    properties = {name: each.schema for name, (each, _) in members.items()}
    schema = {"type": "object", "properties": properties, "required": required}
    values = st.fixed_dictionaries(
        {name: members[name][0].values for name in required},
        optional={name: each.values for name, (each, _) in members.items() if name not in required},
    )
    return Shape(python, schema, values)


def _wider(inner: st.SearchStrategy[Shape]) -> st.SearchStrategy[Shape]:
    return st.builds(_lists, inner, st.integers(0, 3)) | inner.map(_nullable) | _structs(inner)


def records() -> st.SearchStrategy[Shape]:
    """Return a strategy for object types, with members of all kinds."""
    return _structs(st.recursive(_leaves, _wider, max_leaves=3).filter(lambda shape: not _twice_nullable(shape)))


def _twice_nullable(shape: Shape) -> bool:
    options = shape.schema.get("anyOf", [])
    return any("anyOf" in option for option in options)


_anything = st.recursive(
    st.none() | st.booleans() | st.integers(-100, 100) | st.floats(-100, 100) | st.text("ab", max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_members, inner, max_size=3), max_leaves=4,
)  # fmt: skip


@st.composite
def documents(draw: st.DrawFn, shape: Shape) -> object:
    """Draw a value of *shape*, as often as not with something in it replaced, left out or added."""
    value = draw(shape.values)
    return _spoil(draw, value) if draw(st.booleans()) else value


def _spoil(draw: st.DrawFn, value: object) -> object:
    if isinstance(value, dict) and value and draw(st.integers(0, 4)):
        name = draw(st.sampled_from(sorted(value)))
        how = draw(st.sampled_from(["inside", "inside", "drop", "add"]))
        if how == "drop":
            return {each: item for each, item in value.items() if each != name}
        if how == "add":
            return {**value, "unheard_of": draw(_anything)}
        return {**value, name: _spoil(draw, value[name])}
    if isinstance(value, list) and value and draw(st.integers(0, 4)):
        place = draw(st.integers(0, len(value) - 1))
        if draw(st.booleans()):
            return [*value, *value, *value]
        return [*value[:place], _spoil(draw, value[place]), *value[place + 1 :]]
    return draw(_anything)
