"""Which types an API's endpoints mention, and which types lead to others."""

from collections.abc import Iterable, Mapping

from perdure.gtype.traversal import references
from perdure.manifest.records import Endpoint

__all__ = ["endpoint_references", "reaching"]


def endpoint_references(endpoint: Endpoint) -> frozenset[str]:
    """Return the names of the types *endpoint* mentions, in requests and answers, not those these mention in turn."""
    return frozenset(name for node in endpoint.nodes() for name in references(node))


def reaching(targets: Iterable[str], mentioned_by: Mapping[str, Iterable[str]]) -> set[str]:
    """Return *targets* and all types that mention them, directly or through others.

    Args:
        targets: Names of types.
        mentioned_by: For each type, the types that mention it directly.
    """
    reached = set(targets)
    waiting = list(reached)
    while waiting:
        for user in mentioned_by.get(waiting.pop(), ()):
            if user not in reached:
                reached.add(user)
                waiting.append(user)
    return reached
