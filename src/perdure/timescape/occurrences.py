"""Where in a value the types with transformers occur, compiled to functions that go there and nowhere else.

A visit takes a value and returns it carried over: in place where it is an object, in a new list where it is an array.
It is planned over the types *before* a revision; None stands for "nothing of interest in here", so what is untouched
costs nothing. Going forward, a type's own functions see what is inside it already carried over; going back, they come
first and what is inside follows, which makes one the exact inverse of the other.

Values are JSON-compatible builtins. A value that is not of the kind its type says is left alone: whoever validates the
whole afterwards says what is wrong with it.
"""

from collections.abc import Callable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple, final

from perdure.gtype.nodes import Array, Intersection, Node, Object, Record, Ref, Tuple, Union
from perdure.timescape.kinds import Shapes
from perdure.timescape.unions import choose_member

__all__ = ["Occurrences", "Visit"]

Visit = Callable[[object], object]
"""Return a value carried over to the neighbouring version."""


class _Scope(NamedTuple):
    """What is carried over, in one direction."""

    types: Mapping[str, Node]
    functions: Mapping[str, Sequence[Visit]]
    affected: AbstractSet[str]
    is_forward: bool


@final
class Occurrences:
    """Compile visits over the types before a revision, in one direction.

    Args:
        types: The types before the revision.
        functions: For each type with functions of its own, these in the order in which they run.
        affected: The types of *functions* and all that mention them, directly or through others.
        shapes: What values look like when a visit meets them.
        is_forward: Requests (True) are carried inside out, answers (False) outside in.
    """

    def __init__(
        self, types: Mapping[str, Node], functions: Mapping[str, Sequence[Visit]], affected: AbstractSet[str],
        shapes: Shapes, *, is_forward: bool,
    ) -> None:  # fmt: skip
        self._scope = _Scope(types, functions, affected, is_forward)
        self._shapes = shapes
        self._finished: dict[str, Visit] = {}
        self._unfinished: set[str] = set()

    def visit(self, node: Node | None) -> Visit | None:
        """Return what carries a value of *node* over; None if nothing in it changes."""
        match node:
            case Ref():
                return self._named(node.name)
            case Object():
                return _visit_members(
                    tuple((each.name, below) for each in node.fields if (below := self.visit(each.node)))
                )
            case Array():
                return _visit_items(self.visit(node.items))
            case Record():
                return _visit_entries(self.visit(node.keys), self.visit(node.values))
            case Tuple():
                return _visit_places(
                    tuple((place, below) for place, each in enumerate(node.items) if (below := self.visit(each)))
                )
            case Union():
                return choose_member(node, [self.visit(member) for member in node.members], self._shapes)
            case Intersection():
                members = node.members if self._scope.is_forward else tuple(reversed(node.members))
                return _in_turn([below for member in members if (below := self.visit(member))])
            case _:
                return None

    def _named(self, name: str) -> Visit | None:
        if name not in self._scope.affected:
            return None
        finished = self._finished
        if name not in finished:
            if name in self._unfinished:
                return lambda value: finished[name](value)  # noqa: PLW0108  # finished when it runs, not now
            self._unfinished.add(name)
            below = self.visit(self._scope.types[name])
            own = self._scope.functions.get(name, ())
            inside = () if below is None else (below,)
            order = (*inside, *own) if self._scope.is_forward else (*own, *inside)
            finished[name] = _in_turn(order) or _leave
            self._unfinished.discard(name)
        return finished[name]


def _leave(value: object) -> object:
    return value


def _in_turn(visits: Sequence[Visit]) -> Visit | None:
    if len(visits) < 2:
        return visits[0] if visits else None
    if len(visits) == 2:
        first, second = visits
        return lambda value: second(first(value))

    def visit(value: object) -> object:
        for each in visits:
            value = each(value)
        return value

    return visit


def _visit_members(members: tuple[tuple[str, Visit], ...]) -> Visit | None:
    if not members:
        return None

    def visit(value: object) -> object:
        if isinstance(value, dict):
            for name, below in members:
                if name in value:
                    value[name] = below(value[name])
        return value

    return visit


def _visit_items(below: Visit | None) -> Visit | None:
    if below is None:
        return None

    def visit(value: object) -> object:
        return [below(item) for item in value] if isinstance(value, (list, tuple)) else value

    return visit


def _visit_places(places: tuple[tuple[int, Visit], ...]) -> Visit | None:
    if not places:
        return None

    def visit(value: object) -> object:
        if not isinstance(value, (list, tuple)):
            return value
        items = list(value)
        for place, below in places:
            if place < len(items):
                items[place] = below(items[place])
        return items

    return visit


def _visit_entries(key: Visit | None, below: Visit | None) -> Visit | None:
    if key is None:
        return None if below is None else _visit_values(below)

    def visit(value: object) -> object:
        if not isinstance(value, dict):
            return value
        carried = {key(name): item if below is None else below(item) for name, item in value.items()}
        if len(carried) < len(value):
            raise ValueError("two keys of a map became one")
        return carried

    return visit


def _visit_values(below: Visit) -> Visit:
    def visit(value: object) -> object:
        return {name: below(item) for name, item in value.items()} if isinstance(value, dict) else value

    return visit
