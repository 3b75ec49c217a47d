"""Intersections as single types, where there is one that means the same.

Two objects become one with the members of both, bounds become the tighter ones. The result can be mirrored,
generated and brought into normal form like any other type. What has no such form stays an intersection.
"""

import math
from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Field,
    GType,
    Integer,
    Intersection,
    Node,
    Number,
    Object,
    Record,
    String,
)

__all__ = ["combine"]

_T = TypeVar("_T", bound=float)


def combine(node: Intersection, gtype: GType) -> Node:
    """Return a node that means what *node* means and is no intersection, or else *node* itself.

    Only the outermost level is combined: members of the result may be intersections themselves.
    """
    combined: list[Node] = []
    for member in _flat(node.members, gtype):
        for index, other in enumerate(combined):
            both = _pair(other, member)
            if both is not None:
                combined[index] = both
                break
        else:
            combined.append(member)
    if len(combined) > 1:
        return node
    return replace(
        combined[0], secret=node.secret or combined[0].secret, description=node.description, deprecated=node.deprecated
    )


def both_of(first: Node, second: Node) -> Node:
    """Return what is both *first* and *second*; the order and number of repetitions make no difference."""
    members: dict[bytes, Node] = {}
    for node in (first, second):
        for member in node.members if isinstance(node, Intersection) else (node,):
            members.setdefault(msgspec.json.encode(member), member)
    found = tuple(members[key] for key in sorted(members))
    return found[0] if len(found) == 1 else Intersection(members=found)


def _flat(members: Iterable[Node], gtype: GType) -> list[Node]:
    """Return *members* without references and without intersections among them, each once."""
    found: dict[bytes, Node] = {}
    for member in members:
        target = gtype.resolve(member)
        inner = _flat(target.members, gtype) if isinstance(target, Intersection) else [target]
        for node in inner:
            found.setdefault(msgspec.json.encode(node), node)
    return list(found.values())


def _pair(first: Node, second: Node) -> Node | None:
    """Return the one node that is both, or None where there is none of that meaning."""
    match first, second:
        case (AnyValue(secret=False), other) | (other, AnyValue(secret=False)):
            return other
        case Object(), Object():
            return _objects(first, second)
        case Integer(), Integer():
            return _integers(first, second)
        case (Integer() as whole, Number() as number) | (Number() as number, Integer() as whole):
            bounds = _whole_bounds(number)
            return None if bounds is None else _integers(whole, bounds)
        case Number(), Number():
            return _numbers(first, second)
        case String(), String():
            return _strings(first, second)
        case Array(), Array():
            return Array(
                items=both_of(first.items, second.items), unique=first.unique or second.unique,
                min_items=_tighter(max, first.min_items, second.min_items),
                max_items=_tighter(min, first.max_items, second.max_items), secret=first.secret or second.secret,
            )  # fmt: skip
        case Record(), Record():
            keys = [node for node in (first.keys, second.keys) if node is not None]
            return Record(
                values=both_of(first.values, second.values), keys=both_of(keys[0], keys[-1]) if keys else None,
                min_size=_tighter(max, first.min_size, second.min_size),
                max_size=_tighter(min, first.max_size, second.max_size), secret=first.secret or second.secret,
            )  # fmt: skip
        case _:
            return None


def _objects(first: Object, second: Object) -> Object | None:
    """Return an object with the members of both, of which those stay that neither refuses."""
    fields = {field.name: field for field in first.fields}
    for field in second.fields:
        old = fields.get(field.name)
        fields[field.name] = field if old is None else _both_fields(old, field)
    for one in (first, second):
        if one.closed:
            known = {field.name for field in one.fields}
            if any(field.required and name not in known for name, field in fields.items()):
                return None
            fields = {name: field for name, field in fields.items() if name in known}
    closed = first.closed or second.closed
    return Object(fields=tuple(fields.values()), closed=closed, secret=first.secret or second.secret)


def _both_fields(first: Field, second: Field) -> Field:
    required = first.required or second.required
    # The default of one may be invalid by the other; only where they agree is it sure to stand for absence.
    agreed = first.default is not UNSET and first.default == second.default and not required
    return Field(
        name=first.name,
        node=both_of(first.node, second.node),
        required=required,
        default=first.default if agreed else UNSET,
    )


def _tighter(choose: Callable[..., _T], *bounds: _T | None) -> _T | None:
    given = [bound for bound in bounds if bound is not None]
    return choose(given) if given else None


def _integers(first: Integer, second: Integer) -> Integer:
    steps = [step for step in (first.multiple_of, second.multiple_of) if step is not None]
    return Integer(
        ge=_tighter(max, first.ge, second.ge), gt=_tighter(max, first.gt, second.gt),
        le=_tighter(min, first.le, second.le), lt=_tighter(min, first.lt, second.lt),
        multiple_of=math.lcm(*steps) if steps else None, secret=first.secret or second.secret,
    )  # fmt: skip


def _whole_bounds(number: Number) -> Integer | None:
    """Return the whole numbers *number* allows, if whole bounds say it."""
    if number.multiple_of is not None:
        return None
    return Integer(
        ge=None if number.ge is None else math.ceil(number.ge), gt=None if number.gt is None else math.floor(number.gt),
        le=None if number.le is None else math.floor(number.le), lt=None if number.lt is None else math.ceil(number.lt),
        secret=number.secret,
    )  # fmt: skip


def _numbers(first: Number, second: Number) -> Number | None:
    steps = {step for step in (first.multiple_of, second.multiple_of) if step is not None}
    if len(steps) > 1:
        return None
    return Number(
        ge=_tighter(max, first.ge, second.ge), gt=_tighter(max, first.gt, second.gt),
        le=_tighter(min, first.le, second.le), lt=_tighter(min, first.lt, second.lt),
        multiple_of=next(iter(steps), None), secret=first.secret or second.secret,
    )  # fmt: skip


def _strings(first: String, second: String) -> String | None:
    patterns = {pattern for pattern in (first.pattern, second.pattern) if pattern is not None}
    if len(patterns) > 1:
        return None
    return String(
        min_length=_tighter(max, first.min_length, second.min_length),
        max_length=_tighter(min, first.max_length, second.max_length), pattern=next(iter(patterns), None),
        format=first.format or second.format, secret=first.secret or second.secret,
    )  # fmt: skip
