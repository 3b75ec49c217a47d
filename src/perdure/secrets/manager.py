"""The Secrets Manager: the one way to a secret.

Inside of a request only what its handler declares may be read; whoever asks, and what came of it, is audited.

Source: SPEC 3.10, properties 29 and 41.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from types import TracebackType
from typing import Self, final

from perdure.clock import Clock
from perdure.config.secrets import SecretSettings
from perdure.context.events import Stage
from perdure.context.local import LocalContext, current_context
from perdure.context.secret import Secret, SecretsView
from perdure.errors import SecretDeniedError, SecretError, SecretMissingError, SecretUnavailableError
from perdure.secrets.base import Provider, check_name
from perdure.secrets.cache import Found, SecretCache
from perdure.secrets.redaction import Redactor, fetching

__all__ = ["Listener", "SecretsManager"]

_audit = logging.getLogger("perdure.audit")

Listener = Callable[[str, str, str, str, str | None], None]
"""Told of a secret that was asked for: its name, who asked, what came of it, who had it, and the request's id."""


@final
class SecretsManager:
    """Secrets by name, for as long as it is entered as a context manager; it can be entered again.

    Args:
        providers: Who is asked, in this order. The first that has a secret counts. One that cannot be asked ends the
            search: what a later one has might be another value.
        settings: How long values count.
        clock: Tells how old they are.
    """

    def __init__(self, providers: Sequence[Provider], settings: SecretSettings, clock: Clock) -> None:
        self._providers = tuple(providers)
        self._settings = settings
        self._cache = SecretCache(self._look_up, settings, clock)
        self._redactor = Redactor()
        self._stack: AsyncExitStack | None = None
        self.listener: Listener | None = None
        """Called on the event loop for each secret asked for."""

    async def __aenter__(self) -> Self:
        """Start the providers, keep what is used fresh, and keep all values out of logs and tracebacks.

        Raises:
            ConfigError: A provider can never work as configured.
        """
        async with AsyncExitStack() as stack:
            self._redactor.install()
            for provider in self._providers:
                await provider.start()
                stack.push_async_callback(provider.stop)
            stack.push_async_callback(self._cache.stop)
            tending = asyncio.create_task(self._tend(), name="secrets")
            stack.push_async_callback(_cancel, tending)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        """Forget all secrets, and stop the providers.

        After an error, values are still kept out of logs: what failed is going to be told.
        """
        stack, self._stack = self._stack, None
        if stack is not None:
            await stack.aclose()
        if error is None:
            self._redactor.remove()

    async def get(self, name: str) -> Secret:
        """Return a secret to a handler or hook, or to whoever runs outside of all requests; see `SecretsView.get`."""
        lctx = current_context()
        if lctx is None:
            return await self._read(name, "outside requests")
        with lctx.during(Stage("secret", _told(name))):
            if name not in lctx._facts.secrets:  # noqa: SLF001 - what it declares is nobody else's business
                self._tell(name, "denied", _reader(lctx), lctx)
                raise SecretDeniedError(
                    f"{_reader(lctx)} does not declare the secret {name!r:.130}; its route says so by secrets={{…}}"
                )
            return await self._read(name, _reader(lctx), lctx)

    async def read(self, name: str, reader: str) -> Secret:
        """Return a secret to a part of Perdure itself, which needs not declare it; raises as `SecretsView.get` does.

        Args:
            reader: Who reads it, for the audit: ``identity``.
        """
        return await self._read(name, reader)

    def view(self) -> SecretsView:
        """Return what handlers get: a way to `get`, and to nothing else here."""

        def ask(name: str) -> Awaitable[Secret]:  # whoever walks over attributes shall not come to the providers
            return self.get(name)

        return _View(ask)

    def view_for(self, reader: str) -> SecretsView:
        """Return what a part of Perdure itself gets: its ``get`` is `read`, by *reader*."""

        def ask(name: str) -> Awaitable[Secret]:
            return self.read(name, reader)

        return _View(ask)

    def mask(self, text: str) -> str:
        """Return *text* with the value of every secret that was fetched replaced by ``***``: for what is printed."""
        return self._redactor.mask(text)

    async def _read(self, name: str, reader: str, lctx: LocalContext | None = None) -> Secret:
        try:
            check_name(name)
            if self._stack is None:
                raise SecretUnavailableError(f"the secret {name} is asked for while the server is not running")
            found, freshness = await self._cache.get(name)
        except SecretError as error:
            self._tell(name, "missing" if isinstance(error, SecretMissingError) else "unavailable", reader, lctx)
            raise
        self._tell(name, freshness, reader, lctx, found.provider.name)
        return found.secret

    def _tell(self, name: str, outcome: str, reader: str, lctx: LocalContext | None, provider: str = "") -> None:
        _log_access(name, outcome, reader, lctx, provider)
        if self.listener is not None:
            self.listener(_told(name), reader, outcome, provider, None if lctx is None else lctx.request_id)

    async def _look_up(self, name: str) -> Found:
        """Ask one provider after the other."""
        fetching.set(True)
        for provider in self._providers:
            found = await self._ask(provider, name)
            if found is not None:
                self._redactor.add(found.secret)
                return found
        asked = ", ".join(provider.name for provider in self._providers) or "nobody"
        raise SecretMissingError(f"no provider has the secret {name}; asked: {asked}")

    async def _ask(self, provider: Provider, name: str) -> Found | None:
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                stamp = await provider.stamp(name)
                secret = _sealed(await provider.fetch(name), provider.name)
        except SecretUnavailableError:
            raise
        except TimeoutError:
            fault = f"does not answer within {self._settings.timeout_s:g} s"
        except Exception as error:  # noqa: BLE001 - its text, like its frames, may hold the value
            fault = f"failed with {type(error).__name__}"
        else:
            return None if secret is None else Found(secret, provider, stamp)
        raise SecretUnavailableError(f"{provider.name} {fault}")

    async def _tend(self) -> None:
        await self._cache.tend(self._redactor.cover_handlers)


@final
class _View:
    """See `SecretsView`."""

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[str], Awaitable[Secret]]) -> None:
        self._ask = ask

    async def get(self, name: str) -> Secret:
        """See `SecretsView.get`."""
        return await self._ask(name)


def _sealed(value: str | bytes | None, provider: str) -> Secret | None:
    """Return *value* as a secret.

    Raises:
        SecretUnavailableError: It is empty: a file that is being written, or a mistake nobody should sign with.
    """
    if value is None:
        return None
    if not value:
        raise SecretUnavailableError(f"{provider} has it, but it is empty")
    return Secret(value)


def _reader(lctx: LocalContext) -> str:
    return lctx._facts.handler  # noqa: SLF001 - as above


def _told(name: object) -> str:
    """Return *name* on one line and not too long: it need not be one."""
    return repr(name[:128])[1:-1] if isinstance(name, str) else repr(name)[:128]


def _log_access(name: str, outcome: str, reader: str, lctx: LocalContext | None, provider: str) -> None:
    """Write who asked for which secret, and what came of it, to the audit log."""
    level = logging.INFO if provider else logging.WARNING
    if not _audit.isEnabledFor(level):
        return
    facts: dict[str, object] = {"secret": _told(name), "outcome": outcome, "reader": reader}
    if provider:
        facts["provider"] = provider
    if lctx is not None:
        facts |= {"request_id": lctx.request_id, "handler": reader}
    _audit.log(level, "secret %s, read by %s: %s", facts["secret"], reader, outcome, extra=facts)


async def _cancel(task: "asyncio.Task[None]") -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
