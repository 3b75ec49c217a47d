"""The parent of the workers: starts them on one socket, replaces the ones that die, and lets all drain at the end.

On SIGHUP it replaces them all, and the new ones read code, settings and certificates anew.
"""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import final

from perdure.cli.alarm import alarm, log_like
from perdure.cli.console import complain, tell
from perdure.cli.crew import Crew
from perdure.cli.listener import Listener
from perdure.cli.plan import EXIT_FAILED, EXIT_OK, ServerSettings
from perdure.cli.process import Worker, describe_ending
from perdure.cli.tls import check_certificate
from perdure.errors import ConfigError

__all__ = ["Supervisor", "announce", "run_until_signalled", "stop_workers"]

_CRASH_WINDOW_S = 10.0
_CRASHES_PER_WORKER = 3
_RETRY_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 30.0


def run_until_signalled(
    serving: Callable[[], Coroutine[object, object, int]], stopping: Callable[[], Coroutine[object, object, int]],
    reloading: Callable[[], None] | None = None,
) -> int:  # fmt: skip
    """Run *serving* until it ends, or SIGTERM or Ctrl-C cancels it; then run *stopping*.

    Args:
        reloading: Called on SIGHUP while *serving* runs, but for that of a terminal that was closed, which ends it.
    Returns:
        The exit code: the greater of the two; 1 if a second signal came
        and cancelled *stopping* too.
    """

    async def main() -> int:
        current = asyncio.ensure_future(serving())
        is_serving = True

        def on_signal() -> None:
            current.cancel()

        def on_reload() -> None:
            if reloading is not None and is_serving:
                reloading()

        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, on_signal)
        if reloading is not None:
            loop.add_signal_handler(signal.SIGHUP, _on_hangup(on_reload, on_signal))
        code = EXIT_OK
        with suppress(asyncio.CancelledError):
            code = await current
        is_serving = False
        current = asyncio.ensure_future(stopping())
        try:
            return max(code, await current)
        except asyncio.CancelledError:
            complain("stopped at once, without waiting for running requests")
            return EXIT_FAILED

    return asyncio.run(main())


@final
class Supervisor:
    """Keeps the workers running that *settings* asks for.

    Args:
        running: Kept the list of all workers that run.
    """

    def __init__(self, settings: ServerSettings, listener: Listener, running: list[Worker]) -> None:
        self._settings = settings
        self._listener = listener
        self._crew = Crew(listener, running, self._on_death)
        self._crashed_at_s: list[float] = []
        self._is_started = False
        self._is_reload_wanted = False
        self._reloading: asyncio.Task[object] | None = None
        self._refilling: asyncio.Task[object] | None = None
        self._over: asyncio.Future[int] | None = None

    async def serve(self) -> int:
        """Start the workers, and keep as many running, until cancelled.

        Returns:
            Only when the app cannot be served: the exit code of the worker that could not start (1 for a broken app, 2
            for one that is not there), or 1 when workers die too often.
        """
        self._over = asyncio.get_running_loop().create_future()
        async with self._crew as crew:
            code = await crew.replace(self._settings)
            if code != EXIT_OK:
                return code
            form = crew.serving[0].ready.log_format if crew.serving and crew.serving[0].ready else None
            if form is not None:
                log_like(form, self._settings.turns_fd)
            announce(self._settings, self._listener, crew.serving)
            self._is_started = True
            self._refill()
            if self._is_reload_wanted:
                self.reload()
            return await self._over

    def reload(self) -> None:
        """Let a new set of workers take over; if one is starting already, it is given up for one with newer settings.

        While the first set starts, it waits for that.
        """
        self._is_reload_wanted = True
        if self._is_started:
            before, self._reloading = self._reloading, self._crew.spawn(self._reload())
            if before is not None:
                before.cancel()

    async def _reload(self) -> None:
        began_s = asyncio.get_running_loop().time()
        cert, key = self._settings.tls_cert, self._settings.tls_key
        try:
            if cert is not None and key is not None:
                check_certificate(cert, key)
        except ConfigError as error:
            alarm(f"not reloaded: {error}")
            return
        if await self._crew.replace(self._settings) != EXIT_OK:
            alarm("not reloaded: the workers from before go on with what they have")
            return
        tell(f"reloaded in {(asyncio.get_running_loop().time() - began_s) * 1000:.0f} ms")
        self._crashed_at_s.clear()

    def _on_death(self, worker: Worker, ending: int) -> None:
        now_s = asyncio.get_running_loop().time()
        self._crashed_at_s = [at for at in self._crashed_at_s if now_s - at < _CRASH_WINDOW_S] + [now_s]
        alarm(f"worker {worker.pid} ended by itself ({describe_ending(ending)}); starting another")
        if len(self._crashed_at_s) > _CRASHES_PER_WORKER * self._settings.workers:
            alarm("workers do not stay up; giving up")
            self._end(EXIT_FAILED)
        else:
            self._refill()

    def _refill(self) -> None:
        if self._is_started and (self._refilling is None or self._refilling.done()):
            self._refilling = self._crew.spawn(self._add_missing())

    async def _add_missing(self) -> None:
        pause_s = _RETRY_PAUSE_S
        while len(self._crew.serving) < self._settings.workers:
            code = await self._crew.add(self._settings)
            if code != EXIT_OK and not self._crew.serving:
                self._end(code)
                return
            if code != EXIT_OK:
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)

    def _end(self, code: int) -> None:
        if self._over is not None and not self._over.done():
            self._over.set_result(code)


async def stop_workers(listener: Listener, workers: list[Worker]) -> int:
    """Refuse new clients, let every worker answer those it has, and return 0, or 1 if one had to be killed."""
    try:
        await listener.refuse_connections()
        drained = await asyncio.gather(*(worker.drain() for worker in workers))
    finally:
        listener.close()
        for worker in workers:
            worker.kill()
    return EXIT_OK if all(drained) else EXIT_FAILED


def announce(settings: ServerSettings, listener: Listener, workers: list[Worker]) -> None:
    """Write the one line that says what is served where."""
    name = workers[0].ready.app if workers and workers[0].ready else str(settings.target)
    count = "1 worker" if len(workers) == 1 else f"{len(workers)} workers"
    tell(f"{name}: {listener.address(tls=settings.tls_cert is not None)} ({count})")


def _on_hangup(reload: Callable[[], None], end: Callable[[], None]) -> Callable[[], None]:
    """Return what SIGHUP does: it may come from a person who wants a reload, or from a terminal that was closed."""
    stays_without_terminal = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    had_terminal = _has_terminal()

    def on_hangup() -> None:
        nonlocal had_terminal
        if not had_terminal or _has_terminal():
            reload()
            return
        had_terminal = False
        if not stays_without_terminal:
            end()

    return on_hangup


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDONLY | os.O_NOCTTY))
    except OSError:
        return False
    return True
