"""A store in SQLite or PostgreSQL, by SQLAlchemy Core: one code for both."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import final

import msgspec
from sqlalchemy import Connection, case, delete, select

from perdure.errors import StoreError
from perdure.gtype.nodes import GType
from perdure.manifest.records import HandlerManifest
from perdure.store.database import Database
from perdure.store.merging import (
    HEALTH_KEPT_S,
    check_names,
    document,
    latest_reports,
    pins_to_set,
    summed,
)
from perdure.store.records import (
    Control,
    HealthReport,
    JournalEntry,
    MigrationEntry,
    Pin,
    Publication,
    PublishedVersion,
    UsageCount,
)
from perdure.store.schema import HEALTH, JOURNAL, MIGRATIONS, PINS, USAGE
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
        self._health: dict[str, tuple[int, tuple[HealthReport, ...]]] = {}
        """By app, with the number it was read at."""

    def close(self) -> None:
        """See `Store.close`."""
        self._database.close()

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

    def pins(self, app: str, since: int = 0) -> tuple[tuple[Pin, ...], tuple[str, ...]]:
        """See `Store.pins`."""
        chosen = select(PINS.c.client, PINS.c.body).where(PINS.c.app == app, PINS.c.change > since)
        with self._database.reading() as connection:
            rows = sorted((client, body) for client, body in connection.execute(chosen))
        pinned = tuple(msgspec.json.decode(body, type=Pin) for _, body in rows if body is not None)
        return pinned, tuple(client for client, body in rows if body is None) if since else ()

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
        check_names(app)
        rows = [{"app": app, **msgspec.structs.asdict(each)} for each in summed(counts)]
        added = self._database.upsert(USAGE)
        later = case((added.excluded.last_s > USAGE.c.last_s, added.excluded.last_s), else_=USAGE.c.last_s)
        upsert = added.on_conflict_do_update(
            index_elements=["app", "hour", "version", "client"],
            set_={"requests": USAGE.c.requests + added.excluded.requests, "last_s": later},
        )
        with self._database.writing() as connection:
            for portion in in_portions(rows):
                connection.execute(upsert, portion)

    def usage(self, app: str, since_hour: int = 0) -> tuple[UsageCount, ...]:
        """See `Store.usage`."""
        columns = (USAGE.c.version, USAGE.c.client, USAGE.c.hour, USAGE.c.requests, USAGE.c.last_s)
        chosen = select(*columns).where(USAGE.c.app == app, USAGE.c.hour >= since_hour)
        with self._database.reading() as connection:
            counts = [
                UsageCount(version=version, client=client, hour=hour, requests=requests, last_s=last_s)
                for version, client, hour, requests, last_s in connection.execute(chosen)
            ]
        return tuple(sorted(counts, key=lambda each: (each.version, each.client, each.hour)))

    def forget_usage(self, app: str, before_hour: int) -> int:
        """See `Store.forget_usage`."""
        with self._database.writing() as connection:
            return connection.execute(delete(USAGE).where(USAGE.c.app == app, USAGE.c.hour < before_hour)).rowcount

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
            number = read_app(connection, app).reported
            known = self._health.get(app)
            if known is not None and known[0] == number:
                return known[1]
            bodies = connection.scalars(select(HEALTH.c.body).where(HEALTH.c.app == app)).all()
        read = (msgspec.json.decode(body, type=HealthReport) for body in bodies)
        reports = tuple(sorted(read, key=lambda each: (each.version, each.process)))
        self._health[app] = number, reports
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
