"""What a route says about who may call it, and how often.

Source: SPEC 3.7.
"""

from collections.abc import Iterable
from typing import Literal, final

from msgspec import Struct

from perdure.config import Priority, RateLimit
from perdure.errors import ConfigError
from perdure.manifest.records import NOBODY

__all__ = ["AuthMode", "RoutePolicy"]

AuthMode = Literal["off", "optional", "required"]
"""What is asked for: nothing; good credentials, if there are any; good credentials."""


@final
class RoutePolicy(Struct, frozen=True, kw_only=True):
    """The policy of one route, as declared.

    Raises:
        ConfigError: It contradicts itself.
    """

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

    def __post_init__(self) -> None:
        if self.demands and (self.public or self.auth in {"off", "optional"}):
            said = "public" if self.public else f"auth={self.auth!r}"
            raise ConfigError(f"the route asks for roles or scopes, and says {said}: leave one of the two out")
        if self.public and self.auth == "required":
            raise ConfigError("the route is public, and says auth='required': leave one of the two out")
        if self.concurrency is not None and self.concurrency < 1:
            raise ConfigError(f"concurrency must be 1 or more, not {self.concurrency!r}")

    @property
    def demands(self) -> bool:
        """Whether a role or scope is needed, so that nobody can come in unnamed."""
        return bool(self.roles or self.all_roles or self.scopes)

    @property
    def is_declared(self) -> bool:
        """Whether anything was said about who may call."""
        return self.public or self.auth is not None or self.demands

    def is_closed(self, deny_by_default: bool) -> bool:
        """Return whether nobody may call, where *deny_by_default* is what the configuration says."""
        return deny_by_default and not self.is_declared

    def mode(self, default: AuthMode) -> AuthMode:
        """Return what is asked of clients, where *default* is what the configuration says."""
        if self.demands:
            return "required"
        if self.auth is not None:
            return self.auth
        return "off" if self.public else default

    def ways(self, default: AuthMode, *, deny_by_default: bool) -> tuple[tuple[str, ...], ...]:
        """Return who may call, as `perdure.manifest.records.Endpoint.security` has it; empty: everyone.

        That credentials are looked at, but not needed, is only told where the route says so itself.
        """
        if self.is_closed(deny_by_default):
            return ((NOBODY,),)
        if self.auth == "optional":
            return (), ("principal",)
        if self.mode(default) != "required":
            return ()
        needed = (
            *(f"role:{role}" for role in sorted(self.all_roles)),
            *(f"scope:{name}" for name in sorted(self.scopes)),
        )
        if self.roles:
            return tuple((f"role:{role}", *needed) for role in sorted(self.roles))
        return (needed or ("principal",),)

    def access(self, default: AuthMode, *, deny_by_default: bool) -> str:
        """Return who may call, for people: ``role clerk or customer``."""
        if self.is_closed(deny_by_default):
            return "closed"
        if self.mode(default) != "required":
            return "everyone"
        demands = (
            _spoken("role", self.roles, "or"), _spoken("role", self.all_roles, "and"),
            _spoken("scope", self.scopes, "and"),
        )  # fmt: skip
        return ", ".join(filter(None, demands)) or "who is known"


def _spoken(what: str, names: Iterable[str], link: str) -> str:
    listed = f" {link} ".join(sorted(names))
    return f"{what} {listed}" if listed else ""
