"""What a codec has to know about a type before it is put together."""

from perdure.gtype import nodes
from perdure.gtype.nodes import GType, Node
from perdure.gtype.traversal import children, reachable

__all__ = ["holds", "may_hold_nonfinite", "prints_as_read"]

_REPRINTED = (nodes.Time, nodes.DateTime, nodes.Duration, nodes.Uuid, nodes.Bytes, nodes.Tuple)


def holds(gtype: GType, *kinds: type) -> bool:
    """Tell whether a node of one of *kinds* is anywhere in *gtype*."""
    waiting: list[Node] = [gtype.root, *reachable(gtype.root, gtype.definitions).values()]
    while waiting:
        node = waiting.pop()
        if isinstance(node, kinds):
            return True
        waiting.extend(children(node))
    return False


def may_hold_nonfinite(gtype: GType) -> bool:
    """Tell whether msgspec would take NaN or Infinity, which msgpack can spell, somewhere in *gtype*."""
    return holds(gtype, nodes.Number, nodes.Decimal, nodes.AnyValue)


def prints_as_read(gtype: GType) -> bool:
    """Tell whether a valid document, decoded and encoded again by msgspec, keeps the spelling of all its values."""
    return not holds(gtype, *_REPRINTED)
