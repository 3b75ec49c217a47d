"""Usage in a SQL store: added up, by the database, as whoever asks needs it."""

from collections.abc import Sequence
from typing import Final

import msgspec
from sqlalchemy import case, delete, func, select

from perdure.store.database import Database
from perdure.store.merging import check_names, summed
from perdure.store.records import UsageCount, VersionUse
from perdure.store.schema import USAGE
from perdure.store.sql_apps import in_portions

__all__ = ["add_usage", "forget_usage", "usage", "usage_by_client", "usage_by_version"]

_DAY_HOURS: Final = 24


def add_usage(database: Database, app: str, counts: Sequence[UsageCount]) -> None:
    """See `perdure.store.base.Store.add_usage`."""
    check_names(app)
    rows = [{"app": app, **msgspec.structs.asdict(each)} for each in summed(counts)]
    added = database.upsert(USAGE)
    later = case((added.excluded.last_s > USAGE.c.last_s, added.excluded.last_s), else_=USAGE.c.last_s)
    upsert = added.on_conflict_do_update(
        index_elements=["app", "hour", "version", "client"],
        set_={"requests": USAGE.c.requests + added.excluded.requests, "last_s": later},
    )
    with database.writing() as connection:
        for portion in in_portions(rows):
            connection.execute(upsert, portion)


def usage(database: Database, app: str, since_hour: int) -> tuple[UsageCount, ...]:
    """See `perdure.store.base.Store.usage`."""
    columns = (USAGE.c.version, USAGE.c.client, USAGE.c.hour, USAGE.c.requests, USAGE.c.last_s)
    chosen = select(*columns).where(USAGE.c.app == app, USAGE.c.hour >= since_hour)
    with database.reading() as connection:
        counts = [
            UsageCount(version=version, client=client, hour=hour, requests=requests, last_s=last_s)
            for version, client, hour, requests, last_s in connection.execute(chosen)
        ]
    return tuple(sorted(counts, key=lambda each: (each.version, each.client, each.hour)))


def usage_by_version(database: Database, app: str, since_hour: int, hourly_from: int) -> tuple[VersionUse, ...]:
    """See `perdure.store.base.Store.usage_by_version`."""
    hour = USAGE.c.hour
    bucket = case((hour >= hourly_from, hour), else_=hour - hour % _DAY_HOURS)
    chosen = (
        select(USAGE.c.version, func.max(hour), func.sum(USAGE.c.requests), func.max(USAGE.c.last_s))
        .where(USAGE.c.app == app, hour >= since_hour, USAGE.c.requests > 0)
        .group_by(USAGE.c.version, bucket)
    )
    with database.reading() as connection:
        uses = [
            VersionUse(version=version, hour=last, requests=int(requests), last_s=last_s)
            for version, last, requests, last_s in connection.execute(chosen)
        ]
    return tuple(sorted(uses, key=lambda each: (each.version, each.hour)))


def usage_by_client(database: Database, app: str, since_hour: int) -> tuple[UsageCount, ...]:
    """See `perdure.store.base.Store.usage_by_client`."""
    sums = (func.max(USAGE.c.hour), func.sum(USAGE.c.requests), func.max(USAGE.c.last_s))
    chosen = (
        select(USAGE.c.version, USAGE.c.client, *sums)
        .where(USAGE.c.app == app, USAGE.c.hour >= since_hour)
        .group_by(USAGE.c.version, USAGE.c.client)
    )
    with database.reading() as connection:
        counts = [
            UsageCount(version=version, client=client, hour=hour, requests=int(requests), last_s=last_s)
            for version, client, hour, requests, last_s in connection.execute(chosen)
        ]
    return tuple(sorted(counts, key=lambda each: (each.version, each.client)))


def forget_usage(database: Database, app: str, before_hour: int) -> int:
    """See `perdure.store.base.Store.forget_usage`."""
    with database.writing() as connection:
        return connection.execute(delete(USAGE).where(USAGE.c.app == app, USAGE.c.hour < before_hour)).rowcount
