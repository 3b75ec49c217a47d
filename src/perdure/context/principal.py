"""Who a request comes from, once that was shown.

Source: SPEC 3.6.
"""

from collections.abc import Mapping
from math import inf
from types import MappingProxyType
from typing import final

from msgspec import Struct

__all__ = ["Principal"]


@final
class Principal(Struct, frozen=True, kw_only=True):
    """A client whose credentials are good: ``lctx.meta.principal``."""

    subject: str
    scheme: str
    """Name of the scheme that knows it: as in `AuthSettings.jwt` or `AuthSettings.introspection`, or ``api_key``."""
    client_id: str = ""
    """The program it uses, where the credentials tell."""
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    claims: Mapping[str, object] = MappingProxyType({})
    """All that the credentials say; frozen at every depth."""
    expires_at_s: float = inf
    """Unix time from which the credentials count no more."""

    @property
    def key(self) -> str:
        """What rate limits, pins and usage know it by: ``staff:ada``. Two schemes' subjects are never the same one."""
        return f"{self.scheme}:{self.subject}"
