"""What is counted of every request: so little that nobody notices, made sense of a few times a second.

A request adds one to a cell of its version and leaves its client's name as the server gives it, port and all.
`collect`, off the way of requests, takes all that and counts clients. Where a version has more requests between two
collections than a list is to hold, only every sixteenth client is noted, and stands for sixteen; the versions whose
last clients matter have few requests, and of these every one is known.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import NamedTuple, final

from perdure.context.addresses import host_of
from perdure.context.exchange import Exchange
from perdure.rollout.clients import ClientNames

__all__ = ["Counted", "Tally"]

_NOTED = 512
_SAMPLED = 4096
_EVERY = 16

_Seen = str | tuple[str]
"""A client, as a request left it: its address with its port, or a name that is not to be read as an address."""


@final
class Counted(NamedTuple):
    """What happened at one version since the last collection."""

    requests: int
    errors: int
    """Answers of 500 and above."""
    slow: int
    clients: dict[str, int]
    """Requests by client; they add up to `requests`."""


@final
class _Cell:
    """The counters of one version."""

    __slots__ = ("errors", "noted", "requests", "sampled", "slow")

    def __init__(self) -> None:
        self.clear()

    def clear(self) -> None:
        self.requests = 0
        self.errors = 0
        self.slow = 0
        self.noted: list[_Seen] = []
        self.sampled: list[_Seen] = []


@final
class Tally:
    """Counts requests by version and client. For one thread: the event loop's.

    Args:
        versions: Names of all versions there are.
        names: Names clients.
        slow_after_s: An answer that takes longer is slow.
    """

    def __init__(self, versions: Iterable[str], names: ClientNames, slow_after_s: float) -> None:
        self._cells = {name: _Cell() for name in versions}
        self.count = self._counter(names, slow_after_s)
        """Count one request: version, exchange, status, duration in seconds. Some 0.3 µs, most of it the server's,
        which makes a text of the peer's address."""

    def collect(self) -> dict[str, Counted]:
        """Return what happened since the last call, for the versions at which something did."""
        found: dict[str, Counted] = {}
        for version, cell in self._cells.items():
            if cell.requests:
                clients = self._clients(cell)
                found[version] = Counted(cell.requests, cell.errors, cell.slow, clients)
                cell.clear()
        return found

    def _counter(self, names: ClientNames, slow_after_s: float) -> Callable[[str, Exchange, int, float], None]:
        cells = self._cells
        by_header = names.header is not None

        def count(version: str, exchange: Exchange, status: int, duration_s: float) -> None:
            cell = cells[version]
            cell.requests += 1
            if status >= 500:
                cell.errors += 1
            if duration_s > slow_after_s:
                cell.slow += 1
            noted = cell.noted
            if len(noted) < _NOTED:
                is_address = not by_header and exchange.principal is None
                noted.append(exchange.client if is_address else (names.client_of(exchange),))
            elif not cell.requests % _EVERY and len(cell.sampled) < _SAMPLED:
                is_address = not by_header and exchange.principal is None
                cell.sampled.append(exchange.client if is_address else (names.client_of(exchange),))

        return count

    def _clients(self, cell: _Cell) -> dict[str, int]:
        counts = _by_name(cell.noted)
        rest = cell.requests - len(cell.noted)
        if rest and not cell.sampled:
            counts[next(reversed(counts))] += rest
        elif rest:
            _share_out(rest, _by_name(cell.sampled), counts)
        return dict(counts)


def _by_name(seen: list[_Seen]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for each, requests in Counter(seen).items():
        counts[host_of(each) if isinstance(each, str) else each[0]] += requests
    return counts


def _share_out(rest: int, sample: Counter[str], counts: Counter[str]) -> None:
    """Add *rest* requests to *counts* as they are shared out in *sample*."""
    total = sum(sample.values())
    left = rest
    for client, seen in sample.items():
        share = rest * seen // total
        counts[client] += share
        left -= share
    counts[sample.most_common(1)[0][0]] += left
