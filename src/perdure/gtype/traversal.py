"""Ways through a GType: the children of a node, what a node reaches, and whether recursion ends.

The kinds of SPEC 3.2 hold their children in six different shapes; only this module knows them all.
"""

from collections.abc import Callable, Iterator, Mapping

from msgspec.structs import replace

from perdure.gtype.nodes import Array, Intersection, Node, Object, Record, Ref, Tuple, Union

__all__ = ["children", "endless", "map_children", "reachable", "references"]


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes directly inside *node*, in order; a reference has none."""
    match node:
        case Object(fields=fields):
            return tuple(field.node for field in fields)
        case Record(values=values, keys=keys):
            return (values,) if keys is None else (values, keys)
        case Array(items=items):
            return (items,)
        case Tuple(items=members) | Union(members=members) | Intersection(members=members):
            return members
        case _:
            return ()


def map_children(node: Node, change: Callable[[Node], Node]) -> Node:
    """Return *node* with *change* applied to each node directly inside it."""
    match node:
        case Object(fields=fields):
            return replace(node, fields=tuple(replace(field, node=change(field.node)) for field in fields))
        case Record(values=values, keys=keys):
            return replace(node, values=change(values), keys=None if keys is None else change(keys))
        case Array(items=items):
            return replace(node, items=change(items))
        case Tuple(items=items):
            return replace(node, items=tuple(change(item) for item in items))
        case Union(members=members) | Intersection(members=members):
            return replace(node, members=tuple(change(member) for member in members))
        case _:
            return node


def references(node: Node) -> Iterator[str]:
    """Yield the names *node* refers to, itself and at any depth, in order, repeats included."""
    if isinstance(node, Ref):
        yield node.name
    for child in children(node):
        yield from references(child)


def reachable(root: Node, definitions: Mapping[str, Node]) -> dict[str, Node]:
    """Return those *definitions* that *root* refers to, directly or through others, sorted by name.

    Raises:
        KeyError: A reference names no definition.
    """
    found: dict[str, Node] = {}
    waiting = list(references(root))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = definitions[name]
            waiting.extend(references(definitions[name]))
    return dict(sorted(found.items()))


def endless(definitions: Mapping[str, Node]) -> str | None:
    """Return a name that is defined by itself with no object, array or map between, or None.

    No value could be judged by such a type: ``type A = A | int`` asks whether a value is an ``A`` to say whether it is.
    """

    def heads(node: Node) -> Iterator[str]:
        if isinstance(node, Ref):
            yield node.name
        elif isinstance(node, Union | Intersection):
            for member in node.members:
                yield from heads(member)

    for start in sorted(definitions):
        seen: set[str] = set()
        waiting = list(heads(definitions[start]))
        while waiting:
            name = waiting.pop()
            if name == start:
                return start
            if name not in seen and name in definitions:
                seen.add(name)
                waiting.extend(heads(definitions[name]))
    return None
