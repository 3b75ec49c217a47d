"""Iterating over what a handler streams, async or not."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from typing import Final, TypeVar, final

__all__ = ["encode_chunks", "iterate"]

T = TypeVar("T")


@final
class _End:
    """Stands for the end of an iterator: StopIteration cannot pass through a future."""


_END: Final = _End()


async def iterate(source: AsyncIterable[T] | Iterable[T]) -> AsyncGenerator[T, None]:
    """Yield what *source* yields, and close it at the end, also when it is left early.

    An iterator that is not async is taken one step at a time in a worker thread, since it may wait for something.
    When it is left while a step runs, that step is waited for: a generator cannot be closed while it works.
    """
    if isinstance(source, AsyncIterable):
        async_iterator = aiter(source)
        try:
            async for item in async_iterator:
                yield item
        finally:
            aclose = getattr(async_iterator, "aclose", None)
            if aclose is not None:
                await aclose()
        return
    iterator = iter(source)
    try:
        while True:
            step = asyncio.ensure_future(asyncio.to_thread(next, iterator, _END))
            try:
                taken = await asyncio.shield(step)
            except asyncio.CancelledError:
                await asyncio.wait((step,))
                raise
            if isinstance(taken, _End):
                return
            yield taken
    finally:
        close = getattr(iterator, "close", None)
        if close is not None:
            await asyncio.to_thread(close)


async def encode_chunks(source: AsyncIterable[bytes | str] | Iterable[bytes | str]) -> AsyncGenerator[bytes, None]:
    """Yield what *source* yields as bytes, text as UTF-8.

    Empty chunks are passed over, as some protocols take one for the end. Close it (`contextlib.aclosing`) to close
    *source*.

    Raises:
        TypeError: *source* yields something else than bytes or text.
    """
    chunks = iterate(source)
    try:
        async for chunk in chunks:
            encoded = chunk.encode() if isinstance(chunk, str) else chunk
            if not isinstance(encoded, bytes | bytearray | memoryview):
                raise TypeError(f"a stream yields bytes or text, not {type(encoded).__name__}")
            if encoded:
                yield bytes(encoded)
    finally:
        await chunks.aclose()
