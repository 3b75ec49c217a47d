"""From what a client asks for to a version.

A `Resolver` never changes: when tags do, a new one takes its place, and the answers the old one remembers go with it.
A slow look-up that overlaps the change can only store its answer in the resolver it read, so nothing goes stale.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from typing import Final, final

from perdure.errors import UnknownVersionError
from perdure.timescape.instants import parse_date, parse_instant
from perdure.timescape.semver import parse_range, parse_semver
from perdure.timescape.versions import UNVERSIONED, Version

__all__ = ["Resolver", "format_tsv"]

_LIMIT_CHARACTERS: Final = 200
_LIMIT_REMEMBERED: Final = 1024
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_TSV = re.compile(r"tsv:(-?(?:0|[1-9][0-9]*))-(.+)-([0-9]{3})")


def format_tsv(version: Version, handler_id: str) -> str:
    """Return the TSV of *handler_id* at *version*: ``tsv:1770681600-orders.create-000``."""
    return f"tsv:{version.seconds}-{handler_id}-{version.number:03}"


@final
class Resolver:
    """Resolve version preferences against versions and tags that stay as they are.

    Args:
        versions: All versions, oldest first.
        tags: Index of the version each tag stands for, ``latest`` and ``stable`` included.
    """

    def __init__(self, versions: Sequence[Version], tags: Mapping[str, int]) -> None:
        self._seconds = [version.seconds for version in versions]
        self._names = {version.name: version.index for version in versions}
        self._by_second = {(version.seconds, version.number): version.index for version in versions}
        self._labels = sorted((semver.rank, v.index) for v in versions if v.label and (semver := parse_semver(v.label)))
        self._ranks = [rank for rank, _ in self._labels]
        self._exact: dict[str, int] = {UNVERSIONED: 0, **self._names, **tags}
        self._remembered: dict[str, int] = {}
        names = (*self._names, *(version.label for version in versions if version.label is not None), *tags)
        self._known = tuple(dict.fromkeys(names))

    def resolve(self, text: str) -> int:
        """Return the index of the version *text* asks for.

        Args:
            text: An RFC 3339 instant or a date (its start in UTC), for the newest version not after it; the name of a
                version; a tag; a label; or a range of labels, for the highest in it. Surrounding spaces do not count.
        Returns:
            The index. Under 0.1 µs for what was asked before, else O(log n).
        Raises:
            UnknownVersionError: No version answers to *text*, or it is a TSV: these need `resolve_tsv`.
        """
        index = self._remembered.get(text)
        return self._look_up(text) if index is None else index

    def resolve_tsv(self, text: str, handler_id: str) -> int:
        """Return the index of the version the TSV *text* names.

        Raises:
            UnknownVersionError: *text* is no TSV, is another handler's, or names no version.
        """
        found = _TSV.fullmatch(text) if len(text) <= _LIMIT_CHARACTERS else None
        if found is None or found[2] != handler_id:
            raise UnknownVersionError(text, self._known)
        index = self._by_second.get((int(found[1]), int(found[3])))
        if index is None:
            raise UnknownVersionError(text, self._known)
        return index

    def _look_up(self, text: str) -> int:
        if len(text) > _LIMIT_CHARACTERS or _PRINTABLE.fullmatch(text) is None:
            raise UnknownVersionError(text, self._known)
        index = self._interpret(text.strip(" "))
        if index is None:
            raise UnknownVersionError(text, self._known)
        if len(self._remembered) >= _LIMIT_REMEMBERED:
            self._remembered.clear()
        self._remembered[text] = index
        return index

    def _interpret(self, text: str) -> int | None:
        index = self._exact.get(text)
        if index is not None:
            return index
        seconds = parse_date(text)
        if seconds is None:
            moment = parse_instant(text)
            seconds = None if moment is None else moment.seconds
        if seconds is not None:
            position = bisect_right(self._seconds, seconds)
            return position - 1 if position else None
        wanted = parse_range(text)
        place = None if wanted is None else wanted.newest(self._ranks)
        return None if place is None else self._labels[place][1]
