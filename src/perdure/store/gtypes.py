"""The GTypes of a manifest: what one handler accepts and answers, each as a type that stands by itself."""

from perdure.errors import StoreError
from perdure.gtype.nodes import GType
from perdure.gtype.traversal import reachable
from perdure.manifest.records import HandlerManifest

__all__ = ["gtypes_of"]


def gtypes_of(manifest: HandlerManifest) -> tuple[GType, ...]:
    """Return the body, the answer, the parameters, the query and the headers of *manifest*, those there are.

    Raises:
        StoreError: The endpoint refers to a type the manifest does not define.
    """
    endpoint = manifest.endpoint
    nodes = (endpoint.body, endpoint.response, endpoint.params, endpoint.query, endpoint.headers)
    try:
        return tuple(GType(node, reachable(node, manifest.types)) for node in nodes if node is not None)
    except KeyError as error:
        raise StoreError(f"the manifest of {manifest.id} refers to {error}, which it does not define") from error
