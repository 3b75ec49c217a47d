"""API keys as a `Store` keeps them: whose they are and what they may, but never the keys themselves."""

from typing import Literal, final

from msgspec import Struct

from perdure.store.merging import check_names
from perdure.store.records import JournalEntry

__all__ = ["ApiKey", "KeyState", "check_key", "creation", "key_order", "pruning", "revocation"]

KeyState = Literal["active", "expired", "revoked"]
"""``active``: its bearer is let in."""


@final
class ApiKey(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One API key of an app. Once it was added, only `revoked_s`, `revoked_by` and `last_used_s` change, once or later.

    Times are Unix times.
    """

    id: str
    """Public: it is part of the key, and stands in lists, logs and the journal."""
    digest: str
    """SHA-256 of the whole key, as 64 hexadecimal digits; see `perdure.identity.api_keys_text`."""
    subject: str
    """Whose it is: what a program is known by, whichever of its keys it uses."""
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    created_s: float
    created_by: str
    expires_s: float | None = None
    """From when it counts no more; None: never."""
    revoked_s: float | None = None
    revoked_by: str | None = None
    last_used_s: float | None = None
    """To the minute or so; None where it was never used."""

    @property
    def ended_s(self) -> float | None:
        """From when it counts no more: it was revoked, or it expires; None: it does not end."""
        return self.expires_s if self.revoked_s is None else self.revoked_s

    def state(self, now_s: float) -> KeyState:
        """Return what it is worth at *now_s*."""
        if self.revoked_s is not None:
            return "revoked"
        return "active" if self.expires_s is None or now_s < self.expires_s else "expired"


def check_key(key: ApiKey) -> None:
    """Refuse a key whose names a store does not take.

    Raises:
        StoreError: There is one; see `perdure.store.merging.check_names`.
    """
    check_names(key.id, key.subject, *key.roles, *key.scopes)


def creation(key: ApiKey, number: int) -> JournalEntry:
    """Return what the journal says, as change *number*, of a key that was added."""
    action = f"create API key {key.id} for {key.subject}"
    return JournalEntry(number=number, at_s=key.created_s, actor=key.created_by, action=action)


def revocation(key: ApiKey, number: int) -> JournalEntry:
    """Return what the journal says, as change *number*, of a key that was revoked."""
    action = f"revoke API key {key.id} of {key.subject}"
    return JournalEntry(number=number, at_s=key.revoked_s or 0.0, actor=key.revoked_by or "", action=action)


def pruning(count: int, number: int, actor: str, at_s: float) -> JournalEntry:
    """Return what the journal says, as change *number*, of *count* keys that were forgotten."""
    action = f"forget {count} API key{'' if count == 1 else 's'} that ended"
    return JournalEntry(number=number, at_s=at_s, actor=actor, action=action)


def key_order(key: ApiKey) -> tuple[float, str]:
    """Return what keys are sorted by, oldest first."""
    return key.created_s, key.id
