"""A time limit for functions that do not end, in the thread they run in.

A signal is the only thing that stops a loop, a sleep or a search by a pattern without another process; it needs the
main thread of a POSIX system. Elsewhere there is no limit. The signal comes at any time, so what it does depends on
what it interrupts: only where a limited call is going on does it raise.

Where Python lets no exception out, as of ``__del__`` or of what runs when memory is collected, or where a function
catches them all, the exception is lost. So it is raised again, until the call is over.
"""

import signal
import sys
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TYPE_CHECKING, Any, TypeVar, final

if TYPE_CHECKING:
    from sys import UnraisableHookArgs

__all__ = ["Stopwatch", "TimeUp"]

_A = TypeVar("_A")
_R = TypeVar("_R")
_Handler = Callable[[int, FrameType | None], Any] | int | None
"""Of a signal, as `signal.signal` tells it; None: no Python has set it."""
_AGAIN_S = 0.1
_MOST_OF_IT = 0.8
_PATIENCE = 4
"""Times the limit: how long a call may take that hardly works, as it sleeps or as the machine is busy."""


class TimeUp(BaseException):
    """A function took too long. No `Exception`, as transformers may catch those."""


@final
class Stopwatch:
    """Calls functions, each for a limited time; a context manager, not to be entered twice.

    Args:
        limit_s: How long one call may work; one that waits gets four times as long.
    """

    def __init__(self, limit_s: float) -> None:
        self._limit_s = limit_s
        self._began = (0.0, 0.0)
        """Of the call that runs: processor time, and time."""
        self._works = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        self._others: tuple[_Handler, tuple[float, float]] | None = None
        self._tell_lost = sys.unraisablehook

    def __enter__(self) -> "Stopwatch":
        """Take over the alarm signal, and what is told of exceptions that are lost."""
        if self._works:
            self._tell_lost, sys.unraisablehook = sys.unraisablehook, self._lost
            remaining = signal.setitimer(signal.ITIMER_REAL, 0)
            self._others = signal.signal(signal.SIGALRM, self._end), remaining
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give both back; an alarm that someone else had set is set again, for as long as it had left."""
        if self._others is not None:
            handler, remaining = self._others
            signal.signal(signal.SIGALRM, signal.SIG_DFL if handler is None else handler)
            signal.setitimer(signal.ITIMER_REAL, *remaining)
            if sys.unraisablehook == self._lost:  # else someone relies on it by now; it does no harm
                sys.unraisablehook = self._tell_lost

    def run(self, function: Callable[[_A], _R], argument: _A) -> _R:
        """Return what *function* returns.

        Raises:
            TimeUp: It did not return in time.
        """
        if not self._works:
            return function(argument)
        self._began = time.thread_time(), time.monotonic()
        signal.setitimer(signal.ITIMER_REAL, self._limit_s, _AGAIN_S)
        try:
            return _call(function, argument)
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _end(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the protocol of signal handlers
        worked_s, passed_s = time.thread_time() - self._began[0], time.monotonic() - self._began[1]
        is_over = worked_s >= self._limit_s * _MOST_OF_IT or passed_s >= self._limit_s * _PATIENCE
        if is_over and _is_within_call(frame):
            raise TimeUp

    def _lost(self, unraisable: "UnraisableHookArgs") -> None:
        if not isinstance(unraisable.exc_value, TimeUp):
            self._tell_lost(unraisable)


def _call(function: Callable[[_A], _R], argument: _A) -> _R:
    """Return what *function* returns; where this is on the stack, an exception leads to `Stopwatch.run`."""
    return function(argument)


def _is_within_call(frame: FrameType | None) -> bool:
    """Tell whether *frame* is called by `_call`, and not by what tells of lost exceptions, which must get its end."""
    while frame is not None and frame.f_code is not _call.__code__:
        if frame.f_code is Stopwatch._lost.__code__:  # noqa: SLF001
            return False
        frame = frame.f_back
    return frame is not None
