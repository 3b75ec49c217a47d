"""The old and the new types side by side: what is the same in both, and which values of one are in the other.

Both sides have names of their own, which may mean different things. Here they share one space of names, in which what
is the same on both sides has one name; so most questions about sets are answered before they are asked.
"""

from collections.abc import Collection, Iterable, Mapping
from typing import Final, Literal, final

import msgspec
from msgspec import UNSET
from msgspec.structs import replace

from perdure.diff.outcomes import Outcome
from perdure.diff.sets import Sets
from perdure.gtype.intersections import combine
from perdure.gtype.nodes import Field, GType, Intersection, Node, Object, Ref, String
from perdure.gtype.traversal import map_children, references

__all__ = ["Side", "Sides"]

Side = Literal[0, 1]
"""0: before; 1: now."""

_SAME: Final = "="
_SIDES: Final = "<>"
_STRICT: Final = "!"
_COMBINED: Final = "&"


@final
class Sides:
    """Two sets of definitions; remembers what was asked about them."""

    def __init__(
        self, old: Mapping[str, Node], new: Mapping[str, Node], *, strict: bool, renamed: Collection[str] = ()
    ) -> None:
        """Put *old* and *new* side by side.

        Args:
            old: The definitions before.
            new: Those now.
            strict: Clients refuse members of answers they do not know.
            renamed: Definitions that differ even where they are written alike: names in them changed places.
        """
        self._renamed = frozenset(renamed)
        self._definitions = (dict(old), dict(new))
        self.strict = strict
        self._changed: dict[str, bool] = {}
        self._plain: dict[tuple[int, Side, bool], tuple[Node, Node]] = {}
        self._combined: dict[str, tuple[Intersection, Side]] = {}
        self._sets = Sets(self._definition, _spoken)

    def gtype(self, node: Node, side: Side) -> GType:
        """Return *node* with the definitions of its side."""
        return GType(root=node, definitions=self._definitions[side])

    def resolve(self, node: Node, side: Side) -> Node:
        """Return what *node* refers to on *side*, through any number of references."""
        while isinstance(node, Ref):
            node = self._definitions[side][node.name]
        return node

    def are_same(self, old: Node, new: Node) -> bool:
        """Tell whether two nodes are written alike, and so is all they refer to."""
        if not _are_alike(old, new):
            return False
        self._classify(references(old))
        return not any(self._changed[name] for name in references(old))

    def keeps_old(self, old: Node, new: Node) -> bool | None:
        """Tell whether each value of *old* is one of *new*; None where that cannot be decided."""
        return self._sets.included(self._meaning(old, 0, strict=False), self._meaning(new, 1, strict=False))

    def keeps_new(self, old: Node, new: Node) -> bool | None:
        """Tell whether each value of *new* is one of *old*, to clients that read answers; None if undecided."""
        strict = self.strict
        return self._sets.included(self._meaning(new, 1, strict=strict), self._meaning(old, 0, strict=strict))

    def lost(self, old: Node, new: Node) -> Outcome:
        """Return a value of *old* that is none of *new*, if there is one."""
        return self._sets.search(self._meaning(old, 0, strict=False), self._meaning(new, 1, strict=False))

    def gained(self, old: Node, new: Node) -> Outcome:
        """Return a value of *new* that is none of *old*, if there is one."""
        strict = self.strict
        return self._sets.search(self._meaning(new, 1, strict=strict), self._meaning(old, 0, strict=strict))

    def _classify(self, names: Iterable[str]) -> None:
        """Find out which of *names*, and of what they refer to, differ between the sides."""
        old, new = self._definitions
        waiting = [name for name in names if name not in self._changed]
        if not waiting:
            return
        users: dict[str, list[str]] = {}
        differing: list[str] = []
        met = set(waiting)
        while waiting:
            name = waiting.pop()
            is_known = name in old and name in new and name not in self._renamed
            if not is_known or not _are_alike(old[name], new[name]):
                differing.append(name)
            for target in references(old[name]) if name in old else ():
                users.setdefault(target, []).append(name)
                if self._changed.get(target):
                    differing.append(target)
                elif target not in met and target not in self._changed:
                    met.add(target)
                    waiting.append(target)
        self._changed |= dict.fromkeys(met, False)
        reached = set(differing)
        while differing:
            name = differing.pop()
            self._changed[name] = True
            fresh = [user for user in users.get(name, ()) if user not in reached]
            reached.update(fresh)
            differing.extend(fresh)

    def _meaning(self, node: Node, side: Side, *, strict: bool) -> Node:
        """Return *node* without what says nothing about its values, in the shared space of names."""
        key = (id(node), side, strict)
        found = self._plain.get(key)
        if found is None:
            # The node is kept with what was made of it: were it freed, another might get its identity.
            found = self._plain[key] = (node, self._plainly(node, side, strict=strict))
        return found[1]

    def _plainly(self, node: Node, side: Side, *, strict: bool) -> Node:
        if isinstance(node, Ref):
            self._classify((node.name,))
            if self._changed[node.name]:
                return Ref(name=_SIDES[side] + (_STRICT if strict else _SAME) + node.name)
            return Ref(name=_SAME + (_STRICT if strict else _SAME) + node.name)
        if strict and isinstance(node, Intersection):
            # Closed one by one, its members would exclude each other. Under a name, what is one type may hold itself.
            name = _COMBINED + _SIDES[side] + msgspec.json.encode(node).decode()
            self._combined[name] = (node, side)
            return Ref(name=name)
        node = map_children(node, lambda child: self._plainly(child, side, strict=strict))
        if isinstance(node, Object):
            fields = tuple(_plain_field(field) for field in node.fields)
            return Object(fields=fields, closed=node.closed or strict)
        if isinstance(node, String) and node.format is not None:
            node = replace(node, format=None)
        if node.description is not None or node.deprecated or node.secret:
            node = replace(node, description=None, deprecated=False, secret=False)
        return node

    def _definition(self, name: str) -> Node:
        if name in self._combined:
            node, side = self._combined[name]
            one = combine(node, self.gtype(node, side)) if node.members else node
            return self._meaning(one, side, strict=not isinstance(one, Intersection))
        side = 1 if name[0] == _SIDES[1] else 0
        return self._meaning(self._definitions[side][name[2:]], side, strict=name[1] == _STRICT)


def _spoken(name: str) -> str:
    """Return what a name of the shared space is on its side."""
    return name[2:]


def _are_alike(old: Node, new: Node) -> bool:
    # Python takes 1, 1.0 and True for equal; JSON does not.
    return old is new or (old == new and msgspec.json.encode(old) == msgspec.json.encode(new))


def _plain_field(field: Field) -> Field:
    return field if field.default is UNSET else replace(field, default=UNSET)
