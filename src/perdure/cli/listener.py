"""The listening socket: bound once, held by the parent, shared with every worker.

Source: measured against Granian 2.8, whose workers each bind with SO_REUSEPORT: a second server on the same port
starts without complaint and steals requests, and connections waiting in a worker's queue are reset when it ends
(39 of 50 under load). One socket held by the parent has neither fault, and outlives a reload. The price is that
the kernel spreads connections over idle workers rather than evenly over all.
"""

import ctypes
import errno
import select
import socket
import stat
import struct
import sys
from asyncio import get_running_loop, sleep
from pathlib import Path
from typing import final

from perdure.errors import PerdureError

__all__ = ["BACKLOG", "ListenError", "Listener", "listen_on", "listen_on_path"]

BACKLOG = 2048
"""Connections the kernel holds while all workers are busy, as far as ``net.core.somaxconn`` lets it."""

_SO_ATTACH_FILTER = 26
# Classic BPF over the TCP header: byte 13 holds the flags; drop the packet if SYN is among them, else keep it.
_DROP_SYN = b"".join(
    struct.pack("HBBI", *instruction)
    for instruction in ((0x30, 0, 0, 13), (0x45, 0, 1, 0x02), (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFF))
)
_QUEUE_POLL_S = 0.01
_QUEUE_EMPTY_POLLS = 4
_QUEUE_TIMEOUT_S = 2.0


class ListenError(PerdureError):
    """The address cannot be listened on."""


@final
class Listener:
    """A bound socket. It does not listen yet: the first worker that is ready to answer does that."""

    def __init__(self, bound: socket.socket, path: Path | None = None) -> None:
        self._socket = bound
        self._path = path
        self._is_open = True

    def fileno(self) -> int:
        """Return the descriptor a worker inherits."""
        return self._socket.fileno()

    @property
    def is_unix(self) -> bool:
        """Whether this is a Unix socket."""
        return self._path is not None

    def address(self, *, tls: bool) -> str:
        """Return where clients find this socket: ``http://127.0.0.1:8000`` or ``unix:/run/shop.sock``."""
        if self._path is not None:
            return f"unix:{self._path}"
        host, port = self._socket.getsockname()[:2]
        shown = f"[{host}]" if ":" in host else host
        return f"{'https' if tls else 'http'}://{shown}:{port}"

    async def refuse_connections(self) -> None:
        """Let no new connection in, and wait until a worker has accepted each one that already is.

        On Linux a packet filter holds off new TCP clients; they are refused once the socket is closed. Elsewhere
        clients that connect in the last instant may be reset. Gives up waiting after two seconds.
        """
        if self._path is not None:
            self._path.unlink(missing_ok=True)
        elif sys.platform == "linux":
            program = ctypes.create_string_buffer(_DROP_SYN)
            described = struct.pack("HL", len(_DROP_SYN) // 8, ctypes.addressof(program))
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_ATTACH_FILTER, described)
        queue = select.poll()
        queue.register(self._socket, select.POLLIN)
        now = get_running_loop().time
        give_up = now() + _QUEUE_TIMEOUT_S
        empty_polls = 0
        while empty_polls < _QUEUE_EMPTY_POLLS and now() < give_up:
            empty_polls = 0 if any(event & select.POLLIN for _, event in queue.poll(0)) else empty_polls + 1
            await sleep(_QUEUE_POLL_S)

    def close(self) -> None:
        """Close the socket, and remove a Unix socket's file. Can be called twice."""
        if not self._is_open:
            return
        self._is_open = False
        self._socket.close()
        if self._path is not None:
            self._path.unlink(missing_ok=True)


def listen_on(host: str, port: int) -> Listener:
    """Return a TCP socket bound to *host* and *port*; port 0 takes a free one.

    Raises:
        ListenError: The address is in use, not this machine's, not allowed, or the name is unknown.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except (socket.gaierror, UnicodeError) as error:
        raise ListenError(f"cannot listen on {host}:{port}: the host is not known ({error})") from error
    bound = socket.socket(family, kind, protocol)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    bound.setblocking(False)
    try:
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise ListenError(f"cannot listen on {host}:{port}: {_reason(error)}") from error
    return Listener(bound)


def listen_on_path(path: Path) -> Listener:
    """Return a Unix socket bound to *path*; a socket file that nobody listens on any more is replaced.

    Raises:
        ListenError: Another server listens there, *path* is some other file, or the folder is not writable.
    """
    path = path.absolute()
    bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    bound.setblocking(False)
    try:
        if path.exists() and stat.S_ISSOCK(path.stat().st_mode) and not _is_answered(path):
            path.unlink()
        bound.bind(str(path))
    except OSError as error:
        bound.close()
        raise ListenError(f"cannot listen on {path}: {_reason(error)}") from error
    return Listener(bound, path)


def _is_answered(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
        try:
            client.connect(str(path))
        except ConnectionRefusedError:
            return False
    return True


def _reason(error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return "it is in use by another process; stop that one or choose another with --port or --uds"
    if error.errno == errno.EACCES:
        return "it is not allowed; ports below 1024 need privileges"
    return error.strerror or str(error)
