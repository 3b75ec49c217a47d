"""One way to use SQLite and PostgreSQL: transactions, locks, and errors in plain words.

Source: SQLite's "Write-Ahead Logging" and "Isolation In SQLite"; PostgreSQL's "Explicit Locking".

SQLite: a transaction that writes says so when it begins (``BEGIN IMMEDIATE``); one that reads first and writes then
would be refused, not made to wait, where another writes between. ``synchronous=FULL``: with WAL, NORMAL survives a
killed process but may lose the last decisions with the power; a store writes seldom enough to wait for the disk.

PostgreSQL: writers of one app wait for each other at its row, so that its change numbers become visible in order.
"""

import fcntl
import hashlib
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, Table, create_engine, event, text
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.pool import ConnectionPoolEntry

from perdure.errors import StoreError

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql

__all__ = ["Database", "make_folder"]

_WAIT_S: Final = 10
"""How long a connection and a lock on rows are waited for."""
_WRITES: Final = "perdure_writes"
_GRACE_S: Final = 1.0
"""How long a file may be missing, as while another is put in its place, before a new one is made."""
_TABLELESS: Final = ("no such table: perdure_", 'relation "perdure_')
"""What databases say where they are not, or no more, a store."""


@final
class Database:
    """A pool of connections to one database.

    Args:
        url: Where it is; SQLite in a file, or PostgreSQL by psycopg.
        where: The same for people, without a password.
    """

    def __init__(self, url: URL, where: str) -> None:
        self._where = where
        self._path = Path(url.database or "").absolute() if url.get_backend_name() == "sqlite" else None
        self._engine = _sqlite_engine(url) if self._path is not None else _postgres_engine(url)
        self._writer = threading.Lock()
        self._process = os.getpid()
        self._file: tuple[int, int] | None = None
        self._beside: dict[Path, tuple[int, int]] = {}
        self._missing_s: float | None = None
        self._make: Callable[[], None] | None = None
        self._is_made = False
        self._making = threading.RLock()
        self._is_closed = False

    def close(self) -> None:
        """Close all connections; whoever asks for one from here on is told so."""
        self._is_closed = True
        self._engine.dispose()

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Give a connection on which each statement is a transaction of its own.

        Raises:
            StoreError: The database cannot be reached, or refuses.
        """
        with self._telling(), self._readers().connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Give a connection within a transaction that is committed at the end, or undone by any exception.

        Raises:
            StoreError: As `reading`; or others write for too long.
        """
        with self._telling():
            engine = self._live_engine()
            if self._path is None:
                with engine.begin() as connection:
                    connection.execute(text(f"SET LOCAL lock_timeout = '{_WAIT_S}s'"))
                    yield connection
            else:
                with self._writer, engine.execution_options(**{_WRITES: True}).begin() as connection:
                    yield connection

    @contextmanager
    def lock(self, name: str) -> Iterator[None]:
        """Enter alone among all that use this database; see `perdure.store.base.Store.lock`."""
        if self._path is not None:
            with self._file_lock(self._path.with_name(f"{self._path.name}.{quote(name, safe='')}.lock")):
                yield
            return
        with ExitStack() as stack:
            with self._telling():
                connection = stack.enter_context(self._live_engine().connect())
                # It idles in its transaction for as long as it takes; the lock goes when the session does.
                connection.execute(text("SET LOCAL idle_in_transaction_session_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _lock_key(name)})
            yield

    @contextmanager
    def alone(self) -> Iterator[Connection]:
        """Give a connection within a transaction, as `writing`, while nobody else is in here."""
        with self.writing() as connection:
            if self._path is None:
                connection.execute(text("SET LOCAL lock_timeout = 0"))
                connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _lock_key("schema")})
            yield connection

    def prepare(self, make: Callable[[], None] = lambda: None) -> None:
        """Make ready for many processes, once for each opening.

        Args:
            make: Makes the tables; called now, and again whenever the database turns out to be another one.
        Raises:
            StoreError: The database cannot be reached, or is none.
        """
        with self._making:
            self._make, self._is_made = make, True  # on the way, there is nothing to follow
            try:
                if self._path is not None:
                    self._enter_wal()
                make()
            except BaseException:
                self._is_made = False
                raise
            if self._path is not None:
                self._file = _identity(self._path)

    def time(self) -> float | None:
        """Return the server's time; None where there is no server."""
        if self._path is not None:
            return None
        with self.reading() as connection:
            return float(connection.scalar(text("SELECT extract(epoch FROM clock_timestamp())")))

    def _enter_wal(self) -> None:
        # Nothing waits for this change of mode by itself, so two that begin at once would refuse each other.
        with self.lock("schema"), self.reading() as connection:
            if connection.scalar(text("PRAGMA journal_mode")) != "wal":
                connection.execute(text("PRAGMA journal_mode = WAL"))

    def upsert(self, table: Table) -> "sqlite.Insert | postgresql.Insert":
        """Return an insert into *table* that can say what to do where a row is there."""
        if self._path is not None:
            return sqlite.insert(table)
        from sqlalchemy.dialects import postgresql  # costs a server on SQLite a tenth of its start

        return postgresql.insert(table)

    def _live_engine(self) -> Engine:
        if self._is_closed:
            raise StoreError(f"{self._where} was closed")
        if self._process != os.getpid():
            # After a fork the connections are still the parent's: forget them without a word on the wire.
            self._engine.dispose(close=False)
            self._writer, self._process = threading.Lock(), os.getpid()
        if self._make is not None:
            self._follow(self._make)
        return self._engine

    def _follow(self, make: Callable[[], None]) -> None:
        """Make a store of what is there now, where another file or database took the place of the one that was."""
        if self._path is not None and self._file is not None:
            found = _identity(self._path)
            if found == self._file:
                self._missing_s = None
                self._beside = _beside(self._path)
            elif found is None and not self._is_missed():
                raise StoreError(f"{self._where}: its file was removed")
            else:
                self._is_made = False
        if not self._is_made:
            with self._making:
                self._make_again(make)

    def _make_again(self, make: Callable[[], None]) -> None:
        if self._is_made:  # by another thread, meanwhile
            return
        if self._path is not None:
            if _identity(self._path) != self._file:
                # SQLite would take the log of the file that was for that of the file that is. Ours is open until below,
                # so what looks like it is it.
                for each in _beside(self._path).items() & self._beside.items():
                    each[0].unlink(missing_ok=True)
            make_folder(self._path.parent, self._where)
        self._engine.dispose()
        self._file = self._missing_s = None
        self.prepare(make)

    def _is_missed(self) -> bool:
        now_s = time.monotonic()
        if self._missing_s is None:
            self._missing_s = now_s
        return now_s >= self._missing_s + _GRACE_S

    def _readers(self) -> Engine:
        engine = self._live_engine()
        return engine if self._path is not None else engine.execution_options(isolation_level="AUTOCOMMIT")

    @contextmanager
    def _file_lock(self, path: Path) -> Iterator[None]:
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise StoreError(f"{self._where} cannot be locked: {path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    @contextmanager
    def _telling(self) -> Iterator[None]:
        """Turn what the database says into a `StoreError`."""
        try:
            yield
        except SQLAlchemyError as error:
            said = error.orig if isinstance(error, DBAPIError) and error.orig is not None else error
            if any(words in str(said) for words in _TABLELESS):
                self._is_made = False
            raise StoreError(f"{self._where} {_complaint(said)}") from error
        except self._engine.dialect.loaded_dbapi.Error as error:
            raise StoreError(f"{self._where} {_complaint(error)}") from error


def make_folder(folder: Path, where: str) -> None:
    """Make *folder* if only that is missing.

    Raises:
        StoreError: It cannot be made.
    """
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise StoreError(f"{where} cannot be opened: its folder {folder}: {error.strerror}") from error


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells the file at *path* from any other; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _beside(path: Path) -> dict[Path, tuple[int, int]]:
    """Return the log of the file at *path* and its index, those there are, and what tells them from any others."""
    found = {each: _identity(each) for each in (path.with_name(f"{path.name}-{end}") for end in ("wal", "shm"))}
    return {each: identity for each, identity in found.items() if identity is not None}


def _lock_key(name: str) -> int:
    return int.from_bytes(hashlib.sha256(f"perdure {name}".encode()).digest()[:8], signed=True)


def _complaint(error: BaseException) -> str:
    said = " ".join(str(error).split())
    known = {
        "file is not a database": "is no SQLite database: name another file, or restore it from a backup",
        "disk image is malformed": "is damaged: restore it from a backup",
        "database is locked": f"is locked by another process for more than {_WAIT_S} s",
        "due to lock timeout": f"is locked by another process for more than {_WAIT_S} s",
        "unable to open database file": "cannot be opened: may this process write to the file and its folder?",
        "readonly database": "cannot be written: may this process write to the file and its folder?",
        "disk is full": "cannot be written: the disk is full",
        "password authentication failed": "refuses the user or the password",
    }
    for words, meaning in known.items():
        if words in said:
            return meaning
    return f"failed: {said[:300]}"


def _sqlite_engine(url: URL) -> Engine:
    engine = create_engine(url)

    def set_up(connection: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
        connection.isolation_level = None  # transactions begin where `begin` says so, nowhere else
        cursor = connection.cursor()
        try:
            cursor.execute(f"PRAGMA busy_timeout = {_WAIT_S * 1000}")
            cursor.execute("PRAGMA synchronous = FULL")
        except BaseException:
            cursor.close()
            connection.close()  # the pool does not know it yet
            raise
        cursor.close()

    def begin(connection: Connection) -> None:
        if connection.get_execution_options().get(_WRITES):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    event.listen(engine, "connect", set_up)
    event.listen(engine, "begin", begin)
    return engine


def _postgres_engine(url: URL) -> Engine:
    # A pooler in front of the server may give each transaction another session: nothing is prepared in one.
    settings = {"prepare_threshold": None, "connect_timeout": _WAIT_S // 2, "application_name": "perdure"}
    given = {name: value for name, value in settings.items() if name not in url.query}
    return create_engine(url, pool_pre_ping=True, pool_timeout=_WAIT_S, connect_args=given)
