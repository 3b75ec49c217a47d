"""API keys in a SQL store."""

from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec.structs import replace
from sqlalchemy import Connection, bindparam, delete, select, update

from perdure.store.api_keys import ApiKey, check_key, creation, key_order, pruning, revocation
from perdure.store.database import Database
from perdure.store.merging import check_names, document
from perdure.store.records import JournalEntry
from perdure.store.schema import API_KEYS, JOURNAL
from perdure.store.sql_apps import AppRow, in_portions, locked_app, write_app

__all__ = ["add_api_key", "api_keys", "prune_api_keys", "revoke_api_key", "touch_api_keys"]


class _Row(NamedTuple):
    body: bytes
    last_used_s: float | None


_COLUMNS = [API_KEYS.c[name] for name in _Row._fields]


def add_api_key(database: Database, app: str, key: ApiKey) -> bool:
    """See `perdure.store.base.Store.add_api_key`."""
    check_key(key)
    body = _body(key)
    with database.writing() as connection:
        row = locked_app(database, connection, app)
        if _known(connection, app, key.id) is not None:
            return False
        number = row.change + 1
        connection.execute(
            API_KEYS.insert().values(app=app, id=key.id, change=number, last_used_s=key.last_used_s, body=body)
        )
        _note(connection, app, row, creation(key, number))
        return True


def api_keys(database: Database, app: str, since: int) -> tuple[ApiKey, ...]:
    """See `perdure.store.base.Store.api_keys`."""
    chosen = select(*_COLUMNS).where(API_KEYS.c.app == app, API_KEYS.c.change > since)
    with database.reading() as connection:
        return tuple(sorted((_key(_Row(*each)) for each in connection.execute(chosen)), key=key_order))


def revoke_api_key(database: Database, app: str, id: str, actor: str, at_s: float) -> bool:
    """See `perdure.store.base.Store.revoke_api_key`."""
    check_names(id)
    with database.writing() as connection:
        row = locked_app(database, connection, app)
        known = _known(connection, app, id)
        if known is None or known.revoked_s is not None:
            return False
        revoked = replace(known, revoked_s=at_s, revoked_by=actor)
        number = row.change + 1
        where = (API_KEYS.c.app == app) & (API_KEYS.c.id == id)
        connection.execute(update(API_KEYS).where(where).values(change=number, body=_body(revoked)))
        _note(connection, app, row, revocation(revoked, number))
        return True


def prune_api_keys(database: Database, app: str, before_s: float, actor: str, at_s: float) -> tuple[ApiKey, ...]:
    """See `perdure.store.base.Store.prune_api_keys`."""
    of_app = API_KEYS.c.app == app
    with database.writing() as connection:
        row = locked_app(database, connection, app)
        keys = [_key(_Row(*each)) for each in connection.execute(select(*_COLUMNS).where(of_app))]
        ended = [key for key in keys if key.ended_s is not None and key.ended_s < before_s]
        for portion in in_portions([key.id for key in ended]):
            connection.execute(delete(API_KEYS).where(of_app, API_KEYS.c.id.in_(portion)))
        if ended:
            _note(connection, app, row, pruning(len(ended), row.change + 1, actor, at_s))
        return tuple(sorted(ended, key=key_order))


def touch_api_keys(database: Database, app: str, uses: Mapping[str, float]) -> None:
    """See `perdure.store.base.Store.touch_api_keys`."""
    check_names(app, *uses)
    used_s = API_KEYS.c.last_used_s
    is_later = used_s.is_(None) | (used_s < bindparam("used_s"))
    later = update(API_KEYS).where(API_KEYS.c.app == bindparam("of"), API_KEYS.c.id == bindparam("key"), is_later)
    # Sorted: two that write of the same keys at once wait for each other in one order, and never in a ring.
    rows = [{"of": app, "key": key, "used_s": used_s} for key, used_s in sorted(uses.items())]
    with database.writing() as connection:
        for portion in in_portions(rows):
            connection.execute(later.values(last_used_s=bindparam("used_s")), portion)


def _known(connection: Connection, app: str, id: str) -> ApiKey | None:
    chosen = select(*_COLUMNS).where(API_KEYS.c.app == app, API_KEYS.c.id == id)
    found = connection.execute(chosen).one_or_none()
    return None if found is None else _key(_Row(*found))


def _note(connection: Connection, app: str, row: AppRow, entry: JournalEntry) -> None:
    """Write *entry* and its number, in the transaction of what it tells."""
    connection.execute(JOURNAL.insert().values(app=app, number=entry.number, body=document(entry)))
    write_app(connection, app, row._replace(change=entry.number))


def _body(key: ApiKey) -> bytes:
    """Return *key* as the text that is kept of it; when it was used stands beside it, so that using it is no change."""
    return document(replace(key, last_used_s=None))


def _key(row: _Row) -> ApiKey:
    key = msgspec.json.decode(row.body, type=ApiKey)
    return key if row.last_used_s is None else replace(key, last_used_s=row.last_used_s)
