"""Iterating over what a handler streams, async or not."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Iterable
from typing import TypeVar

from perdure.context.stepping import End, IteratorThread, refuse_when_full

__all__ = ["encode_chunks", "iterate"]

T = TypeVar("T")


async def iterate(source: AsyncIterable[T] | Iterable[T]) -> AsyncGenerator[T, None]:
    """Yield what *source* yields, and close it at the end, also when it is left early.

    An iterator that is not async has a thread of its own, since it may wait for something. When it is left while a
    step runs, that step is waited for, as a generator cannot be closed while it works, but not for long.

    A cancellation thrown in goes on into *source*: it may be its own, of a timeout it has begun.
    """
    if not isinstance(source, AsyncIterable):
        thread = IteratorThread(iter(source))
        thread.start()
        try:
            while not isinstance(taken := await thread.step(), End):
                yield taken
        finally:
            await thread.finish()
        return
    iterator = aiter(source)
    try:
        step = anext(iterator)
        while True:
            try:
                item = await step
            except StopAsyncIteration:
                return
            try:
                yield item
            except asyncio.CancelledError as error:
                if not isinstance(iterator, AsyncGenerator):
                    raise
                step = iterator.athrow(error)
            else:
                step = anext(iterator)
    finally:
        aclose = getattr(iterator, "aclose", None)
        if aclose is not None:
            await aclose()


def encode_chunks(source: AsyncIterable[bytes | str] | Iterable[bytes | str]) -> AsyncGenerator[bytes, None]:
    """Return an iterator over what *source* yields as bytes, text as UTF-8.

    Empty chunks are passed over, as some protocols take one for the end. Close it (`contextlib.aclosing`) to close
    *source*.

    Raises:
        OverloadedError: *source* is not async, and there are too many such streams.
        TypeError: When iterated: *source* yields something else than bytes or text.
    """
    if not isinstance(source, AsyncIterable):
        refuse_when_full()
    return _encode_chunks(iterate(source))


async def _encode_chunks(chunks: AsyncGenerator[bytes | str, None]) -> AsyncGenerator[bytes, None]:
    try:
        async for chunk in chunks:
            encoded = chunk.encode() if isinstance(chunk, str) else chunk
            if not isinstance(encoded, bytes | bytearray | memoryview):
                raise TypeError(f"a stream yields bytes or text, not {type(encoded).__name__}")
            if encoded:
                yield bytes(encoded)
    finally:
        await chunks.aclose()
