"""What counts requests against limits: in this process, or in a store that all processes share.

Source: SPEC 3.7, property 34.
"""

from collections.abc import Awaitable, Callable
from typing import Final, Protocol, final

from msgspec import Struct

from perdure.config import RateLimit

__all__ = ["MICROSECONDS", "REFUSED", "Counters", "Limit", "Spend", "Standing", "Standings"]

MICROSECONDS: Final = 1_000_000
"""In a second. Moments are whole microseconds: sums of them are exact."""

REFUSED: Final = -1
"""What is left of a limit that does not let a request pass."""


@final
class Limit(Struct, frozen=True):
    """One rate limit of one route, or of all."""

    scope: str
    """Handler it is counted for; ``""``: all of the app together."""
    per: str
    """As `RateLimit.per`."""
    allowed: int
    length_us: int
    """Of the window, in microseconds."""

    @classmethod
    def of(cls, scope: str, declared: RateLimit) -> "Limit":
        """Return what *declared* means for *scope*."""
        return cls(scope, declared.per, declared.allowed, round(declared.window_s * MICROSECONDS))


Standing = tuple[int, int]
"""How many requests are left, this one counted, or `REFUSED`; and in how many microseconds there will be more."""

Standings = tuple[Standing, ...]
"""One for each limit, in the limits' order. Where one is `REFUSED`, nothing was counted for any."""

Spend = Callable[[tuple[str, ...]], Standings | Awaitable[Standings]]
"""Counts one request, given the key of its client for each limit, unless one of the limits refuses it."""


class Counters(Protocol):
    """Counts requests against limits. Those of equal limits are counted together, whoever counts them."""

    def bind(self, limits: tuple[Limit, ...]) -> Spend:
        """Return what counts a request against all of *limits* or none of them: at once, atomically.

        What it returns raises, or when awaited raises, OverloadedError where it cannot count, and must not guess.
        """

    async def start(self) -> None:
        """Connect to what is counted in; where that fails, it is the same as a failure later on."""

    async def stop(self) -> None:
        """Let go of connections and background work."""
