"""The gate of a route: lets a request in, or says why not.

Source: SPEC 3.7, properties 34 and 35.
"""

from abc import ABC, abstractmethod
from collections.abc import Awaitable

from perdure.context.exchange import Exchange
from perdure.errors import RequestError

__all__ = ["Gate", "GateHeaders"]

GateHeaders = tuple[tuple[str, str], ...]
"""What the answer says about rate limits; names in lower case."""


class Gate(ABC):
    """The policy of one route, compiled. What it counts, it counts for all versions together."""

    __slots__ = ()

    @abstractmethod
    def guard(self, exchange: Exchange) -> None:
        """Refuse *exchange* before its credentials are looked at, where its address failed to show any too often.

        Raises:
            RateLimitedError: It has to wait.
        """

    @abstractmethod
    def admit(self, exchange: Exchange, refusal: RequestError | None) -> GateHeaders | Awaitable[GateHeaders]:
        """Let *exchange* in, and return what its answer says of rate limits; to be awaited where others count along.

        After it has returned, or was awaited, without an error, `leave` must follow.

        Args:
            exchange: Its ``principal`` says who is asking.
            refusal: What was wrong with the credentials it carries.
        Raises:
            UnauthenticatedError: It has to show who it is, or did so badly.
            IdentityUnavailableError: That cannot be found out now.
            ForbiddenError: It may not.
            RateLimitedError: It asks too often.
            OverloadedError: There is too much to do.
        """

    @abstractmethod
    def leave(self) -> None:
        """Note that a request that was let in has been answered."""
