"""Lifecycle events: what happened to one request, in order.

A request has a budget of microseconds, so what is kept while it runs is a flat list: a `Mark`, the time, the next mark,
the next time. A stage's marks are made once, with its plan. `events_of` makes readable `LifecycleEvent` records of them
when somebody looks.

Source: SPEC 3.3, properties 20 and 42.
"""

from collections.abc import Iterator
from typing import Literal, final

from msgspec import Struct

__all__ = ["EventKind", "LifecycleEvent", "Mark", "Moments", "Stage", "StageKind", "events_of", "marks_of"]

StageKind = Literal[
    "request", "validation", "transform", "hook", "handler", "spawn", "response", "module", "publish", "compensation"
]
"""What a stage does; ``response`` is encoding, carrying back and checking the answer."""

EventKind = Literal["start", "end", "error"]
"""A stage's start, and one of its two ends."""


@final
class Mark(Struct, frozen=True):
    """The start or an end of a stage."""

    stage: "Stage"
    kind: EventKind
    error: BaseException | None = None


@final
class Stage:
    """One step of a request's life, made once per plan.

    Args:
        kind: What it does.
        name: Of the hook, the module's method, the topic, …
        level: For hooks: ``before:global``, ``after:route``, ``catch:local``, …
    """

    __slots__ = ("ended", "kind", "level", "name", "started")

    def __init__(self, kind: StageKind, name: str, level: str = "") -> None:
        self.kind = kind
        self.name = name
        self.level = level
        self.started = Mark(self, "start")
        self.ended = Mark(self, "end")

    def mark(self, kind: EventKind, error: BaseException | None = None) -> Mark:
        """Return the mark for *kind*."""
        if error is not None:
            return Mark(self, kind, error)
        return self.started if kind == "start" else self.ended


Moments = list[Mark | float]
"""Marks and their times (monotonic seconds), by turns."""


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


def marks_of(moments: Moments) -> Iterator[tuple[Mark, float]]:
    """Yield each mark with its time, in order."""
    turns = iter(moments)
    for mark, at in zip(turns, turns, strict=True):
        if isinstance(mark, Mark) and isinstance(at, float):
            yield mark, at


def events_of(moments: Moments) -> tuple[LifecycleEvent, ...]:
    """Return *moments* as records, in the order in which they happened."""
    marks = list(marks_of(moments))
    origin = marks[0][1] if marks else 0.0
    return tuple(
        LifecycleEvent(
            stage=mark.stage.kind, name=mark.stage.name, kind=mark.kind, at_s=at - origin, level=mark.stage.level,
            error=type(mark.error).__name__ if mark.error is not None else "",
        )
        for mark, at in marks
    )  # fmt: skip
