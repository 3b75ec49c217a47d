"""Credentials to try the shop with: a clerk's token and two customers' keys, made when it first opens.

They stand in for what a real shop has elsewhere: an identity provider that signs its staff's tokens
(``auth.jwt.staff.jwks_url``), and keys that `perdure keys create` makes. They lie in ``.perdure/credentials`` beside
the database, readable by its owner alone, and are never committed: a file each, with the header to send, as
``curl -H @.perdure/credentials/ada`` wants it.
"""

import json
import time
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

from perdure.identity.api_keys_text import digest_of, id_of, new_key
from perdure.store.api_keys import ApiKey
from perdure.store.base import Store

__all__ = ["AUDIENCE", "ISSUER", "Credentials", "key_set_file", "prepare"]

ISSUER, AUDIENCE = "https://staff.shop.example", "shop"
_CUSTOMERS = ("ada", "grace")
_TOKEN_LIFETIME = timedelta(days=7)


class Credentials(NamedTuple):
    """What opens the shop's doors."""

    clerk: str
    """A bearer token with the role ``clerk``."""
    customers: dict[str, str]
    """API keys with the role ``customer``, by whose they are."""


def key_set_file(folder: Path) -> Path:
    """Return where the public key is by which the clerk's tokens are verified."""
    return folder / "staff.jwks.json"


def prepare(folder: Path, app: str, store: Store) -> Credentials:
    """Return the credentials in *folder*, made if there are none; *store* knows the customers' keys then."""
    with store.lock(f"{app}: credentials"):  # several worker processes start at the same time
        folder.mkdir(parents=True, exist_ok=True)
        signing = _signing_key(folder)
        keys = _customer_keys(folder)
        known = {key.id for key in store.api_keys(app)}
        for subject, text in keys.items():
            if id_of(text) not in known:
                store.add_api_key(app, _record(subject, text))
        token = _token(signing)
        _write_privately(folder / "clerk", f"Authorization: Bearer {token}\n")
    return Credentials(token, keys)


def _signing_key(folder: Path) -> ECKey:
    file = folder / "staff.pem"
    if not file.exists():
        made = ECKey.generate_key("P-256", {"kid": "development", "use": "sig", "alg": "ES256"}, private=True)
        key_set_file(folder).write_text(json.dumps(KeySet([made]).as_dict(private=False)))
        _write_privately(file, made.as_pem(private=True).decode())
    return ECKey.import_key(file.read_text())


def _customer_keys(folder: Path) -> dict[str, str]:
    for subject in _CUSTOMERS:
        if not (folder / subject).exists():
            _write_privately(folder / subject, f"X-API-Key: {new_key().text.reveal()}\n")
    return {subject: (folder / subject).read_text().split()[1] for subject in _CUSTOMERS}


def _record(subject: str, text: str) -> ApiKey:
    return ApiKey(
        id=id_of(text), digest=digest_of(text).hex(), subject=subject, roles=("customer",), created_s=time.time(),
        created_by="the shop's first day",
    )  # fmt: skip


def _token(key: ECKey) -> str:
    now = int(time.time())
    claims = {
        "iss": ISSUER, "aud": AUDIENCE, "sub": "clara", "roles": ["clerk"], "iat": now,
        "exp": now + int(_TOKEN_LIFETIME.total_seconds()),
    }  # fmt: skip
    return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": "development"}, claims, key)


def _write_privately(file: Path, text: str) -> None:
    file.touch(mode=0o600)
    file.write_text(text)
