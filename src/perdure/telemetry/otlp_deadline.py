"""A limit on the time until a collector's answer begins, whatever it sends meanwhile.

The timeouts of sockets begin anew with every byte: whoever sends the head of an answer a byte a second would hold up
the sender for hours. So the connection in use is cut from beside when the time is over.
"""

import socket
from contextlib import suppress
from contextvars import ContextVar
from threading import Event, Lock, Thread
from types import TracebackType
from typing import Final, Self, final

from urllib3 import HTTPConnectionPool, HTTPResponse, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

__all__ = ["Deadline", "watch_connections"]

_AGAIN_S: Final = 0.1
"""A connection may be between two sockets when it is cut: while it begins with TLS it has none that is whole."""


@final
class Deadline:
    """As a context manager: what this thread asks for inside, over connections that are watched, has so much time.

    Args:
        timeout_s: Time for all of it, until the head of the answer is there.
    """

    def __init__(self, timeout_s: float) -> None:
        self._timeout_s = timeout_s
        self._is_done = Event()
        self._lock = Lock()
        self._connection: HTTPConnection | None = None
        self.is_over = False
        """Whether it took longer: what came of it was cut off, and must not be believed."""

    def note(self, connection: HTTPConnection) -> None:
        """Note the *connection* that is in use from now on."""
        self._connection = connection

    def __enter__(self) -> Self:
        self._before = _CURRENT.set(self)
        Thread(target=self._run, name="perdure-otlp-deadline", daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._is_done.set()
        _CURRENT.reset(self._before)

    def _run(self) -> None:
        wait_s = self._timeout_s
        while not self._is_done.wait(wait_s):
            wait_s = _AGAIN_S
            with self._lock:
                if not self._is_done.is_set():  # else the connection is another's by now
                    self.is_over = True
                    self._cut()

    def _cut(self) -> None:
        sock = None if self._connection is None else self._connection.sock
        if sock is not None:
            with suppress(OSError):
                # Not that of a TLS socket, which would forget what it is in the midst of.
                socket.socket.shutdown(sock, socket.SHUT_RDWR)


_CURRENT: Final[ContextVar[Deadline | None]] = ContextVar("perdure.otlp_deadline", default=None)


def watch_connections(manager: PoolManager) -> None:
    """Let all connections of *manager* obey the `Deadline` of the thread that uses them."""
    manager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}


def _note(connection: HTTPConnection) -> None:
    deadline = _CURRENT.get()
    if deadline is not None:
        deadline.note(connection)


@final
class _Connection(HTTPConnection):
    def connect(self) -> None:
        _note(self)  # a proxy answers before there is a connection
        super().connect()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as urllib3 itself has it
        _note(self)
        return super().getresponse()


@final
class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        _note(self)
        super().connect()

    def getresponse(self) -> HTTPResponse:  # type: ignore[override]  # as above
        _note(self)
        return super().getresponse()


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection
