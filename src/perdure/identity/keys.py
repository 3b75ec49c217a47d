"""Keys that tokens are verified with: what every source of them is, and what a key is.

Source: RFC 7517, RFC 7518.
"""

from collections.abc import Awaitable, Iterable, Mapping
from typing import Final, Protocol, final

from joserfc.jwk import Key
from joserfc.jws import JWSRegistry
from msgspec import Struct

__all__ = ["FittingKeys", "KeySet", "Keys", "VerificationKey"]

_TRIED: Final = 4
"""Keys that are tried for one token: verifying costs time, and who sends tokens does not pay for it."""


@final
class VerificationKey(Struct, frozen=True):
    """A key, with the algorithms it was checked to fit."""

    key: Key
    algorithms: frozenset[str]
    key_id: str | None = None

    def verify(self, algorithm: str, signed: bytes, signature: bytes) -> bool:
        """Return whether *signature* is one of *signed*; *algorithm* is one of `algorithms`."""
        return JWSRegistry.algorithms[algorithm].verify(signed, signature, self.key)


FittingKeys = tuple[VerificationKey, ...]
"""Keys to be tried, one after the other; few."""


@final
class KeySet:
    """The keys of an issuer, as they are at one moment.

    Args:
        is_named: A ``kid`` chooses among them; else all are one key, whatever a token calls it.
    """

    def __init__(self, keys: Iterable[VerificationKey], *, is_named: bool) -> None:
        self._all: Final = tuple(keys)
        self._is_named: Final = is_named
        by_id: dict[str | None, list[VerificationKey]] = {}
        for key in self._all:
            by_id.setdefault(key.key_id, []).append(key)
        self._by_id: Final[Mapping[str | None, list[VerificationKey]]] = by_id

    def __len__(self) -> int:
        return len(self._all)

    def fitting(self, key_id: str | None, algorithm: str) -> FittingKeys:
        """Return the keys for tokens signed by *algorithm* that name *key_id*; all that fit where they name none."""
        keys = self._by_id.get(key_id, ()) if self._is_named and key_id is not None else self._all
        return tuple(key for key in keys if algorithm in key.algorithms)[:_TRIED]


class Keys(Protocol):
    """A source of keys."""

    def fitting(self, key_id: str | None, algorithm: str) -> FittingKeys | Awaitable[FittingKeys]:
        """Return the keys that can have signed a token; to be awaited only where they are to be fetched. Cancel-safe.

        Args:
            key_id: ``kid`` of the token, as `perdure.identity.jws.is_key_id` allows it.
            algorithm: One of those that are allowed.
        Raises:
            IdentityUnavailableError: There are no keys yet, or none of this name in an old set, and the issuer cannot
                be asked.
        """

    async def start(self) -> None:
        """Read the keys, and begin to keep them fresh.

        Raises:
            ConfigError: They cannot be read, and never will be.
        """

    async def stop(self) -> None:
        """Keep them fresh no more."""
