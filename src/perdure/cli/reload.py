"""`perdure dev`: one worker, replaced by a fresh process whenever the app's files or its settings change.

Code that cannot be loaded is told and changes nothing else.
"""

import asyncio
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import final

from watchfiles import Change, DefaultFilter, awatch

from perdure.cli.console import complain, tell
from perdure.cli.crew import Crew
from perdure.cli.listener import Listener
from perdure.cli.plan import EXIT_FAILED, EXIT_OK, ServerSettings
from perdure.cli.process import Worker, describe_ending
from perdure.cli.store import project_folder
from perdure.cli.supervisor import announce

__all__ = ["SourceFilter", "serve_reloading"]

_SUFFIXES = (".py", ".json", ".toml", "/.env")
_SETTINGS_FILES = ("perdure.toml", "pyproject.toml", ".env")
_DEBOUNCE_MS = 400
_STEP_MS = 40
_SETTINGS_POLL_S = 0.25
_LONGEST_DRAIN_S = 5.0
_RESTART_PAUSE_S = 1.0


@final
class SourceFilter(DefaultFilter):
    """Which changes matter: Python, JSON and TOML files, `.env`; nothing in caches, environments, version control."""

    def __call__(self, change: Change, path: str) -> bool:
        """Return whether a change of *path* calls for a reload."""
        return path.endswith(_SUFFIXES) and super().__call__(change, path)


async def serve_reloading(settings: ServerSettings, listener: Listener, workers: list[Worker]) -> int:
    """Serve, and reload at every change, until cancelled; *workers* holds those that run."""
    watched = settings.target.watched
    reloader = _Reloader(settings, listener, workers)
    async with reloader.crew as crew:
        reloader.load()
        crew.spawn(_follow(_settings_outside(watched, settings), lambda path: reloader.see({path.name})))
        # `awatch` looks at the folder before it first waits, so before the load begins: no change is missed.
        async for changes in awatch(watched, watch_filter=SourceFilter(), debounce=_DEBOUNCE_MS, step=_STEP_MS):
            reloader.see(_names(watched, {path for _, path in changes}))
    complain(f"{watched} cannot be watched any more")
    return EXIT_FAILED


@final
class _Reloader:
    """The one worker that serves, and how it is replaced."""

    def __init__(self, settings: ServerSettings, listener: Listener, workers: list[Worker]) -> None:
        self.crew = Crew(listener, workers, self._on_death)
        self._settings = settings
        self._listener = listener
        self._loading: asyncio.Task[object] | None = None

    def see(self, names: Iterable[str]) -> None:
        """Load anew because the files *names* changed."""
        told = sorted(names)
        tell(f"changed: {', '.join(told[:3])}" + (f" and {len(told) - 3} more" if len(told) > 3 else ""))
        self.load()

    def load(self) -> None:
        """Start a worker with what the files say now, in place of one that starts; if it can answer, it takes over."""
        before, self._loading = self._loading, self.crew.spawn(self._load())
        if before is not None:
            before.cancel()

    async def _load(self) -> None:
        began_s = asyncio.get_running_loop().time()
        had_one = bool(self.crew.serving)
        if await self.crew.replace(self._settings, _LONGEST_DRAIN_S) != EXIT_OK:
            goes_on = "; until then the code from before it serves" if self.crew.serving else ""
            tell(f"waiting for a change{goes_on}")
        elif had_one:
            tell(f"reloaded in {(asyncio.get_running_loop().time() - began_s) * 1000:.0f} ms")
        else:
            announce(self._settings, self._listener, self.crew.serving)

    def _on_death(self, _worker: Worker, ending: int) -> None:
        complain(f"the worker ended by itself ({describe_ending(ending)}); starting another")
        self.crew.spawn(self._restart())

    async def _restart(self) -> None:
        await asyncio.sleep(_RESTART_PAUSE_S)
        if not self.crew.serving:
            self.load()


def _settings_outside(watched: Path, settings: ServerSettings) -> list[Path]:
    """Return the files with settings that are not among the app's."""
    folder = project_folder(settings.target)
    files = [folder / name for name in _SETTINGS_FILES]
    if settings.invocation.file is not None:
        files.append(Path(settings.invocation.file))
    return [file for file in files if not file.is_relative_to(watched)]


async def _follow(files: list[Path], see: Callable[[Path], None]) -> None:
    """Call *see* with each of *files* that changes, appears or goes. A few files: asking now and then is enough."""
    known = {file: _state(file) for file in files}
    while files:
        await asyncio.sleep(_SETTINGS_POLL_S)
        for file in files:
            state = _state(file)
            if state != known[file]:
                known[file] = state
                see(file)


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = file.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def _names(folder: Path, paths: set[str]) -> set[str]:
    return {str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path for path in paths}
