"""`perdure dev`: one worker, replaced by a fresh process whenever the app's files change.

The socket stays open in the parent. A new worker loads the new code while the old one goes on answering; only
once the new one answers does the old one drain. Code that cannot be loaded is told and changes nothing else.
"""

import asyncio
from itertools import count
from pathlib import Path
from typing import final

from watchfiles import Change, DefaultFilter, awatch

from perdure.cli.console import complain, say
from perdure.cli.listener import Listener
from perdure.cli.plan import EXIT_FAILED, ServerSettings
from perdure.cli.process import Worker, describe_ending, start_worker
from perdure.cli.supervisor import announce

__all__ = ["SourceFilter", "serve_reloading"]

_SUFFIXES = (".py", ".json", ".toml")
_DEBOUNCE_MS = 400
_STEP_MS = 40
_LONGEST_DRAIN_S = 5.0
_RESTART_PAUSE_S = 1.0


@final
class SourceFilter(DefaultFilter):
    """Which changes matter: Python, JSON and TOML files; nothing in caches, environments and version control."""

    def __call__(self, change: Change, path: str) -> bool:
        """Return whether a change of *path* calls for a reload."""
        return path.endswith(_SUFFIXES) and super().__call__(change, path)


async def serve_reloading(settings: ServerSettings, listener: Listener, workers: list[Worker]) -> int:
    """Serve, and reload at every change, until cancelled; *workers* holds those that run."""
    watched = settings.target.watched
    async with asyncio.TaskGroup() as tasks:
        reloader = _Reloader(settings, listener, workers, tasks)
        loading = tasks.create_task(reloader.load())
        # `awatch` looks at the folder before it first waits, so before the load begins: no change is missed.
        async for changes in awatch(watched, watch_filter=SourceFilter(), debounce=_DEBOUNCE_MS, step=_STEP_MS):
            say(f"changed: {_names(watched, {path for _, path in changes})}")
            loading.cancel()
            await asyncio.wait([loading])
            loading = tasks.create_task(reloader.load())
    complain(f"{watched} cannot be watched any more")
    return EXIT_FAILED


@final
class _Reloader:
    """The one worker that serves, and how it is replaced."""

    def __init__(
        self, settings: ServerSettings, listener: Listener, workers: list[Worker], tasks: asyncio.TaskGroup
    ) -> None:
        self._settings = settings
        self._listener = listener
        self._workers = workers
        self._tasks = tasks
        self._current: Worker | None = None
        self._numbers = count()

    async def load(self) -> None:
        """Start a worker with the code as it is now; if it can answer, it takes over. Cancel-safe."""
        began_s = asyncio.get_running_loop().time()
        worker = await start_worker(self._settings, self._listener, next(self._numbers))
        if worker.ready is None:
            worker.kill()
            say("waiting for a change" + ("; until then the code from before it serves" if self._current else ""))
            return
        old, self._current = self._current, worker
        self._workers.append(worker)
        self._tasks.create_task(self._outlive(worker))
        if old is None:
            announce(self._settings, self._listener, [worker])
        else:
            self._tasks.create_task(old.drain(_LONGEST_DRAIN_S))
            say(f"reloaded in {(asyncio.get_running_loop().time() - began_s) * 1000:.0f} ms")

    async def _outlive(self, worker: Worker) -> None:
        ending = await worker.wait()
        self._workers.remove(worker)
        if worker is self._current:
            self._current = None
            complain(f"the worker ended by itself ({describe_ending(ending)}); starting another")
            await asyncio.sleep(_RESTART_PAUSE_S)
            await self.load()


def _names(folder: Path, paths: set[str]) -> str:
    names = sorted(
        {str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path for path in paths}
    )
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
