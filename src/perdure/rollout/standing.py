"""How much a version is used: hot, warm or cold, and which ones have been cold for long enough to go.

Computed anew each time from the usage the store keeps by the hour, so that every process says the same. It does not
flicker: what makes a version hot is twice what keeps it hot, and going cold takes a month of nobody where a single
request ends it.

That time has passed is not taken from a clock alone, which may be a year ahead: a version is over only if others were
used on half the days since. It is what "nobody needs it any more" means, too: an API nobody asks at all says nothing.
"""

from collections.abc import Collection, Mapping, Sequence
from math import inf
from typing import Literal, final

from msgspec import Struct

from perdure.config import RolloutSettings
from perdure.store.base import Store
from perdure.store.records import VersionControl, VersionUse

__all__ = ["Standing", "Temperature", "days_used", "hours_used", "recent_usage", "standing"]

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
    unused_since_s: float
    """When it was last used, registered or activated, Unix time."""

    def is_over(self, settings: RolloutSettings, now_s: float, days: Collection[int]) -> bool:
        """Return whether it has been cold for so long that it is retired by itself.

        Args:
            days: On which any version was used, as Unix time divided by 86,400.
        """
        if self.cold_since_s is None or settings.retire_after_days is None:
            return False
        if now_s < self.cold_since_s + settings.retire_after_days * _DAY_S:
            return False
        # What is forgotten cannot speak.
        wanted = min(settings.cold_after_days + settings.retire_after_days, settings.usage_days)
        return len([day for day in days if self.unused_since_s // _DAY_S < day <= now_s // _DAY_S]) >= wanted // 2


def recent_usage(store: Store, app: str, settings: RolloutSettings, now_s: float) -> tuple[VersionUse, ...]:
    """Return the usage that matters for how things stand. Blocks; raises as `Store.usage_by_version`."""
    days = max(settings.cold_after_days + (settings.retire_after_days or 0), _LOOK_BACK_HOURS / _DAY_HOURS) + 2
    hourly_from = (int(now_s // _HOUR_S) - _LOOK_BACK_HOURS) // _DAY_HOURS * _DAY_HOURS - _DAY_HOURS
    return store.usage_by_version(app, max(0, int((now_s - days * _DAY_S) // _HOUR_S)), hourly_from)


def hours_used(uses: Sequence[VersionUse]) -> dict[str, dict[int, int]]:
    """Return for each version its requests by hour."""
    used: dict[str, dict[int, int]] = {}
    for each in uses:
        hours = used.setdefault(each.version, {})
        hours[each.hour] = hours.get(each.hour, 0) + each.requests
    return used


def days_used(uses: Sequence[VersionUse]) -> frozenset[int]:
    """Return the days on which any version was used, as Unix time divided by 86,400."""
    return frozenset(each.hour // _DAY_HOURS for each in uses)


def standing(
    control: VersionControl, by_hour: Mapping[int, int], settings: RolloutSettings, now_s: float, *, is_needed: bool
) -> Standing:
    """Return the standing of one version.

    Args:
        control: What was decided about it.
        by_hour: Its requests by hour of Unix time, as `recent_usage` has them.
        now_s: Now, Unix time.
        is_needed: It is the latest, tagged, weighed or pinned to: it is never cold.
    """
    now_hour = int(now_s // _HOUR_S)
    requests_day = _within_a_day(by_hour, now_hour)
    began_s = max(control.registered_s, control.activated_s or 0.0)
    used = [hour for hour, requests in by_hour.items() if requests > 0]
    # An hour is over when its usage counts: to the safe side.
    unused_since_s = max(began_s, (max(used) + 1) * _HOUR_S if used else 0.0)
    cold_since_s = max(unused_since_s + settings.cold_after_days * _DAY_S, began_s + settings.grace_days * _DAY_S)
    temperature: Temperature = "hot" if _is_hot(by_hour, now_hour, settings.hot_requests) else "warm"
    is_cold = now_s >= (inf if is_needed or control.retained else cold_since_s)
    return Standing(
        temperature="cold" if is_cold else temperature, requests_day=requests_day,
        cold_since_s=cold_since_s if is_cold else None, unused_since_s=unused_since_s,
    )  # fmt: skip


def _is_hot(by_hour: Mapping[int, int], now_hour: int, hot_requests: int) -> bool:
    is_hot = False
    for hour in range(now_hour - _LOOK_BACK_HOURS, now_hour + 1):
        requests = _within_a_day(by_hour, hour)
        is_hot = requests >= hot_requests or (is_hot and requests >= hot_requests / 2)
    return is_hot


def _within_a_day(by_hour: Mapping[int, int], hour: int) -> int:
    return sum(by_hour.get(each, 0) for each in range(hour - _DAY_HOURS + 1, hour + 1))
