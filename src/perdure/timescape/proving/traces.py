"""What became of one value on its way, version by version, in the one run in which it happened.

Going the way again to see where a value became wrong may show something else: a function that depends on chance, or on
what it did before, is only caught by what it made this time.
"""

from collections.abc import Iterator
from typing import final

import msgspec

from perdure.timescape.proving.plain import fresh

__all__ = ["Trace"]


@final
class Trace:
    """The value at every version it came through; up to where it stopped, if something stopped it.

    Args:
        version: Where it starts, by its index.
        value: What starts there.
    """

    def __init__(self, version: int, value: object) -> None:
        self._passed = [(version, fresh(value))]
        self._under_way: int | None = None

    def begin(self, version: int) -> None:
        """Take note that the value is being carried to *version*."""
        self._under_way = version

    def reach(self, version: int, value: object) -> None:
        """Take note that it came there as *value*, of which a copy is kept."""
        self._passed.append((version, fresh(value)))
        self._under_way = None

    def at(self, version: int) -> object:
        """Return what it was at *version*."""
        start = self._passed[0][0]
        return next(value for at, value in reversed(self._passed) if abs(at - start) <= abs(version - start))

    def versions(self, end: int) -> Iterator[int]:
        """Yield the versions it came to on the way to *end*, which it need not have reached; not the first."""
        start, stop = self._passed[0][0], end
        onward = 1 if end >= start else -1
        if self._under_way is not None:
            stop = self._under_way - onward
        yield from range(start + onward, stop + onward, onward)

    def parts_from(self, other: "Trace", end: int) -> int | None:
        """Return the first version on the way to *end* at which the value is not what it is in *other*, if any."""
        common = zip(self.versions(end), other.versions(end), strict=False)
        return next((here for here, _ in common if _text(self.at(here)) != _text(other.at(here))), None)


def _text(value: object) -> bytes:
    return msgspec.json.encode(value, order="deterministic", enc_hook=repr)
