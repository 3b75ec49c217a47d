"""The rollout of one app in one process: registers its versions, then keeps Timescape at what is decided about them.

The store is the authority, and every process obeys it by asking whether something changed, a few times a second: a
question of microseconds that needs no second channel and cannot be missed. Blocking calls run in one thread. Where the
store is gone, what was known last goes on.

Source: SPEC 3.5; properties 7, 15, 16.
"""

import asyncio
import logging
import os
import socket
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import inf
from typing import final

from msgspec.structs import replace

from perdure.clock import Clock
from perdure.config import Config
from perdure.context.exchange import Exchange
from perdure.diff.findings import Finding
from perdure.errors import ConfigError, PerdureError
from perdure.manifest.records import Api, HandlerManifest
from perdure.rollout.activation import activatable
from perdure.rollout.carried import Called
from perdure.rollout.clients import ClientNames
from perdure.rollout.course import Course
from perdure.rollout.decisions import activate, begin
from perdure.rollout.health import Condition, Health, Seen
from perdure.rollout.link import Letter, Link, News
from perdure.rollout.migrations import migrations_of
from perdure.rollout.pins import Pins
from perdure.rollout.publication import publication_of
from perdure.rollout.retiring import Retiring
from perdure.rollout.roster import Roster, open_versions
from perdure.rollout.tally import Tally
from perdure.rollout.usage import Usage
from perdure.store.base import Store
from perdure.store.merging import fresh_versions
from perdure.store.records import Control, HealthReport
from perdure.timescape.steering import OPEN, Steering
from perdure.timescape.timescape import Timescape

__all__ = ["Rollout"]

_log = logging.getLogger("perdure.rollout")

_HEALTH_INTERVAL_S = 1.0
_TIDY_INTERVAL_S = 600.0
_GATHERING_S = 0.02
"""How long pins by first use are gathered, to be written together."""


@final
class Rollout:
    """Keeps a running app at what is decided about its versions.

    Args:
        app: Name of the app.
        timescape: Is steered.
        store: Keeps the decisions.
        config: Of the app.
        clock: Tells the time, and waits.
        manifests: Of the app's handlers.
    Raises:
        MigrationError: The steps its versions name contradict each other.
    """

    def __init__(
        self, app: str, timescape: Timescape, store: Store, config: Config, clock: Clock,
        manifests: Sequence[HandlerManifest] = (),
    ) -> None:  # fmt: skip
        settings = config.rollout
        self._app = app
        self._timescape = timescape
        self._store = store
        self._settings = settings
        self._config = config
        self._clock = clock
        self._manifests = manifests
        timescape.steer(OPEN)  # nothing that another rollout decided
        self._migrations = migrations_of(app, timescape, manifests, store, config, clock)
        self._process = f"{socket.gethostname()}:{os.getpid()}:{id(self):x}"
        self._names = names = tuple(version.name for version in timescape.versions)
        self._health = {name: Health(settings) for name in names}
        self._pins = Pins(settings.pin_limit)
        self._usage = Usage(settings.usage_client_limit)
        self._tally = Tally(names, ClientNames(settings.client_header), settings.slow_after_s or inf)
        self._course = Course(timescape, config, self._pins, self._health, clock)
        self._link = Link(app, store, self._process, settings, Retiring(app, store, settings, names))
        self._control = Control()
        self._mark: tuple[object, ...] | None = None
        self._is_lost = False
        self._reported: frozenset[str] = frozenset()
        self._written_s = self._reported_s = self._tidied_s = -inf
        self.on_judged: Callable[[str, Condition, Seen], None] | None = None
        """Told of every change in a version's health: its name, how it is now, what that was judged by. Quick."""

    @property
    def tally(self) -> Callable[[str, Exchange, int, float], None]:
        """Counts one request: name of its version, its exchange, status, duration in seconds. Some 0.3 µs."""
        return self._tally.count

    @property
    def store(self) -> Store:
        """Keeps the decisions."""
        return self._store

    @property
    def control(self) -> Control:
        """What is decided, as far as this process knows."""
        return self._control

    def register(self, *, has_drafts: bool = False) -> None:
        """Publish what this build serves, let those versions begin that may by themselves, and steer. Blocks.

        Args:
            has_drafts: The store is one developer's own: revisions not marked as published may be written anew.
        Raises:
            RevisionConflictError: A revision was published before with other content.
            MigrationError: As `expand`.
            StoreError: The store cannot be reached.
        """
        self._link.register = partial(self._publish, has_drafts=has_drafts)
        self._link.register()
        self.refresh()

    def _publish(self, *, has_drafts: bool) -> None:
        """Publish what this build serves, and let those versions begin that may; changes nothing in this process."""
        store, app, now_s = self._store, self._app, self._clock.time()
        store.publish(publication_of(app, self._timescape, self._manifests, has_drafts=has_drafts), at_s=now_s)
        versions = store.versions(app)

        def edit(control: Control) -> Control:
            names = activatable(versions, control, self._settings.activation, _compare)
            if not names:
                return control
            is_first = all(each.status != "active" for each in control.versions.values())
            return (begin if is_first else activate)(control, names, now_s)

        control = store.control(app)
        names = activatable(versions, control, self._settings.activation, _compare)
        self.expand((*open_versions(self._names, control), *names))
        if names:
            store.decide(app, edit, actor="registration", action=f"activate {' '.join(names)}", at_s=now_s)

    def check_history(self, *, has_drafts: bool = False) -> None:
        """Refuse a store `register` would refuse, without writing to it. Blocks.

        Raises:
            RevisionConflictError: A revision was published before with other content.
            StoreError: The store cannot be reached.
        """
        publication = publication_of(self._app, self._timescape, self._manifests, has_drafts=has_drafts)
        fresh_versions(publication, {each.name: each.digest for each in self._store.versions(self._app)})

    def expand(self, names: Collection[str]) -> None:
        """Give the app's own database what the versions *names* need, those of this build; before they serve. Blocks.

        Raises:
            MigrationError: A step failed, or may not be made.
        """
        self._migrations.expand([name for name in self._names if name in names])

    def refresh(self) -> None:
        """Hear what is decided, and steer. Blocks.

        Raises:
            StoreError: The store cannot be reached.
        """
        self._exchange(Letter(now_s=self._clock.time(), asks_health=True))
        self.tick()

    def flush(self) -> None:
        """Make sense of what was counted, write it to the store, hear what is decided, and steer. Blocks.

        Raises:
            StoreError: The store cannot be reached; what was counted is kept.
        """
        self.tick()
        self._exchange(self._letter(is_due=True))
        self.tick()

    def steering(self) -> Steering:
        """Return what is to be obeyed now: decisions, pins and health as this process knows them."""
        return self._course.steering(self._control)

    def tick(self) -> None:
        """Make sense of what was counted, and steer if anything changed, be it the time. Quick."""
        now_s = self._clock.monotonic()
        counted = self._tally.collect()
        self._usage.add(counted, self._clock.time())
        for name, each in counted.items():
            self._health[name].add(Seen(each.requests, each.errors, each.slow), now_s)
        for name, health in self._health.items():
            before = health.condition
            if health.judge(now_s) != before:
                self._tell_health(name, health)
        mark = (self._control, *self._course.mark(self._control))
        if mark != self._mark:
            self._mark = mark
            self._steer(self.steering())

    async def run(self) -> None:
        """Keep up with the store until cancelled; then tell it what it does not know yet."""
        loop = asyncio.get_running_loop()
        threads = ThreadPoolExecutor(1, thread_name_prefix="perdure-rollout")

        def talk(*, is_due: bool = False) -> "asyncio.Future[News]":
            letter = self._letter(is_due=is_due)
            talking = loop.run_in_executor(threads, self._link.exchange, letter)
            talking.add_done_callback(partial(self._hear, letter))
            return talking

        talking = talk()
        pinned = asyncio.Event()
        self._pins.wake = pinned.set
        try:
            while True:
                await self._until_due(pinned)
                self._tick_safely()
                if talking.done():  # a store that hangs holds up nothing but news
                    talking = talk()
        finally:
            self._pins.wake = None
            await asyncio.wait([talking])
            self._tick_safely()
            await asyncio.wait([talk(is_due=True)])
            threads.shutdown()

    def close(self) -> None:
        """Let go of the store. Blocks."""
        self._store.close()

    def roster(self) -> Roster:
        """Return what an operator's words are looked up in. Blocks.

        Raises:
            StoreError: The store cannot be reached.
        """
        versions = self._store.versions(self._app)
        known = {version.name for version in versions}
        tags = {tag: each.name for each in self._timescape.versions for tag in each.tags if each.name in known}
        pinned: dict[str, int] = {}
        for pin in self._store.pins(self._app)[0]:
            pinned[pin.version] = pinned.get(pin.version, 0) + 1
        return Roster(
            versions=versions, control=self._control, tags={**tags, **self._control.tags},
            default=self._config.default_version, pinned=pinned,
        )  # fmt: skip

    def needed(self) -> frozenset[str]:
        """Return the versions that are never cold, as something leads to them: the latest, tagged, weighed, pinned."""
        weighed = {name for shares in self._control.weights.values() for name in shares}
        return frozenset({*weighed, *self._control.tags.values(), *self._pins.versions(), *self._named()})

    def _named(self) -> frozenset[str]:
        """Return the versions that tags, those of this build's configuration too, and the default lead to."""
        versions = self._timescape.versions
        return frozenset({versions[self._timescape.default].name, *(each.name for each in versions if each.tags)})

    async def _until_due(self, pinned: asyncio.Event) -> None:
        """Return when the store is to be asked again, or soon after a client was pinned: a pin is a promise."""
        pausing = asyncio.ensure_future(self._clock.sleep(self._settings.poll_interval_s))
        pinning = asyncio.ensure_future(pinned.wait())
        try:
            await asyncio.wait((pausing, pinning), return_when=asyncio.FIRST_COMPLETED)
        finally:
            pausing.cancel()
            pinning.cancel()
        if pinned.is_set():
            pinned.clear()
            await asyncio.sleep(_GATHERING_S)

    def _exchange(self, letter: Letter) -> None:
        news = self._link.exchange(letter)
        self._take(news)
        if news.error is not None:
            raise news.error

    def _letter(self, *, is_due: bool = False) -> Letter:
        now_s, wall_s = self._clock.monotonic(), self._clock.time()
        letter = Letter(now_s=wall_s, pins=self._pins.take())  # at once: what is promised must outlive this process
        if is_due or now_s >= self._written_s + self._settings.flush_interval_s:
            self._written_s = now_s
            letter = replace(letter, usage=self._usage.take())
        tidies = now_s >= self._tidied_s + _TIDY_INTERVAL_S
        if is_due or tidies or now_s >= self._reported_s + _HEALTH_INTERVAL_S:
            self._reported_s = now_s
            letter = replace(letter, reports=self._reports(now_s, wall_s, all_named=tidies), asks_health=True)
        if tidies:
            self._tidied_s = now_s
            letter = replace(letter, tidies=True, needed=self.needed())
        return letter

    def _reports(self, now_s: float, wall_s: float, *, all_named: bool) -> tuple[HealthReport, ...]:
        """Report every version with answers in its window, and once more when there are none left.

        Args:
            all_named: And every one this build cannot do without, for those builds that do not know that.
        """
        seen = {name: health.seen(now_s) for name, health in self._health.items()}
        named, used = self._named(), frozenset(name for name, each in seen.items() if each.requests)
        told, self._reported = used | self._reported, used
        if all_named:
            told |= named
        return tuple(
            HealthReport(
                version=name, process=self._process, at_s=wall_s, requests=seen[name].requests,
                errors=seen[name].errors, slow=seen[name].slow, healthy=self._health[name].condition == "healthy",
                needed=name in named,
            )
            for name in sorted(told)
        )  # fmt: skip

    def _hear(self, letter: Letter, talking: "asyncio.Future[News]") -> None:
        error = talking.exception()
        if error is not None:
            self._usage.put_back(letter.usage)
            self._pins.put_back(letter.pins)
            _log.error("the rollout could not talk to the store: %s", error, exc_info=error)
            return
        self._take(talking.result())
        self._tick_safely()

    def _take(self, news: News) -> None:
        if not news.wrote_usage:
            self._usage.put_back(news.letter.usage)
        if not news.wrote_pins:
            self._pins.put_back(news.letter.pins)
        self._pins.merge(news.pinned, news.unpinned)
        if news.control is not None:
            self._control = news.control
        if news.others is not None:
            for name, health in self._health.items():
                health.hear(news.others.get(name, Seen()))
        if news.is_another:
            _log.warning("the store is another one, or was restored: versions were registered anew")
        self._tell_loss(news.error)

    def _tell_health(self, name: str, health: Health) -> None:
        spoken = _SPOKEN[health.condition] if self._settings.fallback else _SPOKEN_ONLY[health.condition]
        _log.warning("version %s of %s is %s", name, self._app, spoken)
        if self.on_judged is not None:
            self.on_judged(name, health.condition, health.judged)

    def _tell_loss(self, error: PerdureError | None) -> None:
        """Say once that the store is gone, and once that it is back."""
        if error is not None and not self._is_lost:
            _log.error("the store is gone: %s; going on with what was decided so far", error)
            for health in self._health.values():
                health.hear(Seen())
        elif error is None and self._is_lost:
            _log.warning("the store is back")
        self._is_lost = error is not None

    def _tick_safely(self) -> None:
        try:
            self.tick()
        except Exception as error:  # noqa: BLE001 - requests are served on whatever happens here, and the next tick may do better
            _log.error("the rollout failed: %s", error, exc_info=error)

    def _steer(self, steering: Steering) -> None:
        try:
            self._timescape.steer(steering)
        except ConfigError as error:
            # The default version of this build waits for its activation: there is nothing else to serve by default.
            _log.error("%s; versions that wait for their activation are served all the same", error)
            self._timescape.steer(replace(steering, hidden=frozenset()))


_SPOKEN = {
    "healthy": "healthy again",
    "out": "unhealthy: traffic that did not ask for it by name goes elsewhere",
    "trial": "on trial: a small share of its clients tries it again",
}
_SPOKEN_ONLY = {
    "healthy": "healthy again", "out": "unhealthy: nobody is sent elsewhere, as rollout.fallback is off",
    "trial": "watched anew",
}  # fmt: skip
"""The same where nothing follows from it."""


def _compare(old: Api, new: Api, called: Called) -> Sequence[Finding]:
    """Compare as `perdure diff` does; imported only where the strategy asks for it."""
    from perdure.diff.apis import diff_apis

    return diff_apis(old, new, renames=called.renames, moves=called.moves)
