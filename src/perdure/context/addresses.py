"""Addresses as servers and proxies write them: with a port or without, IPv6 ones in brackets or bare."""

__all__ = ["host_of", "with_port"]


def host_of(address: str) -> str:
    """Return *address* without port and brackets: ``203.0.113.7``, ``2001:db8::7``, whichever way it is written.

    A bare IPv6 address has no port: ``2001:db8::1:443`` is an address to its last digit. What is no address comes back
    as it is, but for what follows its only colon.
    """
    if address.startswith("["):
        host, bracket, _ = address[1:].partition("]")
        return host if bracket else address
    return address.partition(":")[0] if address.count(":") == 1 else address


def with_port(host: str, port: int) -> str:
    """Return *host* and *port* as one address, from which `host_of` finds *host* again: ``[2001:db8::7]:51044``."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
