"""What a process and the store tell each other, a few times a second, in a thread of its own."""

from collections.abc import Callable, Mapping
from typing import final

from msgspec import Struct

from perdure.config import RolloutSettings
from perdure.errors import StoreError
from perdure.rollout.decisions import retire_cold
from perdure.rollout.health import Seen
from perdure.rollout.standing import standing, usage_since_hour
from perdure.store.base import Store
from perdure.store.records import Control, HealthReport, Pin, UsageCount

__all__ = ["Letter", "Link", "News"]

_DAY_S = 86_400.0


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
    unpinned: tuple[str, ...] = ()
    others: Mapping[str, Seen] | None = None
    """What other processes have seen within their windows, by version; None where that was not asked."""
    error: StoreError | None = None
    """Why the rest is missing."""


@final
class Link:
    """One process' way to the store.

    Args:
        process: What this process is called; no other is.
    """

    def __init__(self, app: str, store: Store, process: str, settings: RolloutSettings) -> None:
        self._app = app
        self._store = store
        self._process = process
        self._settings = settings
        self._change = -1

    def exchange(self, letter: Letter) -> News:
        """Tell the store what is in *letter*, and return what changed there. Blocks; a lost store is told in it."""
        news = News(letter=letter)
        try:
            self._tell(letter, news)
            self._ask(letter, news)
        except StoreError as error:
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
            self._tidy(letter)

    def _ask(self, letter: Letter, news: News) -> None:
        store, app = self._store, self._app
        change = store.change(app)
        if change != self._change:
            # A number that went back is another store, or one that was restored: all is read anew.
            since = self._change if 0 <= self._change < change else 0
            news.pinned, news.unpinned = store.pins(app, since)
            news.control = store.control(app)
            self._change = change
        if letter.asks_health:
            news.others = _others(store.health(app), self._process, letter.now_s, self._settings.health_window_s)

    def _tidy(self, letter: Letter) -> None:
        settings, now_s = self._settings, letter.now_s
        self._store.forget_usage(self._app, int((now_s - settings.usage_days * _DAY_S) // 3600))
        if settings.retire_after_days is None:
            return
        used: dict[str, dict[int, int]] = {}
        for count in self._store.usage(self._app, usage_since_hour(settings, now_s)):
            hours = used.setdefault(count.version, {})
            hours[count.hour] = hours.get(count.hour, 0) + count.requests

        def is_over(control: Control, name: str) -> bool:
            decided, by_hour = control.versions[name], used.get(name, {})
            is_needed = name in letter.needed
            return standing(decided, by_hour, settings, now_s, is_needed=is_needed).is_over(settings, now_s)

        for name in retirable(self._store.control(self._app), is_over):
            self._store.decide(
                self._app, lambda control, name=name: retire_cold(control, name, is_over, now_s),  # type: ignore[misc]
                actor="auto-retire", action=f"retire {name}", at_s=now_s,
            )  # fmt: skip


def retirable(control: Control, is_over: Callable[[Control, str], bool]) -> tuple[str, ...]:
    """Return the active versions of which *is_over* says that nobody uses them any more."""
    return tuple(
        name for name, decided in control.versions.items() if decided.status == "active" and is_over(control, name)
    )


def _others(reports: tuple[HealthReport, ...], process: str, now_s: float, window_s: float) -> dict[str, Seen]:
    """Add up what the others saw; a report from far ahead is from before a clock was set back, and would never age."""
    found: dict[str, Seen] = {}
    for report in reports:
        if report.process != process and abs(now_s - report.at_s) < window_s:
            seen = Seen(report.requests, report.errors, report.slow)
            found[report.version] = found.get(report.version, Seen()).plus(seen)
    return found
