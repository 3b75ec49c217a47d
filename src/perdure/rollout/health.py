"""Whether a version is healthy: failing and slow answers in a sliding window, and what follows from them.

A circuit breaker per version. `healthy` until the window says otherwise; then `out` for a pause longer than the window,
so that nothing from before counts any more, whoever saw it last; then on `trial` with a small share of its clients,
which doubles while too few of them come. A trial that fails doubles the pause.

Every process judges the sum of what it and the others have seen, so that all come to the same verdict with nobody to
ask. Only the store makes the others known: without it each judges by itself.
"""

from collections import deque
from typing import Final, Literal, NamedTuple, final

from perdure.config import RolloutSettings

__all__ = ["Condition", "Health", "Seen"]

Condition = Literal["healthy", "out", "trial"]

_FIRST_SHARE: Final = 0.05
_STEPS_PER_WINDOW: Final = 4
_PAUSE_WINDOWS: Final = 1.5
_LONGEST_PAUSE_WINDOWS: Final = 20.0


@final
class Seen(NamedTuple):
    """Answers within a window."""

    requests: int = 0
    errors: int = 0
    slow: int = 0

    def plus(self, other: "Seen") -> "Seen":
        """Return both together."""
        return Seen(self.requests + other.requests, self.errors + other.errors, self.slow + other.slow)

    @property
    def bad_percent(self) -> float:
        """Share of answers that failed, or that were slow, whichever is more."""
        return 100.0 * max(self.errors, self.slow) / self.requests if self.requests else 0.0


@final
class Health:
    """The health of one version. Times are seconds of a monotonic clock."""

    def __init__(self, settings: RolloutSettings) -> None:
        self._settings = settings
        self._window: deque[tuple[float, Seen]] = deque()
        self._others = Seen()
        self._since_s = 0.0
        self._pause_s = _PAUSE_WINDOWS * settings.health_window_s
        self._granted_step = -1
        self.condition: Condition = "healthy"
        self.judged = Seen()
        """What the last change of *condition* was judged by; nothing where its time had come."""
        self.granted = 0
        """How many more requests may try it, before the next judgement; whoever sends one takes one off."""

    def add(self, seen: Seen, now_s: float) -> None:
        """Note answers this process gave up to *now_s*."""
        if seen.requests:
            self._window.append((now_s, seen))

    def hear(self, others: Seen) -> None:
        """Replace what the other processes say they have seen within their windows."""
        self._others = others

    def seen(self, now_s: float) -> Seen:
        """Return what this process has seen within the window."""
        while self._window and self._window[0][0] <= now_s - self._settings.health_window_s:
            self._window.popleft()
        total = Seen()
        for _, each in self._window:
            total = total.plus(each)
        return total

    def share(self, now_s: float) -> float:
        """Return the share of its clients that may try a version on trial; 1 when healthy, 0 when out."""
        if self.condition == "trial":
            return min(1.0, _FIRST_SHARE * 2.0 ** self._step(now_s))
        return 1.0 if self.condition == "healthy" else 0.0

    def judge(self, now_s: float) -> Condition:
        """Return the condition now; call it a few times a second."""
        seen = self.seen(now_s)
        if self.condition == "healthy":
            self._judge_healthy(seen.plus(self._others), now_s)
        elif self.condition == "out":
            if now_s >= self._since_s + self._pause_s:
                self._become("trial", now_s, Seen())
                self._window.clear()
                self._granted_step = -1
                self._grant(now_s)
        else:
            self._judge_trial(seen.plus(self._others), now_s)
        return self.condition

    def _judge_healthy(self, seen: Seen, now_s: float) -> None:
        if seen.requests >= self._settings.health_min_requests and self._is_bad(seen):
            self._become("out", now_s, seen)
        elif now_s >= self._since_s + 2 * self._pause_s:
            self._pause_s = _PAUSE_WINDOWS * self._settings.health_window_s

    def _judge_trial(self, seen: Seen, now_s: float) -> None:
        if seen.requests < self._settings.probe_requests:
            self._grant(now_s)
        elif seen.bad_percent >= self._settings.unhealthy_percent / 2:
            longest_s = _LONGEST_PAUSE_WINDOWS * self._settings.health_window_s
            self._pause_s = min(2 * self._pause_s, longest_s)
            self._become("out", now_s, seen)
        else:
            self._become("healthy", now_s, seen)

    def _grant(self, now_s: float) -> None:
        """Allow some requests at each step of the trial."""
        step = self._step(now_s)
        if step > self._granted_step:
            self._granted_step = step
            self.granted = self._settings.probe_requests

    def _step(self, now_s: float) -> int:
        return min(int((now_s - self._since_s) * _STEPS_PER_WINDOW / self._settings.health_window_s), 1000)

    def _is_bad(self, seen: Seen) -> bool:
        return seen.bad_percent >= self._settings.unhealthy_percent

    def _become(self, condition: Condition, now_s: float, judged: Seen) -> None:
        self.condition = condition
        self.judged = judged
        self._since_s = now_s
