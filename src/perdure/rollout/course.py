"""What Timescape is to obey at one moment: decisions, pins, health and the time, made one `Steering`."""

import logging
from collections.abc import Mapping
from typing import final

from perdure.clock import Clock
from perdure.config import Config
from perdure.context.exchange import Exchange
from perdure.errors import ConfigError
from perdure.rollout.clients import ClientNames
from perdure.rollout.headers import brownout_left, closed_by, lifecycle_headers
from perdure.rollout.health import Health
from perdure.rollout.pins import Pins
from perdure.rollout.roster import successor_of
from perdure.rollout.weights import Share
from perdure.store.records import Control, VersionControl
from perdure.timescape.steering import Choose, Closed, Settle, Steering
from perdure.timescape.timescape import Timescape

__all__ = ["Course"]

_log = logging.getLogger("perdure.rollout")

_UNDECIDED = VersionControl(status="active")
_REFUSED = frozenset({401, 403, 429})
"""Answers to who was not let in: nobody gets a version by them."""


@final
class Course:
    """Computes what the running versions obey.

    Args:
        timescape: Its versions and tags are looked up, nothing is changed.
        config: Of the app.
        pins: Looked up at each request that asks for nothing.
        health: Of every version.
        clock: Tells when brown-outs begin and end.
    """

    def __init__(
        self, timescape: Timescape, config: Config, pins: Pins, health: Mapping[str, Health], clock: Clock
    ) -> None:
        self._timescape = timescape
        self._settings = config.rollout
        self._version_query = config.version_query
        self._default = config.default_version
        self._clients = ClientNames(config.rollout.client_header)
        self._pins = pins
        self._health = health
        self._clock = clock
        self._names = tuple(version.name for version in timescape.versions)
        self._indexes = {name: index for index, name in enumerate(self._names)}

    def mark(self, control: Control) -> tuple[object, ...]:
        """Return what changes whenever `steering` would for the same *control*; cheap."""
        conditions = tuple((name, each.condition) for name, each in self._unwell().items())
        now_s = self._clock.time()
        brownouts = tuple(
            (name, brownout_left(decided, now_s)) for name, decided in control.versions.items() if decided.brownouts
        )
        return (brownouts, conditions, len(self._pins) > 0)

    def steering(self, control: Control) -> Steering:
        """Return what is to be obeyed now."""
        hidden = self.hidden(control)
        closed = self._closed(control)
        open_indexes = [index for index in range(len(self._names)) if index not in hidden and index not in closed]
        splits = self._splits(control, open_indexes)
        return Steering(
            tags=self._tags(control),
            hidden=hidden,
            closed=closed,
            headers={at: each for at, each in self._headers(control).items() if at not in closed},
            splits={tag: self._by_share(share) for tag, share in splits.items()},
            choose=self._choose(control, hidden, splits),
            settle=self._settle(splits),
        )

    def hidden(self, control: Control) -> frozenset[int]:
        """Return the versions nobody can ask for; none where all of this build would be: it must serve something."""
        waiting = [
            index for index, name in enumerate(self._names) if self._decided(control, name).status == "registered"
        ]
        return frozenset(waiting) if len(waiting) < len(self._names) else frozenset()

    def _tags(self, control: Control) -> dict[str, int]:
        found: dict[str, int] = {}
        for tag, name in control.tags.items():
            try:
                self._timescape.refuse_tag(tag)
            except ConfigError as error:
                # It was a good one when it was set; a version of this build has taken its name since.
                _log.warning("a tag is left out: %s", error)
            else:
                if name in self._indexes:
                    found[tag] = self._indexes[name]
        return found

    def _closed(self, control: Control) -> dict[int, Closed]:
        now_s = self._clock.time()
        found: dict[int, Closed] = {}
        for index, name in enumerate(self._names):
            decided = self._decided(control, name)
            if decided.status == "retired" or decided.brownouts:
                successor = successor_of(name, self._names, control)
                closed = closed_by(decided, successor, self._version_query, now_s)
                if closed is not None:
                    found[index] = closed
        return found

    def _headers(self, control: Control) -> dict[int, tuple[tuple[str, str], ...]]:
        found: dict[int, tuple[tuple[str, str], ...]] = {}
        for index, name in enumerate(self._names):
            decided = self._decided(control, name)
            if decided.deprecated_s is not None or decided.sunset_s is not None:
                successor = successor_of(name, self._names, control)
                found[index] = lifecycle_headers(decided, successor, self._version_query)
        return found

    def _splits(self, control: Control, open_indexes: list[int]) -> dict[str, Share]:
        unwell = self._unwell()
        tags = set(control.weights)
        if unwell:
            tags |= {tag for version in self._timescape.versions for tag in version.tags} | control.tags.keys()
        return {tag: self._share(tag, control, open_indexes, unwell) for tag in sorted(tags)}

    def _share(self, tag: str, control: Control, open_indexes: list[int], unwell: Mapping[str, Health]) -> Share:
        is_default = tag == self._default

        def base() -> str:
            return self._names[self._timescape.default if is_default else self._timescape.resolve(tag)]

        def refuges(name: str) -> list[str]:
            """Older versions first: they served before this one."""
            place = self._indexes[name]
            older = [index for index in reversed(open_indexes) if index < place]
            return [self._names[index] for index in (*older, *(index for index in open_indexes if index > place))]

        serving = {self._names[index] for index in open_indexes}
        weights = {name: share for name, share in control.weights.get(tag, {}).items() if name in serving}
        return Share(tag, weights, base, refuges, unwell, self._clock.monotonic)

    def _by_share(self, share: Share) -> Choose:
        client_of, indexes = self._clients.client_of, self._indexes

        def choose(exchange: Exchange) -> int:
            return indexes[share.version_for(client_of(exchange))]

        return choose

    def _choose(self, control: Control, hidden: frozenset[int], splits: Mapping[str, Share]) -> Choose | None:
        share = splits.get(self._default)
        unwell = self._unwell()
        if share is None and unwell:
            share = self._share(self._default, control, self._open(control, hidden), unwell)
        if not len(self._pins):
            return None if share is None else self._by_share(share)
        client_of, pins, indexes, timescape = self._clients.client_of, self._pins, self._indexes, self._timescape

        def choose(exchange: Exchange) -> int:
            client = client_of(exchange)
            pinned = pins.get(client)
            if pinned is not None:
                index = indexes.get(pinned)
                if index is not None and index not in hidden:
                    return index
            return timescape.default if share is None else indexes[share.version_for(client)]

        return choose

    def _settle(self, splits: Mapping[str, Share]) -> Settle | None:
        """Pin on first use, but nobody whose version is a matter of shares or health, and by no failure or refusal."""
        if not self._settings.pin_on_first_use or self._default in splits or self._unwell():
            return None
        client_of, pins, names, time = self._clients.client_of, self._pins, self._names, self._clock.time

        def settle(exchange: Exchange, index: int, status: int) -> None:
            client = client_of(exchange)
            if client and pins.get(client) is None and status < 500 and status not in _REFUSED:
                pins.use(client, names[index], time())

        return settle

    def _open(self, control: Control, hidden: frozenset[int]) -> list[int]:
        closed = self._closed(control)
        return [index for index in range(len(self._names)) if index not in hidden and index not in closed]

    def _unwell(self) -> dict[str, Health]:
        if not self._settings.fallback:
            return {}
        return {name: each for name, each in self._health.items() if each.condition != "healthy"}

    def _decided(self, control: Control, name: str) -> VersionControl:
        """A version the store does not know yet serves: the store may have been out of reach when this build came."""
        return control.versions.get(name, _UNDECIDED)
