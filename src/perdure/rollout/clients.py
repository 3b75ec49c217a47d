"""Who a client is, for pins, weights and usage.

It is what a trusted front says of it, else who it showed to be, else its address.
"""

from typing import Final, final

from perdure.context.addresses import host_of
from perdure.context.exchange import Exchange

__all__ = ["LIMIT_CHARACTERS", "ClientNames"]

LIMIT_CHARACTERS: Final = 128
"""The most characters of a client's name; a longer one is cut off."""


@final
class ClientNames:
    """Names the client of an exchange.

    Args:
        header: The header that holds the name, where one does.
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
        principal = exchange.principal
        return host_of(exchange.client) if principal is None else principal.key[:LIMIT_CHARACTERS]
