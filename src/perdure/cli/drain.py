"""A worker's last moments: answer everything that was let in, tell clients to come back elsewhere, then go.

Source: measured on Granian 2.8, which on a signal at once closes connections that wait between two requests; a
request sent at that moment gets no answer (50 of 50 keep-alive clients under load). So before Granian is told:

1. The worker stops accepting: its listening descriptor is replaced by one nobody connects to, while the shared
   socket stays open for other workers.
2. Every HTTP/1 answer now says ``Connection: close``, so clients that reuse connections leave by themselves.
3. Once all clients have left, or those that stay have asked nothing for a while, Granian stops: it finishes what is
   in flight and closes the rest.
4. Requests that take longer than they have are interrupted as if their time was over: they are cleaned up, recorded
   and answered. Whoever does not let himself be interrupted is killed by the parent a few seconds later.
"""

import os
import signal
import socket
import stat
from asyncio import AbstractEventLoop
from collections.abc import Awaitable, Callable
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any, final

from perdure.cli.alarm import alarm
from perdure.cli.idle import IdleConnections

if TYPE_CHECKING:
    from perdure.app import App

__all__ = ["DrainingTarget"]

_LONGEST_S = 5.0
_POLL_S = 0.025


@final
class DrainingTarget:
    """An RSGI application around *app* that can leave without dropping a request, and keeps room for new clients."""

    def __init__(
        self, app: "App", listening_fd: int, linger_s: float, on_start: Callable[[AbstractEventLoop], None]
    ) -> None:
        self._app = app
        self._listening_fd = listening_fd
        self._linger_s = linger_s
        self._on_start = on_start
        self._address = _local_address(listening_fd)
        self._serve = app.__rsgi__
        self._answer: Callable[[Any, Any], Awaitable[object]] = self._serve
        self._loop: AbstractEventLoop | None = None
        self._began_s: float | None = None
        self._last_request_s = 0.0
        self.has_interrupted = False
        """Whether there were requests that took longer than they had."""
        self.stop_serving: Callable[[], object] | None = None
        """What ends Granian; set by whoever runs it."""
        self.until_s = 0.0
        """Until when it may take to drain, as `time.monotonic` counts."""
        self._idle = IdleConnections(self._address, self._carry)

    def __rsgi__(self, scope: Any, protocol: Any) -> Awaitable[object]:
        """Answer one request. One attribute look-up more than the app's own."""
        return self._answer(scope, protocol)

    def __rsgi_init__(self, loop: AbstractEventLoop) -> None:
        """Start the app; from here on SIGTERM drains."""
        self._loop = loop
        self._app.__rsgi_init__(loop)
        # Granian registered both signals before this; SIGINT stays its own, and ends at once.
        loop.add_signal_handler(signal.SIGTERM, self.drain)
        self._on_start(loop)
        self._idle.start(loop)

    def __rsgi_del__(self, loop: AbstractEventLoop) -> None:
        """Stop the app."""
        self._app.__rsgi_del__(loop)

    def drain(self) -> None:
        """Take no more connections, answer those there are, then stop Granian. Calls after the first do nothing."""
        if self._loop is None or self._began_s is not None:
            return
        self._began_s = self._last_request_s = self._loop.time()
        self.until_s = monotonic() + self._app.config.drain_timeout_s
        self._app.drain()
        _stop_accepting(self._listening_fd)
        self._answer = self._answer_last
        self._loop.call_later(_POLL_S, self._stop_when_quiet, self._loop)
        self._loop.call_later(self._app.config.drain_timeout_s, self._interrupt)

    def _interrupt(self) -> None:
        count = self._app.interrupt()
        if count:
            self.has_interrupted = True
            alarm(f"not answered within drain_timeout_s, and interrupted: {count} request{'' if count == 1 else 's'}")

    def _stop_when_quiet(self, loop: AbstractEventLoop) -> None:
        self._answer = self._answer_last  # `_carry`, which runs in a thread, may have come between
        now = loop.time()
        is_late = self._began_s is not None and now - self._began_s > _LONGEST_S
        is_quiet = now - self._last_request_s > self._linger_s
        if is_late or is_quiet or not any(_local_address(fd) == self._address for fd in _descriptors()):
            if self.stop_serving is not None:
                self.stop_serving()
        else:
            loop.call_later(_POLL_S, self._stop_when_quiet, loop)

    def _carry(self, is_noted: bool) -> None:
        if self._began_s is None:
            self._answer = self._answer_noted if is_noted else self._serve

    def _answer_noted(self, scope: Any, protocol: Any) -> Awaitable[object]:
        return self._idle.carry(self._serve(scope, protocol), scope.client)

    def _answer_last(self, scope: Any, protocol: Any) -> Awaitable[object]:
        if self._loop is not None:
            self._last_request_s = self._loop.time()
        if scope.proto != "http" or not scope.http_version.startswith("1"):
            return self._serve(scope, protocol)
        return self._serve(scope, _ClosingProtocol(protocol))


@final
class _ClosingProtocol:
    """An RSGI HTTP protocol whose answers ask the client to close the connection."""

    __slots__ = ("_inner",)

    def __init__(self, inner: Any) -> None:
        self._inner = inner

    def __call__(self) -> Awaitable[bytes]:
        answer: Awaitable[bytes] = self._inner()
        return answer

    def __aiter__(self) -> object:
        return self._inner.__aiter__()

    def __getattr__(self, name: str) -> object:
        member = getattr(self._inner, name)
        if not name.startswith("response_"):
            return member
        return lambda status, headers, *rest: member(status, [*headers, ("connection", "close")], *rest)


def _stop_accepting(listening_fd: int) -> None:
    # The same socket may be open under several descriptors (Granian's, Python's): replace each of them. A listener
    # that nobody knows leaves Granian's accept loop waiting, where a closed descriptor would make it fail.
    with socket.create_server(("127.0.0.1", 0), backlog=1) as unknown:
        unknown.setblocking(False)
        shared = _inode(listening_fd)
        for fd in _descriptors():
            if _inode(fd) == shared:
                os.dup2(unknown.fileno(), fd)


def _descriptors() -> list[int]:
    return [int(entry.name) for entry in Path("/dev/fd").iterdir()]


def _inode(fd: int) -> tuple[int, int] | None:
    try:
        found = os.fstat(fd)
    except OSError:  # the descriptor with which the folder was listed
        return None
    return found.st_dev, found.st_ino


def _local_address(fd: int) -> str | int | None:
    """Return what a listener and the connections it accepted have in common: the port, or the Unix socket's path."""
    try:
        if not stat.S_ISSOCK(os.fstat(fd).st_mode):
            return None
        with socket.socket(fileno=os.dup(fd)) as opened:
            name = opened.getsockname()
    except OSError:
        return None
    return name[1] if isinstance(name, tuple) else name or None
