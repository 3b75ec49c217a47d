"""The tables of a SQL store, and the steps that lead there.

A step is text that never changes once it was released: a store is as old as the program that made it, and each newer
program takes it on from there. One transaction for each step, in both databases; so a crash leaves whole steps.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from typing import Final

from sqlalchemy import (
    BigInteger,
    Column,
    Connection,
    Double,
    LargeBinary,
    MetaData,
    Table,
    Text,
    insert,
    inspect,
    select,
    text,
)

from perdure.errors import StoreError

__all__ = [
    "API_KEYS", "APPS", "CONTENT", "HEALTH", "JOURNAL", "MANIFESTS", "METADATA", "MIGRATIONS", "PINS", "SCHEMA",
    "STEPS", "USAGE", "VERSIONS", "upgrade",
]  # fmt: skip

METADATA: Final = MetaData()

SCHEMA: Final = Table("perdure_schema", METADATA, Column("step", BigInteger, primary_key=True, autoincrement=False))
"""One row for each step made."""

APPS: Final = Table(
    "perdure_apps",
    METADATA,
    Column("app", Text, primary_key=True),
    Column("change", BigInteger, nullable=False),
    Column("published", BigInteger, nullable=False),
    Column("publication", Text, nullable=False),
    Column("decided", BigInteger, nullable=False),
    Column("control", LargeBinary, nullable=False),
    Column("reported", BigInteger, nullable=False),
    Column("origin", Text, nullable=False),
    Column("forgotten", BigInteger, nullable=False),
)
"""One row for each app: its change number, that of the last publication and of the last decision, the fingerprint of
the last publication, the control, a number that grows with each health report, what tells this row from that of any
other store, and the number up to which it is forgotten who was unpinned."""

CONTENT: Final = Table(
    "perdure_content",
    METADATA,
    Column("fingerprint", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)
"""What is published, in parts, each once for all apps, versions and times; see `perdure.store.content`."""

VERSIONS: Final = Table(
    "perdure_versions",
    METADATA,
    Column("app", Text, primary_key=True),
    Column("name", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("api", Text, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

MANIFESTS: Final = Table(
    "perdure_manifests",
    METADATA,
    Column("app", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("fingerprint", Text, nullable=False),
)

JOURNAL: Final = Table(
    "perdure_journal",
    METADATA,
    Column("app", Text, primary_key=True),
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("body", LargeBinary, nullable=False),
)

PINS: Final = Table(
    "perdure_pins",
    METADATA,
    Column("app", Text, primary_key=True),
    Column("client", Text, primary_key=True),
    Column("change", BigInteger, nullable=False),
    Column("body", LargeBinary),
)
"""A client that was unpinned keeps a row without body, so that others learn of it."""

USAGE: Final = Table(
    "perdure_usage",
    METADATA,
    Column("app", Text, primary_key=True),
    Column("hour", BigInteger, primary_key=True, autoincrement=False),
    Column("version", Text, primary_key=True),
    Column("client", Text, primary_key=True),
    Column("requests", BigInteger, nullable=False),
    Column("last_s", Double, nullable=False),
)

HEALTH: Final = Table(
    "perdure_health",
    METADATA,
    Column("app", Text, primary_key=True),
    Column("version", Text, primary_key=True),
    Column("process", Text, primary_key=True),
    Column("at_s", Double, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

MIGRATIONS: Final = Table(
    "perdure_migrations",
    METADATA,
    Column("app", Text, primary_key=True),
    Column("step", Text, primary_key=True),
    Column("phase", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
    Column("body", LargeBinary, nullable=False),
)

API_KEYS: Final = Table(
    "perdure_api_keys",
    METADATA,
    Column("app", Text, primary_key=True),
    Column("id", Text, primary_key=True),
    Column("change", BigInteger, nullable=False),
    Column("last_used_s", Double),
    Column("body", LargeBinary, nullable=False),
)

STEPS: Final = (
    """
    CREATE TABLE perdure_apps (
        app TEXT NOT NULL PRIMARY KEY, change BIGINT NOT NULL, published BIGINT NOT NULL, publication TEXT NOT NULL,
        decided BIGINT NOT NULL, control {BYTES} NOT NULL, reported BIGINT NOT NULL
    );
    CREATE TABLE perdure_content (fingerprint TEXT NOT NULL PRIMARY KEY, kind TEXT NOT NULL, body {BYTES} NOT NULL);
    CREATE TABLE perdure_versions (
        app TEXT NOT NULL, name TEXT NOT NULL, digest TEXT NOT NULL, api TEXT NOT NULL, body {BYTES} NOT NULL,
        PRIMARY KEY (app, name)
    );
    CREATE TABLE perdure_manifests (
        app TEXT NOT NULL, id TEXT NOT NULL, version TEXT NOT NULL, fingerprint TEXT NOT NULL,
        PRIMARY KEY (app, id, version)
    );
    CREATE TABLE perdure_journal (
        app TEXT NOT NULL, number BIGINT NOT NULL, body {BYTES} NOT NULL, PRIMARY KEY (app, number)
    );
    CREATE TABLE perdure_pins (
        app TEXT NOT NULL, client TEXT NOT NULL, change BIGINT NOT NULL, body {BYTES}, PRIMARY KEY (app, client)
    );
    CREATE INDEX perdure_pins_by_change ON perdure_pins (app, change);
    CREATE TABLE perdure_usage (
        app TEXT NOT NULL, hour BIGINT NOT NULL, version TEXT NOT NULL, client TEXT NOT NULL,
        requests BIGINT NOT NULL, last_s DOUBLE PRECISION NOT NULL, PRIMARY KEY (app, hour, version, client)
    );
    CREATE TABLE perdure_health (
        app TEXT NOT NULL, version TEXT NOT NULL, process TEXT NOT NULL, at_s DOUBLE PRECISION NOT NULL,
        body {BYTES} NOT NULL, PRIMARY KEY (app, version, process)
    )
    """,
    """
    CREATE TABLE perdure_migrations (
        app TEXT NOT NULL, step TEXT NOT NULL, phase TEXT NOT NULL, position BIGINT NOT NULL, body {BYTES} NOT NULL,
        PRIMARY KEY (app, step, phase)
    )
    """,
    """
    ALTER TABLE perdure_apps ADD COLUMN origin TEXT NOT NULL DEFAULT '';
    ALTER TABLE perdure_apps ADD COLUMN forgotten BIGINT NOT NULL DEFAULT 0
    """,
    """
    CREATE TABLE perdure_api_keys (
        app TEXT NOT NULL, id TEXT NOT NULL, change BIGINT NOT NULL, last_used_s DOUBLE PRECISION,
        body {BYTES} NOT NULL, PRIMARY KEY (app, id)
    );
    CREATE INDEX perdure_api_keys_by_change ON perdure_api_keys (app, change)
    """,
)
"""What each step executes; statements are separated by semicolons."""

_BYTES = {"sqlite": "BLOB", "postgresql": "BYTEA"}


def upgrade(alone: Callable[[], AbstractContextManager[Connection]], where: str, steps: Sequence[str] = STEPS) -> None:
    """Make those of *steps* that were not made yet.

    Args:
        alone: Opens a transaction in which no other process makes steps; committed at its end.
        where: The store, for people.
        steps: What this program knows.
    Raises:
        StoreError: The store was made by a newer program.
    """
    made = 0
    while made < len(steps):
        with alone() as connection:
            made = _steps_made(connection)
            if made > len(steps):
                raise StoreError(
                    f"{where} was made by a newer Perdure (its schema is {made}, this one knows {len(steps)}): "
                    "upgrade perdure, or use another store"
                )
            if made < len(steps):
                for statement in steps[made].format(BYTES=_BYTES[connection.dialect.name]).split(";"):
                    connection.execute(text(statement))
                made += 1
                connection.execute(insert(SCHEMA).values(step=made))


def _steps_made(connection: Connection) -> int:
    if not inspect(connection).has_table(SCHEMA.name):
        SCHEMA.create(connection)
    return max(connection.scalars(select(SCHEMA.c.step)), default=0)
