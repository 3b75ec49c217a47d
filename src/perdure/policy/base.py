"""What a route says about who may call it, and how often.

Source: SPEC 3.7.
"""

from typing import Literal, final

from msgspec import Struct

from perdure.config import Priority, RateLimit

__all__ = ["AuthMode", "RoutePolicy"]

AuthMode = Literal["off", "optional", "required"]
"""What is asked for: nothing; good credentials, if there are any; good credentials."""


@final
class RoutePolicy(Struct, frozen=True, kw_only=True):
    """The policy of one route, as declared."""

    auth: AuthMode | None = None
    """None: as the configuration says."""
    public: bool = False
    """Marked to be for everyone."""
    roles: frozenset[str] = frozenset()
    """A client needs one of them."""
    all_roles: frozenset[str] = frozenset()
    """A client needs each of them."""
    scopes: frozenset[str] = frozenset()
    """A client needs each of them."""
    rate_limits: tuple[RateLimit, ...] = ()
    concurrency: int | None = None
    """Requests of this route in the works in one process, at most."""
    priority: Priority = "normal"

    @property
    def demands(self) -> bool:
        """Whether a role or scope is needed, so that nobody can come in unnamed."""
        return bool(self.roles or self.all_roles or self.scopes)

    @property
    def is_declared(self) -> bool:
        """Whether anything was said about who may call."""
        return self.public or self.auth is not None or self.demands

    def mode(self, default: AuthMode) -> AuthMode:
        """Return what is asked of clients, where *default* is what the configuration says."""
        if self.demands:
            return "required"
        if self.auth is not None:
            return self.auth
        return "off" if self.public else default

    def ways(self, default: AuthMode) -> tuple[tuple[str, ...], ...]:
        """Return who may call, as `perdure.manifest.records.Endpoint.security` has it; empty: everyone."""
        if self.mode(default) != "required":
            return ()
        needed = (
            *(f"role:{role}" for role in sorted(self.all_roles)),
            *(f"scope:{name}" for name in sorted(self.scopes)),
        )
        if self.roles:
            return tuple((f"role:{role}", *needed) for role in sorted(self.roles))
        return (needed or ("principal",),)
