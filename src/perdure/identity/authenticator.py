"""Who a request comes from, asked once per request and answered from memory as a rule.

Credentials that were verified are remembered by their SHA-256 digest, not by their text: nothing that could be replayed
lies in memory for longer than a request. The digest costs about 0.6 µs for a token of 800 characters.

Source: SPEC 3.6.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Coroutine, Sequence
from hashlib import sha256
from typing import Final, final

from perdure.clock import Clock
from perdure.context.exchange import Exchange
from perdure.context.principal import Principal
from perdure.errors import RequestError, UnauthenticatedError
from perdure.identity.base import Identified, Scheme

__all__ = ["Authenticator"]

_Verdict = Principal | RequestError


@final
class _Slot:
    """One scheme, with what is known of its credentials."""

    __slots__ = ("find", "flights", "remembered", "scheme")

    def __init__(self, scheme: Scheme) -> None:
        self.scheme: Final = scheme
        self.find: Final = scheme.credential
        self.remembered: Final[OrderedDict[bytes, tuple[Principal, float]]] = OrderedDict()
        self.flights: Final[dict[str, asyncio.Task[_Verdict]]] = {}


@final
class Authenticator:
    """Asks each scheme for its credentials, and remembers whose they are.

    Args:
        schemes: In the order in which ``WWW-Authenticate`` tells them.
        clock: Its wall clock ends credentials that expire, its monotonic one what is remembered.
        cache_entries: Verified credentials that are remembered, per scheme; the least recently used go first.
    """

    def __init__(self, schemes: Sequence[Scheme], *, clock: Clock, cache_entries: int) -> None:
        self._slots: Final = tuple(map(_Slot, schemes))
        self._limit: Final = cache_entries
        self._time: Final = clock.time
        self._monotonic: Final = clock.monotonic
        self.hits = 0
        """How many credentials were remembered."""
        self.misses = 0
        """How many had to be verified."""

    @property
    def challenges(self) -> tuple[str, ...]:
        """Values of ``WWW-Authenticate`` for a request without credentials."""
        return tuple(slot.scheme.challenge for slot in self._slots)

    async def start(self) -> None:
        """Start all schemes, at the same time; if one cannot start, none is left running.

        Raises:
            ConfigError: What is configured cannot work.
        """
        outcomes = await asyncio.gather(*(slot.scheme.start() for slot in self._slots), return_exceptions=True)
        failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
        if failures:
            await self.stop()
            raise failures[0]

    async def stop(self) -> None:
        """Stop all schemes; who still waits to be identified is cancelled."""
        flights = [flight for slot in self._slots for flight in slot.flights.values()]
        for flight in flights:
            flight.cancel()
        if flights:
            await asyncio.wait(flights)
        for slot in self._slots:
            await slot.scheme.stop()

    def identify(self, exchange: Exchange) -> Identified:
        """Return who *exchange* comes from; None: it carries no credentials.

        What is wrong with its credentials is returned, not raised: only a route that asks for some minds. To be awaited
        only where somebody else has to be asked first. Cancel-safe; requests that wait for the same answer share it.
        """
        slot = credential = None
        try:
            for each in self._slots:
                found = each.find(exchange)
                if found is not None:
                    if slot is not None:
                        return self._refusal(UnauthenticatedError("credentials of several schemes in one request"))
                    slot, credential = each, found
        except RequestError as error:
            return self._refusal(error, each)
        if slot is None or credential is None:
            return None
        remembered = slot.remembered
        if remembered:
            try:
                digest = sha256(credential.encode()).digest()
            except UnicodeEncodeError:
                return self._refusal(UnauthenticatedError("credentials that are no text"), slot)
            entry = remembered.get(digest)
            if entry is not None:
                principal, until_s = entry
                if until_s > self._monotonic() and principal.expires_at_s > self._time():
                    remembered.move_to_end(digest)
                    self.hits += 1
                    return principal
                del remembered[digest]
        return self._verify(slot, credential)

    def _verify(self, slot: _Slot, credential: str) -> _Verdict | Awaitable[_Verdict]:
        self.misses += 1
        flight = slot.flights.get(credential)
        if flight is not None:
            return asyncio.shield(flight)
        try:
            answer = slot.scheme.verify(credential)
        except RequestError as error:
            return self._refusal(error, slot)
        if isinstance(answer, Principal):
            return self._accept(slot, credential, answer)
        return self._share(slot, credential, self._settle(slot, credential, answer))

    def _share(self, slot: _Slot, credential: str, work: Coroutine[None, None, _Verdict]) -> Awaitable[_Verdict]:
        """Let *work* go on by itself: whoever leaves takes the answer from nobody else."""
        flight = asyncio.get_running_loop().create_task(work)
        slot.flights[credential] = flight
        flight.add_done_callback(lambda _: slot.flights.pop(credential, None))
        return asyncio.shield(flight)

    async def _settle(self, slot: _Slot, credential: str, answer: Awaitable[Principal]) -> _Verdict:
        try:
            principal = await answer
        except RequestError as error:
            return self._refusal(error, slot)
        return self._accept(slot, credential, principal)

    def _accept(self, slot: _Slot, credential: str, principal: Principal) -> _Verdict:
        if principal.expires_at_s <= self._time():
            return self._refusal(UnauthenticatedError(f"credentials of {principal.key!r} have expired"), slot)
        seconds = slot.scheme.remembered_s(principal)
        if seconds > 0:
            if len(slot.remembered) >= self._limit:
                slot.remembered.popitem(last=False)
            digest = sha256(credential.encode()).digest()
            slot.remembered[digest] = principal, self._monotonic() + seconds
        return principal

    def _refusal(self, error: RequestError, slot: _Slot | None = None) -> RequestError:
        """Return *error* with the challenges of all schemes; that of *slot* may be its own."""
        if not isinstance(error, UnauthenticatedError):
            return error
        challenges = [
            challenge
            for each in self._slots
            for challenge in (error.challenges if each is slot and error.challenges else (each.scheme.challenge,))
        ]
        return UnauthenticatedError(str(error), tuple(challenges))
