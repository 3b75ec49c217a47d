"""Time one call, many times over."""

import asyncio
import gc
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from inspect import iscoroutinefunction
from itertools import repeat
from statistics import median
from time import perf_counter_ns

Call = Callable[[], object]
"""Something to time: takes nothing, its result is dropped. Where it is a coroutine function, it is awaited."""

_BATCHES = 15


@dataclass(frozen=True)
class Timing:
    """Nanoseconds per call."""

    least_ns: float
    """Of the quickest batch: what it costs when nothing else happens."""
    median_ns: float
    """Of the middle batch."""


def time_call(call: Call, batch_ms: int) -> Timing:
    """Return what *call* costs, the loop around it included (some 30 ns), the collector on as in a server.

    Args:
        call: What to time.
        batch_ms: How long a batch of calls shall take; there are fifteen.
    """
    if iscoroutinefunction(call):
        return asyncio.run(_time_awaited(call, batch_ms))
    loops = 1
    while (took := _batch(call, loops)) < batch_ms * 1_000_000:
        loops = _more(loops, took, batch_ms)
    gc.collect()
    return _timing([_batch(call, loops) for _ in range(_BATCHES)], loops)


async def _time_awaited(call: Callable[[], Awaitable[object]], batch_ms: int) -> Timing:
    loops = 1
    while (took := await _awaited_batch(call, loops)) < batch_ms * 1_000_000:
        loops = _more(loops, took, batch_ms)
    gc.collect()
    return _timing([await _awaited_batch(call, loops) for _ in range(_BATCHES)], loops)


def _batch(call: Call, loops: int) -> int:
    start = perf_counter_ns()
    for _ in repeat(None, loops):
        call()
    return perf_counter_ns() - start


async def _awaited_batch(call: Callable[[], Awaitable[object]], loops: int) -> int:
    start = perf_counter_ns()
    for _ in repeat(None, loops):
        await call()
    took = perf_counter_ns() - start
    await asyncio.sleep(0)  # what the calls left for later is done between the batches
    return took


def _more(loops: int, took_ns: int, batch_ms: int) -> int:
    """Return how many loops to try next, once *loops* took less than a batch shall."""
    return max(loops + 1, min(loops * 10, int(loops * batch_ms * 1_200_000 / max(took_ns, 1))))


def _timing(batches: list[int], loops: int) -> Timing:
    return Timing(least_ns=min(batches) / loops, median_ns=median(batches) / loops)
