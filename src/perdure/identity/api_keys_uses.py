"""When API keys were used, between the requests that did and the store that remembers."""

from collections.abc import Mapping
from itertools import islice
from math import inf
from typing import Final, final

from perdure.clock import Clock

__all__ = ["KeyUses"]

_BATCH_INTERVAL_S: Final = 2.0
"""Time between two writes, at least."""
_BATCH_LIMIT: Final = 1000
"""Keys in one write, at most, so that no write takes long; the others wait for the next."""
_KEY_INTERVAL_S: Final = 60.0
"""Time between two writes of one key, at least: what its last use may lag behind."""


@final
class KeyUses:
    """Last uses that are not in the store yet. A process that is killed forgets them: those of a minute at most.

    Args:
        clock: Tells when a key is used, and when a write is due.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._used: set[str] = set()
        self._unwritten: dict[str, float] = {}
        self._written_s: dict[str, float] = {}
        """By id, of the last write."""
        self._batch_s = -inf
        self.note = self._used.add
        """Note that the key with an id is being used. Every request calls it: under 0.1 µs, from any thread."""

    def take(self, *, is_last: bool = False) -> dict[str, float]:
        """Return when keys were used, as Unix time by id, as far as it is to be written now, and forget that.

        Args:
            is_last: There will be no other time: all is to be written.
        """
        now_s, wall_s = self._clock.monotonic(), self._clock.time()
        used = tuple(self._used)
        self._used.difference_update(used)  # what another thread adds meanwhile stays
        self._unwritten |= dict.fromkeys(used, wall_s)
        if not is_last and now_s < self._batch_s + _BATCH_INTERVAL_S:
            return {}
        ripe = (
            (key, used_s)
            for key, used_s in self._unwritten.items()
            if is_last or now_s >= self._written_s.get(key, -inf) + _KEY_INTERVAL_S
        )
        due = dict(islice(ripe, None if is_last else _BATCH_LIMIT))
        if due:
            self._batch_s = now_s
        for key in due:
            del self._unwritten[key]
            self._written_s[key] = now_s
        return due

    def put_back(self, uses: Mapping[str, float]) -> None:
        """Keep *uses*, which could not be written, for the next write."""
        self._unwritten = {**uses, **self._unwritten}
        for key in uses:
            self._written_s.pop(key, None)
