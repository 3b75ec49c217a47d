"""The TCP connection below an exchange, for what Granian has no word for.

Its streams take whatever they are given, however slowly the client reads, and every stream ends well, also one that
broke in the middle: the client would take half an answer for a whole one. The kernel can help with both: it tells when
the connection takes more, and it can cut it. Nor can Granian close a WebSocket with a code. The connection is found
among the process' own by its peer's address.

Tried on Granian 2.8 (`tests/ingress/test_answers_on_the_wire.py`). Over Unix sockets, whose clients have no address,
none is found; over HTTP/2 a connection carries more than one exchange, so it is neither cut nor slowed down.
"""

import asyncio
import os
import socket
from typing import final

__all__ = ["Peer"]

_UNPACED_BYTES = 1 << 20


@final
class Peer:
    """The client of one exchange.

    Args:
        client: Address and port of the client, as the server gives it: ``127.0.0.1:51044``, ``[::1]:51044``.
        server: Address and port the client connected to.
        http_version: Of the exchange.
    """

    __slots__ = ("_client", "_is_shared", "_sent_bytes", "_server", "_socket")

    def __init__(self, client: str, server: str, http_version: str) -> None:
        self._client = client
        self._server = server
        self._is_shared = not http_version.startswith("1")
        self._sent_bytes = 0
        self._socket: socket.socket | None = None

    async def wait_writable(self, sent_bytes: int) -> None:
        """Return when the client can be sent more, *sent_bytes* having been sent since the last call. Cancel-safe.

        What fits into a small buffer is not worth looking for the connection, and is let pass.
        """
        before, self._sent_bytes = self._sent_bytes, self._sent_bytes + sent_bytes
        if self._sent_bytes < _UNPACED_BYTES or self._is_shared:
            return
        if before < _UNPACED_BYTES:
            await asyncio.to_thread(self._find)
        if self._socket is None:
            return
        loop = asyncio.get_running_loop()
        writable = loop.create_future()
        loop.add_writer(self._socket, _resolve, writable)
        try:
            await writable
        finally:
            loop.remove_writer(self._socket)

    def send(self, raw: bytes) -> bool:
        """Send *raw* past the server, if it fits at once; return whether it did.

        Only where nothing of the server's own is under way, and no TLS above.
        """
        if self._socket is None and not self._is_shared:
            self._find()
        if self._socket is None:
            return False
        try:
            return self._socket.send(raw, socket.MSG_DONTWAIT) == len(raw)
        except OSError:  # the client has left, or reads nothing
            return False

    def cut(self) -> bool:
        """Cut the connection in the middle of its answer; return whether that could be done."""
        if self._socket is None and not self._is_shared:
            self._find()
        if self._socket is None:
            return False
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:  # it is cut already
            return False
        return True

    def close(self) -> None:
        """Forget the connection; until then it stays open, whatever the server does."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None

    def _find(self) -> None:
        """Look through the process' descriptors: some microseconds for each there is."""
        client, server = _parse(self._client), _parse(self._server)
        if client is None or server is None:
            return
        for entry in os.listdir("/dev/fd"):  # noqa: PTH208 - names are all that is needed, and they are many
            if _leads_to(int(entry), client, server[1]):
                self._socket = socket.socket(fileno=os.dup(int(entry)))
                return


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
