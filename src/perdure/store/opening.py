"""Opening a store by its URL; what is heavy to import is imported where it is asked for."""

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from perdure.errors import StoreError
from perdure.store.base import Store
from perdure.store.memory import MemoryStore

if TYPE_CHECKING:
    from sqlalchemy import URL

__all__ = ["open_store"]

_FORMS = "memory:, sqlite:///store.db (a path) or postgresql://user:password@host:5432/database"


def open_store(url: str) -> Store:
    """Return the store at *url*, ready for use: its schema is made, or brought up to this program's.

    Args:
        url: ``memory:``, ``sqlite:///relative/path``, ``sqlite:////absolute/path`` or
            ``postgresql://user:password@host:port/database``; what psycopg takes may follow as a query.
    Raises:
        StoreError: *url* is none of these, what it needs is not installed, the database cannot be reached, opened or
            written, is no store, or was made by a newer Perdure. No message shows a password.
    """
    if url == "memory:":
        return MemoryStore()
    scheme = url.partition(":")[0]
    if scheme not in {"sqlite", "postgresql"}:
        raise StoreError(f"a store's URL is {_FORMS}; its scheme is not {scheme[:20]!r}")
    if scheme == "postgresql" and find_spec("psycopg") is None:
        raise StoreError('a store in PostgreSQL needs psycopg: pip install "perdure[postgres]"')
    parsed = _parse(url)
    where = _shown(parsed)
    if scheme == "sqlite":
        _check_folder(parsed, where)
    return _open(parsed, where)


def _open(url: "URL", where: str) -> Store:
    from perdure.store.database import Database
    from perdure.store.schema import upgrade
    from perdure.store.sql import SqlStore

    database = Database(url, where)
    try:
        database.prepare(lambda: upgrade(database.alone, where))
    except BaseException:
        database.close()
        raise
    return SqlStore(database, where)


def _parse(url: str) -> "URL":
    from sqlalchemy import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        parsed = make_url(url)
    except (ArgumentError, ValueError):
        # What the parser says may hold a part of the password.
        raise StoreError(f"the store's URL cannot be read; it is {_FORMS}") from None
    if parsed.get_backend_name() == "sqlite":
        if not parsed.database or parsed.database == ":memory:" or parsed.host:
            raise StoreError("a store in SQLite is a file, sqlite:///store.db; memory: is one that forgets")
        return parsed
    if "@" in (parsed.database or "") or "@" in (parsed.host or ""):
        raise StoreError("the store's URL cannot be read: write @, / and : in a password as %40, %2F and %3A")
    return parsed.set(drivername="postgresql+psycopg")


def _shown(url: "URL") -> str:
    """Return *url* for people; neither the password nor the query, which may hold one."""
    from sqlalchemy import URL

    if url.get_backend_name() == "sqlite":
        return f"the store sqlite:///{url.database}"
    shown = URL.create("postgresql", url.username, host=url.host, port=url.port, database=url.database)
    return f"the store {shown.render_as_string()}"


def _check_folder(url: "URL", where: str) -> None:
    """Make the folder of the file if only that is missing, and refuse what cannot become a file."""
    from perdure.store.database import make_folder

    path = Path(url.database or "")
    if path.is_dir():
        raise StoreError(f"{where} is a folder: name a file in it")
    make_folder(path.parent, where)
