"""Usage by version, client and hour, between what was counted and what the store keeps."""

from collections.abc import Iterable, Mapping
from typing import Final, final

from perdure.rollout.tally import Counted
from perdure.store.records import UsageCount, storable_name

__all__ = ["OTHERS", "Usage"]

OTHERS: Final = "(others)"
"""Stands for all clients beyond those that are told apart, and for those without a name."""
_HOUR_S = 3600
_LIMIT_UNWRITTEN = 200_000


@final
class Usage:
    """Counts that are not in the store yet.

    Args:
        client_limit: Clients told apart per version and hour.
    """

    def __init__(self, client_limit: int) -> None:
        self._client_limit = client_limit
        self._counts: dict[tuple[str, str, int], tuple[int, float]] = {}
        self._seen: dict[tuple[str, int], set[str]] = {}

    def add(self, counted: Mapping[str, Counted], now_s: float) -> None:
        """Add what was counted up to *now_s*, Unix time."""
        hour = int(now_s) // _HOUR_S
        self._seen = {key: seen for key, seen in self._seen.items() if key[1] >= hour}
        for version, each in counted.items():
            seen = self._seen.setdefault((version, hour), set())
            for client, requests in each.clients.items():
                key = (version, self._told_apart(client, seen), hour)
                self._counts[key] = (self._counts.get(key, (0, 0.0))[0] + requests, now_s)

    def take(self) -> tuple[UsageCount, ...]:
        """Return all counts, and forget them; `put_back` what could not be written."""
        counts, self._counts = self._counts, {}
        return tuple(
            UsageCount(version=version, client=client, hour=hour, requests=requests, last_s=last_s)
            for (version, client, hour), (requests, last_s) in counts.items()
        )

    def put_back(self, counts: Iterable[UsageCount]) -> None:
        """Keep *counts* for the next `take`; where there are very many, without saying of which clients."""
        for each in counts:
            key = (each.version, each.client, each.hour)
            if len(self._counts) >= _LIMIT_UNWRITTEN and key not in self._counts:
                key = (each.version, OTHERS, each.hour)
            requests, last_s = self._counts.get(key, (0, 0.0))
            self._counts[key] = (requests + each.requests, max(last_s, each.last_s))

    def _told_apart(self, client: str, seen: set[str]) -> str:
        if not client:
            return OTHERS
        if client in seen:
            return storable_name(client)
        if len(seen) >= self._client_limit:
            return OTHERS
        seen.add(client)
        return storable_name(client)
