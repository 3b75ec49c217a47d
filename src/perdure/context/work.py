"""Concurrent work a request started and answers for."""

import asyncio
from collections.abc import Generator
from typing import Any, Generic, TypeVar, final

__all__ = ["Work"]

T = TypeVar("T")


@final
class Work(Generic[T]):
    """Work started by `LocalContext.spawn`; await it for its result, or leave it to the end of the request."""

    __slots__ = ("_task", "awaited", "name")

    def __init__(self, name: str, task: asyncio.Task[T]) -> None:
        self.name = name
        self._task = task
        self.awaited = False
        """Somebody has asked for the result, and with it for the error."""

    def __await__(self) -> Generator[Any, None, T]:
        self.awaited = True
        return self._task.__await__()

    @property
    def done(self) -> bool:
        """The work has ended: with a result, an error, or cancelled."""
        return self._task.done()

    def cancel(self) -> None:
        """Ask the work to stop; awaiting it then raises `asyncio.CancelledError`."""
        self.awaited = True
        self._task.cancel()

    async def settle(self) -> None:
        """Wait until the work has ended, however it ends. Cancel-safe: the work goes on."""
        await asyncio.wait([self._task])

    def error(self) -> BaseException | None:
        """Return what the ended work failed with; None if it did not, or was cancelled."""
        return None if self._task.cancelled() else self._task.exception()
