"""How versions come and go.

Source: SPEC 3.5.
"""

from math import inf
from typing import Literal, final

from msgspec import Struct

from perdure.config.checks import check_positive, check_types, is_header_name
from perdure.errors import ConfigError

__all__ = ["RolloutSettings"]


@final
class RolloutSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How versions come and go: `Config.rollout`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    activation: Literal["automatic", "compatible", "manual"] = "automatic"
    """What a version that is registered for the first time does: it serves at once (``automatic``); it does if it
    breaks no older live version, or has transformers for what it breaks (``compatible``); it waits for
    `perdure versions activate` (``manual``). The first build an empty store sees serves at once in any case."""
    client_header: str | None = None
    """Header that names the client, for pins, weights and usage; anyone can send it, so only behind a front that sets
    it. Where it is not set or not sent, a client is who it showed to be (``staff:ada``), else its address."""
    pin_on_first_use: bool = False
    """Pin a client that asks for no version to the one whose handler answers it first, unless by 401, 403, 429 or 5xx.
    Such a pin is stored within some hundredths of a second: a process that is killed before that forgets it."""
    pin_limit: int = 100_000
    """Pins by first use that are made at most."""
    poll_interval_s: float = 0.25
    """How often a process asks the store for decisions of others."""
    flush_interval_s: float = 2.0
    """How often usage is written to the store: what a killed process loses at most."""
    usage_client_limit: int = 1000
    """Clients told apart per version and hour; the rest are counted together."""
    usage_days: float = 400.0
    """How long usage is kept."""
    hot_requests: int = 100
    """Requests within a day that make a version hot; under half of that it is warm again."""
    cold_after_days: float = 30.0
    """A version nobody has used for as long is cold."""
    grace_days: float = 14.0
    """A version is not cold for as long after it was activated."""
    retire_after_days: float | None = None
    """A version is retired by itself when it has been cold for as long, if others were used on half of the days since
    it was used last; None: never."""
    fallback: bool = True
    """Take traffic that did not ask for a version by its own name from an unhealthy version to a healthy one."""
    unhealthy_percent: float = 25.0
    """Share of failing (5xx) or slow answers within the window that makes a version unhealthy."""
    slow_after_s: float | None = None
    """An answer that takes longer is slow; None: none is."""
    health_window_s: float = 30.0
    """How long an answer counts, and the shortest time an unhealthy version is left alone before it is tried again."""
    health_min_requests: int = 10
    """Answers within the window without which nothing is said about a version."""
    probe_requests: int = 5
    """Requests an unhealthy version is tried with; all of them failing is what a trial can cost."""

    def __post_init__(self) -> None:
        check_types(self)
        positive = (
            "pin_limit", "poll_interval_s", "flush_interval_s", "usage_client_limit", "usage_days", "hot_requests",
            "cold_after_days", "unhealthy_percent", "health_window_s", "health_min_requests", "probe_requests",
        )  # fmt: skip
        check_positive(self, positive)
        for name in ("grace_days", "retire_after_days", "slow_after_s"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < inf:
                raise ConfigError(f"{name} must be 0 or more, not {value!r}")
        if self.unhealthy_percent > 100:
            raise ConfigError(f"unhealthy_percent must be at most 100, not {self.unhealthy_percent!r}")
        if self.client_header is not None and not is_header_name(self.client_header):
            raise ConfigError(f"client_header must be a header name, not {self.client_header!r}")
