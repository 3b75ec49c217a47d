"""Deadlines and disconnects of all requests in flight, by one sweeper.

A timer per request costs 4 µs; this costs two dictionary operations. Requests with the same timeout expire in the
order in which they came, so a sweep looks only at the oldest of each. A client's leaving is watched only for requests
that live longer than a sweep or two, which is nearly none.

Source: SPEC 3.3, property 8; measured in `bench/micro.py`.
"""

import asyncio
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from functools import partial
from itertools import takewhile
from time import perf_counter
from typing import Any, Literal, final

from perdure.context.local import LocalContext

CurrentTask = Callable[[], "asyncio.Task[Any] | None"]
"""Returns the running task."""

if sys.version_info >= (3, 12):

    def _current_task_of(_: asyncio.AbstractEventLoop) -> CurrentTask:
        return asyncio.current_task

else:

    def _current_task_of(loop: asyncio.AbstractEventLoop) -> CurrentTask:
        # What `asyncio.current_task` does, before it was written in C, without its detours.
        return partial(vars(asyncio.tasks)["_current_tasks"].get, loop)


__all__ = ["Deadlines"]


@final
class Deadlines:
    """The requests in flight on one event loop.

    The LCC enters and leaves by hand, as two calls would cost every request more than all the rest here: once
    `is_ticking`, it puts a Local Context with its task among the *young* of its timeout, and takes it out at the end;
    one that is not there any more is to `leave_old`.

    Args:
        tick_s: Time between sweeps: how late a timeout may strike.
        watch_after_s: Age from which a request's client is watched for leaving.

    Attributes:
        young: By timeout in seconds, the requests that came lately, in order, with the tasks that run them.
        current_task: Returns the running task, quickly.
        is_ticking: Sweeps go on; otherwise `start` them.
    """

    def __init__(self, *, tick_s: float = 0.02, watch_after_s: float = 0.04) -> None:
        self._tick_s = tick_s
        self._watch_after_s = watch_after_s
        self.young: defaultdict[float, dict[LocalContext, asyncio.Task[Any] | None]] = defaultdict(dict)
        self.current_task: CurrentTask = asyncio.current_task
        self.is_ticking = False
        self._old: defaultdict[float, dict[LocalContext, asyncio.Task[Any] | None]] = defaultdict(dict)
        self._loop: asyncio.AbstractEventLoop | None = None

    def __len__(self) -> int:
        return sum(map(len, self.young.values())) + sum(map(len, self._old.values()))

    def leave_old(self, lctx: LocalContext, timeout_s: float) -> None:
        """Forget *lctx*, which is not young any more; it ended, or is being cleaned up."""
        self._old[timeout_s].pop(lctx, None)
        # A task holds its context variables, so its Local Context: without this only the collector would free them.
        lctx._task = None
        if lctx._watcher is not None:
            lctx._watcher.cancel()

    def sweep(self, now: float) -> None:
        """Interrupt every request that is over its time at *now* and watch the clients of those that take long."""
        for timeout_s, young in self.young.items():
            aged = _older_than(young, now - min(self._watch_after_s, timeout_s))
            old = self._old[timeout_s]
            for lctx in aged:
                old[lctx] = lctx._task = young.pop(lctx)
                if lctx._facts.cancel_on_disconnect and self._loop is not None:
                    lctx._watcher = self._loop.create_task(_watch_client(lctx))
            for lctx in _older_than(old, now - timeout_s):
                del old[lctx]
                interrupt(lctx, "timeout")

    def interrupt_all(self) -> int:
        """Interrupt every request, whatever time it has left: the server ends. Return how many there were."""
        count = len(self)
        for timeout_s, young in self.young.items():
            old = self._old[timeout_s]
            for lctx, task in young.items():
                old[lctx] = lctx._task = task
            young.clear()
            for lctx in [*old]:
                del old[lctx]
                interrupt(lctx, "shutdown")
        return count

    def move_to(self, loop: asyncio.AbstractEventLoop) -> None:
        """Go on in *loop*: test clients run each test in a loop of its own, and leave the last one's timer behind."""
        if self._loop is not loop:
            self._loop, self.is_ticking = loop, False

    def start(self) -> None:
        """Begin to sweep, on the running loop, until no request is left."""
        self._loop = asyncio.get_running_loop()
        self.current_task = _current_task_of(self._loop)
        self._loop.call_later(self._tick_s, self._on_tick)
        self.is_ticking = True

    def _on_tick(self) -> None:
        self.sweep(perf_counter())
        self.is_ticking = False
        if len(self):
            self.start()


def _older_than(running: Mapping[LocalContext, object], started: float) -> list[LocalContext]:
    """Return those that started at *started* or before; *running* is in order of start."""
    return list(takewhile(lambda lctx: lctx._started <= started, running))


def interrupt(lctx: LocalContext, why: Literal["timeout", "disconnect", "shutdown"]) -> None:
    """Cancel the task that runs *lctx*, once, and leave the reason where the LCC finds it."""
    if lctx._interruption is None and lctx._task is not None:
        lctx._interruption = why
        lctx._task.cancel()


async def _watch_client(lctx: LocalContext) -> None:
    await lctx._exchange.wait_disconnect()
    interrupt(lctx, "disconnect")
