"""Server-sent events, checked with a reader written from the specification's client side."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import aclosing
from contextvars import ContextVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.context.sse import PING, Event, EventStream, encode_event, encode_events

VARIABLE: ContextVar[str] = ContextVar("tests.variable", default="none")
PING_S = [None, 0.001, 15.0]


def read_stream(raw: bytes) -> list[tuple[str, str, str]]:
    """Interpret an event stream as a browser does: (type, data, last event id) of each event that is dispatched."""
    text = raw.decode().replace("\r\n", "\n").replace("\r", "\n")
    events: list[tuple[str, str, str]] = []
    data: list[str] = []
    kind = last_id = ""
    for line in text.split("\n")[:-1]:
        if not line:
            if data:
                events.append((kind or "message", "\n".join(data), last_id))
            data, kind = [], ""
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if name == "data":
            data.append(value)
        elif name == "event":
            kind = value
        elif name == "id" and "\0" not in value:
            last_id = value
    return events


@pytest.mark.parametrize(
    ("event", "raw"),
    [
        ("hello", b"data: hello\n\n"),
        ("", b"data: \n\n"),
        ("a\nb\r\nc\rd", b"data: a\ndata: b\ndata: c\ndata: d\n\n"),
        ("a\u2028b\x0bc", "data: a\u2028b\x0bc\n\n".encode()),
        ({"a": 1}, b'data: {"a":1}\n\n'),
        (
            Event({"a": "x\ny"}, event="tick", id="7", retry=100),
            b'event: tick\nid: 7\nretry: 100\ndata: {"a":"x\\ny"}\n\n',
        ),
        (Event(id="", retry=0), b"id: \nretry: 0\n\n"),
        (Event(), b"\n"),
        (Event(0), b"data: 0\n\n"),
    ],
)
def test_encode_event(event: object, raw: bytes) -> None:
    assert encode_event(event) == raw


def test_encode_event_uses_the_given_encoder_line_by_line() -> None:
    raw = encode_event({"a": 1}, lambda value: msgspec.json.format(msgspec.json.encode(value), indent=1))
    assert raw == b'data: {\ndata:  "a": 1\ndata: }\n\n'


@pytest.mark.parametrize("text", ["a\nb", "a\rb", "\r\n"])
def test_event_refuses_a_line_break_in_name_and_id(text: str) -> None:
    with pytest.raises(ValueError, match="name of an event"):
        Event("x", event=text)
    with pytest.raises(ValueError, match="id of an event"):
        Event("x", id=text)


def test_event_refuses_nul_in_id_and_negative_retry() -> None:
    with pytest.raises(ValueError, match="id of an event"):
        Event("x", id="a\0")
    with pytest.raises(ValueError, match="retry"):
        Event("x", retry=-1)


def test_event_stream_refuses_a_ping_that_never_rests() -> None:
    with pytest.raises(ValueError, match="ping_s"):
        EventStream([], ping_s=0)


ONE_LINE = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), max_size=6)
DATA = st.text(st.sampled_from("ab: \n\r\u2028é\0") | st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.tuples(DATA, ONE_LINE, ONE_LINE), max_size=5))
def test_a_client_reads_what_was_sent(sent: list[tuple[str, str, str]]) -> None:
    raw = b"".join(encode_event(Event(data, event=kind, id=last_id)) for data, kind, last_id in sent)
    expected = [
        (kind or "message", data.replace("\r\n", "\n").replace("\r", "\n"), last_id) for data, kind, last_id in sent
    ]
    assert read_stream(raw) == expected


async def test_encode_events_of_an_iterator() -> None:
    stream = EventStream(["a", Event("b", event="x")], ping_s=None)
    assert [raw async for raw in encode_events(stream)] == [b"data: a\n\n", b"event: x\ndata: b\n\n"]


async def test_encode_events_pings_while_it_is_silent_and_loses_nothing() -> None:
    go = asyncio.Event()

    async def events() -> AsyncIterator[str]:
        yield "a"
        await go.wait()
        yield "b"

    seen: list[bytes] = []
    async for raw in encode_events(EventStream(events(), ping_s=0.005)):
        seen.append(raw)
        if seen.count(PING) == 2:
            go.set()
    assert seen[0] == b"data: a\n\n"
    assert seen[-1] == b"data: b\n\n"
    assert set(seen[1:-1]) == {PING}
    assert len(seen) >= 4


async def test_encode_events_passes_the_sources_error_on() -> None:
    async def events() -> AsyncIterator[str]:
        yield "a"
        raise OSError("gone")

    stream = encode_events(EventStream(events()))
    assert await anext(stream) == b"data: a\n\n"
    with pytest.raises(OSError, match="gone"):
        await anext(stream)


@pytest.mark.parametrize("ping_s", [None, 0.001])
async def test_encode_events_closed_while_silent_closes_the_source(ping_s: float | None) -> None:
    ended: list[str] = []

    async def events() -> AsyncIterator[str]:
        try:
            yield "a"
            await asyncio.Event().wait()
        finally:
            ended.append("closed")

    async with aclosing(encode_events(EventStream(events(), ping_s=ping_s))) as stream:
        assert await anext(stream) == b"data: a\n\n"
        if ping_s is not None:
            assert await anext(stream) == PING
    assert ended == ["closed"]


async def test_encode_events_cancelled_cancels_the_source() -> None:
    ended: list[str] = []
    waiting = asyncio.Event()

    async def events() -> AsyncIterator[str]:
        try:
            waiting.set()
            await asyncio.Event().wait()
            yield "never"
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    async def consume() -> None:
        async with aclosing(encode_events(EventStream(events()))) as stream:
            await anext(stream)

    task = asyncio.create_task(consume())
    await waiting.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert ended == ["cancelled"]


async def test_encode_events_error_of_a_source_that_is_closed_comes_out() -> None:
    async def events() -> AsyncIterator[str]:
        try:
            await asyncio.Event().wait()
            yield "never"
        finally:
            raise OSError("cannot close")

    stream = encode_events(EventStream(events(), ping_s=0.001))
    assert await anext(stream) == PING
    with pytest.raises(OSError, match="cannot close"):
        await stream.aclose()


async def test_encode_events_takes_blocking_iterators() -> None:
    def events() -> Iterator[dict[str, int]]:
        yield {"a": 1}

    assert [raw async for raw in encode_events(EventStream(events()))] == [b'data: {"a":1}\n\n']


async def texts(stream: AsyncGenerator[bytes, None]) -> list[str]:
    """Return what is sent, pings aside."""
    async with asyncio.timeout(5):
        return [raw.decode().strip().removeprefix("data: ") async for raw in stream if raw != PING]


@pytest.mark.parametrize("ping_s", PING_S)
async def test_encode_events_runs_the_source_in_one_task_and_context(ping_s: float | None) -> None:
    tasks: list[object] = []

    async def events() -> AsyncIterator[str]:
        tasks.append(asyncio.current_task())
        token = VARIABLE.set("mine")
        try:
            yield VARIABLE.get()
            await asyncio.sleep(0.005)
            tasks.append(asyncio.current_task())
            yield VARIABLE.get()
        finally:
            tasks.append(asyncio.current_task())
            VARIABLE.reset(token)

    assert await texts(encode_events(EventStream(events(), ping_s=ping_s))) == ["mine", "mine"]
    async with aclosing(encode_events(EventStream(events(), ping_s=ping_s))) as stream:
        assert await anext(stream) == b"data: mine\n\n"
    assert len(set(tasks[:3])) == len(set(tasks[3:])) == 1


@pytest.mark.parametrize("ping_s", PING_S)
async def test_encode_events_timeout_around_events_fires_between_and_within_them(ping_s: float | None) -> None:
    async def events() -> AsyncIterator[str]:
        try:
            async with asyncio.timeout(0.02):
                yield "first"
                await asyncio.Event().wait()
        except TimeoutError:
            yield "timed out"

    assert await texts(encode_events(EventStream(events(), ping_s=ping_s))) == ["first", "timed out"]
    stream = encode_events(EventStream(events(), ping_s=ping_s))
    assert await anext(stream) == b"data: first\n\n"
    await asyncio.sleep(0.05)  # the client is slow: the timeout is over while nobody asks for an event
    assert await texts(stream) == ["timed out"]


@pytest.mark.parametrize("ping_s", PING_S)
async def test_encode_events_task_group_ends_the_source_when_one_of_its_tasks_fails(ping_s: float | None) -> None:
    async def fail() -> None:
        await asyncio.sleep(0.005)
        raise ValueError("broken")

    async def events() -> AsyncIterator[str]:
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(fail())
                yield "first"
                await asyncio.Event().wait()
        except* ValueError:
            pass
        yield "group failed"

    assert await texts(encode_events(EventStream(events(), ping_s=ping_s))) == ["first", "group failed"]


@pytest.mark.parametrize("ping_s", PING_S)
async def test_encode_events_does_not_run_ahead_of_who_takes_them(ping_s: float | None) -> None:
    made: list[int] = []

    async def events() -> AsyncIterator[int]:
        for number in range(5):
            made.append(number)
            yield number

    async with aclosing(encode_events(EventStream(events(), ping_s=ping_s))) as stream:
        for number in range(3):
            assert await anext(stream) == b"data: %d\n\n" % number
            for _ in range(5):
                await asyncio.sleep(0)
            assert made == list(range(number + 1))


@pytest.mark.parametrize("ping_s", PING_S)
async def test_encode_events_closed_between_events_awaits_the_sources_end(ping_s: float | None) -> None:
    ended: list[str] = []

    async def events() -> AsyncIterator[str]:
        try:
            while True:
                yield "a"
        except GeneratorExit:
            ended.append("exit")
            raise
        finally:
            await asyncio.sleep(0.005)
            ended.append("closed")

    async with aclosing(encode_events(EventStream(events(), ping_s=ping_s))) as stream:
        assert await anext(stream) == b"data: a\n\n"
    assert ended == ["exit", "closed"]


@pytest.mark.parametrize("ping_s", PING_S)
async def test_encode_events_source_that_goes_on_when_cancelled_is_closed_all_the_same(ping_s: float | None) -> None:
    ended: list[str] = []

    async def events() -> AsyncIterator[str]:
        try:
            while True:
                yield "a"
                try:
                    await asyncio.Event().wait()
                except asyncio.CancelledError:
                    if ended:
                        raise
                    ended.append("ignored")
        finally:
            ended.append("closed")

    async def consume() -> None:
        async with aclosing(encode_events(EventStream(events(), ping_s=ping_s))) as stream:
            assert await anext(stream) == b"data: a\n\n"
            waiting.set()
            await texts(stream)

    waiting = asyncio.Event()
    task = asyncio.create_task(consume())
    await waiting.wait()
    await asyncio.sleep(0.005)
    task.cancel()
    await asyncio.wait((task,), timeout=5)
    assert task.cancelled()
    assert ended == ["ignored", "closed"]
