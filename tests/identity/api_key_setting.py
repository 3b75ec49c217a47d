"""A store with API keys, and a server's scheme that follows it."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any, final

from perdure.clock import Clock, FakeClock
from perdure.config import ApiKeySettings
from perdure.errors import StoreError, UnauthenticatedError
from perdure.identity.api_keys import ApiKeyScheme, open_keys
from perdure.identity.api_keys_text import new_key
from perdure.ingress.asgi import AsgiExchange
from perdure.store.api_keys import ApiKey
from perdure.store.base import Store
from perdure.store.memory import MemoryStore
from perdure.store.records import Position

__all__ = ["Breakable", "added", "asking", "eventually", "following", "is_in", "revoke", "why_refused"]

_TIMEOUT_S = 30.0


async def _nothing() -> dict[str, Any]:
    return {"type": "http.disconnect"}


async def _nowhere(_: Mapping[str, Any]) -> None:
    return


def asking(*headers: tuple[str, str], query: str = "") -> AsgiExchange:
    """Return a request."""
    raw = [(name.lower().encode(), value.encode("latin-1")) for name, value in headers]
    scope = {
        "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": query.encode(), "headers": raw,
        "client": ("10.0.0.1", 5000), "scheme": "http", "http_version": "1.1",
    }  # fmt: skip
    return AsgiExchange(scope, _nothing, _nowhere)


def added(store: Store, subject: str = "till-3", *, expires_s: float | None = None, app: str = "shop") -> str:
    """Return a key that was added to *store*; its roles are clerk and admin, its scope is orders:read."""
    drawn = new_key()
    assert store.add_api_key(
        app,
        ApiKey(
            id=drawn.id, digest=drawn.digest, subject=subject, roles=("clerk", "admin"), scopes=("orders:read",),
            created_s=1.0, created_by="ada@office", expires_s=expires_s,
        ),
    )  # fmt: skip
    return drawn.text.reveal()


def revoke(store: Store, key: str, app: str = "shop") -> None:
    """Revoke *key*."""
    assert store.revoke_api_key(app, key[4:12], actor="bob@office", at_s=2.0)


def why_refused(scheme: ApiKeyScheme, key: str) -> str | None:
    """Return why *key* is refused; None if it is not."""
    try:
        scheme.verify(key)
    except UnauthenticatedError as error:
        return str(error)
    return None


def is_in(scheme: ApiKeyScheme, key: str) -> bool:
    """Return whether *key* is let in."""
    return why_refused(scheme, key) is None


@asynccontextmanager
async def following(
    store: Store, clock: Clock | None = None, settings: ApiKeySettings | None = None
) -> AsyncIterator[ApiKeyScheme]:
    """Run the scheme of a server of the app ``shop``."""
    scheme = open_keys(lambda: store, "shop", settings or ApiKeySettings(), clock or FakeClock())
    await scheme.start()
    try:
        yield scheme
    finally:
        await scheme.stop()


async def eventually(condition: Callable[[], bool], clock: FakeClock | None = None, step_s: float = 0.25) -> None:
    """Return once *condition* holds; *clock* goes on meanwhile."""
    give_up = time.monotonic() + _TIMEOUT_S
    while not condition():
        assert time.monotonic() < give_up, "it never held"
        if clock is not None:
            clock.advance(step_s)
        await asyncio.sleep(0.002)


@final
class Breakable(MemoryStore):  # type: ignore[misc]  # final for users, not for a test that breaks its connection
    """A store whose parts can be out of reach."""

    is_gone = False
    keeps_no_uses = False
    asked = 0
    read = 0

    def position(self, app: str) -> Position:
        self.asked += 1
        if self.is_gone:
            raise StoreError("the store postgresql://shop@db/shop failed: no route")
        return super().position(app)

    def api_keys(self, app: str, since: int = 0) -> tuple[ApiKey, ...]:
        self.read += 1
        return super().api_keys(app, since)

    def touch_api_keys(self, app: str, uses: Mapping[str, float]) -> None:
        if self.is_gone or self.keeps_no_uses:
            raise StoreError("the store cannot be written: the disk is full")
        super().touch_api_keys(app, uses)
