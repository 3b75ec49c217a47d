"""What is told of a request's spans: names, attributes, errors; by OpenTelemetry's conventions for HTTP.

Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/, stable since 1.23.
"""

from typing import Final, final

from msgspec import Struct

from perdure.context.addresses import host_of
from perdure.context.events import Stage
from perdure.errors import ClientDisconnectedError, Problem, RequestError
from perdure.telemetry.otlp_wire import Value, attributes, failed_status, name_and_kind

__all__ = [
    "KNOWN_METHODS", "SOCKET", "Shared", "Told", "error_type", "fields_of_stage", "is_failure", "message_of",
    "shared_fields", "write_peers", "write_place",
]  # fmt: skip

KNOWN_METHODS: Final = frozenset(("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"))
"""Methods that are told as they are; others could be anything, as anybody may send them."""
SOCKET: Final = 101
"""The status of a WebSocket, told when it begins: what becomes of it is not in it."""
_INTERNAL, _SERVER, _CLIENT = 1, 2, 3


@final
class Told(Struct, frozen=True):
    """What every span of a request carries."""

    request_id: str
    handler: str
    """Its id; ``""`` where no handler was run."""
    route: str
    version: str
    method: str
    status: int


def error_type(error: BaseException) -> str:
    """Return the class of *error* as it is told: ``builtins`` are left out."""
    kind = type(error)
    return kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"


def message_of(error: BaseException) -> str:
    """Return what *error* says."""
    try:
        return str(error)
    except Exception as failure:  # noqa: BLE001 - an error of the program's own, whose text is code like any other
        return f"({type(failure).__name__} while it was read)"


def is_failure(error: BaseException) -> bool:
    """Return whether the server is to blame: what a client got wrong, or its leaving, makes no span a failed one."""
    if isinstance(error, Problem):
        return error.status >= 500
    return not isinstance(error, RequestError | ClientDisconnectedError)


@final
class Shared(Struct, frozen=True):
    """What the spans of all requests of one plan have in common."""

    heading: bytes
    """Name and kind of the request's own span."""
    identity: bytes
    """Attributes of all spans."""
    http: bytes
    """Attributes of all spans but those of calls to other servers, which have such of their own."""


def shared_fields(told: Told) -> Shared:
    """Write what is the same for all requests that *told* differs from in id and status only."""
    method = told.method if told.method in KNOWN_METHODS else "_OTHER"
    http: dict[str, Value] = {"http.request.method": method}
    if told.route:
        http["http.route"] = told.route
    shown = method if method != "_OTHER" else "HTTP"
    heading = name_and_kind(f"{shown} {told.route}" if told.route else shown, _SERVER)
    return Shared(
        heading, attributes({"perdure.handler": told.handler, "perdure.version": told.version}), attributes(http)
    )


def fields_of_stage(stage: Stage | None, limit: int) -> bytes:
    """Return name, kind and attributes of a part of a request; None is the routing.

    Args:
        limit: Characters of a name, at most.
    """
    if stage is None:
        return name_and_kind("routing", _INTERNAL) + attributes({"perdure.stage": "routing"})
    kind, name = stage.kind, stage.name[:limit]
    values: dict[str, Value] = {"perdure.stage": kind}
    if stage.level:
        values["perdure.level"] = stage.level
    values.update(stage.facts)
    if kind == "client":
        status = stage.facts.get("http.response.status_code", 0)
        failed = b""
        if isinstance(status, int) and status >= 400:
            values["error.type"], failed = str(status), failed_status()
        return name_and_kind(name, _CLIENT) + attributes(values) + failed
    shown = kind if name == kind or kind == "validation" else f"{kind} {name}"
    return name_and_kind(shown, _INTERNAL) + attributes(values)


def write_place(scheme: str, http_version: str, host: str, agent: str) -> bytes:
    """Write what requests of one kind of client have in common."""
    values: dict[str, Value] = {"url.scheme": scheme, "network.protocol.version": http_version}
    values.update(_address("server", host))
    if agent:
        values["user_agent.original"] = agent
    return attributes(values)


def write_peers(client: str, peer: str) -> bytes:
    """Write what requests of one connection have in common."""
    return attributes({**_address("client", client), **_address("network.peer", peer)})


def _address(of: str, address: str) -> dict[str, Value]:
    if not address:
        return {}
    host = host_of(address)
    rest = address[len(host) + 2 :] if address.startswith("[") else address[len(host) :]
    port = rest[1:]
    if not rest.startswith(":") or not (port.isascii() and port.isdigit()) or len(port) > 5:
        return {f"{of}.address": host}
    return {f"{of}.address": host, f"{of}.port": int(port)}
