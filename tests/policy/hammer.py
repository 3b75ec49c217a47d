"""Asks Redis as fast as it can, in a process of its own: python hammer.py URL ALLOWED LENGTH_US SECONDS.

Prints, for each request that was let in, when it was sent and when it was answered, by the machine's clock.
"""

import asyncio
import sys
import time
from collections.abc import Awaitable

from perdure.clock import SystemClock
from perdure.config import RateSettings
from perdure.policy.counters import REFUSED, Limit
from perdure.policy.redis import RedisCounters


async def main(url: str, allowed: int, length_us: int, seconds: float) -> None:
    counters = RedisCounters(
        RateSettings(when_store_fails="refuse", store_timeout_s=10.0), url, "shop", SystemClock(), None
    )
    await counters.start()
    spend = counters.bind((Limit("orders", "client", allowed, length_us),)).spend
    sys.stdin.readline()  # all processes begin together
    ends = time.monotonic() + seconds

    async def ask() -> None:
        while (sent := time.monotonic()) < ends:
            counted = spend(("ada",))
            ((left, _),) = await counted if isinstance(counted, Awaitable) else counted
            if left != REFUSED:
                sys.stdout.write(f"{sent} {time.monotonic()}\n")

    await asyncio.gather(*(ask() for _ in range(4)))
    await counters.stop()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), float(sys.argv[4])))
