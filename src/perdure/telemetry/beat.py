"""Twenty times a second: how late the event loop is, and whether somebody wants to read."""

import asyncio
from math import inf
from typing import Final, Protocol, final

from perdure.telemetry.families import Family
from perdure.telemetry.registry import Registry
from perdure.telemetry.table import LAG

__all__ = ["Beat", "Readers"]

_BEAT_S: Final = 0.05
_BEATS_HELD: Final = 20
"""After so many, what is held is written though nobody asks: it is what a process that is killed may lose."""


class Readers(Protocol):
    """Other processes that may want to read what this one counts: `perdure.telemetry.run_folder.Colleagues`."""

    settled_s: float
    """Until when all that was counted can be read, in monotonic seconds; infinite while nothing is held back."""

    @property
    def asked_s(self) -> float:
        """When somebody last wanted to read, in monotonic seconds."""

    async def collect(self) -> list[Family]:
        """Return what all processes have counted. Cancel-safe."""


@final
class Beat:
    """Looks after the registry while the event loop runs.

    Args:
        registry: What is counted.
        readers: Other processes that may want to read it; None: there are none.
    """

    def __init__(self, registry: Registry, readers: Readers | None) -> None:
        self._registry = registry
        self._readers = readers
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._beats = 0

    def start(self) -> None:
        """Begin, on the running event loop."""
        loop = asyncio.get_running_loop()
        if self._readers is not None:
            self._readers.settled_s = loop.time()
        self._due_s = loop.time() + _BEAT_S
        self._timer = loop.call_at(self._due_s, self._beat, loop)

    def stop(self) -> None:
        """End, with everything written."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._registry.refresh()
        if self._readers is not None:
            self._readers.settled_s = inf

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        self._note_lag(max(0.0, now_s - self._due_s))
        self._beats += 1
        readers = self._readers
        if readers is not None and readers.asked_s > readers.settled_s:
            self._registry.refresh()
            readers.settled_s = now_s
        elif self._beats >= _BEATS_HELD:
            self._registry.settle()
            self._beats = 0
        self._due_s = now_s + _BEAT_S
        self._timer = loop.call_at(self._due_s, self._beat, loop)

    def _note_lag(self, lag_s: float) -> None:
        self._registry.cell(LAG, ()).observe(lag_s)
