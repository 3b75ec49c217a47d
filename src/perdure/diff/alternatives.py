"""Which alternative of a union has become which."""

from collections.abc import Callable, Iterable
from typing import NamedTuple

from perdure.diff.sides import Sides
from perdure.gtype.nodes import Enum, Integer, Literal, Node, Null, Number, Object, Ref, Union
from perdure.gtype.validator_scalars import allowed_values, json_key

__all__ = ["Matching", "alternatives", "match"]

_LEAST_LIKENESS = 0.5
_Resolve = Callable[[Node], Node]
"""Returns what a node refers to on its side."""


class Matching(NamedTuple):
    """The alternatives of two unions."""

    pairs: list[tuple[Node, Node]]
    removed: list[Node]
    added: list[Node]


def alternatives(node: Node) -> tuple[list[Node], bool]:
    """Return what *node* is one of, unions inside it taken apart, without null; and whether null is among it.

    A union that has a name stays whole, so that what is changed in it is told once, with its name.
    """
    if isinstance(node, Null):
        return [], True
    if not isinstance(node, Union):
        return [node], False
    found: list[Node] = []
    nullable = False
    for member in node.members:
        inner, has_null = alternatives(member)
        found.extend(inner)
        nullable = nullable or has_null
    return found, nullable


def match(old: Iterable[Node], new: Iterable[Node], sides: Sides) -> Matching:
    """Match alternatives: first those that are the same, then by name, tag, likeness and kind."""
    matching = Matching([], list(old), list(new))

    def old_of(node: Node) -> Node:
        return sides.resolve(node, 0)

    def new_of(node: Node) -> Node:
        return sides.resolve(node, 1)

    def are_same(one: Node, other: Node) -> float:
        return float(sides.are_same(one, other))

    def likeness(one: Node, other: Node) -> float:
        return _likeness(old_of(one), new_of(other))

    def share_name(one: Node, other: Node) -> float:
        return float(isinstance(one, Ref) and isinstance(other, Ref) and one.name == other.name)

    def share_tag(one: Node, other: Node) -> float:
        return float(bool(_tags(one, old_of) & _tags(other, new_of)))

    def share_kind(one: Node, other: Node) -> float:
        kind = _kind(old_of(one))
        return float(kind != "object" and kind == _kind(new_of(other)))

    for score in (are_same, share_name, share_tag, likeness, share_kind):
        _take(matching, score)
    return matching


def _take(matching: Matching, score: Callable[[Node, Node], float]) -> None:
    """Move the pairs that *score* most, best first, out of what is removed and added."""
    scored = [
        (-score(one, other), i, j) for i, one in enumerate(matching.removed) for j, other in enumerate(matching.added)
    ]
    olds: set[int] = set()
    news: set[int] = set()
    for value, i, j in sorted(scored):
        if value <= -_LEAST_LIKENESS and i not in olds and j not in news:
            matching.pairs.append((matching.removed[i], matching.added[j]))
            olds.add(i)
            news.add(j)
    matching.removed[:] = [node for i, node in enumerate(matching.removed) if i not in olds]
    matching.added[:] = [node for j, node in enumerate(matching.added) if j not in news]


def _likeness(old: Node, new: Node) -> float:
    """Return how much of the names of their members two objects share."""
    if not (isinstance(old, Object) and isinstance(new, Object)):
        return 0.0
    one, other = ({field.name for field in node.fields} for node in (old, new))
    return len(one & other) / len(one | other) if one | other else 1.0


def _tags(node: Node, resolve: _Resolve) -> set[tuple[str, object]]:
    """Return the members of an object that can have but one value, with it."""
    target = resolve(node)
    found: set[tuple[str, object]] = set()
    for field in target.fields if isinstance(target, Object) else ():
        inner = resolve(field.node)
        if field.required and isinstance(inner, Literal | Enum) and len(allowed_values(inner)) == 1:
            found.add((field.name, json_key(allowed_values(inner)[0])))
    return found


def _kind(node: Node) -> str:
    match node:
        case Integer() | Number():
            return "number"
        case Literal() | Enum():
            return "listed"
        case _:
            return str(node.__struct_config__.tag)
