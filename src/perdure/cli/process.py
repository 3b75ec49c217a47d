"""A worker process, as its parent sees it."""

import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import Process
from math import inf
from typing import final

import msgspec

from perdure.cli.alarm import alarm
from perdure.cli.listener import Listener
from perdure.cli.plan import Ready, ServerSettings, WorkerPlan

__all__ = ["Worker", "describe_ending", "start_worker"]

_KILL_MARGIN_S = 3.0
"""How long requests that were interrupted have to clean up."""
_DEATH_S = 5.0
"""How long a process that was killed is waited for."""


@final
class Worker:
    """One worker process."""

    def __init__(self, process: Process, control: socket.socket, ready: Ready | None) -> None:
        self._process = process
        self._control = control
        self.ready = ready
        """What the worker said of itself; None if it ended before it could answer."""

    @property
    def pid(self) -> int:
        """The id of the process."""
        return self._process.pid

    async def wait(self) -> int:
        """Return the exit code, once there is one; negative: the signal that ended it. Cancel-safe."""
        return await self._process.wait()

    async def drain(self, longest_s: float = inf) -> bool:
        """Let the worker finish what it has; return whether it did so in time and in order. Else it is killed.

        Args:
            longest_s: Time it has at most; never more than its app's ``drain_timeout_s``.
        """
        self._control.close()
        timeout_s = _KILL_MARGIN_S + min(longest_s, self.ready.drain_timeout_s if self.ready else 0.0)
        try:
            await asyncio.wait_for(self._process.wait(), timeout_s)
        except TimeoutError:
            alarm(f"worker {self.pid} still had requests after {timeout_s:g} s and was killed")
            self.kill()
            try:
                await asyncio.wait_for(self._process.wait(), _DEATH_S)
            except TimeoutError:  # not even that ends who waits for a disk that hangs
                alarm(f"worker {self.pid} has not ended yet; it will as soon as its disk answers")
            return False
        if self._process.returncode:
            alarm(f"worker {self.pid} ended badly ({describe_ending(self._process.returncode)})")
        return self._process.returncode == 0

    def abandon(self, *, can_answer: bool) -> None:
        """End the process: at once if it cannot answer yet; if it can, it first answers what it took."""
        if can_answer or _has_data(self._control):
            self._control.close()
        else:
            self.kill()

    def kill(self) -> None:
        """End the process at once, if it still runs."""
        self._control.close()
        if self._process.returncode is None:
            self._process.kill()


async def start_worker(settings: ServerSettings, listener: Listener, number: int) -> Worker:
    """Start a process that serves, and wait until it can answer or has ended.

    The result's `ready` tells which. If this is cancelled, the process is told to end. The app finds in its environment
    where clients reach it (``PERDURE_URL``) and *number* (``PERDURE_WORKER``).

    Args:
        number: How many workers this server has started before.
    """
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    plan = WorkerPlan(
        target=settings.target,
        listening_fd=listener.fileno(),
        control_fd=theirs.fileno(),
        linger_s=settings.linger_s,
        reloads=settings.reloads,
        is_unix=listener.is_unix,
        run_folder=str(settings.run_folder) if settings.run_folder else None,
        turns_fd=settings.turns_fd,
        tls_cert=str(settings.tls_cert) if settings.tls_cert else None,
        tls_key=str(settings.tls_key) if settings.tls_key else None,
        http1_only=settings.http1_only,
        invocation=settings.invocation,
    )
    with theirs:
        # -P: the folder the command was typed in must not hide modules of the worker's; `load` adds the app's own.
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "perdure.cli.worker",
            msgspec.json.encode(plan).decode(),
            pass_fds=tuple(fd for fd in (listener.fileno(), theirs.fileno(), settings.turns_fd) if fd is not None),
            process_group=None if settings.reloads else 0,
            env={
                **os.environ,
                "PERDURE_URL": listener.address(tls=settings.tls_cert is not None),
                "PERDURE_WORKER": str(number),
            },
        )
    worker = Worker(process, ours, None)
    reading = asyncio.ensure_future(_read_ready(ours))
    try:
        worker.ready = await asyncio.shield(reading)
        if worker.ready is None:
            await process.wait()
    except asyncio.CancelledError:
        worker.abandon(can_answer=reading.done())
        reading.cancel()
        raise
    return worker


async def _read_ready(control: socket.socket) -> Ready | None:
    loop = asyncio.get_running_loop()
    line = b""
    while not line.endswith(b"\n"):
        chunk = await loop.sock_recv(control, 4096)
        if not chunk:
            return None
        line += chunk
    return msgspec.json.decode(line, type=Ready)


def _has_data(control: socket.socket) -> bool:
    try:
        return bool(control.recv(1, socket.MSG_PEEK))
    except OSError:  # there is none yet
        return False


def describe_ending(ending: int) -> str:
    """Return an exit code as `Worker.wait` gives it in words: ``exit code 3`` or ``SIGKILL``."""
    return f"exit code {ending}" if ending >= 0 else signal.Signals(-ending).name
