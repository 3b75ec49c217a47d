"""How much of what comes is to be turned away while the process is late, and of whom.

The event loop's lateness is how long what comes now has to wait before anybody looks at it: the queue in front of the
process. The second largest of its last values counts: one slow moment is none, waves of requests are. Two loops of
control act on it, each with a lateness of its own to keep:

- the first takes from clients that ask for much more than the average one, as soon as others have to wait for them;
- the second takes from everybody.

Both take from ``low`` priority first, then ``normal``, then ``high``, never from ``critical``. Which requests of a
class go is decided by adding up shares, not by chance.

Alternatives: a limit on what is in the works, adapted to latency, shuts everyone out where many requests merely wait
(long polls); and where handlers never wait, nothing ever is in the works. CoDel looks at the smallest of the last
values, which is small between two waves.

Source: SPEC 3.7; RFC 8289 (CoDel), RFC 8033 (PIE).
"""

from collections.abc import Mapping
from math import inf
from typing import Final, final

from perdure.config import Priority

__all__ = ["BEAT_S", "Pressure"]

BEAT_S: Final = 0.05
"""How long after a beat the next one is due."""

_BEATS_CONSIDERED: Final = 4
_BEATS_OF_CALM: Final = 20
_MOST_BEATS: Final = 10.0
_STEP_UP: Final = 0.05
_STEP_DOWN: Final = 0.005
_MOST: Final = 0.98
"""Somebody always comes in, else nobody would know when it is over."""
_RANKS: Final[Mapping[Priority, int]] = {"low": 0, "normal": 2, "high": 4}
"""Classes in the order in which they are taken from; one more for a client that asks for no more than others."""


@final
class Pressure:
    """Decides who is turned away, given how late the process is.

    Args:
        fair_lag_s: Lateness from which on clients that ask for much more than others are taken from; None: never.
        lag_limit_s: Lateness from which on everybody is; None: never.
    """

    def __init__(self, fair_lag_s: float | None, lag_limit_s: float | None) -> None:
        self._fair_lag_s = fair_lag_s
        self._lag_limit_s = lag_limit_s
        watched = [lag_s for lag_s in (fair_lag_s, lag_limit_s) if lag_s is not None]
        self._watched_s = min(watched, default=None)
        self._lags: list[float] = [0.0] * _BEATS_CONSIDERED
        self.is_on = False
        """Whether requests have to be shown to `turns_away`; otherwise nobody is."""
        self._fair = 0.0
        self._all = 0.0
        self._calm = 0
        self._asked: dict[str, int] = {}
        self._before: dict[str, int] = {}
        self._much = inf
        self._came = [0] * 6
        self._shares = [0.0] * 6
        self._due = [0.0] * 6

    def turns_away(self, key: str, priority: Priority) -> bool:
        """Count a request of the client *key*, and return whether it is to be turned away. O(1)."""
        self._asked[key] = self._asked.get(key, 0) + 1
        if priority == "critical":
            return False
        rank = _RANKS[priority]
        if self._before.get(key, 0) <= self._much:
            rank += 1
        self._came[rank] += 1
        self._due[rank] += self._shares[rank]
        if self._due[rank] < 1:
            return False
        self._due[rank] -= 1
        return True

    def beat(self, lag_s: float) -> None:
        """Take note of how late the process is, every so often."""
        self._lags = [*self._lags[1:], lag_s]
        if self._watched_s is None:
            return
        standing_s = sorted(self._lags)[-2]
        if not self.is_on:
            if standing_s <= self._watched_s:
                return
            self.is_on, self._calm = True, 0
            self._asked, self._much = {}, inf
        beats = min(1 + lag_s / BEAT_S, _MOST_BEATS)
        self._fair = _steered(self._fair, beats, standing_s, self._fair_lag_s)
        self._all = _steered(self._all, beats, standing_s, self._lag_limit_s)
        self._calm = 0 if self._fair or self._all or standing_s > self._watched_s / 2 else self._calm + 1
        if self._calm >= _BEATS_OF_CALM:
            self.is_on = False
        self._share_out()

    def _share_out(self) -> None:
        """Say what part of each class goes, by what came since the last beat, and begin to count anew."""
        shares = [0.0] * 6
        _fill(shares, self._came, self._all, (0, 1, 2, 3, 4, 5))
        fair = [0.0] * 6
        _fill(fair, self._came, self._fair, (0, 2, 4))
        self._shares = [max(both) for both in zip(shares, fair, strict=True)]
        self._came = [0] * 6
        self._before, self._asked = self._asked, {}
        # Clients that ask alike differ by chance: only well above the average is much.
        self._much = 1.5 * sum(self._before.values()) / max(1, len(self._before)) + 3


def _steered(share: float, beats: float, lag_s: float, limit_s: float | None) -> float:
    """Return what part to take next, having taken *share*: more while it is too late, less when it is early enough.

    Args:
        beats: Time since it was asked last.
    """
    if limit_s is None:
        return 0.0
    if lag_s > limit_s:
        return min(_MOST, share + _STEP_UP * beats * min(1.0, lag_s / limit_s - 0.5))
    return max(0.0, share - _STEP_DOWN * beats) if lag_s < limit_s / 2 else share


def _fill(shares: list[float], came: list[int], part: float, ranks: tuple[int, ...]) -> None:
    """Write into *shares* how much of each class makes up *part* of all that *ranks* are, the first of them first."""
    left = part * sum(came[rank] for rank in ranks)
    for rank in ranks:
        if left <= 0:
            break
        shares[rank] = min(_MOST, left / came[rank]) if came[rank] else _MOST
        left -= came[rank]
