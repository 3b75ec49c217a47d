"""What is called otherwise on the other side of a revision, as its author said."""

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import structs

from perdure.gtype.nodes import Node, Ref
from perdure.gtype.traversal import map_children
from perdure.manifest.records import Api
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.revision import Direction

__all__ = ["Naming", "former", "naming", "successor"]


class Naming(NamedTuple):
    """Names on the side where a value goes in, and what these are where it comes out."""

    types: Mapping[str, str] = {}
    members: Mapping[str, str] = {}
    """Of one type, or the parameters of one endpoint."""

    def called(self, node: Node) -> Node:
        """Return *node* with the types it mentions called as they are where it comes out; without a description."""
        if isinstance(node, Ref):
            node = Ref(name=self.types.get(node.name, node.name))
        return structs.replace(map_children(node, self.called), description=None)


def naming(revision: RecordedRevision, owner: str, direction: Direction) -> Naming:
    """Return what *revision* calls otherwise of *owner*, a type or an endpoint before it, on the way in *direction*."""
    renames = revision.renames
    types, members = renames.types, renames.members.get(owner, {})
    return Naming(types, members) if direction == "request" else Naming(_turned(types), _turned(members))


def successor(revision: RecordedRevision, name: str) -> str | None:
    """Return what the type *name* of before *revision* is called after it; None where nothing is known of it."""
    return _following(name, revision.renames.types, revision.after)


def former(revision: RecordedRevision, name: str) -> str | None:
    """Return what the type *name* of after *revision* was called before it; None where nothing is known of it."""
    return _following(name, _turned(revision.renames.types), revision.before)


def _following(name: str, types: Mapping[str, str], there: Api) -> str | None:
    if name in types:
        return types[name]
    # What has that name there may be another one, which was called otherwise here.
    return name if name in there.types and name not in types.values() else None


def _turned(names: Mapping[str, str]) -> dict[str, str]:
    return {new: old for old, new in names.items()}
