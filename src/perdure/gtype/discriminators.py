"""Which member of an object tells the members of a union apart.

Found from the types, not from markers, so that tagged Structs, Pydantic discriminators and plain ``Literal`` members
all give a discriminated union. The tags are disjoint, so naming one changes no union's meaning; it lets a validator
look in one place and report the faults of the member that was meant.
"""

from collections.abc import Callable

from msgspec.structs import replace

from perdure.gtype.nodes import Enum, Literal, Node, Object, Scalar, Union
from perdure.gtype.traversal import map_children

__all__ = ["discriminate"]


def discriminate(node: Node, resolve: Callable[[Node], Node]) -> Node:
    """Return *node* with a discriminator on each union in it whose objects have one.

    Where a union has other members besides the objects, the objects become a union inside it.
    """
    node = map_children(node, lambda child: discriminate(child, resolve))
    if not isinstance(node, Union):
        return node
    objects = [member for member in node.members if isinstance(resolve(member), Object)]
    field = _discriminator([resolve(member) for member in objects], resolve)
    if field is None:
        return replace(node, discriminator=None)
    if len(objects) == len(node.members):
        return replace(node, discriminator=field)
    first = node.members.index(objects[0])
    others = [member for member in node.members if not isinstance(resolve(member), Object)]
    others.insert(first, Union(members=tuple(objects), discriminator=field))
    return replace(node, members=tuple(others), discriminator=None)


def _discriminator(objects: list[Node], resolve: Callable[[Node], Node]) -> str | None:
    """Return the first member that is required in all of *objects* and has other values in each of them."""
    if len(objects) < 2:
        return None
    tags = [_tags(member, resolve) for member in objects]
    for name in tags[0]:
        values = [value for found in tags for value in found.get(name, (None,))]
        if None not in values and len(set(values)) == len(values) and len({type(value) for value in values}) == 1:
            return name
    return None


def _tags(node: Node, resolve: Callable[[Node], Node]) -> dict[str, tuple[Scalar, ...]]:
    """Return the required members of an object that have one of a few texts or whole numbers as their value."""
    found: dict[str, tuple[Scalar, ...]] = {}
    for field in node.fields if isinstance(node, Object) else ():
        match resolve(field.node):
            case Literal(values=values):
                pass
            case Enum(members=members):
                values = tuple(value for _, value in members)
            case _:
                continue
        if field.required and all(type(value) in {str, int} for value in values):
            found[field.name] = values
    return found
