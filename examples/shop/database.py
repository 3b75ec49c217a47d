"""SQLite for a server: no query runs on the event loop, and several worker processes may share the file.

A few threads have a connection each. Readers never wait (WAL); writers take turns, across processes too, because every
write begins by taking SQLite's one write lock.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from sqlite3 import Connection
from typing import Literal, TypeVar

__all__ = ["Database"]

T = TypeVar("T")

_THREADS = 4
_LOCK_TIMEOUT_S = 10.0


class Database:
    """A SQLite file; made when it is first opened."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._own = threading.local()
        self._connections: list[Connection] = []
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="database")

    async def read(self, query: Callable[[Connection], T]) -> T:
        """Return what *query* finds; all of it as of one moment."""
        return await self._run("BEGIN", query)

    async def write(self, change: Callable[[Connection], T]) -> T:
        """Make *change*, wholly or, if it raises, not at all.

        If the caller is cancelled meanwhile, the change is finished first: whoever undoes it then finds it done.
        """
        running = asyncio.ensure_future(self._run("BEGIN IMMEDIATE", change))
        try:
            return await asyncio.shield(running)
        except asyncio.CancelledError:
            with suppress(Exception):
                await running
            raise

    def close(self) -> None:
        """Finish what is running, and close every connection."""
        self._threads.shutdown()
        while self._connections:
            self._connections.pop().close()

    async def _run(self, begin: Literal["BEGIN", "BEGIN IMMEDIATE"], work: Callable[[Connection], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, self._transact, begin, work)

    def _transact(self, begin: str, work: Callable[[Connection], T]) -> T:
        with self._connection() as connection:  # commits at the end, or rolls back
            connection.execute(begin)
            return work(connection)

    def _connection(self) -> Connection:
        """Return the connection of this thread."""
        found: Connection | None = getattr(self._own, "connection", None)
        if found is not None:
            return found
        # `isolation_level`: transactions are begun above; `check_same_thread`: `close` runs in another thread.
        made = sqlite3.connect(self._path, timeout=_LOCK_TIMEOUT_S, isolation_level=None, check_same_thread=False)
        self._connections.append(made)
        made.row_factory = sqlite3.Row
        made.execute("PRAGMA journal_mode = WAL")
        made.execute("PRAGMA foreign_keys = ON")
        self._own.connection = made
        return made
