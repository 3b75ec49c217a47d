"""The metrics of one app, put together: what counts, what reads, and for whom."""

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import final

from msgspec.structs import replace

from perdure.clock import SystemClock
from perdure.config import MetricsSettings
from perdure.telemetry.beat import Beat, Readers
from perdure.telemetry.families import Family
from perdure.telemetry.process import watch_process
from perdure.telemetry.registry import Registry
from perdure.telemetry.requests import RequestMetrics
from perdure.telemetry.table import DURATION
from perdure.telemetry.user_metrics import UserMetrics

__all__ = ["AppMetrics"]


@final
class AppMetrics:
    """Made with the app, before its settings are known: the program's own metrics are there from the first line on."""

    def __init__(self) -> None:
        self.registry = Registry()
        self.view = UserMetrics(self.registry)
        """For the program's own."""
        self._readers: Readers | None = None
        self._beat: Beat | None = None

    def share(self, folder: Path, number: int) -> None:
        """Count where the other processes of this server can read it, also what was counted so far.

        Args:
            folder: Of a `RunFolder`.
            number: Which of its processes this is.
        Raises:
            OSError: The folder cannot be used.
        """
        from perdure.telemetry.run_folder import Colleagues

        colleagues = Colleagues(folder, number)
        self.registry.move_to(colleagues.slots)
        self._readers = colleagues

    def recorder(self, settings: MetricsSettings) -> RequestMetrics | None:
        """Set up what *settings* say, and return what counts requests; None where they say that nothing does."""
        self.registry.series_limit = settings.series_limit
        self.registry.replace(replace(DURATION, bounds=tuple(map(float, settings.duration_buckets_s))))
        watch_process(self.registry)
        return RequestMetrics(self.registry, SystemClock().time) if settings.enabled else None

    def start(self) -> None:
        """Begin to watch the event loop that runs."""
        self._beat = Beat(self.registry, self._readers)
        self._beat.start()

    def stop(self) -> None:
        """Watch no more; all that was counted is written."""
        if self._beat is not None:
            self._beat.stop()
            self._beat = None

    async def collect(self) -> list[Family]:
        """Return what all processes of this server have counted; without a server of several, this one. Cancel-safe."""
        if self._readers is not None:
            self.registry.refresh()
            with suppress(FileNotFoundError):
                return await self._readers.collect()
        return await asyncio.to_thread(self.registry.families)
