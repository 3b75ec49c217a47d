"""Keys that an issuer publishes under a URL.

They are fetched beside the requests: at start, at regular times, and when a token names a key that is not known. The
last is what anybody can bring about, so it happens once in a while at most, however many ask. While the issuer cannot
be reached, the keys fetched last stay in use.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from math import ceil
from typing import Final, final

from perdure.clock import Clock
from perdure.config import JwtSettings
from perdure.errors import IdentityUnavailableError
from perdure.identity.fetching import Fetcher, FetchError
from perdure.identity.key_reading import KeyRefusedError
from perdure.identity.keys import FittingKeys, KeySet

__all__ = ["UrlKeys"]

_log = logging.getLogger("perdure.identity")

_LIMIT_BYTES: Final = 512 * 1024
_SPREAD: Final = 0.1
"""Servers started together ask at times that differ by up to this part of the interval."""


@final
class UrlKeys:
    """The keys at `JwtSettings.jwks_url`.

    Args:
        read: Makes keys of what was fetched, or raises `KeyRefusedError`.
        draw: Random numbers of 0 to 1, for the times between fetches.
    """

    def __init__(
        self, settings: JwtSettings, read: Callable[[bytes], KeySet], clock: Clock,
        draw: Callable[[], float] = random.random,
    ) -> None:  # fmt: skip
        self._settings: Final = settings
        self._read: Final = read
        self._clock: Final = clock
        self._draw: Final = draw
        self._url: Final = settings.jwks_url or ""
        self._fetcher: Fetcher | None = None
        self._keys: KeySet | None = None
        self._body = b""
        self._is_current = False
        self._next_s = 0.0
        self._fetch: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None

    def fitting(self, key_id: str | None, algorithm: str) -> FittingKeys | Awaitable[FittingKeys]:
        """See `perdure.identity.keys.Keys.fitting`."""
        if self._keys is not None:
            found = self._keys.fitting(key_id, algorithm)
            if found:
                return found
        if self._fetch is not None or self._clock.monotonic() >= self._next_s:
            return self._after_fetch(key_id, algorithm)
        return self._known(key_id, algorithm)

    def _known(self, key_id: str | None, algorithm: str) -> FittingKeys:
        found = () if self._keys is None else self._keys.fitting(key_id, algorithm)
        if not found and not self._is_current:
            # The key may be a new one, so that the token is bad cannot be said.
            wait_s = max(1, ceil(self._next_s - self._clock.monotonic()))
            raise IdentityUnavailableError(f"the keys at {self._url} cannot be fetched now", wait_s)
        return found

    async def _after_fetch(self, key_id: str | None, algorithm: str) -> FittingKeys:
        await self._fetch_shared()
        return self._known(key_id, algorithm)

    async def start(self) -> None:
        """Fetch the keys, and begin to keep them fresh; if they cannot be had now, that is logged and tried again."""
        self._fetcher = Fetcher(self._url, timeout_s=self._settings.timeout_s, limit_bytes=_LIMIT_BYTES)
        await self._fetch_shared()
        self._refreshing = asyncio.get_running_loop().create_task(self._refresh())

    async def stop(self) -> None:
        """Stop fetching, and close the connection."""
        tasks = [task for task in (self._refreshing, self._fetch) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        if self._fetcher is not None:
            await self._fetcher.close()

    async def _refresh(self) -> None:
        while True:
            pause_s = self._settings.refresh_s
            if not self._is_current:
                pause_s = min(pause_s, self._settings.refresh_cooldown_s)
            await self._clock.sleep(pause_s * (1 - _SPREAD * self._draw()))
            await self._fetch_shared()

    async def _fetch_shared(self) -> None:
        """Fetch, or wait for the fetch that is on its way; whoever leaves does not end it."""
        if self._fetch is None:
            self._fetch = asyncio.get_running_loop().create_task(self._fetch_once())
            self._fetch.add_done_callback(self._forget_fetch)
        await asyncio.shield(self._fetch)

    def _forget_fetch(self, _: asyncio.Task[None]) -> None:
        self._fetch = None

    async def _fetch_once(self) -> None:
        try:
            body = await self._fetch_body()
            if body != self._body:
                self._keys = self._read(body)
                self._body = body
                _log.info("%s: %d keys", self._url, len(self._keys))
            self._is_current = True
        except Exception as error:  # noqa: BLE001 - whatever a key set makes the libraries raise, the server goes on
            self._note_failure(error)
        finally:
            self._next_s = self._clock.monotonic() + self._settings.refresh_cooldown_s

    def _note_failure(self, error: Exception) -> None:
        self._is_current = False
        meanwhile = "its tokens are answered with 503" if self._keys is None else "the keys fetched before stay in use"
        is_known = isinstance(error, FetchError | KeyRefusedError)
        _log.warning(
            "the keys of %s cannot be fetched; %s: %s", self._settings.issuer, meanwhile, error, exc_info=not is_known
        )

    async def _fetch_body(self) -> bytes:
        if self._fetcher is None:
            raise FetchError("fetching has not been started")
        answer = await self._fetcher.get()
        if answer.status != 200:
            raise FetchError(f"{self._url} answers {answer.status}")
        return answer.body
