"""Each kind of counters, for the contract: what it counts in, and how its time passes."""

import asyncio
import itertools
from collections.abc import Awaitable
from typing import Protocol, final

from redis.asyncio import Redis

from perdure.clock import FakeClock, SystemClock
from perdure.config import RateSettings
from perdure.policy.counters import Counters, Limit, Standings
from perdure.policy.memory import MemoryCounters
from perdure.policy.redis import RedisCounters
from tests.policy.redis_server import redis_server

__all__ = ["KINDS", "Place", "place_of", "spend"]

KINDS = ("memory exact", "memory approximate", "redis exact", "redis approximate")
_names = itertools.count()


class Place(Protocol):
    """Counters that are started, and their time."""

    counters: Counters

    async def pass_us(self, microseconds: int) -> None:
        """Return when so much time has passed for the counters."""

    async def close(self) -> None:
        """Stop the counters."""


@final
class _Memory:
    def __init__(self, settings: RateSettings) -> None:
        self._clock = FakeClock(monotonic=12_345.678)
        self.counters: Counters = MemoryCounters(settings, self._clock)

    async def pass_us(self, microseconds: int) -> None:
        self._clock.advance(microseconds / 1_000_000)

    async def close(self) -> None:
        await self.counters.stop()


@final
class _Redis:
    def __init__(self, settings: RateSettings) -> None:
        url = redis_server().url
        self._redis = Redis.from_url(url)
        self.counters: Counters = RedisCounters(settings, url, f"app-{next(_names)}", SystemClock(), None)

    async def pass_us(self, microseconds: int) -> None:
        begun_us = await self._now_us()
        while await self._now_us() - begun_us < microseconds:
            await asyncio.sleep(0.001)

    async def close(self) -> None:
        await self.counters.stop()
        await self._redis.aclose()

    async def _now_us(self) -> int:
        seconds, microseconds = await self._redis.time()
        return int(seconds) * 1_000_000 + int(microseconds)


async def place_of(kind: str) -> Place:
    """Return counters of *kind*, where nothing was counted yet; skip the test where there can be none."""
    where, _, strategy = kind.partition(" ")
    settings = RateSettings(strategy="exact" if strategy == "exact" else "approximate", store_timeout_s=10.0)
    place: Place = _Memory(settings) if where == "memory" else _Redis(settings)
    await place.counters.start()
    return place


async def spend(counters: Counters, limits: tuple[Limit, ...], keys: tuple[str, ...]) -> Standings:
    """Count one request."""
    counted = counters.bind(limits).spend(keys)
    return await counted if isinstance(counted, Awaitable) else counted
