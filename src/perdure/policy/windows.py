"""What one client did under one limit, in memory.

Exact: a moving window. The moments of the requests that count, oldest first, so that the oldest tells when there is
room again. Alternatives: GCRA needs one number per client, but lets 2 n - 1 requests pass within one window when the
first n come at once; the `limits` library keeps an object per request, walks over all clients in a thread every 10 ms,
and takes 3 to 6 µs (here: 0.3).

Approximate: a sliding window counter. What the last full window had counts in proportion to how much of it the moving
window still covers, as if its requests had come evenly.

Moments never go back; all are whole microseconds.
"""

from abc import ABC, abstractmethod
from array import array
from bisect import bisect_right
from typing import final

from perdure.policy.counters import Limit, Standing

__all__ = ["ApproximateWindow", "ExactWindow", "Window"]


class Window(ABC):
    """The requests of one client under one limit; none to begin with.

    Attributes:
        key: Of the client.
        home: Where it is found by its key.
        slot: Where it stands on its shelf; -1 as long as it is on none.
    """

    __slots__ = ("_allowed", "_length_us", "home", "key", "slot")

    def __init__(self, key: str, home: "dict[str, Window]", limit: Limit) -> None:
        self.key = key
        self.home = home
        self.slot = -1
        self._allowed = limit.allowed
        self._length_us = limit.length_us

    @abstractmethod
    def used(self, now_us: int) -> int:
        """Return how many requests count at most: what would be lost without this."""

    @abstractmethod
    def spare(self, now_us: int) -> int:
        """Return how many requests may come now; 0: none."""

    @abstractmethod
    def spend(self, now_us: int) -> None:
        """Count a request; call `spare` for the same moment before."""

    @abstractmethod
    def reset_us(self, now_us: int) -> int:
        """Return when more may come than `spare` says; call that for the same moment before."""

    @abstractmethod
    def take(self, now_us: int) -> Standing:
        """Do all of that at once: count a request if it may come, and tell what is left and when there will be more."""


@final
class ExactWindow(Window):
    """A moving window."""

    __slots__ = ("_head", "_moments")

    def __init__(self, key: str, home: dict[str, Window], limit: Limit) -> None:
        super().__init__(key, home, limit)
        self._moments = array("q")
        self._head = 0

    def used(self, now_us: int) -> int:
        """See `Window.used`."""
        return self._allowed - self.spare(now_us)

    def spare(self, now_us: int) -> int:
        """See `Window.spare`. O(1) amortised, O(log n) at most but for moving what is left to the front."""
        moments, head = self._moments, self._head
        over_us = now_us - self._length_us
        if head < len(moments) and moments[head] <= over_us:
            head += 1  # mostly, where there are many, one has gone since the last came
            if head < len(moments) and moments[head] <= over_us:
                head = bisect_right(moments, over_us, head)
            if head * 2 >= len(moments):
                del moments[:head]
                head = 0
            self._head = head
        return self._allowed - len(moments) + head

    def spend(self, now_us: int) -> None:
        """See `Window.spend`."""
        self._moments.append(now_us)

    def reset_us(self, now_us: int) -> int:
        """See `Window.reset_us`: when the oldest request counts no more."""
        moments, head = self._moments, self._head
        return moments[head] + self._length_us - now_us if head < len(moments) else self._length_us

    def take(self, now_us: int) -> Standing:
        """See `Window.take`: the others in one, since calls are most of what they cost."""
        moments, head = self._moments, self._head
        if head < len(moments) and moments[head] <= now_us - self._length_us:
            self.spare(now_us)
            head = self._head
        left = self._allowed - len(moments) + head - 1
        if left >= 0:
            moments.append(now_us)
        return left, moments[head] + self._length_us - now_us


@final
class ApproximateWindow(Window):
    """A sliding window counter."""

    __slots__ = ("_before", "_begun_us", "_count")

    def __init__(self, key: str, home: dict[str, Window], limit: Limit) -> None:
        super().__init__(key, home, limit)
        self._begun_us = -2 * limit.length_us
        self._before = 0
        self._count = 0

    def used(self, now_us: int) -> int:
        """See `Window.used`: what is over in the window before counts as long as any of it does."""
        self.spare(now_us)
        return self._before + self._count

    def spare(self, now_us: int) -> int:
        """See `Window.spare`."""
        length_us = self._length_us
        passed_us = now_us - self._begun_us
        if passed_us >= length_us:
            self._before = self._count if passed_us < 2 * length_us else 0
            self._count = 0
            passed_us = now_us % length_us
            self._begun_us = now_us - passed_us
        spare = self._allowed - self._count - self._before * (length_us - passed_us) // length_us
        return max(spare, 0)

    def spend(self, now_us: int) -> None:  # noqa: ARG002 - which window it is, `spare` has found
        """See `Window.spend`."""
        self._count += 1

    def reset_us(self, now_us: int) -> int:
        """See `Window.reset_us`: when the share of the window before has gone down by one, or this one is that."""
        passed_us = now_us - self._begun_us
        left_us = self._length_us - passed_us
        room = self._allowed - self._count
        if room <= 0:  # even without the window before: this one has to go down by one, as the window before
            return left_us + self._falls_below(self._count, self._allowed)
        shared = self._before * left_us // self._length_us
        return self._falls_below(self._before, shared) - passed_us if shared else left_us

    def take(self, now_us: int) -> Standing:
        """See `Window.take`."""
        left = self.spare(now_us) - 1
        if left >= 0:
            self.spend(now_us)
        return left, self.reset_us(now_us)

    def _falls_below(self, count: int, limit: int) -> int:
        """Return how far into a window the share of one before that had *count* is less than *limit*."""
        # The first moment at which count * (length - passed) < limit * length.
        return self._length_us - (limit * self._length_us - 1) // count
