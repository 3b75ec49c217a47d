"""Counts requests in this process, for a bounded number of clients.

Who has to be forgotten when there are too many? Not simply who was not seen longest: a client that has used up its
limit could then send one request each from very many addresses, and begin anew. So of eight windows in a row, in turn,
the one with the fewest requests goes. To have a client forgotten that has made n requests, somebody has to make n from
each of about as many addresses as there are places; and clients that showed who they are have places of their own,
which no address can take. Windows in which nothing counts any more go first, two looked at for each that comes.

Source: SPEC 3.7, property 34.
"""

from collections.abc import Callable
from typing import Final, final

from perdure.clock import Clock
from perdure.config import RateSettings
from perdure.policy.clients import is_named
from perdure.policy.counters import MICROSECONDS, REFUSED, Limit, Meter, Standings
from perdure.policy.windows import ApproximateWindow, ExactWindow, Window

__all__ = ["MemoryCounters"]

_COMPARED: Final = 8
_SWEPT: Final = 2


@final
class MemoryCounters:
    """See `perdure.policy.counters.Counters`; what `bind` returns never has to be awaited.

    Args:
        settings: Which strategy, and how many clients.
        clock: Its monotonic time is what windows are measured by.
    """

    def __init__(self, settings: RateSettings, clock: Clock) -> None:
        self._kind: type[Window] = ExactWindow if settings.strategy == "exact" else ApproximateWindow
        self._monotonic: Callable[[], float] = clock.monotonic
        self._named = _Shelf(settings.client_limit)
        self._unnamed = _Shelf(settings.client_limit)
        self._tables: dict[Limit, _Table] = {}

    @property
    def size(self) -> int:
        """Number of clients counted now, each once per limit."""
        return len(self._named.windows) + len(self._unnamed.windows)

    def bind(self, limits: tuple[Limit, ...]) -> Meter:
        """See `perdure.policy.counters.Counters.bind`."""
        tables = tuple(self._table(limit) for limit in limits)
        return _OneMeter(tables[0], self._monotonic) if len(tables) == 1 else _AllMeter(tables, self._monotonic)

    async def start(self) -> None:
        """Do nothing: there is nothing to connect to."""

    async def stop(self) -> None:
        """Do nothing: there is nothing to let go of."""

    def _table(self, limit: Limit) -> "_Table":
        found = self._tables.get(limit)
        if found is None:
            found = self._tables[limit] = _Table(self._kind, limit, self._named, self._unnamed)
        return found


@final
class _OneMeter(Meter):
    """Counts against one limit: the usual case, without loops."""

    __slots__ = ("_monotonic", "_table", "_windows")

    def __init__(self, table: "_Table", monotonic: Callable[[], float]) -> None:
        self._table = table
        self._windows = table.windows
        self._monotonic = monotonic

    def spend(self, keys: tuple[str, ...]) -> Standings:
        """See `Meter.spend`."""
        key = keys[0]
        now_us = int(self._monotonic() * MICROSECONDS + 0.5)
        window = self._windows.get(key)
        if window is not None:
            return (window.take(now_us),)
        table = self._table
        window = table.new(key)
        left = window.spare(now_us) - 1
        window.spend(now_us)
        table.keep(window, now_us)
        return ((left, window.reset_us(now_us)),)


@final
class _AllMeter(Meter):
    """Counts against several limits."""

    __slots__ = ("_monotonic", "_tables")

    def __init__(self, tables: "tuple[_Table, ...]", monotonic: Callable[[], float]) -> None:
        self._tables = tables
        self._monotonic = monotonic

    def spend(self, keys: tuple[str, ...]) -> Standings:
        """See `Meter.spend`."""
        now_us = int(self._monotonic() * MICROSECONDS + 0.5)
        found: list[tuple[Window, int, _Table]] = []
        is_refused = False
        for table, key in zip(self._tables, keys, strict=True):
            window = table.windows.get(key) or table.new(key)
            spare = window.spare(now_us)
            found.append((window, spare, table))
            if not spare:
                is_refused = True
        if is_refused:
            return tuple([(spare or REFUSED, window.reset_us(now_us)) for window, spare, _ in found])
        for window, _, _ in found:
            window.spend(now_us)
        for window, _, table in found:  # not before all count: to make room, those go in which nothing does
            if window.slot < 0:
                table.keep(window, now_us)
        return tuple([(spare - 1, window.reset_us(now_us)) for window, spare, _ in found])


@final
class _Table:
    """The windows of one limit."""

    __slots__ = ("_kind", "_limit", "_named", "_unnamed", "windows")

    def __init__(self, kind: type[Window], limit: Limit, named: "_Shelf", unnamed: "_Shelf") -> None:
        self.windows: dict[str, Window] = {}
        self._kind = kind
        self._limit = limit
        self._named = named
        self._unnamed = unnamed

    def new(self, key: str) -> Window:
        """Return a new window for the client *key*."""
        return self._kind(key, self.windows, self._limit)

    def keep(self, window: Window, now_us: int) -> None:
        """Have a new window found from now on. A request counts in it by now, else it would be in nobody's way."""
        (self._named if is_named(window.key) else self._unnamed).put(window, now_us)
        self.windows[window.key] = window


@final
class _Shelf:
    """Holds a bounded number of windows, of all limits. O(1)."""

    __slots__ = ("_hand", "_limit", "windows")

    def __init__(self, limit: int) -> None:
        self.windows: list[Window] = []
        self._limit = limit
        self._hand = 0

    def put(self, window: Window, now_us: int) -> None:
        """Find a place for *window*."""
        for _ in range(min(_SWEPT, len(self.windows))):
            found = self._next()
            if not found.used(now_us):
                self._remove(found)
        if len(self.windows) >= self._limit:
            compared = [self._next() for _ in range(_COMPARED)]
            self._remove(min(compared, key=lambda each: each.used(now_us)))
        window.slot = len(self.windows)
        self.windows.append(window)

    def _next(self) -> Window:
        self._hand = self._hand + 1 if self._hand + 1 < len(self.windows) else 0
        return self.windows[self._hand]

    def _remove(self, window: Window) -> None:
        last = self.windows.pop()
        if last is not window:
            self.windows[window.slot] = last
            last.slot = window.slot
        del window.home[window.key]
