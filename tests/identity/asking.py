"""Authenticators for tests, and requests that ask them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from perdure.clock import Clock, FakeClock
from perdure.config import AuthSettings, IntrospectionSettings, JwtSettings
from perdure.context.principal import Principal
from perdure.context.secret import Secret
from perdure.errors import RequestError, SecretMissingError, UnauthenticatedError
from perdure.identity.authenticator import Authenticator
from perdure.identity.base import Scheme
from perdure.identity.opening import open_authenticator
from perdure.ingress.asgi import AsgiExchange
from tests.identity.tokens import AUDIENCE, ISSUER, SECRET, key_set, public_pem

BAD = 'Bearer realm="pets", error="invalid_token"'
"""What a bad token is answered."""


class Secrets:
    """A Secrets Manager; what `values` has can be changed. An exception in it is raised."""

    def __init__(self, **values: str | Exception) -> None:
        self.values = values
        self.asked = 0

    async def read(self, name: str) -> Secret:
        self.asked += 1
        await asyncio.sleep(0)
        if name not in self.values:
            raise SecretMissingError(name)
        value = self.values[name]
        if isinstance(value, Exception):
            raise value
        return Secret(value)


def exchange(*authorizations: str, headers: Sequence[tuple[str, str]] = ()) -> AsgiExchange:
    """Return a request with these ``Authorization`` headers, and others."""
    pairs = [*(("authorization", value) for value in authorizations), *headers]
    raw = [(name.encode(), value.encode("latin-1")) for name, value in pairs]
    scope = {
        "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": raw,
        "client": ("10.0.0.1", 5000), "scheme": "http", "http_version": "1.1",
    }  # fmt: skip
    return AsgiExchange(scope, _nothing, _nowhere)


async def _nothing() -> dict[str, object]:
    return {"type": "http.disconnect"}


async def _nowhere(message: Mapping[str, object]) -> None:
    raise AssertionError(message)


def jwt(**settings: Any) -> JwtSettings:
    """Return settings of the issuer."""
    return JwtSettings(**{"issuer": ISSUER, "audience": (AUDIENCE,), "algorithms": ("ES256",), **settings})


def for_key(tmp_path: Path, key: Any, *algorithms: str, **settings: Any) -> JwtSettings:
    """Return settings with the public half of *key* in a file."""
    path = tmp_path / "key.pem"
    path.write_bytes(public_pem(key))
    return jwt(key_file=str(path), algorithms=algorithms, **settings)


def for_set(tmp_path: Path, *keys: dict[str, object], algorithms: Sequence[str], **settings: Any) -> JwtSettings:
    """Return settings with a key set in a file."""
    path = tmp_path / "keys.json"
    path.write_bytes(key_set(*keys))
    return jwt(jwks_file=str(path), algorithms=tuple(algorithms), **settings)


@asynccontextmanager
async def opened(
    *issuers: JwtSettings, introspection: Mapping[str, IntrospectionSettings] | None = None,
    clock: Clock | None = None, secrets: Secrets | None = None, extra: Sequence[Scheme] = (), **settings: Any,
) -> AsyncIterator[Authenticator]:  # fmt: skip
    """Start an authenticator of the app ``pets``; issuers are called ``first``, ``second``."""
    named = dict(zip(("first", "second"), issuers, strict=False))
    auth = AuthSettings(jwt=named, introspection=introspection or {}, **settings)
    read = (secrets or Secrets(jwt_key=SECRET)).read
    authenticator = open_authenticator(auth, "pets", clock or FakeClock(), read, extra)
    assert authenticator is not None
    await authenticator.start()
    try:
        yield authenticator
    finally:
        await authenticator.stop()


async def identified(
    authenticator: Authenticator, *authorizations: str, **more: Any
) -> Principal | RequestError | None:
    """Return who a request with these ``Authorization`` headers comes from, or what is wrong with it."""
    answer = authenticator.identify(exchange(*authorizations, **more))
    if answer is None or isinstance(answer, Principal | RequestError):
        return answer
    return await answer


async def asked(authenticator: Authenticator, token: str) -> Principal | RequestError | None:
    """Return who a request with the bearer *token* comes from, or what is wrong with it."""
    return await identified(authenticator, f"Bearer {token}")


async def principal_of(authenticator: Authenticator, token: str) -> Principal:
    """Return who has *token*, which is good."""
    answer = await asked(authenticator, token)
    assert isinstance(answer, Principal), answer
    return answer


async def refused(authenticator: Authenticator, token: str) -> str:
    """Return why *token* is none, as the log has it."""
    answer = await asked(authenticator, token)
    assert isinstance(answer, UnauthenticatedError), answer
    assert (BAD,) == answer.challenges
    return str(answer)
