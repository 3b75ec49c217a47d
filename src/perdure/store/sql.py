"""A store in SQLite or PostgreSQL, by SQLAlchemy Core: one code for both."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import final

import msgspec
from sqlalchemy import Column, ColumnElement, Connection, delete, select

from perdure.errors import StoreError
from perdure.gtype.nodes import GType
from perdure.manifest.records import HandlerManifest
from perdure.store import sql_api_keys, sql_usage
from perdure.store.api_keys import ApiKey
from perdure.store.database import Database
from perdure.store.merging import (
    HEALTH_KEPT_S,
    JOURNAL_KEPT,
    UNPINNED_KEPT,
    check_names,
    document,
    latest_reports,
    pins_to_set,
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
from perdure.store.schema import HEALTH, JOURNAL, MIGRATIONS, PINS
from perdure.store.sql_apps import AppRow, in_portions, locked_app, read_app, write_app
from perdure.store.sql_publications import Publications

__all__ = ["SqlStore"]

_ATTEMPTS = 100
"""Of a decision; each failure is another process's success."""


@final
class SqlStore:
    """An implementation of `perdure.store.base.Store` that outlives the process and is shared.

    Args:
        database: Where it is, with the tables of `perdure.store.schema`.
        where: The same for people.
    """

    def __init__(self, database: Database, where: str) -> None:
        self._database = database
        self._where = where
        self._publications = Publications(database, where)
        self._manifest_there = self._publications.manifest_there
        self._gtype_there = self._publications.gtype_there
        self._health: dict[str, tuple[Position, tuple[HealthReport, ...]]] = {}
        """By app, with the number it was read at."""

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()

    def time(self) -> float | None:
        """See `Store.time`."""
        return self._database.time()

    def publish(self, publication: Publication, *, at_s: float) -> bool:
        """See `Store.publish`."""
        return self._publications.publish(publication, at_s)

    def versions(self, app: str) -> tuple[PublishedVersion, ...]:
        """See `Store.versions`."""
        return self._publications.versions(app)

    def manifests(self, app: str) -> tuple[HandlerManifest, ...]:
        """See `Store.manifests`."""
        return self._publications.manifests(app)

    def manifest(self, fingerprint: str) -> HandlerManifest | None:
        """See `Store.manifest`."""
        return self._manifest_there(fingerprint) or self._publications.manifest(fingerprint)

    def gtype(self, fingerprint: str) -> GType | None:
        """See `Store.gtype`."""
        return self._gtype_there(fingerprint) or self._publications.gtype(fingerprint)

    def change(self, app: str) -> int:
        """See `Store.change`."""
        return self._row(app).change

    def position(self, app: str) -> Position:
        """See `Store.position`."""
        row = self._row(app)
        return Position(row.origin, row.change)

    def control(self, app: str) -> Control:
        """See `Store.control`."""
        return msgspec.json.decode(self._row(app).control, type=Control)

    def decide(self, app: str, edit: Callable[[Control], Control], *, actor: str, action: str, at_s: float) -> Control:
        """See `Store.decide`."""
        check_names(app)
        for _ in range(_ATTEMPTS):
            row = self._row(app)
            decided = edit(msgspec.json.decode(row.control, type=Control))
            after = document(decided)
            if decided == msgspec.json.decode(row.control, type=Control):
                return decided
            entry = JournalEntry(number=0, at_s=at_s, actor=actor, action=action)
            if self._replace_control(app, row.decided, after, entry):
                return decided
        raise StoreError(f"{self._where}: {_ATTEMPTS} other decisions about {app!r} came first; try again")

    def journal(self, app: str, limit: int = 100) -> tuple[JournalEntry, ...]:
        """See `Store.journal`."""
        chosen = select(JOURNAL.c.body).where(JOURNAL.c.app == app).order_by(JOURNAL.c.number.desc()).limit(limit)
        with self._database.reading() as connection:
            return tuple(msgspec.json.decode(body, type=JournalEntry) for body in connection.scalars(chosen))

    def shorten(self, app: str, *, decisions: int = JOURNAL_KEPT, unpinned: int = UNPINNED_KEPT) -> None:
        """See `Store.shorten`."""
        with self._database.writing() as connection:
            row = locked_app(self._database, connection, app)
            oldest = _last_but(connection, JOURNAL.c.number, decisions, JOURNAL.c.app == app)
            connection.execute(delete(JOURNAL).where(JOURNAL.c.app == app, JOURNAL.c.number <= oldest))
            without = (PINS.c.app == app) & PINS.c.body.is_(None)
            forgotten = _last_but(connection, PINS.c.change, unpinned, without)
            if forgotten:
                connection.execute(delete(PINS).where(without, PINS.c.change <= forgotten))
                write_app(connection, app, row._replace(forgotten=forgotten))

    def pins(self, app: str, since: int = 0) -> tuple[tuple[Pin, ...], tuple[str, ...] | None]:
        """See `Store.pins`."""
        with self._database.reading() as connection:
            rows = _pins_since(connection, app, since)
            # Asked afterwards: what was forgotten in between is then known to be missing.
            is_all = since == 0 or read_app(connection, app).forgotten > since
            if is_all and since:
                rows = _pins_since(connection, app, 0)
        pinned = tuple(msgspec.json.decode(body, type=Pin) for _, body in rows if body is not None)
        return pinned, None if is_all else tuple(client for client, body in rows if body is None)

    def pin(self, app: str, pins: Sequence[Pin]) -> None:
        """See `Store.pin`."""
        if not pins:
            return
        check_names(*(pin.client for pin in pins))
        with self._database.writing() as connection:
            row = locked_app(self._database, connection, app)
            changed = pins_to_set(pins, _known_pins(connection, app, [pin.client for pin in pins]))
            if changed:
                self._write_pins(connection, app, row, {client: document(pin) for client, pin in changed.items()})

    def unpin(self, app: str, client: str) -> bool:
        """See `Store.unpin`."""
        check_names(client)
        with self._database.writing() as connection:
            row = locked_app(self._database, connection, app)
            there = client in _known_pins(connection, app, [client])
            if there:
                self._write_pins(connection, app, row, {client: None})
            return there

    def add_usage(self, app: str, counts: Sequence[UsageCount]) -> None:
        """See `Store.add_usage`."""
        sql_usage.add_usage(self._database, app, counts)

    def usage(self, app: str, since_hour: int = 0) -> tuple[UsageCount, ...]:
        """See `Store.usage`."""
        return sql_usage.usage(self._database, app, since_hour)

    def usage_by_version(self, app: str, since_hour: int, hourly_from: int) -> tuple[VersionUse, ...]:
        """See `Store.usage_by_version`."""
        return sql_usage.usage_by_version(self._database, app, since_hour, hourly_from)

    def usage_by_client(self, app: str, since_hour: int = 0) -> tuple[UsageCount, ...]:
        """See `Store.usage_by_client`."""
        return sql_usage.usage_by_client(self._database, app, since_hour)

    def forget_usage(self, app: str, before_hour: int) -> int:
        """See `Store.forget_usage`."""
        return sql_usage.forget_usage(self._database, app, before_hour)

    def put_health(self, app: str, reports: Sequence[HealthReport]) -> None:
        """See `Store.put_health`."""
        latest = latest_reports(reports)
        if not latest:
            return
        rows = [
            {"app": app, "version": each.version, "process": each.process, "at_s": each.at_s, "body": document(each)}
            for each in latest
        ]
        said = self._database.upsert(HEALTH)
        upsert = said.on_conflict_do_update(
            index_elements=["app", "version", "process"],
            set_={"at_s": said.excluded.at_s, "body": said.excluded.body},
        )
        oldest_s = max(each.at_s for each in latest) - HEALTH_KEPT_S
        with self._database.writing() as connection:
            row = locked_app(self._database, connection, app)
            for portion in in_portions(rows):
                connection.execute(upsert, portion)
            connection.execute(delete(HEALTH).where(HEALTH.c.app == app, HEALTH.c.at_s < oldest_s))
            write_app(connection, app, row._replace(reported=row.reported + 1))

    def health(self, app: str) -> tuple[HealthReport, ...]:
        """See `Store.health`."""
        with self._database.reading() as connection:
            row = read_app(connection, app)
            position = Position(row.origin, row.reported)
            known = self._health.get(app)
            if known is not None and known[0] == position:
                return known[1]
            bodies = connection.scalars(select(HEALTH.c.body).where(HEALTH.c.app == app)).all()
        read = (msgspec.json.decode(body, type=HealthReport) for body in bodies)
        reports = tuple(sorted(read, key=lambda each: (each.version, each.process)))
        self._health[app] = position, reports
        return reports

    def migrations(self, app: str) -> tuple[MigrationEntry, ...]:
        """See `Store.migrations`."""
        chosen = select(MIGRATIONS.c.body).where(MIGRATIONS.c.app == app).order_by(MIGRATIONS.c.position)
        with self._database.reading() as connection:
            return tuple(msgspec.json.decode(body, type=MigrationEntry) for body in connection.scalars(chosen))

    def put_migration(self, app: str, entry: MigrationEntry) -> None:
        """See `Store.put_migration`."""
        check_names(entry.step, entry.version)
        with self._database.writing() as connection:
            row = locked_app(self._database, connection, app)
            put = self._database.upsert(MIGRATIONS).values(
                app=app, step=entry.step, phase=entry.phase, position=row.change + 1, body=document(entry)
            )
            connection.execute(
                put.on_conflict_do_update(index_elements=["app", "step", "phase"], set_={"body": put.excluded.body})
            )
            write_app(connection, app, row._replace(change=row.change + 1))

    def add_api_key(self, app: str, key: ApiKey) -> bool:
        """See `Store.add_api_key`."""
        return sql_api_keys.add_api_key(self._database, app, key)

    def api_keys(self, app: str, since: int = 0) -> tuple[ApiKey, ...]:
        """See `Store.api_keys`."""
        return sql_api_keys.api_keys(self._database, app, since)

    def revoke_api_key(self, app: str, id: str, *, actor: str, at_s: float) -> bool:
        """See `Store.revoke_api_key`."""
        return sql_api_keys.revoke_api_key(self._database, app, id, actor, at_s)

    def prune_api_keys(self, app: str, before_s: float, *, actor: str, at_s: float) -> tuple[ApiKey, ...]:
        """See `Store.prune_api_keys`."""
        return sql_api_keys.prune_api_keys(self._database, app, before_s, actor, at_s)

    def touch_api_keys(self, app: str, uses: Mapping[str, float]) -> None:
        """See `Store.touch_api_keys`."""
        sql_api_keys.touch_api_keys(self._database, app, uses)

    def lock(self, name: str) -> AbstractContextManager[None]:
        """See `Store.lock`."""
        return self._database.lock(name)

    def _row(self, app: str) -> AppRow:
        with self._database.reading() as connection:
            return read_app(connection, app)

    def _replace_control(self, app: str, decided: int, control: bytes, entry: JournalEntry) -> bool:
        """Write *control* unless it changed since the number *decided*; tell whether it was written."""
        with self._database.writing() as connection:
            row = locked_app(self._database, connection, app)
            if row.decided != decided:
                return False
            number = row.change + 1
            body = document(msgspec.structs.replace(entry, number=number))
            connection.execute(JOURNAL.insert().values(app=app, number=number, body=body))
            write_app(connection, app, row._replace(change=number, decided=number, control=control))
            return True

    def _write_pins(self, connection: Connection, app: str, row: AppRow, bodies: dict[str, bytes | None]) -> None:
        change = row.change + 1
        put = self._database.upsert(PINS)
        upsert = put.on_conflict_do_update(
            index_elements=["app", "client"], set_={"change": put.excluded.change, "body": put.excluded.body}
        )
        rows = [{"app": app, "client": client, "change": change, "body": body} for client, body in bodies.items()]
        for portion in in_portions(rows):
            connection.execute(upsert, portion)
        write_app(connection, app, row._replace(change=change))


def _last_but(connection: Connection, numbers: Column[int], kept: int, which: ColumnElement[bool]) -> int:
    """Return the greatest of *numbers* but for so many that are to be kept; 0 where there are no more."""
    found = connection.scalar(select(numbers).where(which).order_by(numbers.desc()).offset(kept).limit(1))
    return found or 0


def _pins_since(connection: Connection, app: str, since: int) -> list[tuple[str, bytes | None]]:
    chosen = select(PINS.c.client, PINS.c.body).where(PINS.c.app == app, PINS.c.change > since)
    return sorted((client, body) for client, body in connection.execute(chosen))


def _known_pins(connection: Connection, app: str, clients: Sequence[str]) -> dict[str, Pin]:
    known: dict[str, Pin] = {}
    for portion in in_portions(clients):
        chosen = select(PINS.c.client, PINS.c.body).where(PINS.c.app == app, PINS.c.client.in_(portion))
        known |= {
            client: msgspec.json.decode(body, type=Pin)
            for client, body in connection.execute(chosen)
            if body is not None
        }
    return known
