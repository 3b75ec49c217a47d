"""Whether every value of one type is a value of another, so that nothing has to be converted."""

from collections.abc import Mapping
from typing import final

from perdure.diff.subset import is_subset
from perdure.gtype.naming import canonical_node
from perdure.gtype.nodes import Boolean, Enum, GType, Literal, Node, Null, Ref, Scalar
from perdure.gtype.traversal import reachable
from perdure.gtype.validator import compile_validator

__all__ = ["Fitting", "finite_values"]


def finite_values(node: Node) -> tuple[Scalar, ...] | None:
    """Return all values of *node* where they can be listed; None where they cannot."""
    match node:
        case Literal(values=values):
            return values
        case Enum(members=members):
            return tuple(value for _, value in members)
        case Boolean():
            return (True, False)
        case Null():
            return (None,)
        case _:
            return None


@final
class Fitting:
    """Compares nodes that refer to *types*."""

    def __init__(self, types: Mapping[str, Node]) -> None:
        self.types = types
        self._known: dict[tuple[bytes, bytes], bool] = {}

    def resolve(self, node: Node) -> Node:
        """Return what *node* refers to."""
        while isinstance(node, Ref):
            node = self.types[node.name]
        return node

    def accepts(self, target: Node, value: object) -> bool:
        """Tell whether *value* is one of *target*."""
        return compile_validator(self._whole(target)).is_valid(value)

    def fits(self, source: Node, target: Node) -> bool:
        """Tell whether every value of *source* is certainly one of *target*; where it is not, a person is asked.

        What an open object holds besides its members counts for nothing: whoever reads it next ignores it too.
        """
        if isinstance(source, Ref) and isinstance(target, Ref) and source.name == target.name:
            return True
        pair = (canonical_node(source), canonical_node(target))
        if pair not in self._known:
            self._known[pair] = pair[0] == pair[1] or is_subset(self._whole(source), self._whole(target)) is True
        return self._known[pair]

    def _whole(self, node: Node) -> GType:
        return GType(root=node, definitions=reachable(node, self.types))
