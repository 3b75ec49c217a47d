"""What was fetched, for as long as it counts.

A value counts for its time to live, from the moment its provider was asked. Whoever wants one that is not there waits
for one request to the provider, however many they are; the request belongs to none of them, so none that is cancelled
takes it from the others. Values in use are fetched again before their time is over, so that nobody has to wait.

Source: SPEC 3.10, property 29.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Hashable
from contextvars import Context
from typing import Final, Literal, final

from msgspec import Struct

from perdure.clock import Clock
from perdure.config.secrets import SecretSettings
from perdure.context.secret import Secret
from perdure.errors import SecretError, SecretMissingError, SecretUnavailableError
from perdure.secrets.base import Provider

__all__ = ["Found", "Freshness", "SecretCache"]

_log = logging.getLogger("perdure.secrets")

Freshness = Literal["cached", "fetched", "stale"]
"""Where a value came from: the cache, its provider, or the cache after its time, because the provider is gone."""

FAILURE_TTL_S: Final = 1.0
"""How long it counts that a secret is missing or unavailable: a provider that is down is not asked by each request."""
_FAILURES_LIMIT: Final = 1000
_TICK_SHARE: Final = 0.05
_MAX_TICK_S: Final = 2.0


@final
class Found(Struct, frozen=True):
    """A secret, and where it was found."""

    secret: Secret
    provider: Provider
    stamp: Hashable
    """What the provider said of it just before; see `Provider.stamp`."""


@final
class _Entry:
    """A secret that was found, and until when it counts."""

    __slots__ = ("found", "fresh_until", "is_used", "refresh_from")

    def __init__(self, found: Found, asked_at: float, settings: SecretSettings) -> None:
        self.found = found
        self.fresh_until = asked_at + settings.ttl_s
        self.refresh_from = asked_at + settings.ttl_s * settings.refresh_at
        self.is_used = False


@final
class _Failure(Struct, frozen=True):
    kind: type[SecretError]
    message: str
    until: float


@final
class SecretCache:
    """Secrets by name.

    Args:
        look_up: Asks the providers for a secret; raises `SecretMissingError` or `SecretUnavailableError`.
        settings: How long a value counts.
    """

    def __init__(self, look_up: Callable[[str], Awaitable[Found]], settings: SecretSettings, clock: Clock) -> None:
        self._look_up = look_up
        self._settings = settings
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._failures: dict[str, _Failure] = {}
        self._flights: dict[str, asyncio.Task[Found]] = {}

    async def get(self, name: str) -> tuple[Found, Freshness]:
        """Return the secret *name*. Cancel-safe.

        Raises:
            SecretMissingError: No provider has it.
            SecretUnavailableError: A provider that might cannot be asked, and no value is left that still counts.
        """
        now = self._clock.monotonic()
        entry = self._entries.get(name)
        if entry is not None and now < entry.fresh_until:
            entry.is_used = True
            return entry.found, "cached"
        failure = self._failures.get(name)
        if failure is None or now >= failure.until:
            try:
                return await self._join(name), "fetched"
            except SecretError as error:
                failure = _Failure(type(error), str(error), now)
        entry = self._entries.get(name)
        if entry is not None and failure.kind is SecretUnavailableError and not self._is_over(entry):
            entry.is_used = True
            return entry.found, "stale"
        raise failure.kind(failure.message)

    async def tend(self, beside: Callable[[], None]) -> None:
        """Keep what is in use fresh, notice what changed, forget what is over; until cancelled.

        Args:
            beside: Called each time too, every two seconds or more often.
        """
        tick_s = min(self._settings.ttl_s * _TICK_SHARE, _MAX_TICK_S)
        while True:
            await self._clock.sleep(tick_s)
            try:
                beside()
                await self._look_around()
            except Exception as error:  # noqa: BLE001 - secrets must go on being refreshed, whatever that was
                _log.error("secrets are not looked after: %s", type(error).__name__)

    async def stop(self) -> None:
        """Forget everything, and give up what is being fetched."""
        flights = tuple(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)
        self._entries.clear()
        self._failures.clear()
        self._flights.clear()

    async def _look_around(self) -> None:
        for name, entry in tuple(self._entries.items()):
            is_due = entry.is_used and self._clock.monotonic() >= entry.refresh_from and self._settings.refresh_at < 1
            if is_due or await entry.found.provider.stamp(name) != entry.found.stamp:
                self._flight(name)
            elif self._is_over(entry) and self._entries.get(name) is entry:
                del self._entries[name]

    def _is_over(self, entry: _Entry) -> bool:
        return self._clock.monotonic() >= entry.fresh_until + self._settings.stale_s

    async def _join(self, name: str) -> Found:
        """Wait for the request to the provider that is under way, or for a new one."""
        flight = self._flight(name)
        try:
            return await asyncio.shield(flight)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if not flight.cancelled() or (task is not None and task.cancelling()):
                raise
        raise SecretUnavailableError(f"the secret {name} is not fetched any more: the server stops")

    def _flight(self, name: str) -> "asyncio.Task[Found]":
        loop = asyncio.get_running_loop()
        flight = self._flights.get(name)
        if flight is None or flight.get_loop() is not loop:
            # In a context of its own: it is for everybody, so what it logs and does is no request's.
            flight = loop.create_task(self._fly(name), name=f"secret {name}", context=Context())
            flight.add_done_callback(_note)
            self._flights[name] = flight
        return flight

    async def _fly(self, name: str) -> Found:
        asked_at = self._clock.monotonic()
        try:
            found = await self._look_up(name)
        except SecretError as error:
            self._remember_failure(name, error)
            raise
        else:
            self._entries[name] = _Entry(found, asked_at, self._settings)
            self._failures.pop(name, None)
            return found
        finally:
            if self._flights.get(name) is asyncio.current_task():
                del self._flights[name]

    def _remember_failure(self, name: str, error: SecretError) -> None:
        if isinstance(error, SecretMissingError):
            self._entries.pop(name, None)
        elif name not in self._failures:  # said once, until it can be had again
            _log.warning("the secret %s: %s", name, error)
        if len(self._failures) >= _FAILURES_LIMIT:
            self._failures.clear()
        self._failures[name] = _Failure(type(error), str(error), self._clock.monotonic() + FAILURE_TTL_S)


def _note(flight: "asyncio.Task[Found]") -> None:
    """Read how *flight* ended, in place of whoever may have stopped waiting."""
    if not flight.cancelled():
        flight.exception()
