"""The `Store` Protocol: manifests, types, version graphs, and what was decided about them.

Methods block: they are called by the command line, at start, and from one thread of the rollout, never from a request.

A read that begins after a write was committed, by whatever process, sees it. What is published never changes and is
kept in memory once it was read; everything else is kept with a number, and that number is asked for each time.

Source: SPEC 3.4, properties 36 and 39.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from perdure.gtype.nodes import GType
from perdure.manifest.records import HandlerManifest
from perdure.store.api_keys import ApiKey
from perdure.store.merging import JOURNAL_KEPT, UNPINNED_KEPT
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

__all__ = ["Store"]


class Store(Protocol):
    """Keeps what must outlive a process. Safe to share between threads and, but for memory, between processes.

    Every method raises `perdure.errors.StoreError` where the database cannot be reached or is not a store; the next
    call tries again. Times are Unix times, and given, but for `time`. Names of apps, versions, clients and
    processes are Unicode without NUL and at most `perdure.store.records.NAME_LIMIT` characters long, else
    `StoreError`; see `perdure.store.records.storable_name`.
    """

    def close(self) -> None:
        """Let go of the database. What was written stays; calls from here on raise `StoreError`."""

    def time(self) -> float | None:
        """Return the time by the clock of the database's server; None where it has none but the caller's."""

    def publish(self, publication: Publication, *, at_s: float) -> bool:
        """Keep *publication*, whole or not at all; tell whether it said anything new.

        What is there already and equal is left alone; where all of it is, this is one query. New versions get a
        `VersionControl` with the status ``registered`` and the time *at_s*; versions and manifests this publication
        does not have stay. A version that was published with a digest is never changed; one without is replaced.

        Raises:
            RevisionConflictError: A version of this name was published with another digest: recorded revisions are
                immutable.
        """

    def versions(self, app: str) -> tuple[PublishedVersion, ...]:
        """Return the published versions of *app*, oldest first; types and endpoints sorted by name."""

    def manifests(self, app: str) -> tuple[HandlerManifest, ...]:
        """Return the manifests of *app*, the last published of each id and version, by id and version."""

    def manifest(self, fingerprint: str) -> HandlerManifest | None:
        """Return the manifest with this fingerprint, of any app, of any time. Under 1 µs once it was read."""

    def gtype(self, fingerprint: str) -> GType | None:
        """Return the type with this fingerprint: a body, answer, params, query or headers of a published manifest.

        Under 1 µs once it was read.
        """

    def change(self, app: str) -> int:
        """Return a number that grows with every change of an app.

        Of its versions, manifests, control, pins, API keys and migrations; 0 where *app* is unknown. One quick query.
        """

    def position(self, app: str) -> Position:
        """Return the same number, and what tells this store from another that was put in its place. One quick query."""

    def control(self, app: str) -> Control:
        """Return what was decided about the versions of *app*."""

    def decide(self, app: str, edit: Callable[[Control], Control], *, actor: str, action: str, at_s: float) -> Control:
        """Replace the control of *app* by what *edit* makes of it, in one transaction; note it in the journal.

        *edit* may be called more than once, where processes collide. What it raises passes through, with nothing
        changed. Where it returns an equal control, nothing is written and nothing noted.
        """

    def journal(self, app: str, limit: int = 100) -> tuple[JournalEntry, ...]:
        """Return the last *limit* decisions, newest first."""

    def shorten(self, app: str, *, decisions: int = JOURNAL_KEPT, unpinned: int = UNPINNED_KEPT) -> None:
        """Forget all decisions in the journal but the last *decisions*, and of the clients unpinned all but the last.

        Whoever follows the pins misses nothing: see `pins`.
        """

    def pins(self, app: str, since: int = 0) -> tuple[tuple[Pin, ...], tuple[str, ...] | None]:
        """Return the pins set after change number *since*, by client, and the clients unpinned after it.

        To follow the pins, ask for `change` first, then for the pins since the number of the time before.

        Returns:
            None in place of the clients unpinned: these are all pins there are, forget the others. So it is since 0,
            and since a number so old that who was unpinned after it is forgotten.
        """

    def pin(self, app: str, pins: Sequence[Pin]) -> None:
        """Set *pins*. Those ``by`` first use leave pins that are there alone; an operator's replace them."""

    def unpin(self, app: str, client: str) -> bool:
        """Forget the pin of *client*; tell whether there was one."""

    def add_usage(self, app: str, counts: Sequence[UsageCount]) -> None:
        """Add *counts* to those of the same version, client and hour; all or none."""

    def usage(self, app: str, since_hour: int = 0) -> tuple[UsageCount, ...]:
        """Return the counts from *since_hour* on, by version, client and hour."""

    def usage_by_version(self, app: str, since_hour: int, hourly_from: int) -> tuple[VersionUse, ...]:
        """Return the counts of all clients together, by version and hour: each hour from *hourly_from* on, days before.

        Args:
            since_hour: The first hour that counts.
            hourly_from: A multiple of 24.
        """

    def usage_by_client(self, app: str, since_hour: int = 0) -> tuple[UsageCount, ...]:
        """Return the counts from *since_hour* on, one for each version and client, sorted; the hour is the last."""

    def forget_usage(self, app: str, before_hour: int) -> int:
        """Forget the counts of all hours before *before_hour*; return how many there were."""

    def put_health(self, app: str, reports: Sequence[HealthReport]) -> None:
        """Replace what a process said of each version; forget what processes said over a day before that."""

    def health(self, app: str) -> tuple[HealthReport, ...]:
        """Return the last report of each process on each version, by version and process."""

    def migrations(self, app: str) -> tuple[MigrationEntry, ...]:
        """Return the steps made on the app's own database, in the order they were begun."""

    def put_migration(self, app: str, entry: MigrationEntry) -> None:
        """Keep *entry*; it replaces that of the same step."""

    def add_api_key(self, app: str, key: ApiKey) -> bool:
        """Keep a new key, and note it in the journal; tell whether it was kept. A key of its id is left as it is."""

    def api_keys(self, app: str, since: int = 0) -> tuple[ApiKey, ...]:
        """Return the keys that were added or revoked after change number *since*, oldest first.

        To follow the keys, ask for `position` first, then for the keys since the number of the time before; now and
        then for all, since nothing tells which were pruned.
        """

    def revoke_api_key(self, app: str, id: str, *, actor: str, at_s: float) -> bool:
        """Take the key *id* back for ever, and note it in the journal; tell whether there was one in force or expired.

        One that was revoked before stays as it was.
        """

    def prune_api_keys(self, app: str, before_s: float, *, actor: str, at_s: float) -> tuple[ApiKey, ...]:
        """Forget the keys that were revoked, or else expired, before *before_s*, and note in the journal how many.

        Returns:
            These keys, oldest first. Where there are none, nothing is noted.
        """

    def touch_api_keys(self, app: str, uses: Mapping[str, float]) -> None:
        """Note when keys were used, by id; what is known to be later stays. This is no change: nobody waits for it."""

    def lock(self, name: str) -> AbstractContextManager[None]:
        """Enter alone: threads and processes that ask for the same *name* wait for each other, without end.

        Whoever dies in it lets go of it. It does not nest.
        """
