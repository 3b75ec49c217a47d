"""The gates of routes: one that only asks who it is, one that counts as well.

The order: limits per address, credentials, roles and scopes, concurrency, limits per client and per handler. What is
refused by a limit, or for want of room, counts for no limit at all. What is refused for its credentials counts for
those per address, so that nobody tries keys faster than those allow. To ask each store only once, all limits are asked
together once it is known who is asking; what clients see is the same.

Source: SPEC 3.7; properties 34, 35.
"""

from collections.abc import Awaitable, Callable
from math import ceil
from typing import Final, final

from perdure.context.exchange import Exchange
from perdure.errors import ForbiddenError, OverloadedError, RateLimitedError, RequestError, UnauthenticatedError
from perdure.policy.clients import Clients
from perdure.policy.counters import Counters, Limit, Meter, Standings
from perdure.policy.entry import Check
from perdure.policy.gate import Gate, GateHeaders
from perdure.policy.standing import LimitHeaders

__all__ = ["CheckingGate", "CountingGate", "Slots"]

_REMEMBERED: Final = 4096


@final
class Slots:
    """How many requests of a route are in the works in this process.

    Args:
        limit: How many may be.
        retry_after_s: What those that find no room are told to wait.
    """

    __slots__ = ("limit", "retry_after_s", "taken")

    def __init__(self, limit: int, retry_after_s: int) -> None:
        self.limit = limit
        self.retry_after_s = retry_after_s
        self.taken = 0


@final
class CheckingGate(Gate):
    """See `perdure.policy.gate.Gate`; counts no rates."""

    __slots__ = ("_check", "_slots")

    def __init__(self, check: Check | None, slots: Slots) -> None:
        self._check = check
        self._slots = slots

    def guard(self, exchange: Exchange) -> None:
        """See `perdure.policy.gate.Gate.guard`; there is no limit that could be over."""

    def admit(self, exchange: Exchange, refusal: RequestError | None) -> GateHeaders:
        """See `perdure.policy.gate.Gate.admit`."""
        if self._check is not None:
            self._check(exchange, refusal)
        slots = self._slots
        if slots.taken >= slots.limit:
            raise OverloadedError(slots.retry_after_s)
        slots.taken += 1
        return ()

    def leave(self) -> None:
        """See `perdure.policy.gate.Gate.leave`."""
        self._slots.taken -= 1


@final
class CountingGate(Gate):
    """See `perdure.policy.gate.Gate`; counts requests against limits.

    Args:
        headers: Knows the limits.
    """

    __slots__ = ("_addresses", "_check", "_headers", "_keys", "_meter", "_slots")

    def __init__(
        self, check: Check | None, slots: Slots, headers: LimitHeaders, counters: Counters, clients: Clients,
        monotonic: Callable[[], float],
    ) -> None:  # fmt: skip
        self._check = check
        self._slots = slots
        self._headers = headers
        self._keys = _Keys(headers.limits, clients)
        self._meter = counters.bind(headers.limits)
        per_address = tuple(limit for limit in headers.limits if limit.per == "address")
        is_guarded = check is not None and bool(per_address)
        self._addresses = _Addresses(per_address, counters, clients, monotonic) if is_guarded else None

    def guard(self, exchange: Exchange) -> None:
        """See `perdure.policy.gate.Gate.guard`."""
        if self._addresses is not None and self._addresses.over:
            self._addresses.guard(exchange)

    def admit(self, exchange: Exchange, refusal: RequestError | None) -> GateHeaders | Awaitable[GateHeaders]:
        """See `perdure.policy.gate.Gate.admit`."""
        if self._check is not None:
            try:
                self._check(exchange, refusal)
            except RequestError as error:
                if self._addresses is None:
                    raise
                return self._addresses.refuse(exchange, error)
        slots = self._slots
        if slots.taken >= slots.limit:
            raise OverloadedError(slots.retry_after_s)
        standings = self._meter.spend(self._keys.of(exchange))
        if not isinstance(standings, tuple):
            slots.taken += 1
            return self._wait(standings)
        headers = self._headers.tell(standings)
        slots.taken += 1
        return headers

    def leave(self) -> None:
        """See `perdure.policy.gate.Gate.leave`."""
        self._slots.taken -= 1

    async def _wait(self, pending: Awaitable[Standings]) -> GateHeaders:
        try:
            return self._headers.tell(await pending)
        except BaseException:
            self._slots.taken -= 1
            raise


@final
class _Addresses:
    """Counts, for its address, what is refused for its credentials; knows who has done so too often."""

    __slots__ = ("_address_key", "_headers", "_keys", "_meter", "_monotonic", "over")

    def __init__(
        self, limits: tuple[Limit, ...], counters: Counters, clients: Clients, monotonic: Callable[[], float]
    ) -> None:
        self._headers = LimitHeaders(limits)
        self._keys = _Keys(limits, clients)
        self._address_key = clients.address_key
        self._meter: Meter = counters.bind(limits)
        self._monotonic = monotonic
        self.over: dict[str, float] = {}
        """Until when an address has to wait, of those that were told to."""

    def guard(self, exchange: Exchange) -> None:
        """Refuse who has to wait, so that its next guess costs nothing."""
        key = self._address_key(exchange)
        until_s = self.over.get(key)
        if until_s is None:
            return
        left_s = until_s - self._monotonic()
        if left_s > 0:
            raise RateLimitedError(ceil(left_s))
        del self.over[key]

    def refuse(self, exchange: Exchange, error: RequestError) -> Awaitable[GateHeaders]:
        """Raise *error*, which then tells how the address stands, or do so when awaited.

        Raises:
            RateLimitedError: The address asks too often; that goes first.
        """
        standings = self._meter.spend(self._keys.of(exchange))
        if not isinstance(standings, tuple):
            return self._wait(standings, exchange, error)
        raise _telling(self._tell(standings, exchange), error)

    async def _wait(self, pending: Awaitable[Standings], exchange: Exchange, error: RequestError) -> GateHeaders:
        raise _telling(self._tell(await pending, exchange), error)

    def _tell(self, standings: Standings, exchange: Exchange) -> GateHeaders:
        try:
            return self._headers.tell(standings)
        except RateLimitedError as limited:
            if len(self.over) >= _REMEMBERED:
                self.over.clear()
            self.over[self._address_key(exchange)] = self._monotonic() + limited.retry_after_s
            raise


def _telling(headers: GateHeaders, error: RequestError) -> RequestError:
    """Return *error* with *headers*; another one, as what is wrong with credentials may be remembered for the next."""
    if isinstance(error, UnauthenticatedError | ForbiddenError):
        return type(error)(str(error), error.challenges, headers).with_traceback(error.__traceback__)
    return error


@final
class _Keys:
    """Gives, for each of some limits, the key a request is counted by."""

    __slots__ = ("_clients", "_kinds")

    def __init__(self, limits: tuple[Limit, ...], clients: Clients) -> None:
        self._clients = clients
        self._kinds = [limit.per for limit in limits]

    def of(self, exchange: Exchange) -> tuple[str, ...]:
        """Return the keys of *exchange*."""
        if len(self._kinds) == 1:
            return (self._key(self._kinds[0], exchange),)
        return tuple([self._key(kind, exchange) for kind in self._kinds])

    def _key(self, kind: str, exchange: Exchange) -> str:
        if kind == "client":
            return self._clients.client_key(exchange)
        return self._clients.address_key(exchange) if kind == "address" else ""
