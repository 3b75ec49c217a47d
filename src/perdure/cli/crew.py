"""The worker processes of one server: those that serve, and those that leave.

A crew replaces its workers without a gap: the socket stays open in the parent, new workers load what is new while the
old ones go on answering, and only once the new ones answer do the old ones drain. If they cannot start, nothing has
changed.
"""

import asyncio
from collections.abc import Callable, Coroutine
from itertools import count
from math import inf
from types import TracebackType
from typing import Self, final

from perdure.cli.alarm import alarm
from perdure.cli.listener import Listener
from perdure.cli.plan import EXIT_FAILED, EXIT_OK, ServerSettings
from perdure.cli.process import Worker, start_worker

__all__ = ["Crew"]


@final
class Crew:
    """Workers on one socket; as a context manager it stops looking after them at the end, but they go on.

    Args:
        listener: The socket.
        running: Every process that may still have requests; kept up to date, and for the caller to stop at the end.
        on_death: Called with a worker that served and its exit code, when it ended without having been told to.
    """

    def __init__(self, listener: Listener, running: list[Worker], on_death: Callable[[Worker, int], None]) -> None:
        self.serving: list[Worker] = []
        """The workers that take requests, once they all can."""
        self._listener = listener
        self._running = running
        self._on_death = on_death
        self._told_to_leave: set[Worker] = set()
        self._numbers = count()
        self._tasks: set[asyncio.Task[object]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def spawn(self, work: Coroutine[object, object, object]) -> "asyncio.Task[object]":
        """Run *work* beside everything else; it is cancelled when the crew is left."""
        task: asyncio.Task[object] = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def replace(self, settings: ServerSettings, longest_drain_s: float = inf) -> int:
        """Start as many workers as *settings* asks for; once all can answer, they take over.

        Args:
            longest_drain_s: Time the old ones have for the requests they took, at most.
        Returns:
            0, or the exit code of a worker that could not start, 1 for one that did not stay up; then the old ones go
            on. Cancel-safe.
        """
        fresh: list[Worker] = []
        code = EXIT_FAILED
        try:
            # The first alone: what is broken is told once, not once per worker.
            code = await self._start(settings, fresh)
            if code == EXIT_OK and settings.workers > 1:
                code = max(await asyncio.gather(*(self._start(settings, fresh) for _ in range(1, settings.workers))))
        finally:
            if code != EXIT_OK:
                self._dismiss(fresh, longest_drain_s)
        if code != EXIT_OK:
            return code
        alive = [worker for worker in fresh if worker in self._running]
        if self.serving and len(alive) < len(fresh):
            self._dismiss(alive, longest_drain_s)
            return EXIT_FAILED
        old, self.serving = self.serving, alive
        self._dismiss(old, longest_drain_s)
        return EXIT_OK

    async def add(self, settings: ServerSettings) -> int:
        """Start one more worker, unless there are as many as *settings* asks for. Cancel-safe.

        Returns:
            0, or the exit code of a worker that could not start.
        """
        fresh: list[Worker] = []
        code = await self._start(settings, fresh)
        if code == EXIT_OK and len(self.serving) < settings.workers:
            self.serving += fresh
        else:
            self._dismiss(fresh, inf)
        return code

    async def _start(self, settings: ServerSettings, fresh: list[Worker]) -> int:
        number = next(self._numbers)
        try:
            worker = await start_worker(settings, self._listener, number)
        except OSError as error:
            alarm(f"no worker can be started: {error.strerror or error}")
            return EXIT_FAILED
        if worker.ready is None:
            code = await worker.wait()
            worker.kill()
            _keep_counts(settings, number)
            return code if code > 0 else EXIT_FAILED
        # From here on it takes requests, whether the others will or not.
        fresh.append(worker)
        self._running.append(worker)
        self.spawn(self._outlive(worker, settings, number))
        return EXIT_OK

    def _dismiss(self, workers: list[Worker], longest_s: float) -> None:
        for worker in workers:
            self._told_to_leave.add(worker)
            self.spawn(worker.drain(longest_s))

    async def _outlive(self, worker: Worker, settings: ServerSettings, number: int) -> None:
        ending = await worker.wait()
        _keep_counts(settings, number)
        self._running.remove(worker)
        if worker in self.serving:
            self.serving.remove(worker)
        if worker in self._told_to_leave:
            self._told_to_leave.remove(worker)
        else:
            self._on_death(worker, ending)


def _keep_counts(settings: ServerSettings, number: int) -> None:
    """Keep what worker *number*, which has ended, has counted."""
    from perdure.telemetry.run_folder import fold

    if settings.run_folder is None:
        return
    try:
        fold(settings.run_folder, number)
    except OSError as error:  # no room, or somebody removed the folder
        alarm(f"what worker {number} counted is not added up: {error}")
