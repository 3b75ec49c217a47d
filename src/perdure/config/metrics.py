"""What is counted, and who may read it.

Source: SPEC 3.11.
"""

from itertools import pairwise
from math import inf
from typing import final

from msgspec import Struct

from perdure.config.checks import check_path, check_positive, check_types
from perdure.errors import ConfigError

__all__ = ["MetricsSettings"]

_BUCKETS_MOST = 60


@final
class MetricsSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is counted, and who may read it: `Config.metrics`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    enabled: bool = True
    """Count requests. The program's own metrics are counted in any case."""
    path: str | None = None
    """Where Prometheus finds them: ``/metrics``; None: nowhere. It is on the address of the API itself, and tells
    handlers and traffic, so keep it from the internet, or set *secret*. A route of the app's own goes first."""
    secret: str | None = None
    """Name of the secret that whoever reads *path* has to show (``Authorization: Bearer …``); None: nobody has to."""
    duration_buckets_s: tuple[float, ...] = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10)
    """Upper bounds of the buckets that durations of requests are sorted into, ascending. These are OpenTelemetry's."""
    series_limit: int = 1000
    """Series each of the program's own metrics may have; what is beyond is counted together, as ``(other)``."""

    def __post_init__(self) -> None:
        check_types(self)
        check_positive(self, ("series_limit",))
        check_path("path", self.path)
        bounds = self.duration_buckets_s
        is_ascending = all(low < high for low, high in pairwise(bounds))
        if not bounds or len(bounds) > _BUCKETS_MOST or not is_ascending or not 0 < bounds[0] < bounds[-1] + 1 < inf:
            raise ConfigError(
                f"duration_buckets_s must be 1 to {_BUCKETS_MOST} numbers greater than 0, ascending, not {bounds!r}"
            )
        if self.secret is not None and self.path is None:
            raise ConfigError("secret is for who reads path, which is not set")
