"""Tokens of one issuer, verified: signature by joserfc, everything around it here.

Guards that only refuse come first, what costs most last. No message of a refusal reaches a client.

Source: RFC 7519, RFC 8725, RFC 9068.
"""

import logging
from collections.abc import Awaitable
from typing import Final, final

from perdure.clock import Clock
from perdure.config import JwtSettings
from perdure.context.principal import Principal
from perdure.errors import UnauthenticatedError
from perdure.identity.claims import check_audience, expiry_of, principal_of
from perdure.identity.jws import SignedToken, check_header
from perdure.identity.keys import FittingKeys, Keys

__all__ = ["JwtVerifier"]

_log = logging.getLogger("perdure.identity")


@final
class JwtVerifier:
    """Says whose a token of one issuer is.

    Args:
        name: `Principal.scheme` of its clients.
        keys: Where its keys are; started and stopped with the verifier.
    """

    def __init__(self, name: str, settings: JwtSettings, keys: Keys, clock: Clock) -> None:
        self._name: Final = name
        self._settings: Final = settings
        self._keys: Final = keys
        self._time: Final = clock.time
        self._types: Final = frozenset(kind.lower().removeprefix("application/") for kind in settings.types)

    @property
    def issuer(self) -> str:
        """``iss`` of the tokens it is for."""
        return self._settings.issuer

    @property
    def size_limit_bytes(self) -> int:
        """Longest token it looks at."""
        return self._settings.size_limit_bytes

    @property
    def cache_s(self) -> float:
        """How long a token is believed without being verified again."""
        return self._settings.cache_s

    def verify(self, token: SignedToken) -> Principal | Awaitable[Principal]:
        """Return whose *token* is; to be awaited only where keys are fetched first. Cancel-safe.

        Raises:
            UnauthenticatedError: It is not good.
            IdentityUnavailableError: There are no keys to tell by.
        """
        if token.length > self._settings.size_limit_bytes:
            raise UnauthenticatedError(f"the token is longer than {self._settings.size_limit_bytes} bytes")
        check_header(token.header, self._types)
        algorithm = token.header.get("alg")
        if not isinstance(algorithm, str) or algorithm not in self._settings.algorithms:
            raise UnauthenticatedError(f"the token's alg is {algorithm!r:.40}")
        if token.claims.get("iss") != self._settings.issuer:
            raise UnauthenticatedError("the token is of another issuer (iss)")
        if "exp" not in token.claims:
            raise UnauthenticatedError("the token never expires (exp)")
        expires_at_s = expiry_of(token.claims, self._time(), self._settings.leeway_s)
        check_audience(token.claims, self._settings.audience)
        key_id = token.header.get("kid")
        keys = self._keys.fitting(key_id if isinstance(key_id, str) else None, algorithm)
        if isinstance(keys, tuple):
            return self._identify(token, algorithm, keys, expires_at_s)
        return self._identify_later(token, algorithm, keys, expires_at_s)

    async def _identify_later(
        self, token: SignedToken, algorithm: str, keys: Awaitable[FittingKeys], expires_at_s: float
    ) -> Principal:
        return self._identify(token, algorithm, await keys, expires_at_s)

    def _identify(self, token: SignedToken, algorithm: str, keys: FittingKeys, expires_at_s: float) -> Principal:
        if not keys:
            raise UnauthenticatedError(f"no key for {algorithm} is called {token.header.get('kid')!r:.80} (kid)")
        try:
            is_signed = any(key.verify(algorithm, token.signed, token.signature) for key in keys)
        except Exception as error:
            # Whatever a signature makes the library raise, it was not found good.
            _log.warning("verifying a token of %s failed", self._settings.issuer, exc_info=True)
            raise UnauthenticatedError(f"the token's signature cannot be verified: {type(error).__name__}") from error
        if not is_signed:
            raise UnauthenticatedError("the token's signature is not good")
        settings = self._settings
        return principal_of(token.claims, self._name, expires_at_s, settings.roles_claim, settings.scopes_claim)

    async def start(self) -> None:
        """Get the keys.

        Raises:
            ConfigError: They cannot be had, and never will be.
        """
        await self._keys.start()

    async def stop(self) -> None:
        """Let go of the keys."""
        await self._keys.stop()
