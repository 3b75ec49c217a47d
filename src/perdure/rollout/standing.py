"""How much a version is used: hot, warm or cold, and which ones have been cold for long enough to go.

Computed anew each time from the usage the store keeps by the hour, so that every process says the same. It does not
flicker: what makes a version hot is twice what keeps it hot, and going cold takes a month of nobody where a single
request ends it.
"""

from collections.abc import Mapping
from math import inf
from typing import Literal, final

from msgspec import Struct

from perdure.config import RolloutSettings
from perdure.store.records import VersionControl

__all__ = ["Standing", "Temperature", "standing", "usage_since_hour"]

Temperature = Literal["hot", "warm", "cold"]

_HOUR_S = 3600.0
_DAY_HOURS = 24
_DAY_S = 86_400.0
_LOOK_BACK_HOURS = 7 * _DAY_HOURS


@final
class Standing(Struct, frozen=True, kw_only=True):
    """How much one version is used."""

    temperature: Temperature
    requests_day: int
    """Within the last 24 hours, the one under way included."""
    cold_since_s: float | None
    """When it became cold, Unix time; None while it is not."""

    def is_over(self, settings: RolloutSettings, now_s: float) -> bool:
        """Return whether it has been cold for so long that it is retired by itself."""
        if self.cold_since_s is None or settings.retire_after_days is None:
            return False
        return now_s >= self.cold_since_s + settings.retire_after_days * _DAY_S


def usage_since_hour(settings: RolloutSettings, now_s: float) -> int:
    """Return the first hour whose usage `standing` has to know."""
    days = max(settings.cold_after_days + (settings.retire_after_days or 0), _LOOK_BACK_HOURS / _DAY_HOURS) + 2
    return max(0, int((now_s - days * _DAY_S) // _HOUR_S))


def standing(
    control: VersionControl, by_hour: Mapping[int, int], settings: RolloutSettings, now_s: float, *, is_needed: bool
) -> Standing:
    """Return the standing of one version.

    Args:
        control: What was decided about it.
        by_hour: Its requests by hour of Unix time, from `usage_since_hour` on.
        now_s: Now, Unix time.
        is_needed: It is the latest, tagged, weighed or pinned to: it is never cold.
    """
    now_hour = int(now_s // _HOUR_S)
    requests_day = _within_a_day(by_hour, now_hour)
    cold_since_s = inf if is_needed or control.retained else _cold_from(control, by_hour, settings)
    if now_s >= cold_since_s:
        return Standing(temperature="cold", requests_day=requests_day, cold_since_s=cold_since_s)
    temperature: Temperature = "hot" if _is_hot(by_hour, now_hour, settings.hot_requests) else "warm"
    return Standing(temperature=temperature, requests_day=requests_day, cold_since_s=None)


def _cold_from(control: VersionControl, by_hour: Mapping[int, int], settings: RolloutSettings) -> float:
    """Return when the version becomes, or became, cold if nobody uses it any more."""
    began_s = max(control.registered_s, control.activated_s or 0.0)
    used = [hour for hour, requests in by_hour.items() if requests > 0]
    # An hour is over when its usage counts: to the safe side.
    last_s = (max(used) + 1) * _HOUR_S if used else 0.0
    return max(max(began_s, last_s) + settings.cold_after_days * _DAY_S, began_s + settings.grace_days * _DAY_S)


def _is_hot(by_hour: Mapping[int, int], now_hour: int, hot_requests: int) -> bool:
    is_hot = False
    for hour in range(now_hour - _LOOK_BACK_HOURS, now_hour + 1):
        requests = _within_a_day(by_hour, hour)
        is_hot = requests >= hot_requests or (is_hot and requests >= hot_requests / 2)
    return is_hot


def _within_a_day(by_hour: Mapping[int, int], hour: int) -> int:
    return sum(by_hour.get(each, 0) for each in range(hour - _DAY_HOURS + 1, hour + 1))
