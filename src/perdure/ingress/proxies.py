"""Where a request came from, when proxies stand between.

A header that anyone can send is believed only where a trusted proxy wrote it: the connection itself must come from one,
and of the addresses it tells, read from the right, the first that is no trusted proxy's is the client's. What stands
left of that was sent by the client.

Source: RFC 7239; the ``X-Forwarded-*`` headers as nginx, HAProxy, Envoy and the clouds' balancers set them.
"""

import re
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final, final

from msgspec import Struct

from perdure.config import ProxySettings
from perdure.context.addresses import host_of
from perdure.context.exchange import Exchange
from perdure.context.origin import Origin
from perdure.errors import MalformedRequestError
from perdure.ingress.hosts import is_host

__all__ = ["TrustedProxies"]

_UNIX: Final = "unix"
_REMEMBERED: Final = 1024

# A pair of RFC 7239, or none: a token, and a token or a quoted text, which may hold commas and semicolons.
_pairs: Final = re.compile(
    r"""\s*+(?:([!#$%&'*+.^_`|~\w-]+)=(?:"((?:[^"\\]|\\.)*)"|([^",;\s]*))\s*+)?([;,]|\Z)"""
).match


@final
class _Hop(Struct, frozen=True):
    """What one proxy tells of who called it."""

    client: str
    scheme: str = ""
    host: str = ""


@final
class TrustedProxies:
    """Finds the origin of requests."""

    def __init__(self, settings: ProxySettings) -> None:
        self._trusts_unix = _UNIX in settings.trusted
        self._networks = tuple(ip_network(text) for text in settings.trusted if text != _UNIX)
        self._standard = settings.header == "forwarded"
        self._known: dict[str, bool] = {}

    def origin_of(self, exchange: Exchange) -> Origin | None:
        """Return where *exchange* came from; None where no trusted proxy tells.

        Raises:
            MalformedRequestError: A trusted proxy tells, but it cannot be read: what follows the client's own part of a
                header is the proxy's, and must not be lost by what a client puts there.
        """
        peer = exchange.peer
        if not self._is_trusted_peer(peer):
            return None
        hops = _forwarded(exchange) if self._standard else _x_forwarded(exchange)
        found: _Hop | None = None
        for hop in reversed(hops):
            address = _address(host_of(hop.client))
            if address is None:
                break
            found = hop
            if not self._is_trusted(address):
                break
        if found is None:
            return None
        scheme = found.scheme if found.scheme in {"http", "https"} else exchange.scheme
        return Origin(found.client, scheme, found.host if is_host(found.host) else exchange.host)

    def _is_trusted_peer(self, peer: str) -> bool:
        host = host_of(peer)
        known = self._known.get(host)
        if known is None:
            address = _address(host)
            known = self._trusts_unix if address is None else self._is_trusted(address)
            if len(self._known) >= _REMEMBERED:
                self._known.clear()
            self._known[host] = known
        return known

    def _is_trusted(self, address: IPv4Address | IPv6Address) -> bool:
        return any(address in network for network in self._networks)


def _address(host: str) -> IPv4Address | IPv6Address | None:
    try:
        found = ip_address(host)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return found if mapped is None else mapped


def _x_forwarded(exchange: Exchange) -> list[_Hop]:
    clients = _listed(exchange, "x-forwarded-for")
    schemes = _aligned(_listed(exchange, "x-forwarded-proto"), len(clients))
    hosts = _aligned(_listed(exchange, "x-forwarded-host"), len(clients))
    return [_Hop(*hop) for hop in zip(clients, (scheme.lower() for scheme in schemes), hosts, strict=True)]


def _listed(exchange: Exchange, name: str) -> list[str]:
    return [part.strip() for value in _values(exchange, name) for part in value.split(",")]


def _values(exchange: Exchange, name: str) -> list[str]:
    if exchange.has_unreadable(name):
        raise _unreadable(name)
    return exchange.header_values(name)


def _unreadable(name: str) -> MalformedRequestError:
    return MalformedRequestError(f"the header {name} cannot be read")


def _aligned(values: Sequence[str], count: int) -> Sequence[str]:
    """Return a value per hop: they were told for each, or once, by the proxy this server is behind."""
    if len(values) == count:
        return values
    return [values[-1] if values else ""] * count


def _forwarded(exchange: Exchange) -> list[_Hop]:
    """Return the hops of ``Forwarded``: half of a malformed one might be the client's own, so none of it is read."""
    hops: list[_Hop] = []
    for value in _values(exchange, "forwarded"):
        pairs: dict[str, str] = {}
        for name, text, ends in _read_pairs(value):
            if name:
                pairs[name] = text
            if ends and pairs:
                hops.append(_Hop(pairs.get("for", ""), pairs.get("proto", "").lower(), pairs.get("host", "")))
                pairs = {}
    return hops


def _read_pairs(value: str) -> Iterator[tuple[str, str, bool]]:
    """Yield name, value, and whether it is the last of its hop; the name is empty where there is no pair."""
    position, end = 0, ""
    while position < len(value) or end == ";":
        found = _pairs(value, position)
        if found is None:
            raise _unreadable("forwarded")
        text, end = found[3] if found[2] is None else re.sub(r"\\(.)", r"\1", found[2]), found[4]
        yield (found[1] or "").lower(), text or "", end != ";"
        position = found.end()
