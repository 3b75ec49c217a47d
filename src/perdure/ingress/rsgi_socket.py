"""WebSockets over RSGI.

Source: Granian's RSGI specification 1.6; RFC 6455.
"""

from typing import Any, final

from perdure.errors import SocketClosedError
from perdure.ingress.peers import Peer

__all__ = ["RsgiSocket"]

_NORMAL = 1000
_CLOSE_FRAME = b"\x88\x02"
"""What comes before the code in a WebSocket's last frame: FIN and opcode 8, two bytes of payload, not masked."""


@final
class RsgiSocket:
    """A WebSocket of RSGI."""

    def __init__(self, scope: Any, protocol: Any) -> None:
        self._scope = scope
        self._protocol = protocol
        self._transport: Any = None

    async def accept(self) -> None:
        """Take the client's offer; raises as `SocketTransport.accept`."""
        try:
            self._transport = await self._protocol.accept()
        except RuntimeError as error:
            raise SocketClosedError("the client left before it was answered") from error

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
