"""Slots in files, so that the processes of one server can read what each of them counts.

Each process has two files in a folder that the server made: ``NUMBER.slots``, mapped into memory, so that what was
written is there whatever ends the process; and ``NUMBER.series``, which says, a line each, what the slots are. The
first slot of all says when the process last wrote what it still held.

Alternatives: asking each process over a socket (one that was killed answers nothing any more, and what it counted is
gone); a file that is written to every so often (a scrape would read old numbers); `prometheus_client`'s files (they are
bound to its own metric classes, which take several microseconds per value, and never get fewer).

Source: SPEC 3.11, property 30.
"""

import errno
import logging
import mmap
import os
from math import inf
from pathlib import Path
from typing import Final, final

import msgspec

from perdure.telemetry.exemplars import EXEMPLAR_SLOTS
from perdure.telemetry.metric import Metric
from perdure.telemetry.sheet import Row, Sheet
from perdure.telemetry.slots import PrivateSlots, View

__all__ = ["SharedSlots", "read_sheet", "settled_s"]

_log: Final = logging.getLogger("perdure.telemetry")

_CHUNK_BYTES: Final = max(65_536, mmap.ALLOCATIONGRANULARITY)
_CHUNK: Final = _CHUNK_BYTES // 8
_HEAD: Final = 8
"""Slots of the first chunk that are for the process itself."""


@final
class SharedSlots:
    """The slots of one process.

    Args:
        folder: Where its files are to be.
        number: Which of the server's processes it is; no two have the same.
    Raises:
        OSError: The files cannot be made.
    """

    def __init__(self, folder: Path, number: int) -> None:
        flags = os.O_CREAT | os.O_RDWR | os.O_TRUNC | os.O_CLOEXEC
        self._file = os.open(folder / f"{number}.slots", flags, 0o600)
        self._lines = os.open(folder / f"{number}.series", flags | os.O_APPEND, 0o600)
        self._chunks: list[View] = []
        self._own = PrivateSlots()
        self._is_full = False
        self._grow()
        self._head = self._chunks[0]
        self._used = _HEAD
        self.settled_s = inf

    @property
    def settled_s(self) -> float:
        """Until when (monotonic seconds) all that was counted is in the slots; infinite while nothing is held back."""
        settled_s: float = self._head[0]
        return settled_s

    @settled_s.setter
    def settled_s(self, now_s: float) -> None:
        self._head[0] = now_s

    def take(self, count: int) -> tuple[View, int]:
        """Return where the next *count* slots are; see `Slots.take`. Where there is no room, nobody else sees them."""
        if not self._is_full and self._used + count > _CHUNK:
            try:
                self._grow()
                self._used = 0
            except OSError as error:
                self._fill_up(error)
        if self._is_full:
            return self._own.take(count)
        at, self._used = self._used, self._used + count
        return self._chunks[-1], at

    def note(self, view: View, at: int, line: bytes) -> None:
        """Tell readers what the slots at *at* are."""
        # By identity: two views are equal when their numbers are.
        chunk = next((place for place, each in enumerate(self._chunks) if each is view), None)
        if chunk is None or self._is_full:
            return
        try:
            os.write(self._lines, b"%d %b\n" % (chunk * _CHUNK + at, line))
        except OSError as error:
            self._fill_up(error)

    def _fill_up(self, error: OSError) -> None:
        self._is_full = True
        _log.warning("there is no room for more metrics that all workers tell: %s", error)

    def _grow(self) -> None:
        begin = len(self._chunks) * _CHUNK_BYTES
        # Written, not only reserved: a page that there is no room for would end the process when it is first touched.
        if os.pwrite(self._file, bytes(_CHUNK_BYTES), begin) < _CHUNK_BYTES:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._chunks.append(memoryview(mmap.mmap(self._file, _CHUNK_BYTES, offset=begin)).cast("d"))


def settled_s(folder: Path, number: int) -> float:
    """Return what that process says of itself, as `SharedSlots.settled_s`; infinite where it is gone."""
    try:
        with (folder / f"{number}.slots").open("rb") as file:
            return float(memoryview(file.read(8)).cast("d")[0])
    except (OSError, IndexError):
        return inf


def read_sheet(folder: Path, number: int) -> Sheet:
    """Return what process *number* has counted, also while it goes on, or after it was killed.

    Raises:
        FileNotFoundError: It has no files (any more).
    """
    # The lines first: what they tell of has been in the other file before.
    lines = (folder / f"{number}.series").read_bytes().split(b"\n")[:-1]
    with (folder / f"{number}.slots").open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            return Sheet((), ())
        mapped = mmap.mmap(file.fileno(), size, access=mmap.ACCESS_READ)
        with mapped, memoryview(mapped) as raw, raw.cast("d") as numbers:
            return _read(lines, numbers)


def _read(lines: list[bytes], numbers: View) -> Sheet:
    metrics: dict[str, Metric] = {}
    slots: dict[tuple[str, tuple[str, ...]], tuple[float, ...]] = {}
    exemplars: dict[tuple[str, tuple[str, ...]], tuple[float, ...]] = {}
    for line in lines:
        place, _, told = line.partition(b" ")
        if told.startswith(b"{"):
            metric = msgspec.json.decode(told, type=Metric)
            metrics[metric.name] = metric
            continue
        name, values, is_exemplar = msgspec.json.decode(told, type=tuple[str, tuple[str, ...], bool])
        metric, at = metrics[name], int(place)
        if is_exemplar:
            count = (metric.slots - 1) * EXEMPLAR_SLOTS
            exemplars[name, values] = tuple(numbers[at : at + count].tolist())
        else:
            slots[name, values] = tuple(numbers[at : at + metric.slots].tolist())
    rows = (Row(name, values, each, exemplars.get((name, values), ())) for (name, values), each in slots.items())
    return Sheet(tuple(metrics.values()), tuple(rows))
