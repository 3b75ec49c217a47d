"""From what a client asks for to a version.

A `Resolver` never changes: when tags or decisions do, a new one takes its place.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Final, final

from perdure.errors import UnknownVersionError
from perdure.timescape.instants import parse_date, parse_instant
from perdure.timescape.semver import parse_range, parse_semver
from perdure.timescape.versions import UNVERSIONED, Version

__all__ = ["Resolver", "format_tsv"]

_LIMIT_CHARACTERS: Final = 200
_PRINTABLE = re.compile(r"[\x20-\x7e]+")
_TSV = re.compile(r"tsv:(-?(?:0|[1-9][0-9]*))-(.+)-([0-9]{3})")


def format_tsv(version: Version, handler_id: str) -> str:
    """Return the TSV of *handler_id* at *version*: ``tsv:1770681600-orders.create-000``."""
    return f"tsv:{version.seconds}-{handler_id}-{version.number:03}"


@final
class Resolver:
    """Resolve version preferences against versions and tags that stay as they are.

    Args:
        versions: Those that can be asked for, oldest first; at least one.
        tags: Index of the version each tag stands for, ``latest`` and ``stable`` included.
        closed: Indices of versions that only their own names, labels and dates lead to: ranges pass them by while
            there is another one.
    """

    def __init__(
        self, versions: Sequence[Version], tags: Mapping[str, int], closed: AbstractSet[int] = frozenset()
    ) -> None:
        self._versions = versions
        self._seconds = [version.seconds for version in versions]
        self._by_second = {(version.seconds, version.number): version.index for version in versions}
        labels = sorted((semver.rank, v.index) for v in versions if v.label and (semver := parse_semver(v.label)))
        # Looked at in turn: what is open, then all there is.
        lines = ([each for each in labels if each[1] not in closed], labels) if closed else (labels,)
        self._labels = tuple(([rank for rank, _ in line], [index for _, index in line]) for line in lines)
        names = {version.name: version.index for version in versions}
        self._exact: dict[str, int] = {UNVERSIONED: versions[0].index, **names, **tags}
        known = (*names, *(version.label for version in versions if version.label is not None), *tags)
        self._known = tuple(dict.fromkeys(known))

    def resolve(self, text: str) -> int:
        """Return the index of the version *text* asks for.

        Args:
            text: An RFC 3339 instant or a date (its start in UTC), for the newest version not after it; the name of a
                version; a tag; a label; or a range of labels, for the highest in it. Surrounding spaces do not count.
        Returns:
            The index. O(log n).
        Raises:
            UnknownVersionError: No version answers to *text*, or it is a TSV: these need `resolve_tsv`.
        """
        is_sane = len(text) <= _LIMIT_CHARACTERS and _PRINTABLE.fullmatch(text) is not None
        index = self._interpret(text.strip(" ")) if is_sane else None
        if index is None:
            raise UnknownVersionError(text, self._known)
        return index

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
            return self._versions[position - 1].index if position else None
        wanted = parse_range(text)
        if wanted is not None:
            for ranks, indices in self._labels:
                place = wanted.newest(ranks)
                if place is not None:
                    return indices[place]
        return None
