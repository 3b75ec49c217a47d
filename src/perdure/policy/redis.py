"""Counts requests in Redis or Valkey, where all processes count together.

Requests that come while an answer is under way wait for it and then go together, in one pipeline: one connection per
process, one round trip for all limits of a request, whatever is going on. When the store fails, all who wait are told
at once; for a while nobody asks, then one request tries.

Source: SPEC 3.7, property 34.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from hashlib import sha1
from typing import Final, final
from urllib.parse import urlsplit

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.credentials import CredentialProvider
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError

from perdure.clock import Clock
from perdure.config import RateSettings
from perdure.context.secret import Secret
from perdure.errors import ConfigError, OverloadedError, SecretError, SecretMissingError
from perdure.policy.counters import Limit, Meter, Standings
from perdure.policy.memory import MemoryCounters
from perdure.policy.redis_scripts import APPROXIMATE, EXACT

__all__ = ["RedisCounters"]

_log: Final = logging.getLogger("perdure.policy")
_LIMIT_TOGETHER: Final = 500
"""Requests in one pipeline: more would make the first of them wait for the last."""


@final
class RedisCounters:
    """See `perdure.policy.counters.Counters`.

    Args:
        settings: Where the store is, and what happens when it fails.
        url: That of the settings.
        app: Its name: apps that share a store count for themselves.
        clock: Measures how long the store is left alone; requests are counted by the store's own clock.
        password: Reads it, for each connection; None where there is none, or *url* has it.
    """

    def __init__(
        self, settings: RateSettings, url: str, app: str, clock: Clock, password: Callable[[], Awaitable[Secret]] | None
    ) -> None:
        self._url = url
        self._password = password
        self._timeout_s = settings.store_timeout_s
        self._prefix = f"perdure:{{{app}}}:rate:{settings.strategy}"
        self._script = EXACT if settings.strategy == "exact" else APPROXIMATE
        self._alone = MemoryCounters(settings, clock) if settings.when_store_fails == "allow" else None
        self._outage = _Outage(_shown(url), settings, clock)
        self._redis: Redis | None = None
        self._sha = sha1(self._script.encode()).hexdigest()  # noqa: S324 - what Redis calls it by
        self._waiting: list[_Question] = []
        self._sender: asyncio.Task[None] | None = None

    def bind(self, limits: tuple[Limit, ...]) -> Meter:
        """See `perdure.policy.counters.Counters.bind`."""
        prefixes = tuple(
            f"{self._prefix}:{limit.scope}:{limit.per}:{limit.allowed}/{limit.length_us}:" for limit in limits
        )
        numbers = tuple(str(number) for limit in limits for number in (limit.allowed, limit.length_us))
        alone = self._alone.bind(limits) if self._alone is not None else _Refusing()
        return _RedisMeter(prefixes, numbers, alone, self._outage, self._ask)

    async def start(self) -> None:
        """See `perdure.policy.counters.Counters.start`.

        Raises:
            ConfigError: No provider has the password.
        """
        url, password = self._url, None
        if url.startswith("valkey"):  # which its client does not know
            url = f"redis{url.removeprefix('valkey')}"
        if self._password is not None:
            password = _Password(self._password, urlsplit(url).username)
            await password.check()
            url = _without_user(url)
        self._redis = Redis.from_url(
            url,
            protocol=2,
            socket_timeout=self._timeout_s,
            socket_connect_timeout=self._timeout_s,
            # A connection that was closed meanwhile is found out only when it is used.
            retry=Retry(NoBackoff(), 1, (RedisConnectionError,)),
            credential_provider=password,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._load(self._redis)
        except Exception as error:  # noqa: BLE001 - whatever it is, the store cannot be asked
            self._outage.begin(error)

    async def stop(self) -> None:
        """See `perdure.policy.counters.Counters.stop`."""
        if self._sender is not None:
            self._sender.cancel()
            await asyncio.gather(self._sender, return_exceptions=True)
        self._give_up()
        if self._redis is not None:
            await self._redis.aclose()
            self._redis = None

    async def _ask(self, keys: list[str], numbers: tuple[str, ...], alone: Meter, plain: tuple[str, ...]) -> Standings:
        loop = asyncio.get_running_loop()
        question = _Question(keys, numbers, loop.create_future())
        self._waiting.append(question)
        if self._sender is None:
            self._sender = loop.create_task(self._send())
        standings = await question.answer
        if standings is None:
            counted = alone.spend(plain)
            return counted if isinstance(counted, tuple) else await counted
        return standings

    async def _send(self) -> None:
        """Ask what waits, and what has come meanwhile, until nothing does."""
        try:
            while self._waiting:
                batch = self._waiting[:_LIMIT_TOGETHER]
                try:
                    async with asyncio.timeout(self._timeout_s):
                        answers = await self._run(batch)
                except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
                    self._outage.begin(error)
                    self._give_up()
                else:
                    del self._waiting[: len(batch)]
                    self._outage.end()
                    for question, answer in zip(batch, answers, strict=True):
                        question.take(answer)
        finally:
            self._sender = None

    async def _run(self, batch: "Sequence[_Question]") -> list[object]:
        if self._redis is None:
            raise ConnectionError("not connected")
        answers = await self._evaluate(self._redis, batch)
        unknown = [place for place, answer in enumerate(answers) if isinstance(answer, NoScriptError)]
        if unknown:  # another server, or one that was started anew
            await self._load(self._redis)
            again = await self._evaluate(self._redis, [batch[place] for place in unknown])
            for place, answer in zip(unknown, again, strict=True):
                answers[place] = answer
        for answer in answers:
            if isinstance(answer, Exception):
                raise answer
        return answers

    async def _evaluate(self, redis: Redis, batch: "Sequence[_Question]") -> list[object]:
        pipeline = redis.pipeline(transaction=False)
        for question in batch:
            pipeline.execute_command("EVALSHA", self._sha, len(question.keys), *question.keys, *question.numbers)
        answers: list[object] = await pipeline.execute(raise_on_error=False)
        return answers

    async def _load(self, redis: Redis) -> None:
        await redis.script_load(self._script)

    def _give_up(self) -> None:
        """Tell all who wait that the store does not answer."""
        waiting, self._waiting = self._waiting, []
        for question in waiting:
            question.take(None)


_Ask = Callable[[list[str], tuple[str, ...], Meter, tuple[str, ...]], Awaitable[Standings]]


@final
class _RedisMeter(Meter):
    """See `Meter`.

    Args:
        prefixes: Of the keys in the store, for each limit.
        numbers: What the script is given of the limits.
        alone: Counts where the store cannot.
        outage: Knows whether it can.
        ask: Asks it.
    """

    def __init__(
        self, prefixes: tuple[str, ...], numbers: tuple[str, ...], alone: Meter, outage: "_Outage", ask: _Ask
    ) -> None:
        self._prefixes = prefixes
        self._numbers = numbers
        self._alone = alone
        self._outage = outage
        self._ask = ask

    def spend(self, keys: tuple[str, ...]) -> Standings | Awaitable[Standings]:
        """See `Meter.spend`."""
        if not self._outage.may_ask():
            return self._alone.spend(keys)
        stored = [prefix + key for prefix, key in zip(self._prefixes, keys, strict=True)]
        return self._ask(stored, self._numbers, self._alone, keys)


@final
class _Refusing(Meter):
    """Lets nobody pass uncounted."""

    def spend(self, keys: tuple[str, ...]) -> Standings:  # noqa: ARG002 - whoever it is
        """See `Meter.spend`."""
        raise OverloadedError(1)


@final
class _Question:
    """One request that waits for the store."""

    __slots__ = ("answer", "keys", "numbers")

    def __init__(self, keys: list[str], numbers: tuple[str, ...], answer: "asyncio.Future[Standings | None]") -> None:
        self.keys = keys
        self.numbers = numbers
        self.answer = answer

    def take(self, answer: object) -> None:
        if self.answer.done():  # the request was cancelled
            return
        if isinstance(answer, list):
            self.answer.set_result(tuple(zip(answer[::2], answer[1::2], strict=True)))
        else:
            self.answer.set_result(None)


@final
class _Outage:
    """Remembers that the store failed, so that it is told once, and not every request waits for it."""

    def __init__(self, place: str, settings: RateSettings, clock: Clock) -> None:
        self._place = place
        self._passes = settings.when_store_fails == "allow"
        self._retry_s = settings.store_retry_s
        self._timeout_s = settings.store_timeout_s
        self._clock = clock
        self._since_s: float | None = None
        self._again_s = 0.0

    def may_ask(self) -> bool:
        if self._since_s is None:
            return True
        now_s = self._clock.monotonic()
        if now_s < self._again_s:
            return False
        self._again_s = now_s + self._timeout_s + self._retry_s  # this request tries, the others go on without
        return True

    def begin(self, error: Exception) -> None:
        now_s = self._clock.monotonic()
        self._again_s = now_s + self._retry_s
        if self._since_s is None:
            self._since_s = now_s
            effect = "requests pass, counted by each process alone" if self._passes else "limited routes answer 503"
            _log.error(
                "rate limits: %s cannot be asked (%s); until it can, %s",
                self._place, f"{type(error).__name__}: {error}".removesuffix(": "), effect,
            )  # fmt: skip

    def end(self) -> None:
        if self._since_s is not None:
            lasted_s = self._clock.monotonic() - self._since_s
            self._since_s = None
            _log.warning("rate limits: %s answers again, after %.1f s", self._place, lasted_s)


@final
class _Password(CredentialProvider):
    """Reads the password whenever a connection is made: it may have changed."""

    def __init__(self, read: Callable[[], Awaitable[Secret]], user: str | None) -> None:
        self._read = read
        self._user = user

    async def check(self) -> None:
        """Raise ConfigError where there is none; that it cannot be read now may pass."""
        try:
            await self._read()
        except SecretMissingError as error:
            raise ConfigError(f"rates.secret: {error}") from error
        except SecretError as error:
            _log.warning("rate limits: the password cannot be read now: %s", error)

    async def get_credentials_async(self) -> tuple[str] | tuple[str, str]:
        """Return the user, if there is one, and the password."""
        password = (await self._read()).reveal()
        return (self._user, password) if self._user else (password,)


def _without_user(url: str) -> str:
    parts = urlsplit(url)
    return url.replace(f"//{parts.netloc}", f"//{parts.netloc.rpartition('@')[2]}", 1)


def _shown(url: str) -> str:
    """Return *url* without user, password and options."""
    return _without_user(url).partition("?")[0]
