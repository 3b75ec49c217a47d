"""The keys of maps, which are texts on the wire whatever they are in Python."""

from collections.abc import Callable
from typing import Final

from msgspec.structs import replace

from perdure.errors import TypeDefinitionError
from perdure.gtype.nodes import (
    AnyValue,
    Bytes,
    Date,
    DateTime,
    Decimal,
    Duration,
    Enum,
    Integer,
    Literal,
    Node,
    Number,
    Ref,
    String,
    Time,
    Union,
    Uuid,
)

__all__ = ["key_node"]

_INTEGER: Final = String(pattern=r"^-?(?:0|[1-9][0-9]*)$")
_NUMBER: Final = String(pattern=r"^-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$")


def key_node(keys: Node, resolve: Callable[[Node], Node], where: str) -> Node | None:
    """Return the node that the texts standing for *keys* match, or None where any text does.

    Whole numbers are written ``"12"``; the members of an enumeration of numbers as its numbers.

    Raises:
        TypeDefinitionError: Such keys cannot be written as text.
    """
    match keys:
        case AnyValue():
            return None
        case String():
            return None if keys == String() else keys
        case Bytes() | Date() | DateTime() | Decimal() | Duration() | Time() | Uuid():
            return keys
        case Integer() if keys == Integer():
            return _INTEGER
        case Number() if keys == Number():
            return _NUMBER
        case Literal(values=values) if all(type(value) in {str, int} for value in values):
            return replace(keys, values=tuple(str(value) for value in values))
        case Enum(members=members) if all(type(value) in {str, int} for _, value in members):
            return replace(keys, members=tuple((name, str(value)) for name, value in members))
        case Union(members=members):
            found = [key_node(member, resolve, where) for member in members]
            return None if None in found else Union(members=tuple(member for member in found if member is not None))
        case Ref():
            target = resolve(keys)
            inner = None if isinstance(target, Ref) else key_node(target, resolve, where)
            if inner == target:
                return keys
            if not isinstance(target, Ref):
                return inner
    raise TypeDefinitionError(
        f"{where}: keys of kind {keys.__struct_config__.tag} cannot be written as the text that names a member: "
        "use str, int, float, an Enum or a Literal without further constraints"
    )
