"""Connections that carry no request, cut when descriptors run short.

Granian keeps a connection on which nothing is sent for as long as its client likes. A client that opens as many as a
process may have descriptors would shut out everybody else: nothing can be accepted any more, not even a health check.
So once half of the descriptors are taken, connections that carry no request and were silent for a while are cut.

Which carry one is only kept note of from then on, so that no request pays for it before. Connections that are older
may carry one that nobody noted, so they are cut only after a minute of silence; unless their client has never sent
anything.

Alternatives: a time limit on silence must be longer than that of any proxy in front (ten minutes for some), so a flood
would not notice it. ``TCP_DEFER_ACCEPT`` only helps against clients that never send anything.

Source: measured on Granian 2.8 (`tests/cli/test_idle.py`).
"""

import logging
import os
import resource
import socket
import struct
import sys
from asyncio import AbstractEventLoop
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final, final

__all__ = ["IdleConnections", "raise_descriptor_limit"]

_log: Final = logging.getLogger("perdure.ingress")

_PERIOD_S: Final = 1.0
_SILENT_MS: Final = 2000
_OLDER_SILENT_MS: Final = 60_000
_ENOUGH: Final = 65_536
# struct tcp_info of Linux: milliseconds since data was sent, and since it was received; how many bytes were.
_LAST_SENT: Final = struct.Struct("=44xI")
_LAST_RECEIVED: Final = struct.Struct("=52xI")
_RECEIVED: Final = struct.Struct("=128xQ")

_Address = tuple[str, int]


def raise_descriptor_limit() -> None:
    """Let this process have as many descriptors as it is allowed to, up to 65,536; each connection takes one."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(hard, _ENOUGH)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


@final
class IdleConnections:
    """Connections to *port*, some of which carry requests. It does nothing but on Linux.

    Args:
        port: Of the server; no number: a Unix socket, whose clients are this machine's own.
        on_change: Called with whether requests have to pass through `carry` from now on.
    """

    def __init__(self, port: object, on_change: Callable[[bool], None]) -> None:
        self._port = port
        self._on_change = on_change
        self._carrying: Counter[_Address] = Counter()
        self._older: frozenset[_Address] = frozenset()
        self._is_short = False

    def start(self, loop: AbstractEventLoop) -> None:
        """Look at them once a second, in a thread, for as long as *loop* runs."""
        if sys.platform == "linux" and isinstance(self._port, int):
            loop.call_later(_PERIOD_S, self._look_later, loop)

    async def carry(self, request: Awaitable[object], client: str) -> object:
        """Return what *request* returns; meanwhile the connection of *client* carries it."""
        address = _parse(client)
        self._carrying[address] += 1
        try:
            return await request
        finally:
            self._carrying[address] -= 1
            if not self._carrying[address]:
                del self._carrying[address]

    def _look_later(self, loop: AbstractEventLoop) -> None:
        looking = loop.run_in_executor(None, self._look)
        looking.add_done_callback(lambda _: loop.call_later(_PERIOD_S, self._look_later, loop))

    def _look(self) -> None:
        limit = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
        is_short = 0 < limit // 2 < len(_descriptors(limit))
        if is_short and not self._is_short:
            self._on_change(True)
            self._older = frozenset(each.client for each in self._connections(limit) if each.has_sent)
        elif self._is_short and not is_short:
            self._on_change(False)
        elif is_short:
            self._cut(limit)
        self._is_short = is_short

    def _cut(self, limit: int) -> None:
        cut = 0
        for each in self._connections(limit):
            patience_ms = _OLDER_SILENT_MS if each.client in self._older else _SILENT_MS
            if each.silent_ms >= patience_ms and each.client not in self._carrying:
                with suppress(OSError):  # its client has just left
                    each.connection.shutdown(socket.SHUT_RDWR)
                    cut += 1
        if cut:
            _log.warning("descriptors run short (%d): %d connections that carried no request were cut", limit, cut)

    def _connections(self, limit: int) -> "Iterator[_Connection]":
        for fd in _descriptors(limit):
            try:
                connection = socket.socket(fileno=fd)
            except OSError:
                continue
            try:
                info = connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, _RECEIVED.size)
                if connection.getsockname()[1] == self._port:
                    yield _Connection(connection, connection.getpeername()[:2], info)
            except (OSError, IndexError):  # no TCP, or it listens, or its client has just left
                continue
            finally:
                connection.detach()


@final
class _Connection:
    """A connection, as it is now; whoever has it must not close it."""

    def __init__(self, connection: socket.socket, client: _Address, info: bytes) -> None:
        self.connection = connection
        self.client = client
        self.silent_ms: int = min(_LAST_SENT.unpack_from(info)[0], _LAST_RECEIVED.unpack_from(info)[0])
        self.has_sent = _RECEIVED.unpack_from(info)[0] > 0


def _descriptors(limit: int) -> Sequence[int]:
    """Return the descriptors there are; all there can be, where there is none left to list them with."""
    try:
        return [int(name) for name in os.listdir("/dev/fd")]  # noqa: PTH208 - names are all that is needed
    except OSError:
        return range(limit)


def _parse(client: str) -> _Address:
    host, _, port = client.rpartition(":")
    return host.strip("[]"), int(port) if port.isdecimal() else 0
