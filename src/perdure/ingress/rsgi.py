"""RSGI: the protocol of Granian, Perdure's own server.

Source: Granian's RSGI specification 1.6; what it leaves open was tried on Granian 2.8 (`tests/ingress`).
"""

from collections.abc import AsyncIterator, Awaitable, Coroutine
from typing import Any, final

from perdure.errors import PayloadTooLargeError
from perdure.ingress.answerable import AnswerableExchange
from perdure.ingress.door import Door
from perdure.ingress.rsgi_socket import RsgiSocket
from perdure.ingress.rsgi_streams import join_chunks, read_chunks, send_chunks
from perdure.lifecycle.reply import FileSlice, Reply

__all__ = ["RsgiAdapter", "RsgiExchange"]


@final
class RsgiExchange(AnswerableExchange):
    """One RSGI request.

    All headers are asked for at once: each question to the server takes longer than a look into a dictionary.
    """

    __slots__ = ("_has_repeated", "_items", "_peer", "_protocol", "_scope")

    def __init__(self, scope: Any, protocol: Any) -> None:
        items: list[tuple[str, str]] = scope.headers.items()
        headers: dict[str, str] = dict(items)
        has_repeated = len(headers) < len(items)
        if has_repeated:
            headers = dict(reversed(items))  # the first of each name
        self._scope = scope
        self._protocol = protocol
        self._items = items
        self._has_repeated = has_repeated
        self.method = scope.method  # written out: every request comes this way
        self.path = scope.path
        self.header = headers.get
        self.principal = None
        self.origin = None
        self._peer: str | None = None

    @property
    def lost(self) -> tuple[type[BaseException], ...]:
        """What awaiting `read` raises where the client left."""
        return (RuntimeError,)

    @property
    def query_string(self) -> str:
        """Query without its question mark, still encoded."""
        query: str = self._scope.query_string
        return query

    @property
    def scheme(self) -> str:
        """``http`` or ``https``, as the client used it."""
        return str(self._scope.scheme) if self.origin is None else self.origin.scheme

    @property
    def host(self) -> str:
        """What the client called the server."""
        if self.origin is not None:
            return self.origin.host
        # What HTTP/2 has for Host, and what the absolute form of a target names: RFC 9112, section 3.2.2.
        authority: str | None = self._scope.authority
        return authority or self.header("host") or ""

    def host_names(self) -> list[str]:
        """Return all that says what the client called the server; several ``Host`` in any case."""
        names = self.header_values("host")
        authority: str | None = self._scope.authority
        return names if not authority or len(names) > 1 else [authority]

    @property
    def http_version(self) -> str:
        """``1.0``, ``1.1`` or ``2``."""
        return str(self._scope.http_version)

    @property
    def client(self) -> str:
        """Address of the client."""
        return self.peer if self.origin is None else self.origin.client

    @property
    def peer(self) -> str:
        """Address of who made the connection."""
        peer = self._peer
        if peer is None:  # asked for several times, and written anew by the server each time
            peer = self._peer = str(self._scope.client)
        return peer

    def header_values(self, name: str) -> list[str]:
        """Return all values of a header."""
        value = self.header(name)
        if value is None:
            return []
        return [text for each, text in self._items if each == name] if self._has_repeated else [value]

    def has_unreadable(self, name: str) -> bool:
        """Return whether a header has a value that is not ASCII.

        Granian tells of the first only: one that follows a readable value of the same name cannot be seen.
        """
        headers = self._scope.headers
        return name in headers and headers.get(name) is None

    def header_items(self) -> list[tuple[str, str]]:
        """Return all headers, in order."""
        return [*self._items]

    def header_size(self) -> tuple[int, int]:
        """Return how many headers there are, and how many characters their values have together."""
        size = 0
        for _, value in self._items:
            size += len(value)
        return len(self._items), size

    def read(self, limit_bytes: int) -> Awaitable[bytes]:
        """Return, when awaited, the whole body; raises as `Exchange.read`."""
        length = self.header("content-length")
        if length is None:
            return join_chunks(self.chunks(limit_bytes))
        if int(length) > limit_bytes:
            raise PayloadTooLargeError(limit_bytes)
        raw: Awaitable[bytes] = self._protocol()
        return raw

    def chunks(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; raises as `Exchange.chunks` and `read_chunks`."""
        return read_chunks(self, self._protocol, limit_bytes)

    async def wait_disconnect(self) -> None:
        """Return when the client has left."""
        await self._protocol.client_disconnect()

    def send(self, reply: Reply) -> Coroutine[Any, Any, None] | None:
        """Send *reply*; a stream is to be awaited."""
        body = reply.body
        if type(body) is bytes:
            if body:
                self._protocol.response_bytes(reply.status, reply.headers, body)
            else:
                if self.method == "HEAD" and reply.status not in {204, 304}:
                    reply.headers.append(("content-length", "0"))
                self._protocol.response_empty(reply.status, reply.headers)
        elif isinstance(body, FileSlice):
            _send_file(body, reply, self.method, self._protocol)
        elif not isinstance(body, bytes):
            return send_chunks(body, reply, self._scope, self._protocol)
        return None


@final
class RsgiAdapter:
    """Carries requests from RSGI to the door and answers back."""

    def __init__(self, door: Door) -> None:
        self._door = door
        self._http_kinds: set[type] = set()
        """Classes of protocols that were found to be HTTP: asking the scope each time takes longer."""

    def serve(self, scope: Any, protocol: Any) -> Coroutine[Any, Any, None]:
        """Return what answers one request or WebSocket."""
        exchange = RsgiExchange(scope, protocol)
        if type(protocol) not in self._http_kinds:
            if scope.proto != "http":
                return self._door.serve_socket(exchange, RsgiSocket(scope, protocol))
            self._http_kinds.add(type(protocol))
        return self._door.answer(exchange)


def _send_file(part: FileSlice, reply: Reply, method: str, protocol: Any) -> None:
    if method == "HEAD":
        protocol.response_empty(reply.status, reply.headers)
    elif part.stop - part.start == part.size:
        protocol.response_file(reply.status, reply.headers, part.path)
    else:
        protocol.response_file_range(reply.status, reply.headers, part.path, part.start, part.stop)
