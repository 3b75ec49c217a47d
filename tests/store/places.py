"""Where a store can be: each kind, opened as often as a test likes."""

from collections.abc import Callable
from pathlib import Path
from typing import final

from perdure.store.base import Store
from perdure.store.memory import MemoryStore
from perdure.store.opening import open_store
from tests.store.postgres import postgres_server

__all__ = ["KINDS", "Place", "close_all", "open_at", "place_of"]

KINDS = ("memory", "sqlite", "postgres")


_opened: list[Store] = []


def open_at(url: str) -> Store:
    """Open a store that is closed when the test ends."""
    store = open_store(url)
    _opened.append(store)
    return store


def close_all() -> None:
    """Close what `open_at` has opened."""
    while _opened:
        _opened.pop().close()


@final
class Place:
    """One database, empty at first."""

    def __init__(self, kind: str, opener: Callable[[], Store], url: str) -> None:
        self.kind = kind
        self.url = url
        self._opener = opener
        self._opened: list[Store] = []

    @property
    def is_shared(self) -> bool:
        """Whether what is written outlives the store that wrote it."""
        return self.kind != "memory"

    def open(self) -> Store:
        """Return another store on the same database; in memory there is only one."""
        store = self._opener()
        self._opened.append(store)
        return store

    @property
    def writer(self) -> Store:
        """The store that was opened first."""
        if not self._opened:
            self.open()
        return self._opened[0]

    @property
    def second(self) -> Store:
        """The store that was opened second."""
        while len(self._opened) < 2:
            self.open()
        return self._opened[1]

    def open_again(self) -> Store:
        """Return a store that knows only what the database says; others but the first are closed."""
        while self.is_shared and len(self._opened) > 1:
            self._opened.pop().close()
        return self.open()

    def close(self) -> None:
        """Close all stores that were opened."""
        if self.is_shared:
            for store in self._opened:
                store.close()
        self._opened.clear()


def place_of(kind: str, folder: Path) -> Place:
    """Return a new place of this kind; files lie in *folder*."""
    if kind == "memory":
        only = MemoryStore()
        return Place(kind, lambda: only, "memory:")
    url = f"sqlite:///{folder / 'store.db'}" if kind == "sqlite" else postgres_server().new_database()
    return Place(kind, lambda: open_store(url), url)
