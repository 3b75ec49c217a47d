"""What a float holds of a number: a client may write more digits than that, and nobody is to blame for those."""

import math
from collections.abc import Mapping

from perdure.gtype.nodes import Array, GType, Integer, Node, Number, Object, Record, Ref, Tuple, Union

__all__ = ["held_by_floats"]


def held_by_floats(value: object, gtype: GType) -> object:
    """Return *value*, of *gtype*, with the nearest float for each whole number that stands where floats do."""
    return _held(value, gtype.root, gtype.definitions)


def _held(value: object, node: Node, types: Mapping[str, Node]) -> object:
    match node, value:
        case Ref(name=name), _:
            return _held(value, types[name], types)
        case Number(), int() if not isinstance(value, bool):
            return _nearest(value)
        case Object(fields=fields), dict():
            nodes = {field.name: field.node for field in fields}
            return {name: _held(each, nodes[name], types) if name in nodes else each for name, each in value.items()}
        case Record(values=inner), dict():
            return {name: _held(each, inner, types) for name, each in value.items()}
        case Array(items=inner), list():
            return [_held(each, inner, types) for each in value]
        case Tuple(items=members), list() if len(members) == len(value):
            return [_held(each, member, types) for each, member in zip(value, members, strict=True)]
        case Union(members=members), _ if not any(isinstance(each, Integer) for each in members):
            for member in members:
                value = _held(value, member, types)
    return value


def _nearest(number: int) -> int | float:
    try:
        nearest = float(number)
    except OverflowError:  # no float comes near; the type bounds it, or its validator refuses it
        return number
    return number if math.isinf(nearest) or int(nearest) == number else nearest
