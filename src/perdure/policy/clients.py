"""Who a request counts for: what shows who is asking, else the address it comes from.

Of an IPv6 address the first 64 bits count: who has one has a network of that size, so each of its 2⁶⁴ addresses would
be another client. IPv4 addresses written as IPv6 ones are IPv4 addresses: they share their first 64 bits.

Source: SPEC 3.7; RFC 4291 2.5.
"""

from hashlib import sha256
from ipaddress import IPv6Address
from typing import Final, final

from perdure.context.addresses import host_of
from perdure.context.exchange import Exchange

__all__ = ["UNKNOWN_ADDRESS", "Clients", "is_named"]

UNKNOWN_ADDRESS: Final = "@unix"
"""The key of all whose address the server does not know: they came over a Unix socket."""

_LIMIT_CHARACTERS: Final = 128
_REMEMBERED: Final = 4096


def is_named(key: str) -> bool:
    """Return whether *key* is of a client that showed who it is: nobody can make such keys up."""
    return not key.startswith("@")


@final
class Clients:
    """Makes the keys that requests are counted by. Keys of addresses begin with ``@``, as no scheme's name does."""

    __slots__ = ("_keys",)

    def __init__(self) -> None:
        # Connections are kept, so the same address comes again and again, with the same port.
        self._keys: dict[str, str] = {}

    def address_key(self, exchange: Exchange) -> str:
        """Return the key of the address *exchange* comes from: ``@203.0.113.7``, ``@2001:db8::/64``, ``@unix``."""
        client = exchange.client
        key = self._keys.get(client)
        if key is None:
            if len(self._keys) >= _REMEMBERED:
                self._keys.clear()
            key = self._keys[client] = _address_key(client)
        return key

    def client_key(self, exchange: Exchange) -> str:
        """Return the key of who is asking: ``staff:ada``, or that of its address where nobody showed who it is."""
        principal = exchange.principal
        if principal is None:
            return self.address_key(exchange)
        key = principal.key
        return key if len(key) <= _LIMIT_CHARACTERS else sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


def _address_key(client: str) -> str:
    if not client:
        return UNKNOWN_ADDRESS
    host = host_of(client)[:_LIMIT_CHARACTERS]
    return _network_of(host) if ":" in host else f"@{host}"


def _network_of(address: str) -> str:
    try:
        parsed = IPv6Address(address.partition("%")[0])
    except ValueError:
        return f"@{address}"
    if parsed.ipv4_mapped is not None:
        return f"@{parsed.ipv4_mapped}"
    return f"@{IPv6Address(int(parsed) >> 64 << 64)}/64"
