"""Types of an API in few words, where a test has many."""

from msgspec.structs import replace

from perdure.gtype.nodes import Enum, Field, Node, Object

__all__ = ["closed", "f", "obj", "words"]


def f(name: str, node: Node, *, optional: bool = False, **default: object) -> Field:
    """Return a member, which says what it is by default in the keyword of that name, if anything."""
    return Field(name=name, node=node, required=not optional, **default)


def obj(*fields: Field, **members: Node) -> Object:
    """Return an object of *fields* and *members*; of these, those whose names end in an underscore are optional."""
    told = (f(name.rstrip("_"), node, optional=name.endswith("_")) for name, node in members.items())
    return Object(fields=(*fields, *told))


def closed(node: Object) -> Object:
    """Return *node* as one that holds nothing but its members."""
    return replace(node, closed=True)


def words(*values: str) -> Enum:
    """Return an enumeration whose names are its values in capitals."""
    return Enum(members=tuple((value.upper(), value) for value in values))
