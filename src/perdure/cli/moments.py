"""Times as people write them on the command line."""

import re

from perdure.errors import DecisionError
from perdure.timescape.instants import is_in_calendar, parse_date, parse_instant

__all__ = ["duration", "end", "is_duration", "moment"]

_DURATION = re.compile(r"([0-9]+(?:\.[0-9]+)?)(s|m|h|d)")
_UNIT_S = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86_400.0}


def moment(text: str) -> float:
    """Return the Unix time of a date, ``2027-01-31``, or of an instant, ``2027-01-31T12:00:00Z``.

    Raises:
        DecisionError: *text* is neither.
    """
    seconds = parse_date(text)
    if seconds is not None:
        return float(seconds)
    found = parse_instant(text)
    if found is None:
        raise DecisionError(f"{text!r} is no date such as 2027-01-31, nor an instant such as 2027-01-31T12:00:00Z")
    if not is_in_calendar(found.seconds):
        raise DecisionError(f"{text!r} is no time of the years 1 to 9999, in UTC")
    return float(found.seconds)


def duration(text: str) -> float:
    """Return the seconds of ``90s``, ``15m``, ``2h`` or ``1d``.

    Raises:
        DecisionError: *text* is no such thing.
    """
    found = _DURATION.fullmatch(text)
    if found is None or float(found[1]) == 0:
        raise DecisionError(f"{text!r} is no duration; write 90s, 15m, 2h or 1d")
    return float(found[1]) * _UNIT_S[found[2]]


def is_duration(text: str) -> bool:
    """Return whether *text* is written like a `duration`."""
    return _DURATION.fullmatch(text) is not None


def end(text: str, now_s: float) -> float:
    """Return the Unix time at which something ends: so long after *now_s*, or at a date or instant to come.

    Raises:
        DecisionError: *text* is no `duration` and no `moment`, or the time is over, or beyond the calendar.
    """
    if not is_duration(text) and parse_date(text) is None and parse_instant(text) is None:
        raise DecisionError(
            f"{text!r} is no duration such as 90d, no date such as 2027-01-31, no instant such as 2027-01-31T12:00:00Z"
        )
    end_s = now_s + duration(text) if is_duration(text) else moment(text)
    if end_s <= now_s:
        raise DecisionError(f"{text!r} lies in the past")
    if not is_in_calendar(end_s):
        raise DecisionError(f"{text[:20]!r} from now is no time of the years 1 to 9999")
    return end_s
