"""The parent of the workers: starts them on one socket, replaces the ones that die, and lets all drain at the end."""

import asyncio
import signal
from collections.abc import Callable, Coroutine
from contextlib import suppress
from itertools import count

from perdure.cli.console import complain, say
from perdure.cli.listener import Listener
from perdure.cli.plan import EXIT_FAILED, EXIT_OK, ServerSettings
from perdure.cli.process import Worker, describe_ending, start_worker

__all__ = ["announce", "run_until_signalled", "serve", "stop_workers"]

_CRASH_WINDOW_S = 10.0
_CRASHES_PER_WORKER = 3


def run_until_signalled(
    serving: Callable[[], Coroutine[object, object, int]], stopping: Callable[[], Coroutine[object, object, int]]
) -> int:
    """Run *serving* until it ends, or SIGTERM or Ctrl-C cancels it; then run *stopping*.

    Returns:
        The exit code: the greater of the two; 1 if a second signal came
        and cancelled *stopping* too.
    """

    async def main() -> int:
        current = asyncio.ensure_future(serving())

        def on_signal() -> None:
            current.cancel()

        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, on_signal)
        code = EXIT_OK
        with suppress(asyncio.CancelledError):
            code = await current
        current = asyncio.ensure_future(stopping())
        try:
            return max(code, await current)
        except asyncio.CancelledError:
            complain("stopped at once, without waiting for running requests")
            return EXIT_FAILED

    return asyncio.run(main())


async def serve(settings: ServerSettings, listener: Listener, workers: list[Worker]) -> int:
    """Start the workers *settings* asks for, keep that many running, and keep *workers* the list of those that do.

    Runs until cancelled; returns only when the app cannot be served: the exit code of the worker that could not
    start (1 for a broken app, 2 for one that is not there), or 1 when workers die too often.
    """
    # The first alone: a broken app is told once, not once per worker.
    numbers = count()
    code = await _add_worker(settings, listener, workers, next(numbers))
    if code == EXIT_OK and settings.workers > 1:
        more = (_add_worker(settings, listener, workers, next(numbers)) for _ in range(settings.workers - 1))
        code = max(await asyncio.gather(*more))
    if code != EXIT_OK:
        return code
    announce(settings, listener, workers)
    crashed_at: list[float] = []
    while True:
        for worker, ending in await _wait_for_death(workers):
            now = asyncio.get_running_loop().time()
            crashed_at = [at for at in crashed_at if now - at < _CRASH_WINDOW_S] + [now]
            workers.remove(worker)
            complain(f"worker {worker.pid} ended by itself ({describe_ending(ending)}); starting another")
            if len(crashed_at) > _CRASHES_PER_WORKER * settings.workers:
                complain("workers do not stay up; giving up")
                return EXIT_FAILED
            code = await _add_worker(settings, listener, workers, next(numbers))
            if code != EXIT_OK:
                return code


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
    say(f"{name}: {listener.address(tls=settings.tls_cert is not None)} ({count})")


async def _add_worker(settings: ServerSettings, listener: Listener, workers: list[Worker], number: int) -> int:
    worker = await start_worker(settings, listener, number)
    if worker.ready is not None:
        workers.append(worker)
        return EXIT_OK
    code = await worker.wait()
    worker.kill()
    return code if code > 0 else EXIT_FAILED


async def _wait_for_death(workers: list[Worker]) -> list[tuple[Worker, int]]:
    ends = {asyncio.ensure_future(worker.wait()): worker for worker in workers}
    try:
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        return [(ends[end], end.result()) for end in done]
    finally:
        for end in ends:
            end.cancel()
