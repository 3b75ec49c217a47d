"""What a process and the store tell each other about API keys: who may come in, and who did."""

import hmac
from collections.abc import Callable, Mapping
from math import inf
from typing import Final, final

from msgspec import Struct

from perdure.context.principal import Principal
from perdure.errors import StoreError
from perdure.identity.api_keys_text import digest_of
from perdure.store.api_keys import ApiKey
from perdure.store.base import Store
from perdure.store.records import Position

__all__ = ["KeyLink", "KeyNews", "KnownKey"]

_UNASKED: Final = Position("", -1)


@final
class KnownKey(Struct, frozen=True):
    """A key as requests are looked at by: all that can be worked out before is."""

    digest: bytes
    principal: Principal
    until_s: float
    """Unix time from which it counts no more; `-inf` for a key that was revoked."""

    def is_of(self, text: str) -> bool:
        """Return whether *text* is this key, in a time that says nothing about how much of it is right."""
        return hmac.compare_digest(digest_of(text), self.digest)


@final
class KeyNews(Struct, kw_only=True):
    """What the store answered, as far as it came."""

    known: Mapping[str, KnownKey] = {}
    """By id: the keys that are new, or were revoked."""
    is_all: bool = False
    """There are no others: what is known besides is forgotten."""
    wrote_uses: bool = False
    error: StoreError | None = None
    """Why the rest is missing."""


@final
class KeyLink:
    """One process' way to the keys of an app. It blocks, and is used by one thread at a time.

    Args:
        store: Returns the store, once there is one.
    """

    def __init__(self, app: str, store: Callable[[], Store]) -> None:
        self._app = app
        self._store = store
        self._position = _UNASKED

    def exchange(self, uses: Mapping[str, float], *, anew: bool = False) -> KeyNews:
        """Tell when keys were used, by id, and return what changed since the last time; a lost store is told in it.

        Args:
            anew: Hear of all keys, as at the first time.
        """
        news = KeyNews()
        try:
            self._ask(news, anew=anew)  # first: who was revoked must not wait for who was not
            if uses:
                self._store().touch_api_keys(self._app, uses)
            news.wrote_uses = True
        except StoreError as error:
            news.error = error
        return news

    def _ask(self, news: KeyNews, *, anew: bool) -> None:
        position = self._store().position(self._app)
        if position == self._position and not anew:
            return
        # Another origin, or a number that went back: another store, or one that was restored.
        is_later = position.origin == self._position.origin and 0 <= self._position.change <= position.change
        since = self._position.change if is_later and not anew else 0
        news.known = {key.id: _known(key) for key in self._store().api_keys(self._app, since)}
        news.is_all = since == 0
        self._position = position


def _known(key: ApiKey) -> KnownKey:
    expires_s = inf if key.expires_s is None else key.expires_s
    principal = Principal(
        subject=key.subject, scheme="api_key", client_id=key.id, roles=frozenset(key.roles),
        scopes=frozenset(key.scopes), expires_at_s=expires_s,
    )  # fmt: skip
    return KnownKey(bytes.fromhex(key.digest), principal, expires_s if key.revoked_s is None else -inf)
