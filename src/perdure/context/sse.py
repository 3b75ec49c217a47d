"""Server-sent events: what a handler yields, and the bytes it becomes.

Source: https://html.spec.whatwg.org/multipage/server-sent-events.html (the grammar and how a client reads it).
"""

import re
from collections.abc import AsyncGenerator, AsyncIterable, Callable, Iterable
from contextlib import aclosing
from typing import Final, final

import msgspec
from msgspec import Struct

from perdure.context.handover import SILENCE, with_silences
from perdure.context.stepping import refuse_when_full
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
        events: What to send, as it comes: `Event`, or data for one. An iterator that is not async has a thread of its
            own; a process runs 256 such streams at once, and answers 503 to more.
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


def encode_events(
    stream: EventStream, encode: Callable[[object], bytes] = msgspec.json.encode
) -> AsyncGenerator[bytes, None]:
    """Return an iterator over the bytes of *stream*: its events, and pings where it is silent for too long.

    Close it (`contextlib.aclosing`) to close the handler's iterator. Cancel-safe. All of the handler's iterator runs in
    one task: its timeouts, task groups and context variables hold from one event to the next.

    Raises:
        OverloadedError: The handler's iterator is not async, and there are too many such streams.
    """
    if not isinstance(stream.events, AsyncIterable):
        refuse_when_full()
    return _encode_events(stream, encode)


async def _encode_events(stream: EventStream, encode: Callable[[object], bytes]) -> AsyncGenerator[bytes, None]:
    async with aclosing(with_silences(iterate(stream.events), stream.ping_s)) as events:
        async for event in events:
            yield PING if event is SILENCE else encode_event(event, encode)
