"""What answers say of a version's end: ``Deprecation`` (RFC 9745), ``Sunset`` (RFC 8594), ``Link`` (RFC 8288, 5829)."""

import math
from email.utils import formatdate
from urllib.parse import quote

from perdure.store.records import VersionControl
from perdure.timescape.instants import format_date, format_instant
from perdure.timescape.steering import Closed

__all__ = ["brownout_at", "brownout_left", "closed_by", "lifecycle_headers"]

_RETRY_STEP_S = 5


def lifecycle_headers(
    control: VersionControl, successor: str | None, version_query: str | None
) -> tuple[tuple[str, str], ...]:
    """Return the headers for answers of a version; none where no end is announced and it is not retired.

    Args:
        control: What was decided about the version.
        successor: Name of the version to move to.
        version_query: Query parameter that names a version: a link to the same path with it leads to the successor.
    """
    if control.deprecated_s is None and control.sunset_s is None and control.status != "retired":
        return ()
    headers: list[tuple[str, str]] = []
    if control.deprecated_s is not None:
        headers.append(("deprecation", f"@{math.floor(control.deprecated_s)}"))
    if control.sunset_s is not None:
        headers.append(("sunset", formatdate(math.floor(control.sunset_s), usegmt=True)))
    links: list[str] = []
    if control.link is not None:
        relation = "deprecation" if control.deprecated_s is not None or control.sunset_s is None else "sunset"
        links.append(f'<{control.link}>; rel="{relation}"; type="text/html"')
        if relation == "deprecation" and control.sunset_s is not None:
            links.append(f'<{control.link}>; rel="sunset"; type="text/html"')
    if successor is not None and version_query is not None:
        links.append(f'<?{quote(version_query, safe="")}={quote(successor, safe=":")}>; rel="successor-version"')
    if links:
        headers.append(("link", ", ".join(links)))
    return tuple(headers)


def brownout_at(control: VersionControl, now_s: float) -> float | None:
    """Return when the brown-out ends that is under way at *now_s*; None where none is."""
    ends = [until_s for from_s, until_s in control.brownouts if from_s <= now_s < until_s]
    return max(ends, default=None)


def brownout_left(control: VersionControl, now_s: float) -> int | None:
    """Return how many seconds the brown-out under way lasts at most; None where none is.

    In steps, so that what Timescape obeys changes once in a while, not all the time.
    """
    until_s = brownout_at(control, now_s)
    return None if until_s is None else math.ceil((until_s - now_s) / _RETRY_STEP_S) * _RETRY_STEP_S


def closed_by(control: VersionControl, successor: str | None, version_query: str | None, now_s: float) -> Closed | None:
    """Return why a version answers 410 at *now_s*; None where it does not. Arguments as for `lifecycle_headers`."""
    headers = lifecycle_headers(control, successor, version_query)
    if control.status == "retired":
        when = f" on {format_date(math.floor(control.retired_s))}" if control.retired_s is not None else ""
        return Closed(reason=f"it was retired{when}", successor=successor, headers=headers)
    until_s = brownout_at(control, now_s)
    if until_s is None:
        return None
    reason = f"it is switched off until {format_instant(math.ceil(until_s))}, to show who still uses it"
    if control.sunset_s is not None:
        reason += f"; it will be for good on {format_date(math.floor(control.sunset_s))}"
    return Closed(reason=reason, successor=successor, retry_after_s=brownout_left(control, now_s), headers=headers)
