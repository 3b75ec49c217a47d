"""What a type's values look like in JSON, as far as a glance tells: their kinds, and the tags they carry."""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Decimal,
    Enum,
    Integer,
    Intersection,
    Literal,
    Node,
    Null,
    Number,
    Object,
    Record,
    Ref,
    Scalar,
    Tuple,
    Union,
)  # fmt: skip

__all__ = ["ANY_KIND", "Shapes", "kinds_of", "tags_of"]

ANY_KIND: frozenset[type] = frozenset({dict, list, str, int, float, bool, type(None)})
"""The Python types of all JSON values."""

_NUMBERS: frozenset[type] = frozenset({int, float})
_TEXT: frozenset[type] = frozenset({str})
_LEAVES: Mapping[type, frozenset[type]] = {
    Object: frozenset({dict}),
    Record: frozenset({dict}),
    Array: frozenset({list}),
    Tuple: frozenset({list}),
    Integer: _NUMBERS,
    Number: _NUMBERS,
    Boolean: frozenset({bool}),
    Null: frozenset({type(None)}),
    Decimal: _NUMBERS | _TEXT,
    AnyValue: ANY_KIND,
}
"""What is not listed is text in JSON."""


class Shapes(NamedTuple):
    """What values look like when they are to be carried over.

    Going back over a revision, values still look as they do after it, though the way through them is that of the types
    before it.
    """

    types: Mapping[str, Node]
    gone: AbstractSet[str] = frozenset()
    """Types that are not among those the values have: what such a value looks like is not recorded."""

    def is_gone(self, node: Node) -> bool:
        """Tell whether *node* refers to one of the types that are gone."""
        return isinstance(node, Ref) and node.name in self.gone


def kinds_of(node: Node, shapes: Shapes) -> frozenset[type]:
    """Return the Python types of the JSON values *node* allows."""
    match node:
        case Ref():
            return ANY_KIND if node.name in shapes.gone else kinds_of(shapes.types[node.name], shapes)
        case Union():
            return frozenset().union(*(kinds_of(member, shapes) for member in node.members))
        case Intersection():
            return ANY_KIND.intersection(*(kinds_of(member, shapes) for member in node.members))
        case Literal():
            return _scalar_kinds(node.values)
        case Enum():
            return _scalar_kinds(tuple(value for _, value in node.members))
        case _:
            return _LEAVES.get(type(node), _TEXT)


def tags_of(node: Node, discriminator: str, shapes: Shapes) -> tuple[Scalar, ...] | None:
    """Return the values of the member *discriminator* that tell an object of *node*; None if none are certain."""
    match node:
        case Ref():
            return tags_of(shapes.types[node.name], discriminator, shapes)
        case Union():
            inner = [tags_of(member, discriminator, shapes) for member in node.members]
            return None if None in inner else tuple(tag for tags in inner if tags is not None for tag in tags)
        case Object():
            tag = next((each.node for each in node.fields if each.name == discriminator), None)
            while isinstance(tag, Ref):
                tag = shapes.types[tag.name]
            if isinstance(tag, Enum):
                return tuple(value for _, value in tag.members)
            return tag.values if isinstance(tag, Literal) else None
        case _:
            return None


def _scalar_kinds(values: Sequence[Scalar]) -> frozenset[type]:
    kinds: frozenset[type] = frozenset(type(value) for value in values)
    return kinds | _NUMBERS if kinds & _NUMBERS else kinds
