"""ASGI: for uvicorn, hypercorn, and test clients such as httpx's ASGITransport.

Source: the ASGI HTTP & WebSocket specification 2.4, lifespan 2.0.
"""

import asyncio
import logging
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, MutableMapping
from functools import partial
from pathlib import Path
from typing import Any, final

from perdure.context.addresses import with_port
from perdure.errors import ClientDisconnectedError, PayloadTooLargeError, SocketClosedError
from perdure.ingress.answerable import AnswerableExchange
from perdure.ingress.door import Door
from perdure.ingress.streaming import send_stream
from perdure.lifecycle.reply import FileSlice, Reply

__all__ = ["AsgiAdapter", "AsgiExchange", "Receive", "Scope", "Send"]

Message = MutableMapping[str, Any]
"""One ASGI event."""

Scope = MutableMapping[str, Any]
"""What an ASGI server says of a connection."""

Receive = Callable[[], Awaitable[Message]]
"""Returns the next event from the client."""

Send = Callable[[Message], Awaitable[None]]
"""Sends an event to the client."""

_FILE_CHUNK_BYTES = 256 * 1024
_REFUSAL = "websocket.http.response"
"""The extension of servers that refuse WebSockets with any status; its events' names begin with it, too."""

_absolute = re.compile(r"https?://([^/]*)(.*)", re.IGNORECASE | re.DOTALL).fullmatch
_log = logging.getLogger("perdure.ingress")


@final
class AsgiExchange(AnswerableExchange):
    """One ASGI request."""

    __slots__ = (
        "_authority", "_by_name", "_claimed", "_consumed", "_query_string", "_receive", "_scope", "_send",
        "_unreadable",
    )  # fmt: skip

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._claimed = False
        self._consumed: asyncio.Event | None = None
        path: str = scope["path"]
        self._authority = ""
        if not path.startswith("/") and (absolute := _absolute(path)) is not None:
            self._authority, path = absolute[1], absolute[2] or "/"
        self._query_string: str = scope.get("query_string", b"").decode("latin-1")
        self._by_name: dict[str, list[str]] = {}
        self._unreadable: set[str] = set()
        for name, value in scope["headers"]:
            known = name.decode("latin-1").lower()
            if value.isascii():
                self._by_name.setdefault(known, []).append(value.decode("latin-1"))
            else:  # Granian cannot read them either: a request is the same on every server
                self._unreadable.add(known)
        first = {name: values[0] for name, values in self._by_name.items()}
        super().__init__(scope.get("method", "GET"), path, first.get)

    @property
    def lost(self) -> tuple[type[BaseException], ...]:
        """Nothing: what awaiting `read` raises is of our own."""
        return ()

    @property
    def query_string(self) -> str:
        """Query without its question mark, still encoded."""
        return self._query_string

    @property
    def scheme(self) -> str:
        """``http`` or ``https``, as the client used it."""
        return str(self._scope.get("scheme", "http")) if self.origin is None else self.origin.scheme

    @property
    def host(self) -> str:
        """What the client called the server; what that calls itself where it let a request without a name in."""
        if self.origin is not None:
            return self.origin.host
        if self._authority or "host" in self._unreadable:
            return self._authority
        host = self.header("host")
        if host is not None:
            return host
        server = self._scope.get("server") or ("localhost", None)
        return with_port(server[0], server[1] or 80)

    def host_names(self) -> list[str]:
        """Return all that says what the client called the server; several ``Host`` in any case."""
        names = self._by_name.get("host", [])
        return names if len(names) > 1 else [self.host]

    @property
    def http_version(self) -> str:
        """``1.0``, ``1.1`` or ``2``."""
        return str(self._scope.get("http_version", "1.1"))

    @property
    def client(self) -> str:
        """Address of the client; empty where the server does not tell."""
        return self.peer if self.origin is None else self.origin.client

    @property
    def peer(self) -> str:
        """Address of who made the connection; empty where the server does not tell."""
        client = self._scope.get("client")
        return with_port(client[0], client[1]) if client else ""

    def header_values(self, name: str) -> list[str]:
        """Return all values of a header."""
        return list(self._by_name.get(name, ()))

    def has_unreadable(self, name: str) -> bool:
        """Return whether a header has a value that is not ASCII."""
        return name in self._unreadable

    def header_items(self) -> list[tuple[str, str]]:
        """Return all headers; those of one name follow each other."""
        return [(name, value) for name, values in self._by_name.items() for value in values]

    def header_size(self) -> tuple[int, int]:
        """Return how many headers there are, and how many characters their values have together."""
        values = [value for values in self._by_name.values() for value in values]
        return len(values), sum(map(len, values))

    async def read(self, limit_bytes: int) -> bytes:
        """Return the whole body; raises as `Exchange.read`."""
        return b"".join([chunk async for chunk in self.chunks(limit_bytes)])

    def chunks(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; raises as `Exchange.chunks`."""
        self._claimed = True
        return self._chunks(limit_bytes)

    async def _chunks(self, limit_bytes: int) -> AsyncIterator[bytes]:
        length = self.header("content-length")
        if length is not None and length.isdecimal() and int(length) > limit_bytes:
            raise PayloadTooLargeError(limit_bytes)
        received, more = 0, True
        while more:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnectedError("the client left before the end of its body")
            chunk: bytes = message.get("body", b"")
            more = message.get("more_body", False)
            received += len(chunk)
            if received > limit_bytes:
                raise PayloadTooLargeError(limit_bytes)
            if chunk:
                yield chunk
        self._body_consumed().set()

    async def wait_disconnect(self) -> None:
        """Return when the client has left; not before the body has been read, unless nobody is going to."""
        if self._claimed:
            await self._body_consumed().wait()
        while (await self._receive())["type"] != "http.disconnect":
            pass

    def send(self, reply: Reply) -> Awaitable[None]:
        """Send *reply*."""
        return _send(reply, self, self._send)

    def _body_consumed(self) -> asyncio.Event:
        if self._consumed is None:
            self._consumed = asyncio.Event()
        return self._consumed


@final
class AsgiAdapter:
    """Carries requests from ASGI to the door and answers back.

    Args:
        start: Called when the server starts; where it does not say so, before the first request.
        stop: Called when the server stops.
    """

    def __init__(
        self, door: Callable[[], Door], start: Callable[[], Awaitable[None]], stop: Callable[[], Awaitable[None]]
    ) -> None:
        self._door = door
        self._start = start
        self._stop = stop

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, WebSocket or lifespan."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        await self._start()
        exchange = AsgiExchange(scope, receive, send)
        if scope["type"] == "websocket":
            await self._door().serve_socket(exchange, _AsgiSocket(scope, receive, send))
            return
        await self._door().answer(exchange)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            step, perform = (
                ("startup", self._start) if message["type"] == "lifespan.startup" else ("shutdown", self._stop)
            )
            try:
                await perform()
            except Exception as error:  # noqa: BLE001 - the server is told, and ends
                _log.exception("%s failed", step)
                await send({"type": f"lifespan.{step}.failed", "message": f"{type(error).__name__}: {error}"})
                return
            await send({"type": f"lifespan.{step}.complete"})
            if step == "shutdown":
                return


async def _send(reply: Reply, exchange: AsgiExchange, send: Send) -> None:
    headers = [(name.encode("latin-1"), value.encode()) for name, value in reply.headers]
    body = reply.body
    has_none = reply.status in {204, 304}
    if isinstance(body, bytes) and not has_none:
        headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    if isinstance(body, bytes):
        await send({"type": "http.response.body", "body": b"" if has_none or exchange.method == "HEAD" else body})
        return
    chunks = _read_file(body) if isinstance(body, FileSlice) else body
    if has_none or exchange.method == "HEAD":
        await chunks.aclose()
    elif not await send_stream(chunks, partial(_send_chunk, send), exchange.wait_disconnect):
        return
    await send({"type": "http.response.body", "body": b""})


async def _send_chunk(send: Send, chunk: bytes) -> None:
    try:
        await send({"type": "http.response.body", "body": chunk, "more_body": True})
    except OSError as error:
        raise ClientDisconnectedError("the client left in the middle of a stream") from error


async def _read_file(part: FileSlice) -> AsyncGenerator[bytes, None]:
    file = await asyncio.to_thread(Path(part.path).open, "rb")
    try:
        await asyncio.to_thread(file.seek, part.start)
        left = part.stop - part.start
        while left > 0 and (chunk := await asyncio.to_thread(file.read, min(left, _FILE_CHUNK_BYTES))):
            left -= len(chunk)
            yield chunk
    finally:
        await asyncio.to_thread(file.close)


@final
class _AsgiSocket:
    """A WebSocket of ASGI."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._scope = scope
        self._receive = receive
        self._send = send
        self._open = True

    async def accept(self) -> None:
        """Take the client's offer."""
        await self._receive()
        await self._send({"type": "websocket.accept"})

    async def receive(self) -> str | bytes:
        """Return the next message; raises as `SocketTransport.receive`."""
        message = await self._receive()
        if message["type"] == "websocket.disconnect":
            self._open = False
            raise SocketClosedError("the client has left")
        text: str | None = message.get("text")
        return text if text is not None else bytes(message.get("bytes") or b"")

    async def send(self, message: str | bytes) -> None:
        """Send a message; raises as `SocketTransport.send`."""
        if not self._open:
            raise SocketClosedError("the client has left")
        kind = "text" if isinstance(message, str) else "bytes"
        try:
            await self._send({"type": "websocket.send", kind: message})
        except (OSError, RuntimeError) as error:
            self._open = False
            raise SocketClosedError("the client has left") from error

    async def refuse(self, status: int) -> None:
        """Answer the client's offer with *status* instead of accepting it; with 403 where the server knows no other."""
        self._open = False
        if _REFUSAL not in (self._scope.get("extensions") or {}):
            await self._send({"type": "websocket.close"})
            return
        headers = [(b"content-length", b"0")]
        await self._send({"type": f"{_REFUSAL}.start", "status": status, "headers": headers})
        await self._send({"type": f"{_REFUSAL}.body", "body": b""})

    async def close(self, code: int) -> None:
        """Say good-bye; before `accept`, refuse."""
        if self._open:
            self._open = False
            await self._send({"type": "websocket.close", "code": code})
