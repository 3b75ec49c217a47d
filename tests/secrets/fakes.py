"""A provider whose every answer a test decides."""

import asyncio
from collections.abc import Callable, Hashable
from typing import final

from perdure.clock import FakeClock
from perdure.errors import SecretUnavailableError

__all__ = ["FakeProvider", "settle"]


@final
class FakeProvider:
    """Has what is in `values`, and notes when it was asked.

    Args:
        clock: Tells when.
    """

    def __init__(self, clock: FakeClock, name: str = "fake") -> None:
        self.name = name
        self.values: dict[str, str | bytes] = {}
        self.stamps: dict[str, int] = {}
        self.fault: Exception | None = None
        """Raised by every fetch."""
        self.asked: list[tuple[float, str]] = []
        self.is_running = False
        self.held: asyncio.Event | None = None
        """Every fetch waits for it."""
        self.during: Callable[[], None] = lambda: None
        """Called by every fetch."""
        self._clock = clock

    @property
    def count(self) -> int:
        return len(self.asked)

    def go_down(self) -> None:
        self.fault = SecretUnavailableError(f"{self.name} is down")

    async def start(self) -> None:
        self.is_running = True

    async def fetch(self, name: str) -> str | bytes | None:
        assert self.is_running
        self.asked.append((self._clock.monotonic(), name))
        value, fault = self.values.get(name), self.fault
        self.during()
        if self.held is not None:
            await self.held.wait()
        if fault is not None:
            raise fault
        return value

    async def stamp(self, name: str) -> Hashable:
        return self.stamps.get(name)

    async def stop(self) -> None:
        self.is_running = False


async def settle() -> None:
    """Let everything that can go on go on."""
    for _ in range(8):
        await asyncio.sleep(0)
