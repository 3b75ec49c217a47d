"""At which versions an endpoint changes: its own record, or a type it reaches.

With hundreds of versions and thousands of endpoints most pairs of the two have nothing to say; this finds those that do
in one pass over what the revisions changed.
"""

from collections.abc import Iterable, Mapping

from perdure.gtype.nodes import Node
from perdure.gtype.traversal import references
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.graph import endpoint_references, reaching
from perdure.timescape.timescape import Timescape

__all__ = ["shape_changes"]


def shape_changes(timescape: Timescape) -> dict[str, set[int]]:
    """Return for each endpoint the indices of the versions at which its record, or a type it reaches, changes."""
    changes: dict[str, set[int]] = {}
    mentions = _Mentions()
    for version in timescape.versions:
        revision = timescape.revision_at(version.index)
        if revision is None:
            continue
        for key in mentions.changed(revision.before, revision.after):
            changes.setdefault(key, set()).add(version.index)
    return changes


class _Mentions:
    """What nodes and endpoints mention; each is looked into once, as revisions share those they leave alone."""

    def __init__(self) -> None:
        self._of_node: dict[int, tuple[Node, frozenset[str]]] = {}
        self._of_endpoint: dict[int, tuple[Endpoint, frozenset[str]]] = {}

    def changed(self, before: Api, after: Api) -> set[str]:
        """Return the endpoints of either API that differ between them, types included."""
        keys = {
            key
            for key in before.endpoints.keys() | after.endpoints.keys()
            if _differ(before.endpoints, after.endpoints, key)
        }
        types = {name for name in before.types.keys() | after.types.keys() if _differ(before.types, after.types, name)}
        if not types:
            return keys
        users: dict[str, set[str]] = {}
        for name, node in (*before.types.items(), *after.types.items()):
            for target in self._node(node):
                users.setdefault(target, set()).add(name)
        reached = reaching(types, users)
        return keys | {
            key for key, endpoint in after.endpoints.items() if not reached.isdisjoint(self._endpoint(endpoint))
        }

    def _node(self, node: Node) -> Iterable[str]:
        if id(node) not in self._of_node:
            self._of_node[id(node)] = (node, frozenset(references(node)))
        return self._of_node[id(node)][1]

    def _endpoint(self, endpoint: Endpoint) -> frozenset[str]:
        if id(endpoint) not in self._of_endpoint:
            self._of_endpoint[id(endpoint)] = (endpoint, endpoint_references(endpoint))
        return self._of_endpoint[id(endpoint)][1]


def _differ(before: Mapping[str, object], after: Mapping[str, object], name: str) -> bool:
    return before.get(name) is not after.get(name)
