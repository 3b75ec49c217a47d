"""How much comes in: rate limits and capacity.

Source: SPEC 3.7.
"""

import re
from typing import Final, Literal, final
from urllib.parse import urlsplit

from msgspec import Struct

from perdure.config.checks import check_positive, check_types
from perdure.errors import ConfigError

__all__ = ["CapacitySettings", "Priority", "RateLimit", "RateSettings"]

Priority = Literal["low", "normal", "high", "critical"]
"""Who waits first when there is too much to do; ``critical`` is never turned away."""

STORE_SCHEMES: Final = ("redis", "rediss", "valkey", "valkeys", "unix")


@final
class RateLimit(Struct, frozen=True, forbid_unknown_fields=True):
    """How often something may happen: ``RateLimit("100/minute", per="address")``.

    Raises:
        ConfigError: *rate* makes no sense.
    """

    rate: str
    """``100/minute``, ``10/5 seconds``; second, minute, hour, day."""
    per: Literal["client", "address", "handler"] = "client"
    """Who shares it: a client (who it showed to be, else its address), an address whoever calls from it, or all. Of
    IPv6, the 64 bits that name a network are one address."""

    @property
    def allowed(self) -> int:
        """Number of requests in each window."""
        return _parsed(self.rate)[0]

    @property
    def window_s(self) -> float:
        """Length of the window."""
        return _parsed(self.rate)[1]

    def __str__(self) -> str:
        """``100/60s per client``: the same for rates that mean the same."""
        return f"{self.allowed}/{self.window_s:g}s per {self.per}"

    def __post_init__(self) -> None:
        check_types(self)
        _parsed(self.rate)


_UNITS_S: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
# Nine digits are more than any process counts, and fewer than Python refuses to read.
_RATE: Final = re.compile(r" *([0-9]{1,9}) */ *(?:([0-9]{1,6}) +)?(second|minute|hour|day)s? *")


def _parsed(rate: str) -> tuple[int, float]:
    """Return how many are allowed in how many seconds."""
    found = _RATE.fullmatch(rate)
    allowed, length_s = (int(found[1]), int(found[2] or 1) * _UNITS_S[found[3]]) if found is not None else (0, 0)
    if not allowed or not length_s:
        raise ConfigError(f"a rate is written 100/minute or 10/5 seconds, not {rate[:80]!r}")
    return allowed, float(length_s)


@final
class RateSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Rate limits of the whole app, and where they are counted: `Config.rates`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    limits: tuple[RateLimit, ...] = ()
    """Hold for all routes together."""
    store_url: str | None = None
    """``redis://HOST:PORT/DB`` (``rediss`` with TLS, ``unix`` for a socket, ``valkey``, ``valkeys``), where all
    processes and machines count together; None: each process counts what it sees."""
    secret: str | None = None
    """Name of the secret that is the password of *store_url*; read for each connection."""
    strategy: Literal["exact", "approximate"] = "exact"
    """``exact``: no window of the length named has more than allowed (a moving window; eight bytes for each request
    that counts). ``approximate``: two counters per client; near the limit it may err by some requests."""
    when_store_fails: Literal["allow", "refuse"] = "allow"
    """What happens while the store cannot be asked: requests pass, counted by each process alone; or read 503."""
    store_timeout_s: float = 0.25
    """How long the store has for its answer, the connection included."""
    store_retry_s: float = 1.0
    """How long it is left alone after it failed; then one request tries again."""
    client_limit: int = 100_000
    """Clients with a name counted at most in memory, each once per limit, and as many addresses. Of more, those are
    forgotten that have asked least."""

    def __post_init__(self) -> None:
        check_types(self)
        check_positive(self, ("store_timeout_s", "store_retry_s", "client_limit"))
        if self.store_url is not None:
            _check_store(self.store_url, has_secret=self.secret is not None)
        elif self.secret is not None:
            raise ConfigError("secret is the password of store_url, which is not set")


def _check_store(url: str, *, has_secret: bool) -> None:
    try:
        parts = urlsplit(url)
        is_place = parts.scheme in STORE_SCHEMES and (parts.path if parts.scheme == "unix" else parts.hostname)
        _ = parts.port  # reading it is what fails where it is no number
    except ValueError:
        is_place = False
    if not is_place:
        raise ConfigError(f"store_url must be a URL of one of {', '.join(STORE_SCHEMES)}: redis://HOST:PORT/DB")
    if has_secret and parts.password:
        raise ConfigError("store_url has a password, and secret names another: leave one of the two out")


@final
class CapacitySettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How much is done at once: `Config.capacity`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    max_requests: int = 20_000
    """Requests in the works in one process; of ``low`` priority only half as many, of ``normal`` nine tenths. From a
    quarter on, no client may have more than four times of what is still free."""
    fair_lag_s: float | None = 0.1
    """How late the process may be, for a while, before clients that ask for much more than others are turned away in
    part; None: never for that. Less keeps quick handlers quick under a flood, but takes a busy machine for one."""
    lag_limit_s: float | None = None
    """How late it may be before anybody is, ``low`` priority first; None: never for that."""
    retry_after_s: int = 1
    """What clients that are turned away are told to wait."""

    def __post_init__(self) -> None:
        check_types(self)
        check_positive(self, ("max_requests", "fair_lag_s", "lag_limit_s", "retry_after_s"))
