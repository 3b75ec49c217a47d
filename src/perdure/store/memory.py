"""A store in the memory of one process: for tests, and for servers that need not remember."""

import threading
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import final

import msgspec
from msgspec.structs import replace

from perdure.errors import StoreError
from perdure.gtype.nodes import GType
from perdure.manifest.records import HandlerManifest
from perdure.store.api_keys import ApiKey, check_key, creation, key_order, pruning, revocation
from perdure.store.gtypes import gtypes_of
from perdure.store.merging import (
    HEALTH_KEPT_S,
    JOURNAL_KEPT,
    UNPINNED_KEPT,
    add,
    check_names,
    document,
    fresh_versions,
    latest_reports,
    pins_to_set,
    registered,
    summed,
    version_order,
)
from perdure.store.records import (
    Control,
    HealthReport,
    JournalEntry,
    MigrationEntry,
    Pin,
    Position,
    Publication,
    PublishedVersion,
    UsageCount,
    VersionUse,
)

__all__ = ["MemoryStore"]


@final
class _Ledger:
    """All that is known of one app."""

    def __init__(self) -> None:
        self.change = 0
        self.versions: dict[str, PublishedVersion] = {}
        self.manifests: dict[tuple[str, str], HandlerManifest] = {}
        self.control = document(Control())
        """As text: nobody who was given a control can change it here."""
        self.journal: list[JournalEntry] = []
        self.pins: dict[str, tuple[int, Pin | None]] = {}
        """By client, with the change that set or removed it."""
        self.forgotten = 0
        """The change up to which it is forgotten who was unpinned."""
        self.usage: dict[tuple[str, str, int], UsageCount] = {}
        self.health: dict[tuple[str, str], HealthReport] = {}
        self.migrations: dict[tuple[str, str], MigrationEntry] = {}
        self.api_keys: dict[str, tuple[int, ApiKey]] = {}
        """By id, with the change that added or revoked it."""


@final
class MemoryStore:
    """The reference implementation of `perdure.store.base.Store`; it forgets everything when the process ends."""

    def __init__(self) -> None:
        self._mutex = threading.Lock()
        self._ledgers: defaultdict[str, _Ledger] = defaultdict(_Ledger)
        self._manifests: dict[str, HandlerManifest] = {}
        self._gtypes: dict[str, GType] = {}
        self._locks: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)
        self._is_closed = False

    def close(self) -> None:
        """See `Store.close`; what was written is gone all the same."""
        self._is_closed = True

    def time(self) -> float | None:
        """See `Store.time`."""
        return None

    def publish(self, publication: Publication, *, at_s: float) -> bool:
        """See `Store.publish`."""
        check_names(publication.app, *(version.name for version in publication.versions))
        check_names(*(name for each in publication.manifests for name in (each.id, each.version)))
        manifests = {each.fingerprint: each for each in publication.manifests}
        gtypes = {gtype.fingerprint: gtype for each in publication.manifests for gtype in gtypes_of(each)}
        with self._writing(publication.app) as ledger:
            fresh = fresh_versions(publication, {name: each.digest for name, each in ledger.versions.items()})
            versions = ledger.versions | {version.name: version for version in fresh}
            current = ledger.manifests | {(each.id, each.version): each for each in publication.manifests}
            control = self._control(ledger)
            decided = registered(control, publication, at_s)
            self._manifests |= manifests
            self._gtypes |= gtypes
            if versions == ledger.versions and current == ledger.manifests and decided is control:
                return False
            ledger.versions, ledger.manifests = versions, current
            ledger.control = document(decided)
            ledger.change += 1
            return True

    def versions(self, app: str) -> tuple[PublishedVersion, ...]:
        """See `Store.versions`."""
        with self._reading(app) as ledger:
            return tuple(sorted(ledger.versions.values(), key=version_order))

    def manifests(self, app: str) -> tuple[HandlerManifest, ...]:
        """See `Store.manifests`."""
        with self._reading(app) as ledger:
            return tuple(ledger.manifests[key] for key in sorted(ledger.manifests))

    def manifest(self, fingerprint: str) -> HandlerManifest | None:
        """See `Store.manifest`."""
        return self._manifests.get(fingerprint)

    def gtype(self, fingerprint: str) -> GType | None:
        """See `Store.gtype`."""
        return self._gtypes.get(fingerprint)

    def change(self, app: str) -> int:
        """See `Store.change`."""
        with self._reading(app) as ledger:
            return ledger.change

    def position(self, app: str) -> Position:
        """See `Store.position`."""
        with self._reading(app) as ledger:
            return Position("", ledger.change)

    def control(self, app: str) -> Control:
        """See `Store.control`."""
        with self._reading(app) as ledger:
            return self._control(ledger)

    def decide(self, app: str, edit: Callable[[Control], Control], *, actor: str, action: str, at_s: float) -> Control:
        """See `Store.decide`."""
        check_names(app)
        while True:
            with self._reading(app) as ledger:
                before = ledger.control
            decided = edit(msgspec.json.decode(before, type=Control))
            after = document(decided)
            with self._writing(app) as ledger:
                if ledger.control != before:
                    continue
                if decided == msgspec.json.decode(before, type=Control):
                    return decided
                entry = JournalEntry(number=ledger.change + 1, at_s=at_s, actor=actor, action=action)
                document(entry)
                ledger.control = after
                ledger.change += 1
                ledger.journal.append(entry)
                return decided

    def journal(self, app: str, limit: int = 100) -> tuple[JournalEntry, ...]:
        """See `Store.journal`."""
        with self._reading(app) as ledger:
            return tuple(ledger.journal[: -limit - 1 : -1])

    def shorten(self, app: str, *, decisions: int = JOURNAL_KEPT, unpinned: int = UNPINNED_KEPT) -> None:
        """See `Store.shorten`."""
        with self._writing(app) as ledger:
            del ledger.journal[:-decisions]
            without = sorted((change, client) for client, (change, pin) in ledger.pins.items() if pin is None)
            for change, client in without[:-unpinned]:
                del ledger.pins[client]
                ledger.forgotten = change

    def pins(self, app: str, since: int = 0) -> tuple[tuple[Pin, ...], tuple[str, ...] | None]:
        """See `Store.pins`."""
        with self._reading(app) as ledger:
            is_all = since == 0 or since < ledger.forgotten
            since = 0 if is_all else since
            later = [(client, pin) for client, (change, pin) in sorted(ledger.pins.items()) if change > since]
        pinned = tuple(pin for _, pin in later if pin is not None)
        return pinned, None if is_all else tuple(client for client, pin in later if pin is None)

    def pin(self, app: str, pins: Sequence[Pin]) -> None:
        """See `Store.pin`."""
        with self._writing(app) as ledger:
            changed = pins_to_set(pins, {client: pin for client, (_, pin) in ledger.pins.items() if pin is not None})
            if changed:
                ledger.change += 1
                ledger.pins |= {client: (ledger.change, pin) for client, pin in changed.items()}

    def unpin(self, app: str, client: str) -> bool:
        """See `Store.unpin`."""
        check_names(client)
        with self._writing(app) as ledger:
            if ledger.pins.get(client, (0, None))[1] is None:
                return False
            ledger.change += 1
            ledger.pins[client] = ledger.change, None
            return True

    def add_usage(self, app: str, counts: Sequence[UsageCount]) -> None:
        """See `Store.add_usage`."""
        sums = summed(counts)
        with self._writing(app) as ledger:
            for each in sums:
                key = (each.version, each.client, each.hour)
                known = ledger.usage.get(key)
                ledger.usage[key] = each if known is None else add(known, each)

    def usage(self, app: str, since_hour: int = 0) -> tuple[UsageCount, ...]:
        """See `Store.usage`."""
        with self._reading(app) as ledger:
            return tuple(ledger.usage[key] for key in sorted(ledger.usage) if key[2] >= since_hour)

    def usage_by_version(self, app: str, since_hour: int, hourly_from: int) -> tuple[VersionUse, ...]:
        """See `Store.usage_by_version`."""
        uses: dict[tuple[str, int], VersionUse] = {}
        for each in self.usage(app, since_hour):
            key = each.version, each.hour if each.hour >= hourly_from else each.hour // 24 * 24
            known = uses.get(key)
            if each.requests > 0:
                uses[key] = VersionUse(
                    version=each.version, hour=max(each.hour, known.hour if known else each.hour),
                    requests=each.requests + (known.requests if known else 0),
                    last_s=max(each.last_s, known.last_s if known else each.last_s),
                )  # fmt: skip
        return tuple(sorted(uses.values(), key=lambda each: (each.version, each.hour)))

    def usage_by_client(self, app: str, since_hour: int = 0) -> tuple[UsageCount, ...]:
        """See `Store.usage_by_client`."""
        sums: dict[tuple[str, str], UsageCount] = {}
        for each in self.usage(app, since_hour):
            key = each.version, each.client
            known = sums.get(key)
            sums[key] = each if known is None else replace(add(known, each), hour=max(known.hour, each.hour))
        return tuple(sums[key] for key in sorted(sums))

    def forget_usage(self, app: str, before_hour: int) -> int:
        """See `Store.forget_usage`."""
        with self._writing(app) as ledger:
            old = [key for key in ledger.usage if key[2] < before_hour]
            for key in old:
                del ledger.usage[key]
            return len(old)

    def put_health(self, app: str, reports: Sequence[HealthReport]) -> None:
        """See `Store.put_health`."""
        latest = latest_reports(reports)
        if not latest:
            return
        oldest_s = max(each.at_s for each in latest) - HEALTH_KEPT_S
        with self._writing(app) as ledger:
            ledger.health |= {(each.version, each.process): each for each in latest}
            ledger.health = {key: each for key, each in ledger.health.items() if each.at_s >= oldest_s}

    def health(self, app: str) -> tuple[HealthReport, ...]:
        """See `Store.health`."""
        with self._reading(app) as ledger:
            return tuple(ledger.health[key] for key in sorted(ledger.health))

    def migrations(self, app: str) -> tuple[MigrationEntry, ...]:
        """See `Store.migrations`."""
        with self._reading(app) as ledger:
            return tuple(ledger.migrations.values())

    def put_migration(self, app: str, entry: MigrationEntry) -> None:
        """See `Store.put_migration`."""
        check_names(entry.step, entry.version)
        with self._writing(app) as ledger:
            ledger.migrations[entry.step, entry.phase] = entry
            ledger.change += 1

    def add_api_key(self, app: str, key: ApiKey) -> bool:
        """See `Store.add_api_key`."""
        check_key(key)
        document(key)
        with self._writing(app) as ledger:
            if key.id in ledger.api_keys:
                return False
            ledger.change += 1
            ledger.api_keys[key.id] = ledger.change, key
            ledger.journal.append(creation(key, ledger.change))
            return True

    def api_keys(self, app: str, since: int = 0) -> tuple[ApiKey, ...]:
        """See `Store.api_keys`."""
        with self._reading(app) as ledger:
            return tuple(sorted((key for change, key in ledger.api_keys.values() if change > since), key=key_order))

    def revoke_api_key(self, app: str, id: str, *, actor: str, at_s: float) -> bool:
        """See `Store.revoke_api_key`."""
        check_names(id)
        with self._writing(app) as ledger:
            known = ledger.api_keys.get(id)
            if known is None or known[1].revoked_s is not None:
                return False
            revoked = replace(known[1], revoked_s=at_s, revoked_by=actor)
            ledger.change += 1
            ledger.api_keys[id] = ledger.change, revoked
            ledger.journal.append(revocation(revoked, ledger.change))
            return True

    def prune_api_keys(self, app: str, before_s: float, *, actor: str, at_s: float) -> tuple[ApiKey, ...]:
        """See `Store.prune_api_keys`."""
        with self._writing(app) as ledger:
            keys = [key for _, key in ledger.api_keys.values()]
            ended = [key for key in keys if key.ended_s is not None and key.ended_s < before_s]
            if ended:
                ledger.change += 1
                ledger.journal.append(pruning(len(ended), ledger.change, actor, at_s))
            for key in ended:
                del ledger.api_keys[key.id]
            return tuple(sorted(ended, key=key_order))

    def touch_api_keys(self, app: str, uses: Mapping[str, float]) -> None:
        """See `Store.touch_api_keys`."""
        check_names(*uses)
        with self._writing(app) as ledger:
            for key_id, used_s in uses.items():
                change, key = ledger.api_keys.get(key_id, (0, None))
                if key is not None and (key.last_used_s is None or key.last_used_s < used_s):
                    ledger.api_keys[key_id] = change, replace(key, last_used_s=used_s)

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """See `Store.lock`."""
        with self._mutex:
            lock = self._locks[name]
        with lock:
            yield

    @contextmanager
    def _reading(self, app: str) -> Iterator[_Ledger]:
        with self._mutex:
            if self._is_closed:
                raise StoreError("the store was closed")
            yield self._ledgers.get(app) or _Ledger()

    @contextmanager
    def _writing(self, app: str) -> Iterator[_Ledger]:
        check_names(app)
        with self._mutex:
            if self._is_closed:
                raise StoreError("the store was closed")
            yield self._ledgers[app]

    @staticmethod
    def _control(ledger: _Ledger) -> Control:
        return msgspec.json.decode(ledger.control, type=Control)
