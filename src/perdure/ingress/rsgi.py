"""RSGI: the protocol of Granian, Perdure's own server.

Source: Granian's RSGI specification 1.6; what it leaves open was tried on Granian 2.8 (`tests/ingress`).
"""

import logging
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Coroutine
from contextlib import aclosing
from typing import Any, final

from perdure.context.local import current_context
from perdure.context.origin import Origin
from perdure.context.principal import Principal
from perdure.errors import ClientDisconnectedError, MalformedRequestError, PayloadTooLargeError, SocketClosedError
from perdure.ingress.door import Door
from perdure.ingress.peers import Peer
from perdure.ingress.streaming import send_stream
from perdure.lifecycle.reply import FileSlice, Reply

__all__ = ["RsgiAdapter", "RsgiExchange"]

_log = logging.getLogger("perdure.ingress")

_NORMAL = 1000
_CLOSE_FRAME = b"\x88\x02"
"""What comes before the code in a WebSocket's last frame: FIN and opcode 8, two bytes of payload, not masked."""


@final
class RsgiExchange:
    """One RSGI request. `header` is the server's own method: no Python stands between."""

    lost: tuple[type[BaseException], ...] = (RuntimeError,)

    __slots__ = ("_headers", "_protocol", "_scope", "header", "method", "origin", "path", "principal")

    def __init__(self, scope: Any, protocol: Any) -> None:
        headers = scope.headers
        self._scope = scope
        self._protocol = protocol
        self._headers = headers
        self.header = headers.get
        self.method: str = scope.method
        self.path: str = scope.path
        self.principal: Principal | None = None
        self.origin: Origin | None = None

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

    @property
    def http_version(self) -> str:
        """``1.0``, ``1.1`` or ``2``."""
        return str(self._scope.http_version)

    @property
    def client(self) -> str:
        """Address of the client."""
        client: str = self._scope.client
        return client if self.origin is None else self.origin.client

    @property
    def peer(self) -> str:
        """Address of who made the connection."""
        peer: str = self._scope.client
        return peer

    def header_values(self, name: str) -> list[str]:
        """Return all values of a header."""
        values: list[str] = self._headers.get_all(name)
        return values

    def has_unreadable(self, name: str) -> bool:
        """Return whether a header has a value that is not ASCII.

        Granian tells of the first only: one that follows a readable value of the same name cannot be seen.
        """
        return name in self._headers and self.header(name) is None

    def header_items(self) -> list[tuple[str, str]]:
        """Return all headers, in order."""
        items: list[tuple[str, str]] = self._headers.items()
        return items

    def header_size(self) -> tuple[int, int]:
        """Return how many headers there are, and how many characters their values have together."""
        values = self._headers.values()
        return len(values), sum(map(len, values))

    def read(self, limit_bytes: int) -> Awaitable[bytes]:
        """Return, when awaited, the whole body; raises as `Exchange.read`."""
        length = self.header("content-length")
        if length is None:
            return self._read_chunks(limit_bytes)
        if int(length) > limit_bytes:
            raise PayloadTooLargeError(limit_bytes)
        raw: Awaitable[bytes] = self._protocol()
        return raw

    async def _read_chunks(self, limit_bytes: int) -> bytes:
        return b"".join([chunk async for chunk in self.chunks(limit_bytes)])

    async def chunks(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; raises as `Exchange.chunks`.

        Raises:
            MalformedRequestError: It ends too early, or its chunks are malformed.
        """
        length = self.header("content-length")
        if length is not None and int(length) > limit_bytes:
            raise PayloadTooLargeError(limit_bytes)
        received = silent = 0
        try:
            async for chunk in self._protocol:
                received += len(chunk)
                if received > limit_bytes:
                    raise PayloadTooLargeError(limit_bytes)
                if chunk:
                    silent = 0
                    yield chunk
                else:
                    silent += 1
        except RuntimeError as error:
            raise ClientDisconnectedError("the client left before the end of its body") from error
        if length is not None and received < int(length):
            raise ClientDisconnectedError("the client left before the end of its body")
        # Granian gives an empty chunk at the end, and one more for a body that was broken off, or has trailers.
        if length is None and silent > 1 and self.http_version.startswith("1") and self.header("trailer") is None:
            raise MalformedRequestError("the body ends too early, or its chunks are malformed")

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
            return _send_stream(body, reply, self._scope, self._protocol)
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
                return self._door.serve_socket(exchange, _RsgiSocket(scope, protocol))
            self._http_kinds.add(type(protocol))
        return self._door.answer(exchange)


def _send_file(part: FileSlice, reply: Reply, method: str, protocol: Any) -> None:
    if method == "HEAD":
        protocol.response_empty(reply.status, reply.headers)
    elif part.stop - part.start == part.size:
        protocol.response_file(reply.status, reply.headers, part.path)
    else:
        protocol.response_file_range(reply.status, reply.headers, part.path, part.start, part.stop)


async def _send_stream(chunks: AsyncGenerator[bytes, None], reply: Reply, scope: Any, protocol: Any) -> None:
    if scope.method == "HEAD":
        async with aclosing(chunks):
            protocol.response_empty(reply.status, reply.headers)
        return
    transport: Any = protocol.response_stream(reply.status, reply.headers)
    peer = Peer(scope.client, scope.server, scope.http_version)

    async def send(chunk: bytes) -> None:
        try:
            await transport.send_bytes(chunk)
        except RuntimeError as error:
            raise ClientDisconnectedError("the client left in the middle of a stream") from error
        await peer.wait_writable(len(chunk))

    try:
        await send_stream(chunks, send, protocol.client_disconnect)
    except Exception as error:  # noqa: BLE001 - the answer has begun: all that can be done is not to let it pass for whole
        was_cut = peer.cut()
        lctx = current_context()
        told = "its connection was cut" if was_cut else "its client takes it for whole"
        facts = {"request_id": lctx.request_id} if lctx is not None else {}
        _log.error("a stream failed, %s: %s", told, error, exc_info=error, extra=facts)
    finally:
        # Granian ends the answer when nobody holds its transport any more; an exception's traceback may hold `send`.
        transport = None
        peer.close()


@final
class _RsgiSocket:
    """A WebSocket of RSGI."""

    def __init__(self, scope: Any, protocol: Any) -> None:
        self._scope = scope
        self._protocol = protocol
        self._transport: Any = None

    async def accept(self) -> None:
        """Take the client's offer."""
        self._transport = await self._protocol.accept()

    async def receive(self) -> str | bytes:
        """Return the next message; raises as `SocketTransport.receive`."""
        if self._transport is None:
            raise SocketClosedError("the connection was closed")
        try:
            message = await self._transport.receive()
        except RuntimeError as error:
            raise SocketClosedError("the client has left") from error
        if message.kind == 0:
            raise SocketClosedError("the client has left")
        data: str | bytes = message.data
        return data

    async def send(self, message: str | bytes) -> None:
        """Send a message; raises as `SocketTransport.send`."""
        if self._transport is None:
            raise SocketClosedError("the connection was closed")
        try:
            if isinstance(message, str):
                await self._transport.send_str(message)
            else:
                await self._transport.send_bytes(message)
        except RuntimeError as error:
            raise SocketClosedError("the client has left") from error

    async def refuse(self, status: int) -> None:
        """Answer the client's offer with *status* instead of accepting it."""
        self._protocol.close(status)

    async def close(self, code: int) -> None:
        """Say good-bye; before `accept`, refuse."""
        if self._transport is None:
            self._protocol.close(403)
            return
        # Granian closes without a code, which is as good as 1000, and only once nobody holds the transport. Any other
        # code goes first, by hand; what follows it is not looked at any more (RFC 6455, section 1.4). Not over TLS.
        if code != _NORMAL and self._scope.scheme not in {"https", "wss"}:
            peer = Peer(self._scope.client, self._scope.server, self._scope.http_version)
            peer.send(_CLOSE_FRAME + code.to_bytes(2))
            peer.close()
        self._transport = None
        self._protocol.close(code)
