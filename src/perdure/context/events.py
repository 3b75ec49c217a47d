"""Lifecycle events: what happened to one request, in order.

A request has a budget of microseconds, so what is kept while it runs is a flat list. The stages a request goes through
are known from its plan: passing from one to the next leaves nothing but the time. What happens besides leaves a `Mark`
and the time. `events_of` makes readable `LifecycleEvent` records of both when somebody looks.

Source: SPEC 3.3, properties 20 and 42.
"""

from collections.abc import Iterator, Mapping, Sequence
from time import perf_counter
from types import MappingProxyType
from typing import Literal, cast, final

from msgspec import Struct

__all__ = [
    "REQUEST", "EventKind", "Fact", "LifecycleEvent", "Mark", "Moments", "Stage", "StageKind", "begin_again",
    "end_stage", "events_of", "marks_of",
]  # fmt: skip

StageKind = Literal[
    "request", "validation", "transform", "hook", "handler", "spawn", "response", "module", "publish", "secret",
    "compensation", "client",
]  # fmt: skip
"""What a stage does; ``response`` is encoding, carrying back and checking the answer, ``client`` a call to another
server."""

EventKind = Literal["start", "end", "error"]
"""A stage's start, and one of its two ends."""


Fact = str | int | tuple[str, ...]
"""What one name says of a stage."""

_NO_FACTS: Mapping[str, Fact] = MappingProxyType({})


@final
class Mark(Struct, frozen=True):
    """The start or an end of a stage."""

    stage: "Stage"
    kind: EventKind
    error: BaseException | None = None
    begun: "Mark | None" = None
    """Of an end: the start it belongs to, where several of one stage may be under way at once."""
    inside: "Mark | None" = None
    """Of a start: the one of what it is a part of; None where that is the request's own course."""


@final
class Stage:
    """One step of a request's life, made once per plan, or for one request.

    Args:
        kind: What it does.
        name: Of the hook, the module's method, the topic, …
        level: For hooks: ``before:global``, ``after:route``, ``catch:local``, …
    """

    __slots__ = ("ended", "facts", "kind", "level", "name", "span_id", "started")

    def __init__(self, kind: StageKind, name: str, level: str = "") -> None:
        self.kind = kind
        self.name = name
        self.level = level
        self.facts: Mapping[str, Fact] = _NO_FACTS
        """What else is to be told of it, by the names of OpenTelemetry's conventions."""
        self.span_id = ""
        """Of its span, where another server was told of it: 16 digits."""
        self.started = Mark(self, "start")
        self.ended = Mark(self, "end")

    def mark(self, kind: EventKind, error: BaseException | None = None) -> Mark:
        """Return the mark for *kind*."""
        if error is not None:
            return Mark(self, kind, error)
        return self.started if kind == "start" else self.ended


REQUEST = Stage("request", "request")
"""All of it, from the first to the last."""

Moments = list[Mark | float | int]
"""What is kept of a request: a time (monotonic seconds) where the planned stage under way ended, if one was, and the
next began; a mark and its time for anything else; a whole number, the place of a planned stage, where those before it
are skipped."""


@final
class LifecycleEvent(Struct, frozen=True, omit_defaults=True):
    """One event in the life of a request."""

    stage: StageKind
    name: str
    kind: EventKind
    at_s: float
    """Seconds since the request's first event."""
    level: str = ""
    error: str = ""
    """Class name of the error that ended the stage."""


def marks_of(moments: Moments, stages: Sequence[Stage] = ()) -> Iterator[tuple[Mark, float]]:
    """Yield each mark with its time, in order; *stages* are those of the request's plan."""
    place, is_open, has_begun = -1, False, False
    items = iter(moments)
    for item in items:
        if isinstance(item, Mark):
            has_begun = True
            yield item, cast("float", next(items))
            if 0 <= place < len(stages) and item.stage is stages[place]:
                is_open = item.kind == "start"
            continue
        if isinstance(item, int):
            place = item - 1
            continue
        if is_open:
            yield stages[place].ended, item
        if not has_begun:
            has_begun = True
            yield REQUEST.started, item
        place += 1
        is_open = place < len(stages)
        yield (stages[place].started if is_open else REQUEST.ended), item


def end_stage(moments: Moments, stages: Sequence[Stage], error: BaseException | None = None) -> None:
    """Add to *moments* that the planned stage under way, if one is, ends now, by *error* if there is one."""
    under_way: Stage | None = None
    for mark, _ in marks_of(moments, stages):
        if mark.stage in stages:
            under_way = mark.stage if mark.kind == "start" else None
    if under_way is not None:
        moments += (under_way.mark("end" if error is None else "error", error), perf_counter())


def begin_again(moments: Moments, stages: Sequence[Stage], error: BaseException) -> None:
    """End the planned stage under way by *error*, and begin with the first stage of another plan.

    Args:
        stages: Those of the plan that did not get on; what was under its stages is told by marks from now on.
    """
    end_stage(moments, stages, error)
    told = [*marks_of(moments, stages)]
    moments.clear()
    for mark, at in told:
        moments += (mark, at)
    moments += (0, perf_counter())


def events_of(moments: Moments, stages: Sequence[Stage] = ()) -> tuple[LifecycleEvent, ...]:
    """Return *moments* as records, in the order in which they happened; *stages* are those of the request's plan."""
    marks = list(marks_of(moments, stages))
    origin = marks[0][1] if marks else 0.0
    return tuple(
        LifecycleEvent(
            stage=mark.stage.kind, name=mark.stage.name, kind=mark.kind, at_s=at - origin, level=mark.stage.level,
            error=type(mark.error).__name__ if mark.error is not None else "",
        )
        for mark, at in marks
    )  # fmt: skip
