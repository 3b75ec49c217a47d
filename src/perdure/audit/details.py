"""The record of a request that did not just go from stage to stage: it failed, a hook answered, or more happened."""

from collections.abc import Callable
from typing import Final

from perdure.audit.records import DetailedRecord, EventRecord
from perdure.context.events import REQUEST, Mark, Stage, marks_of
from perdure.context.local import LocalContext
from perdure.errors import ClientDisconnectedError, DeadlineExceededError, ShuttingDownError

__all__ = ["detailed", "printable"]

_EVENTS_MOST: Final = 1000
"""Steps of one request that are told: one that calls modules in an endless loop must not fill the disk."""
_NAME_LONGEST: Final = 500
"""Characters of what the program calls a step."""


def detailed(
    lctx: LocalContext, status: int, size_bytes: int, ended: float, now_s: float, mask: Callable[[str], str]
) -> DetailedRecord:
    """Return all there is to say about the finished request *lctx*.

    Args:
        lctx: The request.
        status: What the client read.
        size_bytes: Of the answer's body.
        ended: When the answer was ready, on the clock of `time.perf_counter`.
        now_s: The same, as Unix time.
        mask: Replaces the values of secrets: spawned work and topics have names of the program's own.
    """
    exchange, facts = lctx._exchange, lctx._facts  # noqa: SLF001 - recorders read what the controller leaves
    principal = exchange.principal
    marks = list(marks_of(lctx._moments, facts.stages))  # noqa: SLF001 - as above
    came = lctx._started  # noqa: SLF001 - as above
    failed = next((mark.error for mark, _ in reversed(marks) if mark.stage is REQUEST), None)
    return DetailedRecord(
        at=now_s, id=printable(lctx.request_id), client=printable(exchange.client),
        principal=None if principal is None else printable(principal.key), method=printable(exchange.method),
        path=printable(exchange.path), status=status, bytes=size_bytes, us=(0, int((ended - came) * 1e6)),
        error="" if failed is None else _cause(lctx, failed), events=_events(marks, came, mask),
    )  # fmt: skip


def printable(text: str) -> str:
    """Return *text* as Unicode can have it: what is no character is replaced."""
    return text.encode("utf-8", "replace").decode()


def _cause(lctx: LocalContext, failed: BaseException) -> str:
    """Return the class of what really ended *lctx*: who interrupts a request cancels it."""
    match lctx._interruption:  # noqa: SLF001 - as above
        case "timeout":
            return DeadlineExceededError.__name__
        case "disconnect":
            return ClientDisconnectedError.__name__
        case "shutdown":
            return ShuttingDownError.__name__
        case None:
            return type(failed).__name__


def _events(marks: list[tuple[Mark, float]], came: float, mask: Callable[[str], str]) -> tuple[EventRecord, ...]:
    """Return the steps that *marks* begin and end, by when they began."""
    events: list[EventRecord] = []
    under_way: list[tuple[Stage, EventRecord]] = []
    begun = 0
    for mark, moment in marks:
        stage, at = mark.stage, int((moment - came) * 1e6)
        if stage is REQUEST:
            continue
        if mark.kind == "start":
            begun += 1
            if begun <= _EVENTS_MOST:
                event = EventRecord(stage.kind, printable(mask(stage.name)[:_NAME_LONGEST]), at, None, stage.level)
                events.append(event)
                under_way.append((stage, event))
            continue
        place = next((place for place in range(len(under_way) - 1, -1, -1) if under_way[place][0] is stage), None)
        if place is None:
            continue
        _, event = under_way.pop(place)
        event.us = at - event.at
        event.error = "" if mark.error is None else type(mark.error).__name__
    if begun > _EVENTS_MOST:
        events.append(EventRecord("omitted", f"{begun - _EVENTS_MOST} steps", events[-1].at, None))
    return tuple(events)
