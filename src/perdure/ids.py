"""Request ids: unique, sortable by time, cheap.

An id is 26 characters: 11 hexadecimal digits of milliseconds since 1970, 8 of a counter, 7 base-32 digits drawn once
per process. Sorting ids as text sorts the requests of one process by start, and those of many as well as their clocks
agree.

Alternatives: UUIDv4 costs ten times as much (it asks the operating system) and does not sort; UUIDv7 and ULID draw
randomness per id, which buys nothing where a counter already tells ids apart.
"""

import itertools
import os
import re
import weakref
from collections.abc import Callable
from functools import partial
from typing import Final, final

from mypy_extensions import mypyc_attr

from perdure.clock import Clock

__all__ = ["RequestIds", "is_well_formed_request_id"]

_ALPHABET: Final = "0123456789abcdefghijklmnopqrstuv"
_COUNTER_MASK: Final = (1 << 32) - 1
_PROCESS_BYTES: Final = 5
_well_formed: Final = re.compile(r"[A-Za-z0-9._-]{1,128}").fullmatch


def is_well_formed_request_id(text: str) -> bool:
    """Return whether an inbound request id may be taken over: 1 to 128 of ``A-Z a-z 0-9 . _ -``."""
    return _well_formed(text) is not None


@final
class RequestIds:
    """A source of request ids for one process.

    Ids never repeat, also when the clock is set back, when several threads draw, and in a forked child. Those one
    thread draws ascend.

    Args:
        clock: Tells the milliseconds.
        entropy: Returns that many random bytes; asked once, and again after a fork.
    """

    __slots__ = ("_counter", "_last_ms", "_prefix", "_process", "_time", "_until")

    def __init__(self, clock: Clock, entropy: Callable[[int], bytes] = os.urandom) -> None:
        self._time: Callable[[], float] = clock.time
        # `next` on a count is atomic; everything else here may be raced for without two ids becoming one.
        self._counter = itertools.count(1)
        self._last_ms = 0
        self._prefix = ""
        self._until = 0.0
        self._enter(0)
        self._process: _Process = _Process(entropy)

    def new(self) -> str:
        """Return an id no other call has returned. O(1), about 0.2 µs."""
        count = next(self._counter) & _COUNTER_MASK
        now = self._time()
        if now >= self._until:
            self._enter(max(int(now * 1000), self._last_ms + 1))
        elif not count:
            # The counter starts over while the clock stands: a millisecond is borrowed so that ids go on ascending.
            self._enter(self._last_ms + 1)
        return f"{self._prefix}{count.to_bytes(4).hex()}{self._process.name}"

    def _enter(self, millisecond: int) -> None:
        self._last_ms = millisecond
        self._prefix = f"{millisecond:011x}"
        self._until = (millisecond + 1) / 1000


@mypyc_attr(native_class=False)  # which alone can be referred to weakly
@final
class _Process:
    """What tells ids of this process from those of others; drawn anew in a forked child."""

    def __init__(self, entropy: Callable[[int], bytes]) -> None:
        self._entropy = entropy
        self.name = ""
        self.draw()
        os.register_at_fork(after_in_child=partial(_draw_anew, weakref.ref(self)))

    def draw(self) -> None:
        """Draw another name."""
        drawn = int.from_bytes(self._entropy(_PROCESS_BYTES))
        self.name = "".join(_ALPHABET[drawn >> shift & 31] for shift in range(30, -1, -5))


def _draw_anew(kept: "weakref.ref[_Process]") -> None:
    process = kept()
    if process is not None:
        process.draw()
