"""Where a request came from, as trusted proxies tell it."""

from typing import final

from msgspec import Struct

__all__ = ["Origin"]


@final
class Origin(Struct, frozen=True):
    """The first hop: in place of what the connection itself shows."""

    client: str
    """``203.0.113.7``, ``203.0.113.7:51044``, ``2001:db8::7`` or ``[2001:db8::7]:51044``."""
    scheme: str
    host: str
