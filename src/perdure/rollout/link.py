"""What a process and the store tell each other, a few times a second, in a thread of its own."""

from collections.abc import Callable, Mapping
from typing import final

from msgspec import Struct

from perdure.config import RolloutSettings
from perdure.errors import MigrationError, PerdureError, StoreError
from perdure.rollout.health import Seen
from perdure.rollout.retiring import Retiring
from perdure.store.base import Store
from perdure.store.records import Control, HealthReport, Pin, Position, UsageCount

__all__ = ["Letter", "Link", "News"]


@final
class Letter(Struct, frozen=True, kw_only=True):
    """What a process has to tell."""

    now_s: float
    """Unix time."""
    usage: tuple[UsageCount, ...] = ()
    pins: tuple[Pin, ...] = ()
    reports: tuple[HealthReport, ...] = ()
    asks_health: bool = False
    """Hear what the others have seen."""
    tidies: bool = False
    """Forget old usage, and retire what has been cold for long."""
    needed: frozenset[str] = frozenset()
    """Versions that are never cold: the latest, tagged, weighed, pinned to."""


@final
class News(Struct, kw_only=True):
    """What the store answered, as far as it came."""

    letter: Letter
    wrote_usage: bool = False
    wrote_pins: bool = False
    control: Control | None = None
    """None where nothing changed."""
    pinned: tuple[Pin, ...] = ()
    unpinned: tuple[str, ...] | None = ()
    """None: all that are not pinned."""
    others: Mapping[str, Seen] | None = None
    """What other processes have seen within their windows, by version; None where that was not asked."""
    is_another: bool = False
    """The store is not the one it was, or knows less than it did; it was told again what this build serves."""
    error: PerdureError | None = None
    """Why the rest is missing."""


@final
class Link:
    """One process' way to the store.

    Args:
        process: What this process is called; no other is.
        retiring: Is done now and then.
    """

    def __init__(self, app: str, store: Store, process: str, settings: RolloutSettings, retiring: Retiring) -> None:
        self._app = app
        self._store = store
        self._process = process
        self._settings = settings
        self._retiring = retiring
        self._position: Position | None = None
        self.register: Callable[[], None] | None = None
        """Tells a store that does not know it what this build serves; set when that was done once."""

    def exchange(self, letter: Letter) -> News:
        """Tell the store what is in *letter*, and return what changed there. Blocks; a lost store is told in it."""
        news = News(letter=letter)
        try:
            self._tell(letter, news)
            self._ask(letter, news)
        except (StoreError, MigrationError) as error:
            news.error = error
        return news

    def _tell(self, letter: Letter, news: News) -> None:
        store, app = self._store, self._app
        if letter.pins:
            store.pin(app, letter.pins)
        news.wrote_pins = True
        if letter.usage:
            store.add_usage(app, letter.usage)
        news.wrote_usage = True
        if letter.reports:
            store.put_health(app, letter.reports)
        if letter.tidies:
            self._retiring.tidy(letter.needed, letter.now_s)

    def _ask(self, letter: Letter, news: News) -> None:
        store, app = self._store, self._app
        before, position = self._position, store.position(app)
        if position != before:
            since = 0
            if before is not None and before.origin == position.origin and before.change < position.change:
                since = before.change
            elif before is not None and self.register is not None:
                # Another store, or one that was restored: it may never have heard of this build.
                self.register()
                news.is_another, position = True, store.position(app)
            news.pinned, news.unpinned = store.pins(app, since)
            news.control = store.control(app)
            self._position = position
        if letter.asks_health:
            news.others = _others(store.health(app), self._process, letter.now_s, self._settings.health_window_s)


def _others(reports: tuple[HealthReport, ...], process: str, now_s: float, window_s: float) -> dict[str, Seen]:
    """Add up what the others saw; a report from far ahead is from before a clock was set back, and would never age."""
    found: dict[str, Seen] = {}
    for report in reports:
        if report.process != process and abs(now_s - report.at_s) < window_s:
            seen = Seen(report.requests, report.errors, report.slow)
            found[report.version] = found.get(report.version, Seen()).plus(seen)
    return found
