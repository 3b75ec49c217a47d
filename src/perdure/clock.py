"""Time, as something that can be injected.

Everything that asks what time it is takes a `Clock`, so that tests turn the hands themselves and never sleep.
"""

import asyncio
import heapq
import itertools
import time
from typing import Protocol, final

__all__ = ["Clock", "FakeClock", "SystemClock"]


class Clock(Protocol):
    """Tells the time and waits for it to pass."""

    def monotonic(self) -> float:
        """Return seconds since some fixed moment; never goes back. For durations and deadlines."""
        ...

    def time(self) -> float:
        """Return seconds since 1970-01-01 UTC; may be set back. For what people and other machines read."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after *seconds*. Cancel-safe."""
        ...


@final
class SystemClock:
    """The clock of the machine."""

    __slots__ = ()

    # The C functions themselves: a Python frame around them would double what they cost on every request.
    monotonic = staticmethod(time.monotonic)
    """See `Clock.monotonic`."""
    time = staticmethod(time.time)
    """See `Clock.time`."""

    async def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        await asyncio.sleep(seconds)


@final
class FakeClock:
    """A clock that stands still until it is moved.

    Args:
        time: What `time` returns at first; 2026-01-01T00:00:00Z by default.
        monotonic: What `monotonic` returns at first.
    """

    def __init__(self, time: float = 1_767_225_600.0, monotonic: float = 0.0) -> None:
        self._time = time
        self._monotonic = monotonic
        self._order = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def monotonic(self) -> float:
        """See `Clock.monotonic`."""
        return self._monotonic

    def time(self) -> float:
        """See `Clock.time`."""
        return self._time

    async def sleep(self, seconds: float) -> None:
        """Return when `advance` has moved the clock by *seconds* in all. Cancel-safe."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        waiter = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._monotonic + seconds, next(self._order), waiter))
        await waiter

    def advance(self, seconds: float) -> None:
        """Let *seconds* pass, and wake whoever slept until then, the earliest first.

        Raises:
            ValueError: *seconds* is negative; use `set_time` to turn the wall clock back.
        """
        if seconds < 0:
            raise ValueError(f"time does not pass backwards: {seconds}")
        self._monotonic += seconds
        self._time += seconds
        while self._sleepers and self._sleepers[0][0] <= self._monotonic:
            _, _, waiter = heapq.heappop(self._sleepers)
            if not waiter.done():
                waiter.set_result(None)

    def set_time(self, time: float) -> None:
        """Set what `time` returns, forwards or back, as an operator or NTP would; `monotonic` is untouched."""
        self._time = time
