"""Walk over the lines of one file, and see whether each follows from the one before."""

import mmap
from collections.abc import Iterator
from hashlib import sha256
from typing import Final, NamedTuple

from perdure.audit.lines import HASH, TAIL_BYTES

__all__ = ["Line", "walk"]

_WITHOUT_BREAK: Final = TAIL_BYTES - 1
_CLOSING: Final = b'"}'
_DIGITS: Final = frozenset(b"0123456789abcdef")


class Line(NamedTuple):
    """One line."""

    begin: int
    """Where it begins, in bytes from the start of the file."""
    tail: int
    """Where its end begins; as *begin* where it has none and is no line of a log."""
    end: int
    """Where its line break is."""
    follows: bool
    """Whether its hash is right for the line before."""


def walk(data: bytes | mmap.mmap, tail: bytes | None, begin: int = 0) -> Iterator[Line]:
    """Yield each whole line of *data*.

    After a line that does not follow, the next is held against what that one says its hash is, so that one change is
    told once.

    Args:
        data: Lines; what comes after the last line break is no line.
        tail: End of the line before the first; None where that is not known, and nothing can follow from it.
        begin: Where to begin.
    """
    view = memoryview(data)
    find = data.find
    before = -1
    """Where the end of the line before begins; -1 where it is not in the file."""
    while True:
        end = find(b"\n", begin)
        if end < 0:
            return
        place = end - _WITHOUT_BREAK
        if place < begin or data[place : place + len(HASH)] != HASH or data[end - 2 : end] != _CLOSING:
            yield Line(begin, begin, end, follows=False)
            before, tail = -1, None
        else:
            said = data[place + len(HASH) : end - 2]
            if before >= 0:
                follows = sha256(view[before:place]).hexdigest().encode() == said
            elif tail is not None:
                follows = sha256(tail + view[begin:place]).hexdigest().encode() == said
            else:
                follows = _DIGITS.issuperset(said)
            yield Line(begin, place, end, follows)
            before = place
        begin = end + 1
