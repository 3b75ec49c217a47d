"""What counts requests against limits: in this process, or in a store that all processes share.

Source: SPEC 3.7, property 34.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Final, Protocol, final

from mypy_extensions import mypyc_attr

from perdure.config import RateLimit

__all__ = ["MICROSECONDS", "REFUSED", "Counters", "Limit", "Meter", "Standing", "Standings"]

MICROSECONDS: Final = 1_000_000
"""In a second. Moments are whole microseconds: sums of them are exact."""

REFUSED: Final = -1
"""What is left of a limit that does not let a request pass."""


@final
@dataclass(frozen=True)
class Limit:
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


@mypyc_attr(allow_interpreted_subclasses=True)
class Meter(ABC):
    """Counts requests against certain limits. A class, not a Protocol: every request that is counted comes this way."""

    __slots__ = ()

    @abstractmethod
    def spend(self, keys: tuple[str, ...]) -> Standings | Awaitable[Standings]:
        """Count one request against all limits or, where one of them refuses it, none: at once, atomically.

        Args:
            keys: Of its client, for each limit.
        Raises:
            OverloadedError: It cannot be counted, and must not be guessed; also when awaited.
        """


class Counters(Protocol):
    """Counts requests against limits. Those of equal limits are counted together, whoever counts them."""

    def bind(self, limits: tuple[Limit, ...]) -> Meter:
        """Return what counts requests against *limits*."""

    async def start(self) -> None:
        """Connect to what is counted in; where that fails, it is the same as a failure later on."""

    async def stop(self) -> None:
        """Let go of connections and background work."""
