"""An iterator in a task of its own, which hands over one item at a time and tells of silence.

Whoever waits for the next item no longer than so long must not cancel the iterator that works on it, so another task
runs that. It is one task from the first step to the closing: what the iterator holds over a ``yield`` belongs to the
task it was opened in, as `asyncio.timeout`, task groups and context variables do.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Final, final

__all__ = ["SILENCE", "Silence", "with_silences"]


@final
class Silence:
    """Stands for an item that did not come."""


SILENCE: Final = Silence()


async def with_silences(items: AsyncGenerator[object, None], silence_s: float | None) -> AsyncGenerator[object, None]:
    """Yield *items*, and `SILENCE` whenever the next one takes longer than *silence_s*; close them, however this ends.

    *items* are asked for the next one only when this is. Cancel-safe.

    Raises:
        Exception: What *items* raised, also instead of closing.
    """
    desk = _Desk()
    making = asyncio.ensure_future(_make(items, desk))
    making.add_done_callback(desk.leave)
    try:
        while True:
            while not desk.items:
                if making.done():
                    making.result()
                    return
                if not await desk.wait_item(silence_s):
                    yield SILENCE
            yield desk.items.popleft()
    finally:
        await _end(making, desk)


@final
class _Desk:
    """Where items change hands. More than one lie here only where a cancelled iterator has gone on unasked."""

    __slots__ = ("_came", "_wanted", "is_open", "items", "maker_waits")

    def __init__(self) -> None:
        self.items: deque[object] = deque()
        self.is_open = True
        self.maker_waits = False
        self._came = asyncio.Event()
        self._wanted = asyncio.Event()

    async def wait_item(self, timeout_s: float | None) -> bool:
        """Ask for an item; return whether it came, or none will, within *timeout_s*."""
        self._wanted.set()
        try:
            async with asyncio.timeout(timeout_s):
                await self._came.wait()
        except TimeoutError:
            return False
        return True

    async def wait_wanted(self) -> bool:
        """Return when an item is asked for; False where none will be any more."""
        self.maker_waits = True
        try:
            await self._wanted.wait()
        finally:
            self.maker_waits = False
        return self.is_open

    def put(self, item: object) -> None:
        """Hand over what was asked for."""
        self.items.append(item)
        self._wanted.clear()
        self._came.set()
        self._came = asyncio.Event()

    def leave(self, _making: object) -> None:
        """Let nobody wait for items any more."""
        self._came.set()

    def close(self) -> None:
        """Ask for no more items."""
        self.is_open = False
        self._wanted.set()


async def _make(items: AsyncGenerator[object, None], desk: _Desk) -> None:
    async with aclosing(items):
        while True:
            try:
                if not await desk.wait_wanted():
                    return
                step = anext(items)
            except asyncio.CancelledError as error:
                # A timeout or task group of the iterator's own may cancel this task between two items: it must see it.
                if not desk.is_open:
                    raise
                step = items.athrow(error)
            try:
                desk.put(await step)
            except StopAsyncIteration:
                return
            if not desk.is_open:  # it went on in spite of being cancelled
                return


async def _end(making: asyncio.Task[None], desk: _Desk) -> None:
    """Let the iterator be closed, and wait until it is; raises what it raised instead."""
    if making.done():
        return
    desk.close()
    if not desk.maker_waits:
        making.cancel()
    await asyncio.wait((making,))
    if not making.cancelled() and (error := making.exception()) is not None:
        raise error
