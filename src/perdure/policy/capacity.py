"""How much is done at once: lets requests in as long as there is room, and turns some away when there is too little.

Two things can run out. Room: requests in the works hold memory, so there is a limit to their number, lower for lower
priorities. From a quarter of it on, no client may hold more than four times of what is still free (dynamic thresholds,
Choudhury and Hahne 1998): one alone gets four fifths, and there always is something left for who comes next. Time:
where the process is late for a while, `perdure.policy.pressure` says who has to wait.

With neither, a request costs one comparison of integers.

Source: SPEC 3.7.
"""

import asyncio
import logging
from collections.abc import Mapping
from math import ceil
from typing import Final, final

from perdure.config import CapacitySettings, Priority
from perdure.context.exchange import Exchange
from perdure.errors import OverloadedError
from perdure.policy.clients import Clients
from perdure.policy.pressure import BEAT_S, Pressure

__all__ = ["Capacity"]

_log: Final = logging.getLogger("perdure.policy")

_BEATS_OF_CALM: Final = 40
"""After so many without anybody turned away, it is over."""
_WATCHED: Final = 4
"""The part of all places from which on it is counted who holds them: a quarter."""
_PATIENCE: Final = 4
"""Of what is free, what one client may hold at most."""
_PARTS: Final[Mapping[Priority, float]] = {"low": 0.5, "normal": 0.9, "high": 1.0}


@final
class Capacity:
    """Counts requests in the works in this process.

    Args:
        settings: How many, and how late the process may be.
        clients: Says who a request is for.
    """

    __slots__ = (
        "_clients",
        "_due_s",
        "_held",
        "_is_shut",
        "_limits",
        "_pressure",
        "_quarter",
        "_settings",
        "_shed",
        "_timer",
        "_watch_from",
        "count",
    )

    def __init__(self, settings: CapacitySettings, clients: Clients) -> None:
        self._settings = settings
        self._clients = clients
        self._limits = {name: max(1, ceil(settings.max_requests * part)) for name, part in _PARTS.items()}
        self._quarter = settings.max_requests // _WATCHED
        self._pressure = Pressure(settings.fair_lag_s, settings.lag_limit_s)
        self._held: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._due_s = 0.0
        self._watch_from = self._quarter
        self._is_shut = False
        self._shed = _Shed()
        self.count = 0
        """Requests in the works."""

    def enter(self, exchange: Exchange, priority: Priority) -> str | None:
        """Let a request in, and return what `leave` has to be given when it has been answered.

        Raises:
            OverloadedError: There is too much to do; `leave` must not be called.
        """
        if self.count < self._watch_from:
            self.count += 1
            return None
        return self._weigh(exchange, priority)

    def leave(self, ticket: str | None) -> None:
        """Note that a request has been answered."""
        self.count -= 1
        if ticket is not None:
            held = self._held[ticket] - 1
            if held:
                self._held[ticket] = held
            else:
                del self._held[ticket]

    def admit(self, is_open: bool) -> None:
        """Let requests in, or none at all, whatever their priority. May be called from any thread."""
        self._is_shut = not is_open
        self._watch_from = 0 if self._is_shut or self._pressure.is_on else self._quarter

    def start(self) -> None:
        """Begin to watch how late the running event loop is."""
        loop = asyncio.get_running_loop()
        self._due_s = loop.time() + BEAT_S
        self._timer = loop.call_at(self._due_s, self._beat, loop)

    def stop(self) -> None:
        """Watch no more; requests that are in the works may still leave."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def note_lag(self, lag_s: float) -> None:
        """Take note of how late the process is; `start` sees to it that this is called twenty times a second."""
        self._pressure.beat(lag_s)
        self._watch_from = 0 if self._is_shut or self._pressure.is_on else self._quarter
        if self._shed.turned_away or self._shed.is_going_on:
            self._shed.beat(self.count, lag_s, is_shut=self._is_shut)

    def _beat(self, loop: asyncio.AbstractEventLoop) -> None:
        now_s = loop.time()
        self.note_lag(now_s - self._due_s)
        self._due_s = now_s + BEAT_S
        self._timer = loop.call_at(self._due_s, self._beat, loop)

    def _weigh(self, exchange: Exchange, priority: Priority) -> str:
        if self._is_shut:
            self._shed.turned_away += 1
            raise OverloadedError(self._settings.retry_after_s)
        key = self._clients.client_key(exchange)
        held = self._held.get(key, 0)
        is_late = self._pressure.is_on and self._pressure.turns_away(key, priority)
        if priority != "critical":
            free = self._limits[priority] - self.count
            if is_late or free <= 0 or (self.count >= self._quarter and held >= _PATIENCE * free):
                self._shed.turned_away += 1
                raise OverloadedError(self._settings.retry_after_s)
        self._held[key] = held + 1
        self.count += 1
        return key


@final
class _Shed:
    """Tells the log when requests begin to be turned away, and how many it were, not each of them."""

    __slots__ = ("_calm", "_total", "is_going_on", "turned_away")

    def __init__(self) -> None:
        self.turned_away = 0
        """Since the last beat."""
        self.is_going_on = False
        self._total = 0
        self._calm = 0

    def beat(self, count: int, lag_s: float, *, is_shut: bool) -> None:
        if not self.is_going_on and is_shut:
            self.is_going_on = True
            _log.warning("requests are turned away: what they do could not be recorded")
        elif not self.is_going_on:
            self.is_going_on = True
            _log.warning(
                "too much to do: requests are turned away, with %d in the works and the event loop %.0f ms late",
                count, lag_s * 1000,
            )  # fmt: skip
        self._total += self.turned_away
        self._calm = 0 if self.turned_away else self._calm + 1
        self.turned_away = 0
        if self._calm >= _BEATS_OF_CALM:
            _log.warning("no more requests are turned away; %d were", self._total)
            self.is_going_on, self._total = False, 0
