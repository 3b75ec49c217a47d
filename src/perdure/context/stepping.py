"""A blocking iterator, taken step by step in a thread of its own.

A step may wait for long, or for ever, and nothing can interrupt it. In a pool shared with others a few of these would
hold up everything else, so each stream has its thread; one that is left in the middle of a step keeps it until the
step is over, and does not keep the process from ending.
"""

import asyncio
import contextvars
import logging
import threading
from collections.abc import Iterator
from queue import SimpleQueue
from typing import Final, Generic, TypeVar, final

from perdure.errors import OverloadedError

__all__ = ["END", "STREAM_THREADS", "End", "IteratorThread", "refuse_when_full"]

T = TypeVar("T")

STREAM_THREADS: Final = 256
"""Iterators a process works on at once, those included that clients have left in the middle of a step."""

_GRACE_S = 1.0
_RETRY_AFTER_S = 1
_log = logging.getLogger("perdure.streams")


@final
class End:
    """Stands for the end of an iterator: StopIteration cannot pass through a future."""


END: Final = End()


def refuse_when_full() -> None:
    """Return if there may be one more thread; to be asked before the answer begins.

    Raises:
        OverloadedError: There are `STREAM_THREADS`.
    """
    if sum(isinstance(thread, IteratorThread) for thread in threading.enumerate()) >= STREAM_THREADS:
        raise OverloadedError(_RETRY_AFTER_S)


@final
class IteratorThread(threading.Thread, Generic[T]):
    """Works on *iterator*, from its first step to its closing, with the context variables of who made this."""

    def __init__(self, iterator: Iterator[T]) -> None:
        super().__init__(name="perdure-stream", daemon=True)
        self._iterator = iterator
        self._loop = asyncio.get_running_loop()
        self._orders: SimpleQueue[asyncio.Future[T | End] | None] = SimpleQueue()
        self._variables = contextvars.copy_context()
        self._closed: asyncio.Future[T | End] = self._loop.create_future()

    async def step(self) -> T | End:
        """Return what comes next, or `END`. When cancelled, the step goes on; call `finish` then, as always.

        Raises:
            BaseException: What the iterator raised.
        """
        taken: asyncio.Future[T | End] = self._loop.create_future()
        self._orders.put(taken)
        return await taken

    async def finish(self) -> None:
        """Close the iterator once its step is over, and wait for that, but not for long.

        Raises:
            BaseException: What the iterator raised instead of closing.
        """
        self._orders.put(None)
        if (await asyncio.wait((self._closed,), timeout=_GRACE_S))[0]:
            self._closed.result()
            return
        _log.warning("a stream was left, but its iterator still blocks a thread: let it wait for a limited time only")
        self._closed.cancel()

    def run(self) -> None:
        """Do what the thread is for."""
        self._variables.run(self._work)

    def _work(self) -> None:
        while (taken := self._orders.get()) is not None:
            try:
                item = next(self._iterator, END)
            except BaseException as error:  # noqa: BLE001 - whoever waits for the step raises it
                self._tell(taken, END, error)
            else:
                self._tell(taken, item, None)
        try:
            close = getattr(self._iterator, "close", None)
            if close is not None:
                close()
        except BaseException as error:  # noqa: BLE001 - whoever waits for the end raises it
            self._tell(self._closed, END, error)
        else:
            self._tell(self._closed, END, None)

    def _tell(self, future: asyncio.Future[T | End], item: T | End, error: BaseException | None) -> None:
        try:
            self._loop.call_soon_threadsafe(_settle, future, item, error)
        except RuntimeError:  # the loop is closed, so nobody will order anything else
            self._orders.put(None)


def _settle(future: asyncio.Future[T | End], item: T | End, error: BaseException | None) -> None:
    if future.done():
        if error is not None:
            _log.error("an iterator whose stream was left failed: %s", error, exc_info=error)
    elif error is not None:
        future.set_exception(error)
    else:
        future.set_result(item)
