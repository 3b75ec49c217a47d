"""Deadlines and disconnects of all requests in flight, by one sweeper.

A timer per request costs 4 µs; this costs two dictionary operations. Requests with the same timeout expire in the
order in which they came, so a sweep looks only at the oldest of each. A client's leaving is watched only for requests
that live longer than a sweep or two, which is nearly none.

Source: SPEC 3.3, property 8; measured in `bench/micro.py`.
"""

import asyncio
import sys
from itertools import takewhile
from time import perf_counter
from typing import Any, Literal, final

from perdure.context.local import LocalContext

if sys.version_info >= (3, 12):
    from asyncio import current_task
else:
    _running: "dict[asyncio.AbstractEventLoop, asyncio.Task[Any]]" = vars(asyncio.tasks)["_current_tasks"]

    def current_task() -> "asyncio.Task[Any] | None":
        """Return the running task; `asyncio.current_task` before it was written in C, without its detours."""
        return _running.get(asyncio.get_running_loop())


__all__ = ["Deadlines"]


@final
class Deadlines:
    """The requests in flight on one event loop.

    Args:
        tick_s: Time between sweeps: how late a timeout may strike.
        watch_after_s: Age from which a request's client is watched for leaving.
    """

    def __init__(self, *, tick_s: float = 0.02, watch_after_s: float = 0.04) -> None:
        self._tick_s = tick_s
        self._watch_after_s = watch_after_s
        self._young: dict[float, dict[LocalContext, None]] = {}
        self._old: dict[float, dict[LocalContext, None]] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return sum(map(len, self._young.values())) + sum(map(len, self._old.values()))

    def enter(self, lctx: LocalContext, timeout_s: float) -> None:
        """Interrupt the current task once *lctx* is older than *timeout_s*, unless it leaves before."""
        lctx._task = current_task()
        young = self._young.get(timeout_s)
        if young is None:
            young = self._young[timeout_s] = {}
            self._old[timeout_s] = {}
        young[lctx] = None
        if self._timer is None:
            self._start()

    def leave(self, lctx: LocalContext, timeout_s: float) -> None:
        """Forget *lctx*; it ended, or is being cleaned up."""
        # A task holds its context variables, so its Local Context: without this only the collector would free them.
        lctx._task = None
        if self._young[timeout_s].pop(lctx, self) is self:
            self._old[timeout_s].pop(lctx, None)
            if lctx._watcher is not None:
                lctx._watcher.cancel()

    def sweep(self, now: float) -> None:
        """Interrupt every request that is over its time at *now* and watch the clients of those that take long."""
        for timeout_s, young in self._young.items():
            aged = _older_than(young, now - min(self._watch_after_s, timeout_s))
            old = self._old[timeout_s]
            for lctx in aged:
                del young[lctx]
                old[lctx] = None
                if lctx._facts.cancel_on_disconnect and self._loop is not None:
                    lctx._watcher = self._loop.create_task(_watch_client(lctx))
            for lctx in _older_than(old, now - timeout_s):
                del old[lctx]
                interrupt(lctx, "timeout")

    def move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go on in *loop*: test clients run each test in a loop of its own, and leave the last one's timer behind."""
        if self._loop is not loop:
            self._loop, self._timer = loop, None

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._timer = self._loop.call_later(self._tick_s, self._on_tick)

    def _on_tick(self) -> None:
        self.sweep(perf_counter())
        self._timer = None
        if len(self):
            self._start()


def _older_than(running: dict[LocalContext, None], started: float) -> list[LocalContext]:
    """Return those that started at *started* or before; *running* is in order of start."""
    return list(takewhile(lambda lctx: lctx._started <= started, running))


def interrupt(lctx: LocalContext, why: Literal["timeout", "disconnect"]) -> None:
    """Cancel the task that runs *lctx*, once, and leave the reason where the LCC finds it."""
    if lctx._interruption is None and lctx._task is not None:
        lctx._interruption = why
        lctx._task.cancel()


async def _watch_client(lctx: LocalContext) -> None:
    await lctx._exchange.wait_disconnect()
    interrupt(lctx, "disconnect")
