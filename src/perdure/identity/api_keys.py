"""API keys: what `perdure keys` created is let in, what it revoked is not any more, within a second and everywhere.

Each process holds the keys of its app in memory and asks the store a few times a second whether something changed, so
a request asks nobody. What is looked up is the key's public id; the secret part is only ever compared as a hash, in
constant time. Where the store is gone, the keys known last stay in force.

Source: SPEC 3.6.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from math import inf
from typing import Final, final
from urllib.parse import parse_qsl

from perdure.clock import Clock
from perdure.config import ApiKeySettings
from perdure.context.exchange import Exchange
from perdure.context.principal import Principal
from perdure.errors import StoreError, UnauthenticatedError
from perdure.identity.api_keys_link import KeyLink, KeyNews, KnownKey
from perdure.identity.api_keys_text import id_of
from perdure.identity.api_keys_uses import KeyUses
from perdure.identity.challenges import quoted
from perdure.store.base import Store

__all__ = ["ApiKeyScheme", "open_keys"]

_log = logging.getLogger("perdure.identity")

_WHOLE_INTERVAL_S: Final = 300.0
"""How often all keys are read anew, whatever the store says has changed: a backup that was restored heals by itself."""
_ID: Final = slice(4, 12)


def open_keys(
    store: Callable[[], Store], app: str, settings: ApiKeySettings, clock: Clock, *, realm: str = ""
) -> "ApiKeyScheme":
    """Return the scheme that lets in the keys of *app* which a store keeps; `ApiKeyScheme.start` reads them.

    Args:
        store: Returns it, from `ApiKeyScheme.start` on; it is to be closed after `ApiKeyScheme.stop`.
        realm: See `AuthSettings.realm`; the app's name by default.
    """
    return ApiKeyScheme(KeyLink(app, store), settings, clock, realm or app)


@final
class ApiKeyScheme:
    """Knows whose an API key is; an implementation of `perdure.identity.base.Scheme`.

    Args:
        link: The way to the keys.
        settings: Where in a request they are, and how often the store is asked.
        clock: Tells when a key expires, and waits.
        realm: Names what is protected, for people.
    """

    def __init__(self, link: KeyLink, settings: ApiKeySettings, clock: Clock, realm: str) -> None:
        self._link = link
        self._settings = settings
        self._clock = clock
        self._now = clock.time
        self._challenge = f"ApiKey realm={quoted(realm)}"
        self._header = None if settings.header is None else settings.header.lower()
        self._query = settings.query
        self._known: dict[str, KnownKey] = {}
        self._uses = KeyUses(clock)
        self._is_lost = False
        self._whole_s = -inf
        self._following: asyncio.Task[None] | None = None
        self._talking: asyncio.Future[KeyNews] | None = None
        self._threads: ThreadPoolExecutor | None = None

    @property
    def challenge(self) -> str:
        """See `Scheme.challenge`: ``ApiKey realm="shop"``, of which no RFC knows; a 401 must say something."""
        return self._challenge

    def credential(self, exchange: Exchange) -> str | None:
        """See `Scheme.credential`."""
        found = None
        if self._header is not None:
            found = exchange.header(self._header)
            if found is None:
                if exchange.has_unreadable(self._header):
                    raise UnauthenticatedError("the API key is not ASCII")
            elif len(exchange.header_values(self._header)) > 1:
                raise UnauthenticatedError("the request has several API keys")
        if self._query is None:
            return found
        queried = _queried(exchange.query_string, self._query)
        if len(queried) > (found is None):
            raise UnauthenticatedError("the request has several API keys")
        return queried[0] if queried else found

    def verify(self, credential: str) -> Principal:
        """See `Scheme.verify`. Under 1 µs, whoever asks."""
        known = self._known.get(credential[_ID])
        if known is None or not known.is_of(credential):
            raise UnauthenticatedError(_why_unknown(credential))
        if known.until_s <= self._now():
            ended = "was revoked" if known.until_s == -inf else "has expired"
            raise UnauthenticatedError(f"the API key {known.principal.client_id} {ended}")
        self._uses.note(known.principal.client_id)
        return known.principal

    def remembered_s(self, principal: Principal) -> float:  # noqa: ARG002 - it is the same for all
        """See `Scheme.remembered_s`: 0, since a key may be revoked at any time, and looking is quick."""
        return 0.0

    async def start(self) -> None:
        """Read all keys, and begin to follow the store. Not cancel-safe; once it was stopped, it can start again.

        Raises:
            StoreError: The store cannot be read.
        """
        news = await asyncio.to_thread(self._link.exchange, {}, anew=True)
        if news.error is not None:
            raise news.error
        self._known, self._whole_s = dict(news.known), self._clock.monotonic()
        self._threads = ThreadPoolExecutor(1, thread_name_prefix="perdure-api-keys")
        if not self._known:
            _log.warning("API keys are taken, but the store has none: is it the one `perdure keys create` was told of?")
        self._following = asyncio.create_task(self._follow())

    async def stop(self) -> None:
        """Follow the store no more, and tell it which keys were used. Not cancel-safe."""
        following, self._following = self._following, None
        if following is None or self._threads is None:
            return
        following.cancel()
        with suppress(asyncio.CancelledError):
            await following
        last = self._talk(is_last=True)  # here, as a task that was cancelled before its first step does nothing
        await asyncio.wait([last] if self._talking is None else [self._talking, last])
        self._talking = None
        self._threads.shutdown()

    async def _follow(self) -> None:
        while True:
            await self._clock.sleep(self._settings.poll_interval_s)
            if self._talking is None or self._talking.done():  # a store that hangs holds up nothing but news
                self._talking = self._talk()

    def _talk(self, *, is_last: bool = False) -> "asyncio.Future[KeyNews]":
        uses = self._uses.take(is_last=is_last)
        exchange = partial(self._link.exchange, uses, anew=self._is_whole_due())
        talking = asyncio.get_running_loop().run_in_executor(self._threads, exchange)
        talking.add_done_callback(partial(self._hear, uses))
        return talking

    def _is_whole_due(self) -> bool:
        now_s = self._clock.monotonic()
        is_due = now_s >= self._whole_s + _WHOLE_INTERVAL_S
        if is_due:
            self._whole_s = now_s
        return is_due

    def _hear(self, uses: Mapping[str, float], talking: "asyncio.Future[KeyNews]") -> None:
        fault = talking.exception()
        news = KeyNews() if fault is not None else talking.result()
        self._take(news)
        if not news.wrote_uses:
            self._uses.put_back(uses)
        self._tell_loss(fault or news.error)

    def _take(self, news: KeyNews) -> None:
        if not news.is_all:
            self._known.update(news.known)
            return
        now_s = self._now()
        # Those that do not count any more were pruned.
        gone = sum(known.until_s > now_s for each, known in self._known.items() if each not in news.known)
        if gone:
            _log.warning("the store is another one than it was: it does not know %s API keys, which are refused", gone)
        self._known = dict(news.known)

    def _tell_loss(self, error: BaseException | None) -> None:
        """Say once that the store is gone, and once that it is back."""
        if error is not None and not self._is_lost:
            fault = None if isinstance(error, StoreError) else error
            _log.error(
                "the store does not say which API keys there are: %s; those known so far stay in force",
                error,
                exc_info=fault,
            )
        elif error is None and self._is_lost:
            _log.warning("the store says again which API keys there are")
            self._whole_s = -inf  # what was revoked meanwhile may have been pruned, too
        self._is_lost = error is not None


def _queried(query_string: str, name: str) -> list[str]:
    """Return the values of the query parameter *name*."""
    if name not in query_string:  # which is what most requests say; a name has no characters that need be encoded
        return []
    return [value for key, value in parse_qsl(query_string, keep_blank_values=True) if key == name]


def _why_unknown(credential: str) -> str:
    """Return why nobody's key is *credential*, for the log; nothing of it but the id, which is public."""
    try:
        return f"the API key {id_of(credential)} is unknown, or not this one"
    except ValueError as error:
        return str(error)
