"""WebSockets, as handlers see them.

Source: SPEC 3.1; RFC 6455.
"""

from collections.abc import AsyncIterator
from typing import Any, Generic, Protocol, cast, final

import msgspec
from typing_extensions import TypeVar

from perdure.errors import MalformedRequestError, MalformedValueError, SocketClosedError
from perdure.gtype.depth import check_depth
from perdure.gtype.safe_decoding import json_decoder

__all__ = ["SocketTransport", "WebSocket"]

Incoming = TypeVar("Incoming", default=Any)
Outgoing = TypeVar("Outgoing", default=Any)


class SocketTransport(Protocol):
    """A WebSocket connection of some server."""

    async def accept(self) -> None:
        """Take the client's offer.

        Raises:
            SocketClosedError: The client has left.
        """

    async def receive(self) -> str | bytes:
        """Return the next message.

        Raises:
            SocketClosedError: The client has left.
        """

    async def send(self, message: str | bytes) -> None:
        """Send a message.

        Raises:
            SocketClosedError: The client has left.
        """

    async def close(self, code: int) -> None:
        """Say good-bye."""

    async def refuse(self, status: int) -> None:
        """Answer the client's offer with *status*, 400 to 599, instead of accepting it."""


@final
class WebSocket(Generic[Incoming, Outgoing]):
    """A WebSocket connection: ``WebSocket[Incoming, Outgoing]`` types what `receive_json` and `send_json` carry.

    Accepted when the handler starts, closed when it ends. Iterating yields messages until the client leaves.
    """

    __slots__ = ("_accepted", "_closed", "_decode", "_transport")

    def __init__(self, transport: SocketTransport, incoming: Any = Any) -> None:
        self._transport = transport
        self._decode = json_decoder(incoming)
        self._accepted = False
        self._closed = False

    async def accept(self) -> None:
        """Take the client's offer; before hooks may look at the request first. Only the first call does something.

        Raises:
            SocketClosedError: The client has left.
        """
        if not self._accepted:
            self._accepted = True
            await self._transport.accept()

    async def receive(self) -> str | bytes:
        """Return the next message: text or bytes. Cancel-safe.

        Raises:
            SocketClosedError: The client has left, or the connection was closed here.
        """
        if self._closed:
            raise SocketClosedError("the connection was closed by the handler")
        return await self._transport.receive()

    async def receive_json(self) -> Incoming:
        """Return the next message, decoded as JSON of the declared type. Cancel-safe.

        Raises:
            SocketClosedError: As `receive`.
            MalformedRequestError: It is no JSON, or of another type. A handler that lets this through closes the
                connection with 1007.
        """
        raw = await self.receive()
        encoded = raw.encode(errors="surrogatepass") if isinstance(raw, str) else raw
        try:
            check_depth(encoded)
            message = cast("Incoming", self._decode(encoded))
        except (msgspec.DecodeError, MalformedValueError, UnicodeDecodeError, RecursionError) as error:
            raise MalformedRequestError(f"the message is not what is expected: {error}") from error
        return message

    async def send(self, message: str | bytes) -> None:
        """Send text or bytes.

        Raises:
            SocketClosedError: The client has left, or the connection was closed here.
        """
        if self._closed:
            raise SocketClosedError("the connection was closed by the handler")
        await self._transport.send(message)

    async def send_json(self, value: Outgoing) -> None:
        """Send *value* as JSON text.

        Raises:
            SocketClosedError: As `send`.
        """
        await self.send(msgspec.json.encode(value).decode())

    async def close(self, code: int = 1000) -> None:
        """Close the connection; only the first call does something.

        Args:
            code: 1000 for a normal end; 3000 to 4999 are the program's own.
        Raises:
            ValueError: *code* is none that may be sent.
        """
        if not (1000 <= code <= 1014 or 3000 <= code <= 4999) or code in {1004, 1005, 1006}:
            raise ValueError(f"{code} is no code to close a WebSocket with")
        if not self._closed:
            self._closed = True
            await self._transport.close(code)

    async def __aiter__(self) -> AsyncIterator[str | bytes]:
        while True:
            try:
                message = await self.receive()
            except SocketClosedError:
                return
            yield message
