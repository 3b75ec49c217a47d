"""What the `perdure keys` commands stand on: an app, and the store that has its keys."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from perdure.cli.operations import Operations, recorded_operations
from perdure.cli.options import Where
from perdure.cli.store import existing_store, store_place
from perdure.cli.target import find_target, import_app
from perdure.clock import SystemClock
from perdure.config import Config
from perdure.errors import DecisionError
from perdure.identity.api_keys_text import NewKey, digest_of, id_of, new_key
from perdure.rollout.opening import FORGETFUL
from perdure.store.api_keys import ApiKey
from perdure.store.base import Store
from perdure.store.opening import open_store
from perdure.store.records import storable_name

__all__ = ["KeyDesk", "checked_names", "checked_subject", "open_key_desk"]

_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")
"""RFC 6749 3.3: what routes can ask for, as a scope or as a role."""
_QUOTABLE = 16
"""What is longer may be part of a key, and is not printed."""


@final
class KeyDesk:
    """One app's keys, for looking and for deciding."""

    def __init__(self, app: str, config: Config, store: Store, operations: Operations) -> None:
        self.app = app
        self.config = config
        self.store = store
        self.operations = operations
        """Records what is decided."""
        self.now_s = SystemClock().time()

    def create(
        self, subject: str, roles: tuple[str, ...], scopes: tuple[str, ...], expires_s: float | None, by: str
    ) -> tuple[NewKey, ApiKey]:
        """Draw a key and keep what is to be known of it.

        Raises:
            StoreError: The store cannot be written.
        """
        while True:
            drawn = new_key()
            key = ApiKey(
                id=drawn.id, digest=drawn.digest, subject=subject, roles=roles, scopes=scopes, created_s=self.now_s,
                created_by=by, expires_s=expires_s,
            )  # fmt: skip
            may = " ".join((*(f"role={role}" for role in roles), *(f"scope={scope}" for scope in scopes)))
            with self.operations.of(f"create {drawn.id} for {subject} {may}".rstrip()):
                is_new = self.store.add_api_key(self.app, key)
            if is_new:
                return drawn, key

    def find(self, text: str) -> ApiKey:
        """Return the key whose id is *text*, or that is *text* itself: whoever finds one somewhere has no more.

        Raises:
            DecisionError: There is none; the message quotes nothing that could be part of a key.
        """
        known = {key.id: key for key in self.store.api_keys(self.app)}
        if not text.startswith("pdk_"):
            if text in known:
                return known[text]
            quoted = f" {text!r}" if len(text) <= _QUOTABLE else ""
            raise DecisionError(f"{self.app} has no API key{quoted}; perdure keys list shows the ids")
        try:
            found = known.get(id_of(text))
        except ValueError as error:
            raise DecisionError(f"{error}; name a key by its id, as perdure keys list shows it") from None
        if found is None or found.digest != digest_of(text).hex():
            raise DecisionError(f"{self.app} has no such API key in this store")
        return found

    def ended(self, age_s: float) -> tuple[ApiKey, ...]:
        """Return the keys that were revoked, or else expired, more than *age_s* seconds ago; raises `StoreError`."""
        before_s = self.now_s - age_s
        keys = self.store.api_keys(self.app)
        return tuple(key for key in keys if key.ended_s is not None and key.ended_s < before_s)

    def prune(self, age_s: float, by: str) -> tuple[ApiKey, ...]:
        """Forget these keys, and return them; raises `StoreError`."""
        with self.operations.of(f"prune what ended {age_s:g} s ago"):
            return self.store.prune_api_keys(self.app, self.now_s - age_s, actor=by, at_s=self.now_s)


@contextmanager
def open_key_desk(where: Where, *, is_looking: bool = False) -> Iterator[KeyDesk]:
    """Open the store of an app.

    Args:
        where: The app, and its store.
        is_looking: No key is created, so no store is made where there is none.
    Raises:
        AppNotFoundError: There is no such app.
        BrokenAppError: It cannot be loaded.
        DecisionError: Its store is memory, where no key would outlive this command.
        StoreError: The store cannot be used.
    """
    target = find_target(where.app, Path.cwd())
    with where.applied(where.app):
        app = import_app(target)
    place = (existing_store if is_looking else store_place)(target, where.store, app.config)
    if place.url == "memory:" and not (is_looking and place is FORGETFUL):
        raise DecisionError("the store is memory:, which keeps no API keys; name another with --store or store_url")
    store = open_store(place.url)
    try:
        with recorded_operations(app.config, app.name, "keys") as operations:
            yield KeyDesk(app.name, app.config, store, operations)
    finally:
        store.close()


def checked_subject(text: str) -> str:
    """Return *text*, the name of a program or of who runs it.

    Raises:
        DecisionError: It is none that can be read in a list.
    """
    if not text or text != text.strip() or not text.isprintable() or storable_name(text) != text:
        raise DecisionError(f"{text[:40]!r} is no subject: give a name of up to 200 printable characters")
    return text


def checked_names(roles: tuple[str, ...], scopes: tuple[str, ...]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return *roles* and *scopes*, each once.

    Raises:
        DecisionError: One of them could not be asked for.
    """
    for role in roles:
        if not _is_name(role) or "," in role:
            raise DecisionError(f"{role[:40]!r} is no role: ASCII, no spaces, no commas; repeat --role for several")
    for scope in scopes:
        if not _is_name(scope):
            raise DecisionError(f"{scope[:40]!r} is no scope: ASCII, no spaces; repeat --scope for several")
    return tuple(dict.fromkeys(roles)), tuple(dict.fromkeys(scopes))


def _is_name(text: str) -> bool:
    return _SCOPE.fullmatch(text) is not None and storable_name(text) == text
