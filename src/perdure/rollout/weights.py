"""Sharing clients out over versions: which version a tag stands for, for one client.

Weighted rendezvous hashing (Thaler and Ravishankar; the weights as in Schindelhauer and Schomaker): each version gets a
score from client, tag and version, and the highest wins. Every process comes to the same answer with no memory. A
client moves only towards a version whose share of the total grew, and when one is taken out only its own clients move.
A ring of buckets would move more, a table of clients would have to be stored.
"""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from math import log
from typing import Final, final

from perdure.rollout.health import Health

__all__ = ["Share", "ranking", "unit"]

_LIMIT_REMEMBERED: Final = 8192


def unit(*words: str) -> float:
    """Return a number above 0 and below 1, evenly spread over all *words*, always the same for the same."""
    digest = hashlib.blake2b("\0".join(words).encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return ((int.from_bytes(digest) >> 12) + 0.5) / 2.0**52


def ranking(tag: str, client: str, weights: Mapping[str, int]) -> list[str]:
    """Return the names in *weights*, that of the version *client* belongs to first, then where it moves without it.

    Versions with the weight 0 have no clients and are left out.
    """
    scored = [
        (log(unit(tag, name, client)) / weight, name) for name, weight in weights.items() if weight > 0
    ]  # a logarithm of what is below 1: the closer to 0 the better
    return [name for _, name in sorted(scored, reverse=True)]


@final
class Share:
    """Finds the version for a client among those a tag is shared out over, and leaves the unhealthy ones.

    Args:
        tag: What the client asked for; whoever asks for another tag is shared out anew.
        weights: Shares by version; only those that may serve. Empty: all belong to *base*.
        base: Returns the name of the version the tag stands for by itself.
        refuges: Given a version, where its clients go when it and all in *weights* are unhealthy; the best first.
        health: Of the versions that are not healthy.
    """

    __slots__ = ("_base", "_health", "_now_s", "_refuges", "_remembered", "_tag", "_weights")

    def __init__(
        self, tag: str, weights: Mapping[str, int], base: Callable[[], str], refuges: Callable[[str], Sequence[str]],
        health: Mapping[str, Health], now_s: Callable[[], float],
    ) -> None:  # fmt: skip
        self._tag = tag
        self._weights = weights
        self._base = base
        self._refuges = refuges
        self._health = health
        self._now_s = now_s
        self._remembered: dict[str, list[str]] = {}

    def version_for(self, client: str) -> str:
        """Return the name of the version that serves *client*: the same each time, as long as nothing changes."""
        ranked = self._ranked(client) if self._weights else [self._base()]
        if not self._health:
            return ranked[0]
        for name in ranked:
            if self._admits(name, client):
                return name
        for name in self._refuges(ranked[0]):
            if name not in self._health:
                return name
        return ranked[0]

    def _ranked(self, client: str) -> list[str]:
        known = self._remembered.get(client)
        if known is None:
            if len(self._remembered) >= _LIMIT_REMEMBERED:
                self._remembered.clear()
            known = self._remembered[client] = ranking(self._tag, client, self._weights)
        return known

    def _admits(self, name: str, client: str) -> bool:
        """Return whether *name* serves *client*: whether it is healthy, or the client one of those that try it."""
        health = self._health.get(name)
        if health is None or health.condition == "healthy":
            return True
        if health.condition == "out" or health.granted <= 0:
            return False
        if unit("trial", name, client) >= health.share(self._now_s()):
            return False
        health.granted -= 1
        return True
