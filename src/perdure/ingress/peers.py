"""The TCP connection below an exchange, for what Granian has no word for.

Its streams take whatever they are given, however slowly the client reads, and every stream ends well, also one that
broke in the middle: the client would take half an answer for a whole one. The kernel can help with both: it tells when
the connection takes more, and it can cut it. Nor can Granian close a WebSocket with a code. The connection is found
among the process' own by its peer's address.

Over HTTP/2 a connection carries more than one exchange, so it is not cut; and that it takes more says nothing, as each
stream has a window of its own. Linux tells how much of what was sent has arrived: what a stream has sent since, less
that, waits somewhere. What arrived may be of other streams, so a stream may have more waiting than it seems.

Tried on Granian 2.8 (`tests/ingress/test_answers_on_the_wire.py`, `tests/ingress/test_slow_readers.py`). Over Unix
sockets, whose clients have no address, none is found: all that can be done is to let others have their turn.
"""

import asyncio
import os
import socket
import struct
from typing import Final, final

__all__ = ["Peer"]

_UNPACED_BYTES: Final = 1 << 20
_WAITING_BYTES: Final = 4 << 20
_POLL_S: Final = 0.005
# Where Linux, from 4.1 on, has `tcpi_bytes_acked` in its `struct tcp_info`.
_TCP_INFO_BYTES: Final = 256
_ACKED: Final = struct.Struct("@Q")
_ACKED_AT: Final = 120


@final
class Peer:
    """The client of one exchange.

    Args:
        client: Address and port of the client, as the server gives it: ``127.0.0.1:51044``, ``[::1]:51044``.
        server: Address and port the client connected to.
        http_version: Of the exchange.
    """

    __slots__ = ("_client", "_gone_bytes", "_is_shared", "_sent_bytes", "_server", "_socket")

    def __init__(self, client: str, server: str, http_version: str) -> None:
        self._client = client
        self._server = server
        self._is_shared = not http_version.startswith("1")
        self._sent_bytes = 0
        self._gone_bytes = 0
        self._socket: socket.socket | None = None

    async def wait_writable(self, sent_bytes: int) -> None:
        """Return when the client can be sent more, *sent_bytes* having been sent since the last call. Cancel-safe.

        What fits into a small buffer is not worth looking for the connection, and is let pass.
        """
        before, self._sent_bytes = self._sent_bytes, self._sent_bytes + sent_bytes
        if self._sent_bytes < _UNPACED_BYTES:
            return
        if before < _UNPACED_BYTES:
            await asyncio.to_thread(self._find)
            self._gone_bytes = self._sent_bytes - self._arrived_bytes()
        if self._socket is None:
            await asyncio.sleep(0)
        elif self._is_shared:
            await self._wait_arrived()
        else:
            await _wait_room(self._socket)

    async def _wait_arrived(self) -> None:
        """Return when no more of this stream waits than may, as far as that can be told."""
        await asyncio.sleep(0)
        most = self._gone_bytes + _WAITING_BYTES
        while (arrived := self._arrived_bytes()) and self._sent_bytes - arrived > most:  # noqa: ASYNC110 - see below
            await asyncio.sleep(_POLL_S)  # the kernel tells nobody when something arrives

    def _arrived_bytes(self) -> int:
        """Return how much of what the connection carried has arrived since it was made; 0 where nobody tells."""
        if self._socket is None or not self._is_shared or not hasattr(socket, "TCP_INFO"):
            return 0
        try:
            told = self._socket.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _TCP_INFO_BYTES)
        except OSError:  # it is closed, or no TCP
            return 0
        return int(_ACKED.unpack_from(told, _ACKED_AT)[0]) if len(told) >= _ACKED_AT + _ACKED.size else 0

    def send(self, raw: bytes) -> bool:
        """Send *raw* past the server, if it fits at once; return whether it did.

        Only where nothing of the server's own is under way, and no TLS above.
        """
        exclusive = self._exclusive()
        if exclusive is None:
            return False
        try:
            return exclusive.send(raw, socket.MSG_DONTWAIT) == len(raw)
        except OSError:  # the client has left, or reads nothing
            return False

    def cut(self) -> bool:
        """Cut the connection in the middle of its answer; return whether that could be done."""
        exclusive = self._exclusive()
        if exclusive is None:
            return False
        try:
            exclusive.shutdown(socket.SHUT_RDWR)
        except OSError:  # it is cut already
            return False
        return True

    def close(self) -> None:
        """Forget the connection; until then it stays open, whatever the server does."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _exclusive(self) -> socket.socket | None:
        """Return the connection if it carries this exchange alone, and is found."""
        if self._is_shared:
            return None
        if self._socket is None:
            self._find()
        return self._socket

    def _find(self) -> None:
        """Look through the process' descriptors: some microseconds for each there is."""
        client, server = _parse(self._client), _parse(self._server)
        if client is None or server is None:
            return
        for entry in os.listdir("/dev/fd"):  # noqa: PTH208 - names are all that is needed, and they are many
            if _leads_to(int(entry), client, server[1]):
                self._socket = socket.socket(fileno=os.dup(int(entry)))
                return


async def _wait_room(connection: socket.socket) -> None:
    loop = asyncio.get_running_loop()
    writable = loop.create_future()
    loop.add_writer(connection, _resolve, writable)
    try:
        await writable
    finally:
        loop.remove_writer(connection)


def _resolve(writable: asyncio.Future[None]) -> None:
    if not writable.done():
        writable.set_result(None)


def _parse(address: str) -> tuple[str, int] | None:
    host, _, port = address.rpartition(":")
    return (host.strip("[]"), int(port)) if port.isdecimal() else None


def _leads_to(fd: int, client: tuple[str, int], server_port: int) -> bool:
    """Return whether *fd* is the end of a connection from *client* to *server_port*."""
    try:
        end = socket.socket(fileno=fd)
    except OSError:  # no socket, or closed since it was listed
        return False
    try:
        return bool(end.getpeername()[:2] == client and end.getsockname()[1] == server_port)
    except (OSError, IndexError):  # it listens, or has no port
        return False
    finally:
        end.detach()
