"""Where in the values of a type its texts, numbers, lists and maps lie."""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple

from perdure.gtype.nodes import (
    Array,
    Date,
    DateTime,
    Decimal,
    Duration,
    GType,
    Integer,
    Node,
    Number,
    Object,
    Record,
    Ref,
    String,
    Time,
    Union,
    Uuid,
)
from perdure.gtype.traversal import reachable

__all__ = ["NOWHERE", "Path", "Place", "at_path", "places", "put", "without"]

Path = tuple[str, ...]
"""Names of members, from the outside in; () for the value itself."""

NOWHERE: Final = object()
"""What `at_path` returns where there is nothing."""

_MOST = 24
_DEEPEST = 4
_LEAVES = (String, Integer, Number, Decimal, Array, Record, Date, DateTime, Time, Duration, Uuid)


class Place(NamedTuple):
    """A place in the values of a type."""

    path: Path
    gtype: GType
    """The type of what lies there."""
    is_converted: bool
    """Items of what lies there have functions of their own, so they are not the same before and after."""


def places(gtype: GType, opaque: Collection[str]) -> tuple[Place, ...]:
    """Return the first few dozen places of *gtype*, from the outside in; none within items or branches of a union.

    Args:
        gtype: The type.
        opaque: Types that have functions of their own: what is in them is their matter.
    """
    found: dict[Path, Place] = {}
    for place in _places(gtype.root, (), gtype.definitions, opaque):
        found.setdefault(place.path, place)
        if len(found) == _MOST:
            break
    return tuple(found.values())


def _places(node: Node, path: Path, types: Mapping[str, Node], opaque: Collection[str]) -> Iterator[Place]:
    if len(path) > _DEEPEST:
        return
    match node:
        case Ref(name=name):
            # The type that is looked at is itself one that has functions.
            if name in types and (name not in opaque or not path):
                yield from _places(types[name], path or (), types, opaque)
        case Object(fields=fields):
            for field in fields:
                yield from _places(field.node, (*path, field.name), types, opaque)
        case Union(members=members):
            for member in members:
                if not isinstance(member, Object | Ref):
                    yield from _places(member, path, types, opaque)
        case _ if isinstance(node, _LEAVES):
            inner = reachable(node, types)
            yield Place(path, GType(node, inner), not inner.keys().isdisjoint(opaque))
        case _:
            return


def at_path(value: object, path: Path) -> object:
    """Return what lies at *path* in *value*; `NOWHERE` where nothing does."""
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return NOWHERE
        value = value[name]
    return value


def put(value: object, path: Path, other: object) -> object:
    """Return *value* with *other* at *path*, where something lies; what is changed is copied."""
    if not path or not isinstance(value, dict):
        return other
    return {**value, path[0]: put(value.get(path[0]), path[1:], other)}


def without(value: object, path: Path) -> object:
    """Return *value* without what lies at *path*; None where that is all of it."""
    if not path or not isinstance(value, dict):
        return None
    if len(path) == 1:
        return {name: each for name, each in value.items() if name != path[0]}
    return {**value, path[0]: without(value.get(path[0]), path[1:])}
