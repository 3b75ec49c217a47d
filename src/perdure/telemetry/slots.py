"""Where numbers are kept: rows of eight-byte slots, in this process's own memory or in a file that others read.

A number is read and written through a view, which takes some 40 ns. It lies where whoever looks can read it in one
piece: half a number is never seen.
"""

from typing import Final, Protocol, TypeAlias, final

__all__ = ["PrivateSlots", "Slots", "View"]

View: TypeAlias = "memoryview[float]"
"""Numbers, in place."""

_PRIVATE_CHUNK: Final = 512


class Slots(Protocol):
    """Gives out slots, and says what they are for."""

    def take(self, count: int) -> tuple[View, int]:
        """Return a view of numbers, and where in it the next *count* are, each 0.0 and nobody's so far."""

    def note(self, view: View, at: int, line: bytes) -> None:
        """Tell those who read from outside, if there are any, what the slots at *at* are; they follow *line*."""


@final
class PrivateSlots:
    """Slots that only this process sees."""

    def __init__(self) -> None:
        self._chunk = _chunk(0)
        self._used = 0

    def take(self, count: int) -> tuple[View, int]:
        """Return where the next *count* slots are; see `Slots.take`."""
        if self._used + count > len(self._chunk):
            self._chunk, self._used = _chunk(max(count, _PRIVATE_CHUNK)), 0
        at, self._used = self._used, self._used + count
        return self._chunk, at

    def note(self, view: View, at: int, line: bytes) -> None:
        """Do nothing: nobody reads from outside."""


def _chunk(count: int) -> View:
    return memoryview(bytearray(8 * count)).cast("d")
