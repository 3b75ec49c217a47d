"""Putting together who may come in, from settings."""

from collections.abc import Callable, Sequence
from functools import partial
from importlib.util import find_spec
from typing import TYPE_CHECKING

from perdure.clock import Clock
from perdure.config import AuthSettings, IntrospectionSettings, JwtSettings
from perdure.errors import ConfigError
from perdure.identity.authenticator import Authenticator
from perdure.identity.base import Scheme

if TYPE_CHECKING:  # what these import is heavy, and wanted only by who has tokens
    from perdure.identity.bearer import OpaqueVerifier, SignedVerifier
    from perdure.identity.keys import Keys
    from perdure.identity.keys_secret import ReadSecret

__all__ = ["open_authenticator"]


def open_authenticator(
    settings: AuthSettings, app_name: str, clock: Clock, read_secret: "ReadSecret", extra: Sequence[Scheme] = ()
) -> Authenticator | None:
    """Return the authenticator that *settings* describe, not started; None if nobody could show who they are.

    Args:
        app_name: ``realm`` of ``WWW-Authenticate``, if the settings have none.
        read_secret: Asks the Secrets Manager.
        extra: Schemes beside those of bearer tokens: API keys, and the program's own.
    Raises:
        ConfigError: What is needed for tokens is not installed.
    """
    schemes = list(extra)
    if settings.jwt or settings.introspection:
        schemes.insert(0, _bearer(settings, settings.realm or app_name, clock, read_secret))
    if not schemes:
        return None
    return Authenticator(schemes, clock=clock, cache_entries=settings.cache_entries)


def _bearer(settings: AuthSettings, realm: str, clock: Clock, read_secret: "ReadSecret") -> Scheme:
    missing = [name for name in ("joserfc", "httpx") if find_spec(name) is None]
    if missing:
        needed = " and ".join(missing)
        raise ConfigError(f'auth.jwt and auth.introspection need {needed}: pip install "perdure[auth]"')
    from perdure.identity.bearer import BearerScheme

    signed: dict[str, SignedVerifier] = {
        name: _signed(name, each, clock, read_secret) for name, each in settings.jwt.items()
    }
    opaque: dict[str, OpaqueVerifier] = {
        name: _opaque(name, each, clock, read_secret) for name, each in settings.introspection.items()
    }
    return BearerScheme(signed, opaque, realm)


def _signed(name: str, settings: JwtSettings, clock: Clock, read_secret: "ReadSecret") -> "SignedVerifier":
    from perdure.identity.jwt import JwtVerifier

    return JwtVerifier(name, settings, _keys(name, settings, clock, read_secret), clock)


def _keys(name: str, settings: JwtSettings, clock: Clock, read_secret: "ReadSecret") -> "Keys":
    from perdure.identity.key_reading import read_key_set, read_pem
    from perdure.identity.keys import KeySet
    from perdure.identity.keys_file import FileKeys
    from perdure.identity.keys_secret import SecretKeys
    from perdure.identity.keys_url import UrlKeys

    algorithms = settings.algorithms
    if settings.secret is not None:
        return SecretKeys(settings.secret, algorithms, read_secret, settings.refresh_s, clock)
    if settings.key_file is not None:

        def read_one(raw: bytes) -> KeySet:
            return KeySet([read_pem(raw, algorithms)], is_named=False)

        return FileKeys(settings.key_file, read_one, f"auth.jwt.{name}.key_file", clock)
    read: Callable[[bytes], KeySet] = partial(
        read_key_set, algorithms=algorithms, where=settings.jwks_file or settings.jwks_url or ""
    )
    if settings.jwks_file is not None:
        return FileKeys(settings.jwks_file, read, f"auth.jwt.{name}.jwks_file", clock)
    return UrlKeys(settings, read, clock)


def _opaque(name: str, settings: IntrospectionSettings, clock: Clock, read_secret: "ReadSecret") -> "OpaqueVerifier":
    from perdure.identity.introspection import Introspection

    return Introspection(name, settings, read_secret, clock)
