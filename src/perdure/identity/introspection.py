"""Opaque tokens: the authorization server is asked whose they are.

Positive answers are remembered by the authenticator, negative ones here; while an answer is awaited, requests with the
same token wait together (`perdure.identity.authenticator`). Without an answer nobody comes in.

Source: RFC 7662; RFC 6749 2.3.1.
"""

import logging
from collections import OrderedDict
from hashlib import sha256
from typing import Final, final
from urllib.parse import quote_plus

from perdure.clock import Clock
from perdure.config import IntrospectionSettings
from perdure.context.principal import Principal
from perdure.errors import (
    ConfigError,
    IdentityUnavailableError,
    MalformedValueError,
    SecretDeniedError,
    SecretError,
    SecretMissingError,
    UnauthenticatedError,
)
from perdure.identity.breaker import Breaker
from perdure.identity.claims import check_audience, expiry_of, principal_of
from perdure.identity.fetching import MAX_CONNECTIONS, Fetcher, FetchError
from perdure.identity.json_objects import read_object
from perdure.identity.keys_secret import ReadSecret

__all__ = ["Introspection"]

_log = logging.getLogger("perdure.identity")

_LIMIT_BYTES: Final = 64 * 1024
_AT_ONCE: Final = MAX_CONNECTIONS
"""Questions on their way; who comes with made-up tokens then makes neither a queue nor a failure of the server."""
_OF_THE_QUESTION: Final = frozenset({400, 413, 422})
"""Statuses by which a server that works refuses one question. Clients choose the tokens: whoever finds one that is
answered so must not keep all others from being asked about."""


@final
class Introspection:
    """Says whose a token is, as the authorization server of *settings* does.

    Args:
        name: `Principal.scheme` of its clients.
        inactive_entries: Tokens that are not good, remembered at most.
    """

    def __init__(
        self, name: str, settings: IntrospectionSettings, read_secret: ReadSecret, clock: Clock,
        inactive_entries: int = 10_000,
    ) -> None:  # fmt: skip
        self._name: Final = name
        self._settings: Final = settings
        self._read_secret: Final = read_secret
        self._clock: Final = clock
        self._limit: Final = inactive_entries
        self._breaker: Final = Breaker(settings.breaker_failures, settings.breaker_s, clock.monotonic, settings.url)
        self._inactive: Final[OrderedDict[bytes, float]] = OrderedDict()
        self._fetcher: Fetcher | None = None
        self._asking = 0

    @property
    def issuer(self) -> str | None:
        """``iss`` its tokens have, where they tell."""
        return self._settings.issuer

    @property
    def size_limit_bytes(self) -> int:
        """Longest token it sends on."""
        return self._settings.size_limit_bytes

    @property
    def cache_s(self) -> float:
        """How long an answer counts."""
        return self._settings.cache_s

    async def start(self) -> None:
        """Open the connection to be; the server is asked nothing yet.

        Raises:
            ConfigError: There is no such secret.
        """
        try:
            await self._read_secret(self._settings.client_secret)
        except (SecretMissingError, SecretDeniedError) as error:
            raise ConfigError(f"client_secret of auth.introspection.{self._name}: {error}") from error
        except SecretError as error:
            _log.warning("client_secret of auth.introspection.%s cannot be read yet: %s", self._name, error)
        self._fetcher = Fetcher(self._settings.url, timeout_s=self._settings.timeout_s, limit_bytes=_LIMIT_BYTES)

    async def stop(self) -> None:
        """Close the connection."""
        if self._fetcher is not None:
            await self._fetcher.close()

    async def verify(self, token: str) -> Principal:
        """Return whose *token* is. Cancel-safe.

        Raises:
            UnauthenticatedError: Nobody's, or for somebody else.
            IdentityUnavailableError: The server does not answer, or not properly.
        """
        if len(token) > self._settings.size_limit_bytes:
            raise UnauthenticatedError(f"the token is longer than {self._settings.size_limit_bytes} bytes")
        digest = sha256(token.encode()).digest()
        if self._inactive.get(digest, 0.0) > self._clock.monotonic():
            raise UnauthenticatedError(f"the token was refused a moment ago, after {self._settings.url} was asked")
        if self._asking >= _AT_ONCE:
            raise IdentityUnavailableError(f"{self._settings.url} is being asked about {_AT_ONCE} tokens already")
        self._breaker.pass_or_raise()
        self._asking += 1
        try:
            claims = await self._ask(token)
        finally:
            self._asking -= 1
        try:
            return self._read(claims)
        except UnauthenticatedError:
            self._remember(digest)
            raise

    def _remember(self, digest: bytes) -> None:
        if len(self._inactive) >= self._limit:
            self._inactive.popitem(last=False)
        self._inactive[digest] = self._clock.monotonic() + self._settings.inactive_cache_s
        self._inactive.move_to_end(digest)

    def _read(self, claims: dict[str, object]) -> Principal:
        settings = self._settings
        if claims.get("active") is not True:
            raise UnauthenticatedError(f"{settings.url} says the token is not active")
        expires_at_s = expiry_of(claims, self._clock.time(), settings.leeway_s)
        if settings.issuer is not None and claims.get("iss", settings.issuer) != settings.issuer:
            raise UnauthenticatedError("the token is of another issuer (iss)")
        if settings.audience:
            check_audience(claims, settings.audience)
        return principal_of(claims, self._name, expires_at_s, settings.roles_claim, settings.scopes_claim)

    async def _ask(self, token: str) -> dict[str, object]:
        """Return what the server says of *token*."""
        settings = self._settings
        try:
            secret = await self._read_secret(settings.client_secret)
            if self._fetcher is None:
                raise FetchError("asking has not been started")
            form = {"token": token, "token_type_hint": "access_token"}
            user, password = quote_plus(settings.client_id), quote_plus(secret.reveal())
            answer = await self._fetcher.post(form, user, password)
            if answer.status in _OF_THE_QUESTION:
                self._breaker.note_success()
                raise IdentityUnavailableError(f"{settings.url} answers {answer.status}")
            if answer.status != 200:
                raise FetchError(f"{settings.url} answers {answer.status}")
            claims = read_object(answer.body)
        except SecretError as error:
            raise IdentityUnavailableError(f"the secret to ask {settings.url} with: {error}") from error
        except (FetchError, MalformedValueError) as error:
            self._breaker.note_failure()
            if self._breaker.is_open:
                _log.error("%s is left alone for %g s: %s", settings.url, settings.breaker_s, error)
            raise IdentityUnavailableError(f"{settings.url} cannot be asked: {error}") from error
        self._breaker.note_success()
        return claims
