"""Who may come in: schemes of authentication.

Source: SPEC 3.6.
"""

import re
from collections.abc import Mapping
from ipaddress import ip_address
from types import MappingProxyType
from typing import Final, Literal, final
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import force_setattr

from perdure.config.checks import check_positive, check_types, freeze, is_header_name
from perdure.config.kinds import FilePath
from perdure.errors import ConfigError

__all__ = ["ApiKeySettings", "AuthSettings", "IntrospectionSettings", "JwtSettings", "is_loopback_url"]

_QUERY_NAME = re.compile(r"[A-Za-z0-9._~-]+")
_is_name = re.compile(r"[A-Za-z][A-Za-z0-9_-]*").fullmatch
_ALGORITHMS: Final = (
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA",
    "Ed25519", "Ed448",
)  # fmt: skip


def is_loopback_url(url: str) -> bool:
    """Return whether *url* leads to this machine: to ``localhost``, or to an address nobody else has.

    Raises:
        ValueError: It is no URL.
    """
    host = urlsplit(url).hostname or ""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def _check_url(name: str, url: str) -> None:
    """Refuse a URL over which others could say who comes in."""
    if "@" in url or "#" in url:  # not told what it is: it may hold a password
        raise ConfigError(f"{name} must have neither a user nor a password nor a fragment")
    try:
        parts = urlsplit(url)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and is_loopback_url(url))
        is_whole = bool(parts.hostname) and parts.port != 0 and url.isascii() and url.isprintable() and " " not in url
    except ValueError:
        is_safe = is_whole = False
    if not is_safe or not is_whole:
        raise ConfigError(f"{name} must be an https URL, or an http one to this machine, not {url!r}")


@final
class JwtSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Bearer tokens of one issuer, signed: a value of `AuthSettings.jwt`.

    Exactly one of *secret*, *key_file*, *jwks_file* and *jwks_url* says where the keys are.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    issuer: str
    """What ``iss`` must be."""
    audience: tuple[str, ...]
    """Of these, ``aud`` must have one."""
    algorithms: tuple[str, ...]
    """What tokens may be signed by; each key is only used with those of its own type."""
    secret: str | None = None
    """Name of the secret, in the Secrets Manager, that HS* tokens are signed with. When it changes, the value before
    is believed for another *refresh_s*."""
    key_file: FilePath | None = None
    """PEM file with one public key; read again when it changes."""
    jwks_file: FilePath | None = None
    """JSON Web Key Set; read again when it changes."""
    jwks_url: str | None = None
    """The same over HTTPS, or HTTP to this machine; fetched at start, every *refresh_s*, and for an unknown ``kid``."""
    refresh_s: float = 300.0
    """How long fetched keys are used before they are fetched again, beside the requests."""
    refresh_cooldown_s: float = 10.0
    """Time between two fetches for an unknown ``kid``, at least: nobody can make the server flood the issuer. Also the
    time to the next try while the issuer cannot be reached, if that is less than *refresh_s*."""
    timeout_s: float = 5.0
    """Time a fetch may take."""
    cache_s: float = 60.0
    """How long a token that was verified is believed, at most; then it is verified again, by the keys of then."""
    leeway_s: float = 5.0
    """How far clocks may be apart, at ``exp``, ``nbf`` and ``iat``; at most 60."""
    size_limit_bytes: int = 8192
    """Longest token that is looked at."""
    types: tuple[str, ...] = ("JWT", "at+jwt")
    """What ``typ`` may be, by case-insensitive comparison; a token without one passes."""
    roles_claim: str = "roles"
    """Claim with a list of roles, or one text with spaces between; ``realm_access.roles`` looks inside."""
    scopes_claim: str = "scope"
    """As *roles_claim*, for scopes."""

    def __post_init__(self) -> None:
        check_types(self)
        positive = ("refresh_s", "refresh_cooldown_s", "timeout_s", "cache_s", "size_limit_bytes")
        check_positive(self, positive)
        if not self.issuer or not self.audience or not self.algorithms:
            raise ConfigError("issuer, audience and algorithms must not be empty")
        unknown = [name for name in self.algorithms if name not in _ALGORITHMS]
        if unknown:
            raise ConfigError(f"algorithms: {', '.join(unknown)} is none of {', '.join(_ALGORITHMS)}")
        places = [name for name in ("secret", "key_file", "jwks_file", "jwks_url") if getattr(self, name) is not None]
        if len(places) != 1:
            raise ConfigError(f"exactly one of secret, key_file, jwks_file, jwks_url is to be set, not {places}")
        # Were both allowed side by side, a public key could be taken for a secret.
        if any(name.startswith("HS") != (self.secret is not None) for name in self.algorithms):
            raise ConfigError("algorithms: HS* go with secret, all others with key_file, jwks_file or jwks_url")
        if self.jwks_url is not None:
            _check_url("jwks_url", self.jwks_url)
        if not 0 <= self.leeway_s <= 60:
            raise ConfigError(f"leeway_s must be 0 to 60, not {self.leeway_s!r}")


@final
class ApiKeySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Keys that `perdure keys` creates: `AuthSettings.api_keys`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    header: str | None = "X-API-Key"
    """Header that carries the key; None: no header does."""
    query: str | None = None
    """Query parameter that does; off by default, since queries stand in logs."""
    poll_interval_s: float = 0.25
    """How often a process asks the store for keys that were created or revoked."""

    def __post_init__(self) -> None:
        check_types(self)
        check_positive(self, ("poll_interval_s",))
        if self.header is not None and not is_header_name(self.header):
            raise ConfigError(f"header must be a header name, not {self.header!r}")
        if self.header is not None and self.header.lower() == "authorization":
            raise ConfigError("header must not be Authorization, where bearer tokens are")
        if self.query is not None and not _QUERY_NAME.fullmatch(self.query):
            raise ConfigError(f"query must be a name of letters, digits and ._~-, not {self.query!r}")
        if self.header is None and self.query is None:
            raise ConfigError("api_keys needs a header or a query parameter")


@final
class IntrospectionSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Opaque tokens that an authorization server vouches for (RFC 7662): a value of `AuthSettings.introspection`.

    A token is shown to one server only: one that names the *issuer* of one of them, to that; any other to the one
    without *issuer*; one that names none, else, to the only one there is.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    url: str
    """The introspection endpoint: HTTPS, or HTTP to this machine."""
    client_id: str
    """What this program is called at that server."""
    client_secret: str
    """Name of the secret, in the Secrets Manager."""
    issuer: str | None = None
    """What ``iss`` of the answer must be, where it has one."""
    audience: tuple[str, ...] = ()
    """Of these, ``aud`` of the answer must have one; empty: not looked at."""
    cache_s: float = 60.0
    """How long an answer counts, at most; never longer than the token."""
    inactive_cache_s: float = 5.0
    """How long the answer that a token is none counts."""
    timeout_s: float = 3.0
    """Time for one question; clients wait meanwhile."""
    breaker_failures: int = 5
    """Failures in a row after which the server is left alone for *breaker_s*; clients read 503 meanwhile."""
    breaker_s: float = 10.0
    """How long the server is left alone before it is tried again."""
    leeway_s: float = 5.0
    """As `JwtSettings.leeway_s`."""
    size_limit_bytes: int = 4096
    """Longest token that is sent on."""
    roles_claim: str = "roles"
    """As `JwtSettings.roles_claim`."""
    scopes_claim: str = "scope"
    """As `JwtSettings.scopes_claim`."""

    def __post_init__(self) -> None:
        check_types(self)
        check_positive(
            self, ("cache_s", "inactive_cache_s", "timeout_s", "breaker_failures", "breaker_s", "size_limit_bytes")
        )
        if not self.client_id or not self.client_secret or self.issuer == "":
            raise ConfigError("client_id, client_secret and issuer must not be empty")
        _check_url("url", self.url)
        if not 0 <= self.leeway_s <= 60:
            raise ConfigError(f"leeway_s must be 0 to 60, not {self.leeway_s!r}")


@final
class AuthSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who may come in: `Config.auth`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    mode: Literal["off", "optional", "required"] = "optional"
    """What a route asks for that says nothing itself: nothing, not even a look at credentials; credentials that are
    good, if there are any; good credentials."""
    deny_by_default: bool = False
    """A route that says neither who may call it (``roles``, ``scopes``, ``auth``) nor that it is ``public`` is closed
    to everyone."""
    jwt: Mapping[str, JwtSettings] = MappingProxyType({})
    """By any name of letters, digits, ``-`` and ``_``, which logs and `Principal.scheme` use."""
    api_keys: ApiKeySettings | None = None
    """Keys that `perdure keys` creates are let in; None: there are none."""
    introspection: Mapping[str, IntrospectionSettings] = MappingProxyType({})
    """By any name, as *jwt*."""
    realm: str = ""
    """``realm`` of ``WWW-Authenticate``; the app's name by default."""
    cache_entries: int = 10_000
    """Verified credentials that are remembered at most, for each kind of them."""

    def __post_init__(self) -> None:
        check_types(self)
        check_positive(self, ("cache_entries",))
        for name in ("jwt", "introspection"):
            force_setattr(self, name, freeze(getattr(self, name), name))
        self._check_names()
        self._check_issuers()

    def _check_names(self) -> None:
        """Refuse names by which two clients could be taken for one."""
        for name in (*self.jwt, *self.introspection):
            if not _is_name(name) or name in {"api_key", "nobody"}:
                raise ConfigError(
                    f"auth: {name!r} cannot be a name: use letters, digits, - and _, but neither api_key nor nobody"
                )
        both = self.jwt.keys() & self.introspection.keys()
        if both:
            raise ConfigError(f"auth: {min(both)!r} is a name in both jwt and introspection")

    def _check_issuers(self) -> None:
        """Refuse settings that leave open who is to be asked about a token."""
        named: list[str | None] = [each.issuer for each in self.jwt.values()]
        for kind, issuers in (
            ("jwt", named), ("introspection", [each.issuer for each in self.introspection.values()]),
        ):  # fmt: skip
            twice = [issuer for issuer in issuers if issuers.count(issuer) > 1]
            if twice:
                what = f"the issuer {twice[0]!r}" if twice[0] is not None else "no issuer"
                raise ConfigError(f"auth.{kind}: two of them have {what}; tokens are told apart by it")
