"""A time limit for functions that do not end, in the thread they run in.

A signal is the only thing that stops a loop or a sleep without another process; it needs the main thread of a POSIX
system. Elsewhere there is no limit.
"""

import signal
import threading
import time
from collections.abc import Callable
from types import FrameType, TracebackType
from typing import TypeVar, final

__all__ = ["Stopwatch", "TimeUp"]

_A = TypeVar("_A")
_R = TypeVar("_R")
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
        self._is_running = False
        self._began = (0.0, 0.0)
        """Of the call that runs: processor time, and time."""
        self._works = hasattr(signal, "setitimer") and threading.current_thread() is threading.main_thread()
        self._others: tuple[object, tuple[float, float]] | None = None

    def __enter__(self) -> "Stopwatch":
        """Take over the alarm signal."""
        if self._works:
            remaining = signal.setitimer(signal.ITIMER_REAL, 0)
            self._others = signal.signal(signal.SIGALRM, self._end), remaining
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Give it back; an alarm that someone else had set is set again, for as long as it had left."""
        if self._others is not None:
            handler, remaining = self._others
            signal.signal(signal.SIGALRM, handler)  # type: ignore[arg-type]
            signal.setitimer(signal.ITIMER_REAL, *remaining)

    def run(self, function: Callable[[_A], _R], argument: _A) -> _R:
        """Return what *function* returns.

        Raises:
            TimeUp: It did not return in time.
        """
        if not self._works:
            return function(argument)
        self._began = time.thread_time(), time.monotonic()
        self._is_running = True
        signal.setitimer(signal.ITIMER_REAL, self._limit_s, _AGAIN_S)
        try:
            return function(argument)
        finally:
            self._is_running = False
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _end(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002 - the protocol of signal handlers
        worked_s, passed_s = time.thread_time() - self._began[0], time.monotonic() - self._began[1]
        is_over = worked_s >= self._limit_s * _MOST_OF_IT or passed_s >= self._limit_s * _PATIENCE
        # What Hypothesis does while memory is collected must not be interrupted: it would be lost there.
        is_ours = frame is not None and "hypothesis" in frame.f_code.co_filename
        if self._is_running and is_over and not is_ours:
            raise TimeUp
