"""Secrets from HashiCorp Vault or OpenBao: the key-value engine, version 2, over HTTP.

Source: https://developer.hashicorp.com/vault/api-docs/secret/kv/kv-v2#read-secret-version. One request is all there is
to it, so there is no client library in between.
"""

import asyncio
import ssl
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, final

import msgspec
from msgspec import Struct

from perdure.config.secrets import VaultSettings
from perdure.errors import ConfigError, SecretUnavailableError
from perdure.secrets.base import reading

if TYPE_CHECKING:
    import httpx

__all__ = ["VaultProvider"]


@final
class _Document(Struct):
    data: dict[str, object] | None = None


@final
class _Answer(Struct):
    data: _Document | None = None
    errors: list[str] = []


@final
class VaultProvider:
    """The secret ``db_password`` is a field of a document; see `VaultSettings` for which.

    Needs ``perdure[vault]``, and a token whose policy may ``read`` the documents.

    Args:
        settings: Where Vault is, and the secrets in it.
        environ: Has the token, where no file does; read at every `fetch`, as the file is.
        timeout_s: How long connecting and each read or write may take.
    """

    name = "vault"

    def __init__(self, settings: VaultSettings, environ: Mapping[str, str], timeout_s: float) -> None:
        self._settings = settings
        self._variable = reading(environ)
        self._timeout_s = timeout_s
        self._client: httpx.AsyncClient | None = None

    async def start(self) -> None:
        """See `Provider.start`."""
        try:
            import httpx
        except ImportError as error:
            raise ConfigError('secrets from vault need httpx: pip install "perdure[vault]"') from error
        settings = self._settings
        headers = {"x-vault-request": "true"}
        if settings.namespace is not None:
            headers["x-vault-namespace"] = settings.namespace
        # No proxy or netrc of the environment decides where the token goes; nor does a redirect.
        self._client = httpx.AsyncClient(
            base_url=settings.url, headers=headers, timeout=self._timeout_s, trust_env=False, verify=self._trusted()
        )

    async def fetch(self, name: str) -> str | None:
        """See `Provider.fetch`."""
        document, field = self._place_of(name)
        status, body = await self._get(f"/v1/{self._settings.mount}/data/{document}")
        value, fault = _read(status, body, field)
        del body  # a traceback with locals would show it
        if fault:
            raise self._unavailable(f"{document}: {fault}")
        return value

    async def stamp(self, name: str) -> None:
        """Return None: asking for a document's version costs as much as asking for the document."""

    async def stop(self) -> None:
        """See `Provider.stop`."""
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()

    def _place_of(self, name: str) -> tuple[str, str]:
        """Return the document with the secret *name*, and which of its fields it is."""
        settings = self._settings
        if settings.field is None:
            return settings.path, name
        return f"{settings.path}/{name}" if settings.path else name, settings.field

    async def _get(self, path: str) -> tuple[int, bytes]:
        import httpx

        if self._client is None:
            raise self._unavailable("it is asked before the server has started")
        token = await asyncio.to_thread(self._token)
        request = self._client.build_request("GET", path, headers={"x-vault-token": token})
        del token
        try:
            response = await self._client.send(request)
            return response.status_code, response.content
        except httpx.HTTPError as error:
            fault = type(error).__name__
        # Not raised above: the frames the error comes from, which a traceback would show, hold the token.
        raise self._unavailable(f"it cannot be reached: {fault}")

    def _token(self) -> str:
        """Return the token, as it is now: agents that renew it replace the file.

        Raises:
            SecretUnavailableError: There is none.
        """
        settings = self._settings
        where = f"the variable {settings.token_variable}" if settings.token_file is None else settings.token_file
        try:
            if settings.token_file is None:
                token = self._variable(settings.token_variable) or ""
            else:
                token = Path(settings.token_file).read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            token = ""
        if token and token.isascii() and token.isprintable():
            return token
        del token
        raise self._unavailable(f"there is no token in {where}")

    def _trusted(self) -> ssl.SSLContext:
        try:
            return ssl.create_default_context(cafile=self._settings.ca_file)
        except OSError as error:
            raise ConfigError(f"vault.ca_file {self._settings.ca_file} cannot be used: {error}") from error

    def _unavailable(self, why: str) -> SecretUnavailableError:
        return SecretUnavailableError(f"Vault at {self._settings.url} does not give the secret: {why}")


def _read(status: int, body: bytes, field: str) -> tuple[str | None, str]:
    """Return the value of *field* in an answer, None if there is none; or what is wrong with the answer."""
    try:
        answer = msgspec.json.decode(body, type=_Answer)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None, f"it answers {status} with something that is not Vault's"
    if status == 404 and not answer.errors:  # no such document, or its last version was deleted
        return None, ""
    if status == 403:
        return None, "the token may not read it, or is not valid any more"
    if status != 200 or answer.data is None:
        return None, f"it answers {status}: {'; '.join(answer.errors) or 'without a reason'}"
    value = (answer.data.data or {}).get(field)
    if value is None or isinstance(value, str):
        return value, ""
    return None, f"the field {field} is no text"
