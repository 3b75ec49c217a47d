"""What every scheme of authentication is.

Source: SPEC 3.6.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol, runtime_checkable

from perdure.context.exchange import Exchange
from perdure.context.principal import Principal
from perdure.errors import RequestError

__all__ = ["DescribedScheme", "Identified", "Identify", "Scheme"]

Identified = Principal | RequestError | None | Awaitable[Principal | RequestError | None]
"""Who a request comes from, or what is wrong with its credentials; None: it has none."""

Identify = Callable[[Exchange], Identified]
"""Says who a request comes from; to be awaited only where somebody else has to be asked. Never raises."""


class Scheme(Protocol):
    """Finds one kind of credentials in a request, and knows whose they are."""

    @property
    def challenge(self) -> str:
        """What ``WWW-Authenticate`` says of this scheme: ``Bearer realm="shop"``."""

    def credential(self, exchange: Exchange) -> str | None:
        """Return the credentials of this scheme that *exchange* carries, or None. Quick: every request asks.

        Raises:
            UnauthenticatedError: There are several, or they cannot be read.
        """

    def verify(self, credential: str) -> Principal | Awaitable[Principal]:
        """Return whose *credential* is; to be awaited only where somebody else has to be asked. Cancel-safe.

        Raises:
            UnauthenticatedError: Nobody's, or not any more, or it is malformed; the message says why, for the log
                alone. Its ``challenges``, if any, are told in place of `challenge`.
            IdentityUnavailableError: That cannot be found out now.
        """

    def remembered_s(self, principal: Principal) -> float:
        """Return how long *principal*, just verified, is believed without being verified again; 0: not at all.

        Whatever this says, nobody is believed beyond `Principal.expires_at_s`. What can be revoked takes effect only
        when this time is over, so a scheme whose `verify` is a look into memory answers 0.
        """

    async def start(self) -> None:
        """Fetch what is needed before the first request, and begin to keep it fresh.

        Raises:
            ConfigError: What is configured cannot work: a key file that is not there, or no key.
        """

    async def stop(self) -> None:
        """Let go of connections and background work."""


@runtime_checkable
class DescribedScheme(Protocol):
    """What a scheme has besides if OpenAPI documents are to tell it. It need not."""

    @property
    def name(self) -> str:
        """What documents call it: letters, digits, ``.``, ``_`` and ``-``, and no other scheme's name."""

    @property
    def security_scheme(self) -> Mapping[str, object]:
        """Its Security Scheme Object: ``{"type": "http", "scheme": "basic"}``."""
