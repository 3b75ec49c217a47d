"""Exchanges as gates and capacity see them: who is asking, and from where."""

from perdure.context.exchange import Exchange
from perdure.context.origin import Origin
from perdure.context.principal import Principal
from perdure.ingress.asgi import AsgiExchange, Message

__all__ = ["from_address", "from_principal"]


async def _receive() -> Message:
    raise AssertionError("gates do not read bodies")


async def _send(_: Message) -> None:
    raise AssertionError("gates do not answer")


def from_address(client: str) -> Exchange:
    """Return an exchange of somebody unknown."""
    exchange = AsgiExchange({"path": "/", "headers": []}, _receive, _send)
    exchange.origin = Origin(client, "http", "shop.example")
    return exchange


def from_principal(principal: Principal, client: str = "192.0.2.1:50000") -> Exchange:
    """Return an exchange of somebody who showed who it is."""
    exchange = from_address(client)
    exchange.principal = principal
    return exchange
