"""What is published about an API: endpoints, the types they share, and what runs behind each.

`Api` is what a revision records and what Timescape plans with. `HandlerManifest` says everything about one handler.

Source: SPEC 3.4.
"""

import hashlib
from typing import Final, Literal, final

import msgspec
from msgspec import Struct

from perdure.gtype.nodes import Node, Object

__all__ = ["NOBODY", "Api", "Endpoint", "HandlerManifest", "HookRecord", "endpoint_key"]

NOBODY: Final = "nobody"
"""What a client needs where nobody may call."""


def endpoint_key(method: str, path: str) -> str:
    """Return the name of an endpoint: ``POST /orders/{order_id}/cancel``; *path* without converters."""
    return f"{method} {path}"


@final
class Endpoint(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one method and path accepts and answers. Nodes refer to the types of the `Api` they stand in."""

    handler: str
    """Id of the handler: stable across versions of one endpoint."""
    params: Object | None = None
    query: Object | None = None
    headers: Object | None = None
    cookies: Object | None = None
    body: Node | None = None
    body_media: tuple[str, ...] = ("application/json", "application/msgpack")
    body_types: dict[str, Node | None] = {}
    """What bodies of some media types hold, where that is not *body*; None where nothing is said of it."""
    body_optional: bool | None = None
    """Whether a request may come without a body; None: if *body* allows null, which is what none is read as."""
    response: Node | None = None
    response_media: str = "application/json"
    status: int = 200
    responses: dict[str, Node | None] = {}
    """What answers of further statuses carry, None for no body; by status, range or the rest: ``404``, ``4XX``,
    ``default``."""
    response_types: dict[str, dict[str, Node | None]] = {}
    """What answers carry if they are of further media types, by status and media type."""
    response_headers: dict[str, Object] = {}
    """What stands in the headers of answers, by status."""
    deprecated: bool = False
    body_limit_bytes: int | None = None
    """Largest body that is taken; None where the endpoint sets no limit of its own."""
    security: tuple[tuple[str, ...], ...] = ()
    """Who may call it: a client needs all that one of these names: ``("oauth:orders.read", "oauth:orders.write")`` for
    a scheme and its scopes, ``("apiKey",)`` for a scheme without. Empty, or with an empty alternative: everyone.
    Handlers do not say which schemes there are: theirs are ``role:clerk``, ``scope:orders.write`` and ``principal``,
    or ``nobody`` where they are closed to everyone."""
    rate_limits: tuple[str, ...] = ()
    """How often it may be called, all of them: ``100/60s per client``."""

    def nodes(self) -> tuple[Node, ...]:
        """Return all types of what clients send and read, in order."""
        further = (node for types in self.response_types.values() for node in types.values())
        found = (
            self.params, self.query, self.headers, self.cookies, self.body, *self.body_types.values(), self.response,
            *self.responses.values(), *further, *self.response_headers.values(),
        )  # fmt: skip
        return tuple(node for node in found if node is not None)


@final
class Api(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A whole API at one version."""

    types: dict[str, Node] = {}
    endpoints: dict[str, Endpoint] = {}
    """By `endpoint_key`."""


@final
class HookRecord(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One hook of a handler, as registered."""

    name: str
    kind: Literal["before", "after", "catch"]
    level: Literal["global", "route"]
    order: int
    is_async: bool
    timeout_s: float | None = None
    retries: int = 0


@final
class HandlerManifest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything there is to say about one version of one handler; generated, never written by hand."""

    id: str
    version: str
    """TSV: ``tsv:<unix seconds>-<handler id>-<nnn>``."""
    name: str
    """Qualified name of the function."""
    path: str
    methods: tuple[str, ...]
    endpoint: Endpoint
    types: dict[str, Node] = {}
    """The definitions the endpoint reaches."""
    hooks: tuple[HookRecord, ...] = ()
    policies: dict[str, object] = {}
    modules: tuple[str, ...] = ()
    is_async: bool = True
    timeout_s: float | None = None
    summary: str = ""
    deprecated: bool = False

    def canonical(self) -> bytes:
        """Return this manifest as canonical JSON."""
        return msgspec.json.encode(self, order="sorted")

    @property
    def fingerprint(self) -> str:
        """The SHA-256 of `canonical`, as 64 hexadecimal digits."""
        return hashlib.sha256(self.canonical()).hexdigest()
