"""Bearer tokens: ``Authorization: Bearer …``, and who is to say whose they are.

Source: RFC 6750 2.1, RFC 9110 11.
"""

import asyncio
import re
from collections.abc import Awaitable, Sequence
from typing import Final, Protocol, final

from perdure.context.exchange import Exchange
from perdure.context.principal import Principal
from perdure.errors import UnauthenticatedError
from perdure.identity.challenges import bearer_challenge
from perdure.identity.jws import SignedToken, parse_token

__all__ = ["BearerScheme", "OpaqueVerifier", "SignedVerifier"]

_parse = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] +([A-Za-z0-9._~+/-]+=*)").fullmatch


class _Verifier(Protocol):
    @property
    def size_limit_bytes(self) -> int:
        """Longest token it looks at."""

    @property
    def cache_s(self) -> float:
        """How long its word counts."""

    async def start(self) -> None:
        """Raises `ConfigError`: It cannot work as configured."""

    async def stop(self) -> None:
        """Let go of everything."""


class SignedVerifier(_Verifier, Protocol):
    """Verifies signed tokens of one issuer: `perdure.identity.jwt.JwtVerifier`."""

    @property
    def issuer(self) -> str:
        """``iss`` of its tokens."""

    def verify(self, token: SignedToken) -> Principal | Awaitable[Principal]:
        """Return whose *token* is; raises as `perdure.identity.base.Scheme.verify`."""


class OpaqueVerifier(_Verifier, Protocol):
    """Asks somebody whose a token is: `perdure.identity.introspection.Introspection`."""

    @property
    def issuer(self) -> str | None:
        """``iss`` of its tokens, where they tell."""

    def verify(self, token: str) -> Awaitable[Principal]:
        """Return whose *token* is; raises as `perdure.identity.base.Scheme.verify`."""


@final
class BearerScheme:
    """The scheme `Bearer`, for all issuers there are.

    A signed token that names the issuer of one of *signed* is for that alone. Any other goes to one of *opaque*: to the
    one with the issuer it names, or to the one without; if it names none, else to the only one. None is shown to two.

    Args:
        signed: Verifiers by the names of their settings.
        opaque: As *signed*; of one issuer there is one, and one at most has none.
    """

    def __init__(self, signed: dict[str, SignedVerifier], opaque: dict[str, OpaqueVerifier], realm: str) -> None:
        self._verifiers: Final[Sequence[_Verifier]] = (*signed.values(), *opaque.values())
        self._cache_s: Final = {name: each.cache_s for name, each in (signed | opaque).items()}
        self._size_limit_bytes: Final = max(each.size_limit_bytes for each in self._verifiers)
        self._signed: Final = {each.issuer: each for each in signed.values()}
        self._opaque: Final = {each.issuer: each for each in opaque.values()}
        only = next(iter(opaque.values())) if len(opaque) == 1 else None
        self._nameless: Final = self._opaque.get(None, only)
        self.challenge: Final = bearer_challenge(realm)
        self._bad: Final = (bearer_challenge(realm, "invalid_token"),)

    def credential(self, exchange: Exchange) -> str | None:
        """Return the ``Authorization`` header of *exchange* if it is of this scheme, as it is.

        Raises:
            UnauthenticatedError: There are several, or it cannot be read.
        """
        values = exchange.header_values("authorization")
        if not values:
            if exchange.has_unreadable("authorization"):
                raise UnauthenticatedError("the Authorization header is not ASCII", self._bad)
            return None
        if len(values) > 1:
            raise UnauthenticatedError("several Authorization headers", self._bad)
        value = values[0]
        return value if value[:7] == "Bearer " or value[:7].lower() in {"bearer ", "bearer"} else None

    def verify(self, credential: str) -> Principal | Awaitable[Principal]:
        """Return whose the token in the header value *credential* is; see `perdure.identity.base.Scheme.verify`."""
        try:
            answer = self._dispatch(self._token_of(credential))
        except UnauthenticatedError as error:
            raise UnauthenticatedError(str(error), self._bad) from error
        return answer if isinstance(answer, Principal) else self._answered(answer)

    async def _answered(self, answer: Awaitable[Principal]) -> Principal:
        try:
            return await answer
        except UnauthenticatedError as error:
            raise UnauthenticatedError(str(error), self._bad) from error

    def _token_of(self, credential: str) -> str:
        if len(credential) > self._size_limit_bytes + len("Bearer "):
            raise UnauthenticatedError(f"the token is longer than {self._size_limit_bytes} bytes")
        parsed = _parse(credential)
        if parsed is None:
            raise UnauthenticatedError("the Authorization header is not Bearer and one token")
        return parsed[1]

    def _dispatch(self, token: str) -> Principal | Awaitable[Principal]:
        signed, reason = None, "the token is not one that is signed"
        if token.count(".") == 2:
            try:
                signed = parse_token(token)
            except UnauthenticatedError as error:
                reason = str(error)
        issuer = None if signed is None else signed.claims.get("iss")
        if signed is not None and isinstance(issuer, str):
            verifier = self._signed.get(issuer)
            if verifier is not None:
                return verifier.verify(signed)
            reason = f"the token is of another issuer (iss): {issuer!r:.200}"
        opaque = self._opaque_for(issuer)
        if opaque is None:
            raise UnauthenticatedError(reason)
        return opaque.verify(token)

    def _opaque_for(self, issuer: object) -> OpaqueVerifier | None:
        if not isinstance(issuer, str):
            return self._nameless
        return self._opaque.get(issuer, self._opaque.get(None))

    def remembered_s(self, principal: Principal) -> float:
        """Return `JwtSettings.cache_s` or `IntrospectionSettings.cache_s` of who knows *principal*."""
        return self._cache_s[principal.scheme]

    async def start(self) -> None:
        """Start all verifiers, at the same time.

        Raises:
            ConfigError: One cannot work as configured.
        """
        outcomes = await asyncio.gather(*(each.start() for each in self._verifiers), return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome

    async def stop(self) -> None:
        """Stop all verifiers."""
        for each in self._verifiers:
            await each.stop()
