"""Who a client is, for pins, weights and usage.

Nobody is authenticated here: it is the peer's address, or what a trusted front says of it.
"""

from typing import final

from perdure.context.exchange import Exchange

__all__ = ["ClientNames", "address_of"]

LIMIT_CHARACTERS = 128


@final
class ClientNames:
    """Names the client of an exchange.

    Args:
        header: The header that holds the name; None for the peer's address. Without the header it is the address too.
    """

    __slots__ = ("header",)

    def __init__(self, header: str | None) -> None:
        self.header = None if header is None else header.lower()

    def client_of(self, exchange: Exchange) -> str:
        """Return the name of the client; "" where nothing is known of it, as over Unix sockets."""
        if self.header is not None:
            named = exchange.header(self.header)
            if named:
                return named[:LIMIT_CHARACTERS]
        return address_of(exchange.client)


def address_of(peer: str) -> str:
    """Return *peer* without its port: ``127.0.0.1`` for ``127.0.0.1:51044``, ``::1`` for ``[::1]:51044``."""
    host, colon, port = peer.rpartition(":")
    if not colon or not port.isdigit():
        return peer
    return host.strip("[]")
