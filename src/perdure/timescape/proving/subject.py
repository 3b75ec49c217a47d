"""What is to be proved: the API of the code, its versions, and who serves what."""

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Protocol, final

from msgspec import Struct

from perdure.gtype.traversal import reachable
from perdure.manifest.records import Api, HandlerManifest, endpoint_key
from perdure.timescape.graph import endpoint_references
from perdure.timescape.timescape import Timescape

__all__ = ["Provable", "Subject", "subject_of"]

_CONVERTER = re.compile(r"\{([^{}:]+)[^{}]*\}")


class Provable(Protocol):
    """What an `App` tells about itself."""

    def api(self) -> Api:
        """Return the API as the code declares it now."""

    def timescape(self) -> Timescape:
        """Return the versions of the API."""

    def manifests(self) -> tuple[HandlerManifest, ...]:
        """Return the manifest of every handler."""

    def unserved(self) -> tuple[tuple[str, str], ...]:
        """Return the (version, endpoint) pairs that are recorded but that no handler serves."""


def _without(keys: AbstractSet[str], api: Api) -> Api:
    """Return *api* without the endpoints *keys* and the types that nothing else reaches."""
    if not keys:
        return api
    endpoints = {key: each for key, each in api.endpoints.items() if key not in keys}
    needed: set[str] = set()
    for endpoint in endpoints.values():
        for name in endpoint_references(endpoint):
            needed |= {name, *reachable(api.types[name], api.types)}
    return Api(types={name: node for name, node in api.types.items() if name in needed}, endpoints=endpoints)


@final
class Subject(Struct, frozen=True, kw_only=True):
    """The same, as data, for those who have no `App`."""

    timescape: Timescape
    code: Api | None = None
    """What the next revision would record; None where that is no question."""
    speaks: Mapping[str, frozenset[int]] = {}
    """For endpoints with handlers of their own for older versions: the versions these speak."""
    unserved: frozenset[tuple[str, str]] | None = None
    """(Version, endpoint) pairs that no handler serves; None to go by the revisions alone."""


def subject_of(app: Provable) -> Subject:
    """Return what there is to prove of *app*.

    Raises:
        DefinitionError: As `App.compile`.
    """
    timescape = app.timescape()
    speaks: dict[str, set[int]] = {}
    for manifest in app.manifests():
        index = timescape.resolve_tsv(manifest.version, manifest.id)
        for method in manifest.methods:
            key = endpoint_key(method, _CONVERTER.sub(r"{\1}", manifest.path))
            speaks.setdefault(key, set()).add(index)
    recorded, code = timescape.api_at(timescape.head).endpoints, app.api()
    # A handler that stays for older versions is no part of the API as it is now.
    kept = {key for key, at in speaks.items() if max(at) < timescape.head and key not in recorded}
    return Subject(
        timescape=timescape, code=_without(kept, code), unserved=frozenset(app.unserved()),
        speaks={key: frozenset(at - {timescape.head}) for key, at in speaks.items() if at - {timescape.head}},
    )  # fmt: skip
