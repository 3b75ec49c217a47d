"""The row of an app in a SQL store: its numbers and its control."""

from collections.abc import Iterable, Iterator, Sequence
from secrets import token_hex
from typing import Final, NamedTuple, TypeVar, final

from sqlalchemy import Connection, select, update

from perdure.store.database import Database
from perdure.store.merging import check_names
from perdure.store.schema import APPS

__all__ = ["AppRow", "in_portions", "locked_app", "read_app", "write_app"]

_PORTION: Final = 500
"""Values in one statement: far below what either database takes."""
_T = TypeVar("_T")


@final
class AppRow(NamedTuple):
    """What is known of an app as a whole; see `perdure.store.schema.APPS`."""

    change: int = 0
    published: int = 0
    publication: str = ""
    decided: int = 0
    control: bytes = b"{}"
    reported: int = 0
    origin: str = ""
    forgotten: int = 0


_COLUMNS = [APPS.c[name] for name in AppRow._fields]


def read_app(connection: Connection, app: str) -> AppRow:
    """Return the row of *app*; the first values of all where it is unknown."""
    found = connection.execute(select(*_COLUMNS).where(APPS.c.app == app)).one_or_none()
    return AppRow() if found is None else AppRow(*found)


def locked_app(database: Database, connection: Connection, app: str) -> AppRow:
    """Return the row of *app*, and let no other transaction have it until this one ends.

    Raises:
        StoreError: *app* is no name a store takes.
    """
    check_names(app)
    first = database.upsert(APPS).values(app=app, **AppRow(origin=token_hex(8))._asdict())
    connection.execute(first.on_conflict_do_nothing(index_elements=["app"]))
    return AppRow(*connection.execute(select(*_COLUMNS).where(APPS.c.app == app).with_for_update()).one())


def write_app(connection: Connection, app: str, row: AppRow) -> None:
    """Replace the row of *app*, which is locked."""
    connection.execute(update(APPS).where(APPS.c.app == app).values(row._asdict()))


def in_portions(values: Iterable[_T]) -> Iterator[Sequence[_T]]:
    """Yield *values* in pieces a statement can take."""
    listed = list(values)
    for start in range(0, len(listed), _PORTION):
        yield listed[start : start + _PORTION]
