"""Steps: what a request does besides its own course, and several of which may be under way at once.

Calls of modules and of other servers, work that was spawned: each knows what it is a part of, also where tasks and
threads mix. A context variable says so, which both inherit.
"""

from contextvars import ContextVar
from time import perf_counter
from types import TracebackType
from typing import final

from perdure.context.events import EventKind, Mark, Moments, Stage

__all__ = ["Step", "begin_step", "end_step", "enter_step"]

_INSIDE: ContextVar[Mark | None] = ContextVar("perdure.step", default=None)

enter_step = _INSIDE.set
"""Let what follows in this task be a part of the step that began with this mark."""


def begin_step(moments: Moments, stage: Stage) -> Mark:
    """Note in *moments* that *stage* begins, as a part of what is under way here; return the mark of its start."""
    mark = Mark(stage, "start", None, None, _INSIDE.get())
    moments += (mark, perf_counter())
    return mark


def end_step(moments: Moments, begun: Mark, kind: EventKind, error: BaseException | None = None) -> None:
    """Note in *moments* that the step that began with *begun* ended."""
    moments += (Mark(begun.stage, kind, error, begun), perf_counter())


@final
class Step:
    """A context manager that notes its stage in *moments*, with the error that leaves it, if one does."""

    __slots__ = ("_before", "_begun", "_moments", "_stage")

    def __init__(self, moments: Moments, stage: Stage) -> None:
        self._moments = moments
        self._stage = stage

    def __enter__(self) -> Stage:
        self._before = _INSIDE.get()
        self._begun = Mark(self._stage, "start", None, None, self._before)
        _INSIDE.set(self._begun)
        self._moments += (self._begun, perf_counter())
        return self._stage

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        # Set, not reset: a coroutine that nobody awaits any more is closed in a context that knows nothing of ours.
        _INSIDE.set(self._before)
        end_step(self._moments, self._begun, "end" if error is None else "error", error)
