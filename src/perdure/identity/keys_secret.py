"""The secret that HS* tokens are signed with, followed while it rotates."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final, final

from perdure.clock import Clock
from perdure.context.secret import Secret
from perdure.errors import ConfigError, IdentityUnavailableError, SecretDeniedError, SecretError, SecretMissingError
from perdure.identity.key_reading import KeyRefusedError, read_secret_key
from perdure.identity.keys import FittingKeys, VerificationKey

__all__ = ["ReadSecret", "SecretKeys"]

_log = logging.getLogger("perdure.identity")

ReadSecret = Callable[[str], Awaitable[Secret]]
"""Asks the Secrets Manager, which remembers what it knows; raises `SecretError`."""

_ASKED_AGAIN_S: Final = 5.0


@final
class SecretKeys:
    """The key that the secret *name* is now, and the one it was before.

    The Secrets Manager is asked every 5 s, out of its memory as a rule. Once the secret changes, tokens signed with the
    value before are believed for *overlap_s* more, so that who signs and who verifies need not change at one moment.
    """

    def __init__(
        self, name: str, algorithms: Sequence[str], read_secret: ReadSecret, overlap_s: float, clock: Clock
    ) -> None:
        self._name: Final = name
        self._algorithms: Final = algorithms
        self._read_secret: Final = read_secret
        self._overlap_s: Final = overlap_s
        self._clock: Final = clock
        self._value: Secret | None = None
        self._keys: tuple[VerificationKey, ...] = ()
        self._overlap_until_s = 0.0
        self._following: asyncio.Task[None] | None = None

    def fitting(self, key_id: str | None, algorithm: str) -> FittingKeys:  # noqa: ARG002 - a secret has no other name
        """See `perdure.identity.keys.Keys.fitting`; never to be awaited."""
        if not self._keys:
            raise IdentityUnavailableError(f"the secret {self._name!r} could not be read yet")
        keys = self._keys if self._clock.monotonic() < self._overlap_until_s else self._keys[:1]
        return tuple(key for key in keys if algorithm in key.algorithms)

    async def start(self) -> None:
        """Read the secret, and begin to follow it. Cancel-safe.

        Raises:
            ConfigError: There is none of this name, or it is too short; one that cannot be had now is waited for.
        """
        try:
            await self._renew()
        except (SecretMissingError, SecretDeniedError, KeyRefusedError) as error:
            raise ConfigError(f"the secret {self._name!r} of auth.jwt cannot be used: {error}") from error
        except SecretError as error:
            _log.warning("the secret %r cannot be read yet, its tokens are answered with 503: %s", self._name, error)
        self._following = asyncio.get_running_loop().create_task(self._follow())

    async def stop(self) -> None:
        """Follow it no more."""
        if self._following is not None:
            self._following.cancel()
            await asyncio.wait([self._following])

    async def _follow(self) -> None:
        while True:
            await self._clock.sleep(_ASKED_AGAIN_S)
            try:
                await self._renew()
            except (SecretError, KeyRefusedError) as error:
                _log.error("the secret %r cannot be used, the value before stays in use: %s", self._name, error)

    async def _renew(self) -> None:
        value = await self._read_secret(self._name)
        if self._value is not None and self._value.reveal() == value.reveal():
            return
        key = read_secret_key(value.reveal(), self._algorithms)
        if self._value is not None:
            _log.info("the secret %r has changed", self._name)
            self._overlap_until_s = self._clock.monotonic() + self._overlap_s
        self._value = value
        self._keys = (key, *self._keys[:1])
