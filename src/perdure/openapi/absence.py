"""Bodies that may be left out: those whose type allows null, which is what an absent one is read as."""

from collections.abc import Mapping

from perdure.gtype.nodes import AnyValue, Enum, Intersection, Literal, Node, Null, Ref, Union

__all__ = ["accepts_null"]


def accepts_null(node: Node, types: Mapping[str, Node]) -> bool:
    """Tell whether *node* allows null; its references are to *types*."""
    seen: set[str] = set()
    waiting = [node]
    while waiting:
        match waiting.pop():
            case Null() | AnyValue():
                return True
            case Literal(values=values) if None in values:
                return True
            case Enum(members=members) if any(value is None for _, value in members):
                return True
            case Union(members=members):
                waiting.extend(members)
            case Intersection(members=members) if all(accepts_null(member, types) for member in members):
                return True
            case Ref(name=name) if name not in seen and name in types:
                seen.add(name)
                waiting.append(types[name])
    return False
