"""Server-sent events: what a handler yields, and the bytes it becomes.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (the grammar and how a client reads it).
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable, Iterable
from contextlib import aclosing
from typing import Final, final

import msgspec
from msgspec import Struct

from perdure.context.streams import iterate

__all__ = ["PING", "Event", "EventStream", "encode_event", "encode_events"]

PING: Final = b": ping\n\n"
"""A comment: clients ignore it, proxies see that the connection lives."""

_line_end: Final = re.compile(r"\r\n|\r|\n")


@final
class Event(Struct, frozen=True):
    """One server-sent event.

    Args:
        data: Text as it is, in as many lines as it has; anything else becomes JSON. None sends no data, so the client
            only takes note of *id* and *retry*.
        event: Name of the event; clients take ``message`` where it is ``""``.
        id: What the client sends back as ``Last-Event-ID`` when it comes again; None leaves it as it was.
        retry: Milliseconds the client waits before it comes again.
    Raises:
        ValueError: *event* or *id* has a line break, *id* has a NUL, or *retry* is negative: each would be read as
            something else.
    """

    data: object = None
    event: str = ""
    id: str | None = None
    retry: int | None = None

    def __post_init__(self) -> None:
        if _line_end.search(self.event):
            raise ValueError(f"the name of an event is one line, not {self.event!r}")
        if self.id is not None and (_line_end.search(self.id) or "\0" in self.id):
            raise ValueError(f"the id of an event is one line without NUL, not {self.id!r}")
        if self.retry is not None and self.retry < 0:
            raise ValueError(f"retry is a number of milliseconds, not {self.retry}")


@final
class EventStream(Struct, frozen=True):
    """Answer with ``text/event-stream``.

    Args:
        events: What to send, as it comes: `Event`, or data for one. Iterators that are not async run in worker threads.
        ping_s: Seconds of silence after which a comment is sent; None sends none.
    Raises:
        ValueError: *ping_s* is not positive.
    """

    events: AsyncIterable[object] | Iterable[object]
    ping_s: float | None = 15.0

    def __post_init__(self) -> None:
        if self.ping_s is not None and self.ping_s <= 0:
            raise ValueError(f"ping_s is a positive number of seconds or None, not {self.ping_s}")


def encode_event(event: object, encode: Callable[[object], bytes] = msgspec.json.encode) -> bytes:
    """Return *event*, or the event that has it as its data, as it goes over the wire.

    Args:
        event: An `Event`, or data for one.
        encode: Turns data other than text into JSON without line breaks.
    """
    if not isinstance(event, Event):
        event = Event(event)
    lines: list[str] = []
    if event.event:
        lines.append(f"event: {event.event}\n")
    if event.id is not None:
        lines.append(f"id: {event.id}\n")
    if event.retry is not None:
        lines.append(f"retry: {event.retry}\n")
    if event.data is not None:
        text = event.data if isinstance(event.data, str) else encode(event.data).decode()
        lines.extend(f"data: {line}\n" for line in _line_end.split(text))
    lines.append("\n")
    return "".join(lines).encode()


async def encode_events(
    stream: EventStream, encode: Callable[[object], bytes] = msgspec.json.encode
) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of *stream*: its events, and pings where it is silent for too long.

    Close it (`contextlib.aclosing`) to close the handler's iterator. Cancel-safe.
    """
    async with aclosing(iterate(stream.events)) as events:
        if stream.ping_s is None:
            async for event in events:
                yield encode_event(event, encode)
            return
        # Closed before *events*, which cannot be closed while a task of it waits for the next one.
        async with aclosing(_with_pings(events, stream.ping_s)) as paced:
            async for event in paced:
                yield PING if event is _SILENCE else encode_event(event, encode)


@final
class _Silence:
    """Stands for an event that did not come."""


_SILENCE: Final = _Silence()


async def _with_pings(events: AsyncIterator[object], ping_s: float) -> AsyncGenerator[object, None]:
    """Yield *events*, and `_SILENCE` whenever the next one takes longer than *ping_s*.

    The next event is awaited in a task of its own, because a timeout must not cancel the iterator that works on it.
    """
    while True:
        upcoming = asyncio.ensure_future(anext(events))
        try:
            while not (await asyncio.wait((upcoming,), timeout=ping_s))[0]:
                yield _SILENCE
            try:
                event = upcoming.result()
            except StopAsyncIteration:
                return
            yield event
        finally:
            await _end(upcoming)


async def _end(task: asyncio.Future[object]) -> None:
    """Cancel *task* if it runs, and wait until it has ended: its iterator cannot be closed before.

    Raises:
        Exception: What the iterator raised instead of ending.
    """
    if task.done():
        return
    task.cancel()
    await asyncio.wait((task,))
    if not task.cancelled() and (error := task.exception()) is not None and not isinstance(error, StopAsyncIteration):
        raise error
