"""Exchanges as gates and capacity see them: who is asking, and from where."""

from typing import cast

from perdure.context.exchange import Exchange
from perdure.context.principal import Principal

__all__ = ["from_address", "from_principal"]


class _Exchange:
    def __init__(self, client: str, principal: Principal | None) -> None:
        self.client = client
        self.principal = principal


def from_address(client: str) -> Exchange:
    """Return an exchange of somebody unknown."""
    return cast(Exchange, _Exchange(client, None))


def from_principal(principal: Principal, client: str = "192.0.2.1:50000") -> Exchange:
    """Return an exchange of somebody who showed who it is."""
    return cast(Exchange, _Exchange(client, principal))
