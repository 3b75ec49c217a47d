"""Dates and instants as clients and revision files write them: RFC 3339, in whole seconds since 1970 UTC.

Versions stand on whole seconds, so an instant asked for may be rounded down: what lies between two seconds is no
version. `datetime.fromisoformat` takes far more than RFC 3339 (week dates, missing parts), and fails on what RFC 3339
allows (leap seconds, more than six digits), hence the grammar here.
"""

import datetime as dt
import re
from typing import NamedTuple

__all__ = ["DAY_S", "Instant", "format_date", "format_instant", "is_in_calendar", "parse_date", "parse_instant"]

DAY_S = 86_400
_EPOCH_DAY = dt.date(1970, 1, 1).toordinal()
_LAST_DAY = dt.date.max.toordinal()
_DATE = re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})")
_INSTANT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]+))?(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))"
)


class Instant(NamedTuple):
    """A moment, rounded down to the second."""

    seconds: int
    """Since 1970-01-01T00:00:00Z."""
    is_whole: bool
    """Nothing was lost by rounding."""


def parse_date(text: str) -> int | None:
    """Return the second at which the day *text* (``2025-06-01``) starts in UTC; None if it is no calendar day."""
    found = _DATE.fullmatch(text)
    if found is None:
        return None
    try:
        day = dt.date(int(found[1]), int(found[2]), int(found[3]))
    except ValueError:
        return None
    return (day.toordinal() - _EPOCH_DAY) * DAY_S


def parse_instant(text: str) -> Instant | None:
    """Return the RFC 3339 instant *text* (``2025-06-01T12:00:00+02:00``); None if it is none.

    A leap second counts into the second before it.
    """
    found = _INSTANT.fullmatch(text)
    if found is None:
        return None
    date, hours, minutes, seconds, fraction, sign, offset_hours, offset_minutes = found.groups()
    midnight = parse_date(date)
    hour, minute, second = int(hours), int(minutes), int(seconds)
    if midnight is None or hour > 23 or minute > 59 or second > 60:
        return None
    is_leap = second == 60
    total = midnight + hour * 3600 + minute * 60 + (59 if is_leap else second)
    if sign:
        away_hours, away_minutes = int(offset_hours), int(offset_minutes)
        if away_hours > 23 or away_minutes > 59:
            return None
        away = away_hours * 3600 + away_minutes * 60
        total -= away if sign == "+" else -away
    if is_leap and not _may_leap(total):
        return None
    return Instant(total, not is_leap and not (fraction or "").strip("0"))


def _may_leap(seconds: int) -> bool:
    """Leap seconds follow 23:59:59 UTC on the last day of June or December."""
    day, rest = divmod(seconds + 1, DAY_S)
    if rest:
        return False
    if day + _EPOCH_DAY > _LAST_DAY:  # the morrow of 9999-12-31, which `datetime` does not know
        return True
    morrow = dt.date.fromordinal(day + _EPOCH_DAY)
    return morrow.day == 1 and morrow.month in {1, 7}


def is_in_calendar(seconds: float) -> bool:
    """Return whether *seconds* can be written as a date: they fall on a UTC day of the years 1 to 9999."""
    return 1 <= seconds // DAY_S + _EPOCH_DAY <= _LAST_DAY


def format_date(seconds: int) -> str:
    """Return the UTC day *seconds* falls on: ``2025-06-01``."""
    return dt.date.fromordinal(seconds // DAY_S + _EPOCH_DAY).isoformat()


def format_instant(seconds: int) -> str:
    """Return *seconds* as RFC 3339 in UTC: ``2025-06-01T10:00:00Z``."""
    minutes, second = divmod(seconds % DAY_S, 60)
    hour, minute = divmod(minutes, 60)
    return f"{format_date(seconds)}T{hour:02}:{minute:02}:{second:02}Z"
