"""What answers say about rate limits: ``RateLimit-Policy``, ``RateLimit``, ``Retry-After``.

Source: draft-ietf-httpapi-ratelimit-headers-10; RFC 9651; RFC 9110 10.2.3.
"""

from typing import final

from perdure.errors import RateLimitedError
from perdure.policy.counters import MICROSECONDS, REFUSED, Limit, Standings
from perdure.policy.gate import GateHeaders

__all__ = ["LimitHeaders"]


@final
class LimitHeaders:
    """Tells how a client stands with each of *limits*.

    A limit goes by what shares it: ``client``, ``address``, ``handler``; where several do, by ``client-2`` and so on.
    """

    __slots__ = ("_names", "_policy", "limits")

    def __init__(self, limits: tuple[Limit, ...]) -> None:
        self.limits = limits
        self._names = _names(limits)
        declared = (
            f"{name};q={limit.allowed};w={limit.length_us // MICROSECONDS}"
            for name, limit in zip(self._names, limits, strict=True)
        )
        self._policy = ("ratelimit-policy", ", ".join(declared))

    def tell(self, standings: Standings) -> GateHeaders:
        """Return the fields for an answer.

        Raises:
            RateLimitedError: One of the limits refuses the request. Who waits as long as it says finds room in all.
        """
        if len(standings) == 1:
            left, reset_us = standings[0]
            reset_s = -(-reset_us // MICROSECONDS)
            headers = (self._policy, ("ratelimit", f"{self._names[0]};r={max(0, left)};t={reset_s}"))
            if left < 0:
                raise RateLimitedError(max(1, reset_s), headers)
            return headers
        told = []
        wait_us = REFUSED
        for name, (left, reset_us) in zip(self._names, standings, strict=True):
            told.append(f"{name};r={max(0, left)};t={-(-reset_us // MICROSECONDS)}")
            if left < 0 and reset_us > wait_us:
                wait_us = reset_us
        headers = (self._policy, ("ratelimit", ", ".join(told)))
        if wait_us >= 0:
            raise RateLimitedError(max(1, -(-wait_us // MICROSECONDS)), headers)
        return headers


def _names(limits: tuple[Limit, ...]) -> tuple[str, ...]:
    """Return the quoted name of each."""
    seen: dict[str, int] = {}
    names = []
    for limit in limits:
        number = seen[limit.per] = seen.get(limit.per, 0) + 1
        names.append(f'"{limit.per}"' if number == 1 else f'"{limit.per}-{number}"')
    return tuple(names)
