"""What becomes of what is there when something is added: the rules every `Store` keeps, without a database."""

from collections.abc import Iterable, Mapping, Sequence

import msgspec
from msgspec.structs import replace

from perdure.errors import RevisionConflictError, StoreError
from perdure.store.records import (
    NAME_LIMIT,
    Control,
    HealthReport,
    Pin,
    Publication,
    PublishedVersion,
    UsageCount,
    VersionControl,
    storable_name,
)

__all__ = [
    "HEALTH_KEPT_S",
    "JOURNAL_KEPT",
    "UNPINNED_KEPT",
    "add",
    "check_names",
    "document",
    "fresh_versions",
    "latest_reports",
    "registered",
    "summed",
    "version_order",
]

HEALTH_KEPT_S = 86_400.0
"""How long a process that says nothing more is remembered."""

JOURNAL_KEPT = 10_000
"""How many decisions are remembered."""

UNPINNED_KEPT = 1000
"""How many clients that have a pin no more are remembered, so that whoever follows the pins learns of it."""


def check_names(*names: str) -> None:
    """Refuse names a database could not hold.

    Raises:
        StoreError: One of them is too long, or holds NUL or a lone surrogate.
    """
    for name in names:
        if storable_name(name) != name:
            raise StoreError(
                f"the store takes no name such as {name[:40]!r}: names are Unicode without NUL, at most "
                f"{NAME_LIMIT} characters long"
            )


def document(value: object) -> bytes:
    """Return *value* as the text that is kept of it.

    Raises:
        StoreError: It holds what has no JSON text: a lone surrogate, a number out of range.
    """
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError) as error:
        raise StoreError(f"the store cannot keep a {type(value).__name__}: {error}") from error


def pins_to_set(pins: Sequence[Pin], known: Mapping[str, Pin]) -> dict[str, Pin]:
    """Return those of *pins* that change what is *known*, by client: first use leaves a pin that is there alone.

    Raises:
        StoreError: A name is none a store takes.
    """
    changed: dict[str, Pin] = {}
    for pin in pins:
        check_names(pin.client, pin.version)
        there = changed.get(pin.client) or known.get(pin.client)
        if there != pin and (there is None or pin.by == "operator"):
            changed[pin.client] = pin
    return {client: changed[client] for client in sorted(changed)}


def fresh_versions(publication: Publication, digests: Mapping[str, str]) -> tuple[PublishedVersion, ...]:
    """Return those versions of *publication* that may be written.

    Args:
        publication: What is published.
        digests: Of each version that is known, by name; ``""`` where it is not protected.
    Raises:
        RevisionConflictError: A version has another digest than it had.
    """
    for version in publication.versions:
        known = digests.get(version.name)
        if known and version.digest and version.digest != known:
            raise RevisionConflictError(publication.app, version.name, version.revision)
    return tuple(version for version in publication.versions if not digests.get(version.name))


def registered(control: Control, publication: Publication, at_s: float) -> Control:
    """Return *control* with those versions of *publication* registered that it does not know; itself if it does."""
    fresh = [version.name for version in publication.versions if version.name not in control.versions]
    if not fresh:
        return control
    added = dict.fromkeys(fresh, VersionControl(registered_s=at_s))
    return replace(control, versions={**control.versions, **added})


def version_order(version: PublishedVersion) -> tuple[int, int, str]:
    """Return what versions are sorted by, oldest first."""
    return version.seconds, version.number, version.name


def summed(counts: Iterable[UsageCount]) -> tuple[UsageCount, ...]:
    """Return *counts* with those of one version, client and hour added up, sorted by these three.

    Raises:
        StoreError: A name is none a store takes.
    """
    sums: dict[tuple[str, str, int], UsageCount] = {}
    for each in counts:
        check_names(each.version, each.client)
        key = (each.version, each.client, each.hour)
        known = sums.get(key)
        sums[key] = each if known is None else add(known, each)
    return tuple(sums[key] for key in sorted(sums))


def add(known: UsageCount, more: UsageCount) -> UsageCount:
    """Return both counts as one."""
    return replace(known, requests=known.requests + more.requests, last_s=max(known.last_s, more.last_s))


def latest_reports(reports: Sequence[HealthReport]) -> tuple[HealthReport, ...]:
    """Return the last of *reports* for each version and process, sorted by these.

    Raises:
        StoreError: A name is none a store takes.
    """
    last: dict[tuple[str, str], HealthReport] = {}
    for each in reports:
        check_names(each.version, each.process)
        last[each.version, each.process] = each
    return tuple(last[key] for key in sorted(last))
