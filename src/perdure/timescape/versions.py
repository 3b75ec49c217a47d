"""The versions of an API, in order, and the names they go by."""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import NamedTuple, final

from msgspec import Struct

from perdure.errors import RevisionError
from perdure.timescape.instants import DAY_S, format_date, format_instant, is_in_calendar, parse_date, parse_instant
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.semver import Rank, Semver, parse_semver

__all__ = ["UNVERSIONED", "Version", "order_versions"]

UNVERSIONED = "unversioned"
"""The name of the only version of an API that has no versions, and for ever another name of the oldest one: a client
that pinned itself to the API before it had versions goes on being served."""


@final
class Version(Struct, frozen=True, kw_only=True):
    """The API as it was published at one instant."""

    index: int
    """0 is the oldest."""
    seconds: int
    """When: seconds since 1970 UTC; 0 where only a label is known."""
    number: int = 0
    """Its place among the versions of the same second."""
    name: str
    """What the client is told, and what always leads back to this version: ``2026-02-10`` where it is the start of a
    UTC day, else ``2026-02-10T08:00:00Z``, else, where several share the second, ``2026-02-10T08:00:00Z.000`` with
    `number` at the end; its label if it has no instant. A later version on the same day does not change it: what was
    decided about a version, and clients' pins, are kept under its name."""
    label: str | None = None
    revision: str | None = None
    """Name of the revision file; None where only a handler's declaration makes this a version."""
    tags: tuple[str, ...] = ()

    @property
    def instant(self) -> dt.datetime:
        """When this version was published, in UTC."""
        return dt.datetime.fromtimestamp(self.seconds, dt.UTC)


class _Entry(NamedTuple):
    """A version before it has an index and a name."""

    seconds: int
    label: str | None
    revision: str | None
    is_dated: bool = True


def order_versions(revisions: Sequence[RecordedRevision], extra: Iterable[str]) -> tuple[Version, ...]:
    """Return the versions that *revisions* and the declarations of handlers make, oldest first; at least one.

    Args:
        revisions: Recorded revisions, oldest first.
        extra: Dates, instants or labels that handlers are declared for. One that names a revision's version is that
            version. Labels of no revision can only stand among themselves, in order of precedence: beside dated
            versions nobody could tell when they were.
    Raises:
        RevisionError: One of *extra* is none of these or cannot be put in order.
    """
    entries = [_Entry(each.seconds, each.label, each.name) for each in revisions]
    undated: dict[Rank, _Entry] = {}
    known = {semver.rank for each in entries if each.label and (semver := parse_semver(each.label))}
    for text in extra:
        entry, semver = _declared(text)
        if semver is None:
            if all(each.seconds != entry.seconds for each in entries):
                entries.append(entry)
        elif semver.rank not in known:
            undated.setdefault(semver.rank, entry)
    if entries and undated:
        label = next(iter(undated.values())).label
        raise RevisionError(
            f"the version {label!r} a handler is declared for is no revision's label; declare it by its date"
        )
    if undated:
        entries = [undated[rank] for rank in sorted(undated)]
    if not entries:
        return (Version(index=0, seconds=0, name=UNVERSIONED),)
    entries.sort(key=lambda each: each.seconds)  # stable: revisions of one second stay as they follow each other
    return _named(entries)


def _declared(text: str) -> tuple[_Entry, Semver | None]:
    semver = parse_semver(text)
    if semver is not None:
        return _Entry(0, text, None, is_dated=False), semver
    seconds = parse_date(text)
    if seconds is None:
        moment = parse_instant(text)
        if moment is None or not moment.is_whole or not is_in_calendar(moment.seconds):
            raise RevisionError(
                f"a handler is declared for the version {text!r}, which is no date, instant in whole seconds or label"
            )
        seconds = moment.seconds
    return _Entry(seconds, None, None), None


def _named(entries: list[_Entry]) -> tuple[Version, ...]:
    in_second = Counter(each.seconds for each in entries)
    if max(in_second.values()) > 1000:
        raise RevisionError("more than 1000 versions share one second")
    versions: list[Version] = []
    for index, each in enumerate(entries):
        follows = bool(versions) and versions[-1].seconds == each.seconds
        number = versions[-1].number + 1 if follows else 0
        if not each.is_dated and each.label is not None:
            name = each.label
        elif in_second[each.seconds] > 1:
            name = f"{format_instant(each.seconds)}.{number:03}"
        elif each.seconds % DAY_S:
            name = format_instant(each.seconds)
        else:
            name = format_date(each.seconds)
        versions.append(
            Version(
                index=index, seconds=each.seconds, number=number, name=name, label=each.label, revision=each.revision
            )
        )
    return tuple(versions)
