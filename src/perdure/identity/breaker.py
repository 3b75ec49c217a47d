"""A circuit breaker: who fails again and again is left alone for a while."""

from collections.abc import Callable
from math import ceil
from typing import Final, final

from perdure.errors import IdentityUnavailableError

__all__ = ["Breaker"]


@final
class Breaker:
    """Counts failures in a row; after some, lets one request through in each *pause_s* until one succeeds.

    Args:
        failures: In a row, until it opens.
        monotonic: See `perdure.clock.Clock.monotonic`.
        name: What it is about, for messages.
    """

    def __init__(self, failures: int, pause_s: float, monotonic: Callable[[], float], name: str) -> None:
        self._limit: Final = failures
        self._pause_s: Final = pause_s
        self._monotonic: Final = monotonic
        self._name: Final = name
        self._failures = 0
        self._open_until_s = 0.0

    @property
    def is_open(self) -> bool:
        """Whether there were that many failures, and no success since."""
        return self._failures >= self._limit

    def pass_or_raise(self) -> None:
        """Let a request through, or not. Of those that come after the pause, the first alone is let through.

        Raises:
            IdentityUnavailableError: It is open.
        """
        if not self.is_open:
            return
        now_s = self._monotonic()
        if now_s < self._open_until_s:
            raise IdentityUnavailableError(f"{self._name} keeps failing", max(1, ceil(self._open_until_s - now_s)))
        self._open_until_s = now_s + self._pause_s

    def note_success(self) -> None:
        """Note that a request was answered."""
        self._failures = 0

    def note_failure(self) -> None:
        """Note that a request was not, or not properly."""
        self._failures += 1
        self._open_until_s = self._monotonic() + self._pause_s
