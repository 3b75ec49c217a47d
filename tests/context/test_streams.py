"""Iterating over what a handler streams."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing

import pytest

from perdure.context.sse import EventStream, encode_events
from perdure.context.stepping import STREAM_THREADS
from perdure.context.streams import encode_chunks, iterate
from perdure.errors import OverloadedError


async def collect(source: AsyncIterator[object]) -> list[object]:
    return [item async for item in source]


async def test_iterate_takes_async_and_other_iterators() -> None:
    async def numbers() -> AsyncIterator[int]:
        yield 1
        yield 2

    assert await collect(iterate(numbers())) == [1, 2]
    assert await collect(iterate([1, 2])) == [1, 2]
    assert await collect(iterate([])) == []


async def test_iterate_steps_a_blocking_iterator_in_another_thread() -> None:
    def threads() -> Iterator[int]:
        yield threading.get_ident()

    assert await collect(iterate(threads())) != [threading.get_ident()]


async def test_iterate_keeps_a_blocking_iterator_in_one_thread() -> None:
    def threads() -> Iterator[int]:
        try:
            for _ in range(3):
                yield threading.get_ident()
        finally:
            seen.append(threading.get_ident())

    seen: list[int] = []
    taken = await collect(iterate(threads()))
    assert len({*taken, *seen}) == 1


async def test_iterate_blocked_streams_leave_the_threads_of_others_alone() -> None:
    release = threading.Event()

    def blocked() -> Iterator[bytes]:
        yield b"a"
        release.wait(10)

    async with asyncio.timeout(5), AsyncExitStack() as stack:
        stack.callback(release.set)
        for _ in range(40):
            stream = await stack.enter_async_context(aclosing(encode_chunks(blocked())))
            assert await anext(stream) == b"a"
            going = asyncio.ensure_future(anext(stream, None))
            stack.push_async_callback(asyncio.wait, (going,))
            stack.callback(release.set)
        assert await asyncio.to_thread(lambda: "ok") == "ok"


async def test_iterate_left_while_a_step_blocks_for_ever_goes_on_and_keeps_no_process(
    caplog: pytest.LogCaptureFixture,
) -> None:
    release, closed = threading.Event(), threading.Event()

    def blocked() -> Iterator[int]:
        try:
            yield 1
            release.wait(10)
        finally:
            closed.set()

    items = iterate(blocked())
    assert await anext(items) == 1
    with pytest.raises(TimeoutError), caplog.at_level(logging.WARNING):
        await asyncio.wait_for(anext(items), 0.01)
    assert not closed.is_set()
    assert "still blocks a thread" in caplog.text
    (worker,) = (thread for thread in threading.enumerate() if thread.name == "perdure-stream")
    assert worker.daemon
    release.set()
    assert await asyncio.to_thread(closed.wait, 5)
    worker.join(5)


async def test_encode_refuses_blocking_iterators_beyond_the_limit_before_the_answer_begins() -> None:
    release = threading.Event()

    def blocked() -> Iterator[bytes]:
        yield b"a"
        release.wait(10)

    async with AsyncExitStack() as stack:
        stack.callback(release.set)
        for _ in range(STREAM_THREADS):
            assert await anext(await stack.enter_async_context(aclosing(encode_chunks(blocked())))) == b"a"
        with pytest.raises(OverloadedError):
            encode_chunks(blocked())
        with pytest.raises(OverloadedError):
            encode_events(EventStream(blocked()))
        assert await collect(encode_chunks(_one())) == [b"x"]
    assert await collect(encode_chunks([b"y"])) == [b"y"]


async def _one() -> AsyncIterator[bytes]:
    yield b"x"


async def test_iterate_closes_the_source_when_left_early() -> None:
    closed: list[str] = []

    async def slow() -> AsyncIterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append("async")

    def quick() -> Iterator[int]:
        try:
            yield 1
            yield 2
        finally:
            closed.append("sync")

    async with aclosing(iterate(slow())) as items:
        assert await anext(items) == 1
    async with aclosing(iterate(quick())) as other_items:
        assert await anext(other_items) == 1
    assert closed == ["async", "sync"]


async def test_iterate_passes_the_sources_error_on() -> None:
    def broken() -> Iterator[int]:
        yield 1
        raise OSError("disk")

    items = iterate(broken())
    assert await anext(items) == 1
    with pytest.raises(OSError, match="disk"):
        await anext(items)


async def test_iterate_cancelled_waits_for_the_step_that_runs() -> None:
    entered, release = threading.Event(), threading.Event()
    log: list[str] = []

    def blocking() -> Iterator[int]:
        try:
            entered.set()
            release.wait(5)
            log.append("step")
            yield 1
        finally:
            log.append("closed")

    async def consume() -> None:
        async with aclosing(iterate(blocking())) as items:
            await anext(items)

    task = asyncio.create_task(consume())
    await asyncio.to_thread(entered.wait, 5)
    task.cancel()
    await asyncio.sleep(0)
    assert log == []
    release.set()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert log == ["step", "closed"]


async def test_encode_chunks_gives_bytes_and_no_empty_ones() -> None:
    source: list[bytes | str] = ["é", b"", "", b"x", "y"]
    assert await collect(encode_chunks(source)) == ["é".encode(), b"x", b"y"]


async def test_encode_chunks_refuses_other_things() -> None:
    with pytest.raises(TypeError, match="bytes or text, not int"):
        await collect(encode_chunks([1]))  # type: ignore[list-item]


async def test_encode_chunks_closed_early_closes_the_source() -> None:
    closed: list[bool] = []

    async def source() -> AsyncIterator[str]:
        try:
            while True:
                yield "x"
        finally:
            closed.append(True)

    async with aclosing(encode_chunks(source())) as chunks:
        assert await anext(chunks) == b"x"
    assert closed == [True]
