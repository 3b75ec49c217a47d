"""The folder in which the processes of one server count, and how what one of them counted outlives it.

The server (the parent) makes the folder and removes it. When a process has ended, the parent adds what it counted to
the file ``past``, which says whose files it makes good for: whoever reads takes ``past`` first and leaves these out, so
that at no moment anything is counted twice or not at all.

It lies in memory where there is such a file system: the kernel would hold up who writes to a page that it just stores.
"""

import asyncio
import fcntl
import mmap
import os
import shutil
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import Final, final

import msgspec
from msgspec import Struct

from perdure.telemetry.families import Family
from perdure.telemetry.shared_slots import SharedSlots, read_sheet, settled_s
from perdure.telemetry.sheet import Sheet, added_up, families_of

__all__ = ["Colleagues", "RunFolder", "fold", "read_all"]

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - in it, a folder of our own is made, for nobody else to open
_PREFIX: Final = "perdure-run-"
_UNFINISHED: Final = "perdure-new-"
_WAIT_S: Final = 0.5
_STEP_S: Final = 0.004
_ATTEMPTS: Final = 100


@final
class _Past(Struct, frozen=True):
    """What processes counted that have ended."""

    included: tuple[int, ...]
    """Of these the files, should they still be there, do not count."""
    sheet: Sheet


_NOTHING: Final = _Past((), Sheet((), ()))


@final
class RunFolder:
    """The parent's side: makes the folder, and removes it at the end; `fold` looks after what ended processes leave.

    Raises:
        OSError: The folder cannot be made.
    """

    def __init__(self) -> None:
        base = _MEMORY if os.access(_MEMORY, os.W_OK | os.X_OK) else Path(tempfile.gettempdir())
        _sweep(base)
        # It gets its name once it is locked: a server that starts at the same time would take it for one left over.
        made = Path(tempfile.mkdtemp(prefix=_UNFINISHED, dir=base))
        self._lock = _locked(made)
        (made / "asked").write_bytes(bytes(8))
        self.path = made.rename(base / f"{_PREFIX}{made.name.removeprefix(_UNFINISHED)}")

    def remove(self) -> None:
        """Remove the folder; processes that still count go on without readers."""
        shutil.rmtree(self.path, ignore_errors=True)
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


@final
class Colleagues:
    """A worker's side: where it counts, and what the others have counted.

    Args:
        folder: Of the server.
        number: Which of its processes this is.
    Raises:
        OSError: The folder cannot be used.
    """

    def __init__(self, folder: Path, number: int) -> None:
        self.slots: Final = SharedSlots(folder, number)
        self._folder = folder
        self._number = number
        with (folder / "asked").open("r+b") as file:
            self._asked = memoryview(mmap.mmap(file.fileno(), 8)).cast("d")

    @property
    def settled_s(self) -> float:
        """See `SharedSlots.settled_s`."""
        return self.slots.settled_s

    @settled_s.setter
    def settled_s(self, now_s: float) -> None:
        self.slots.settled_s = now_s

    @property
    def asked_s(self) -> float:
        """When somebody last wanted to read, in monotonic seconds."""
        asked_s: float = self._asked[0]
        return asked_s

    async def collect(self) -> list[Family]:
        """Return what all processes of the server have counted, also those that have ended.

        What they answered before this was called is in it, if they are well: one that hangs is not waited for longer
        than half a second. Cancel-safe.

        Raises:
            FileNotFoundError: The folder is gone: the server was killed, and this process is about to end too.
        """
        asked_s = time.monotonic()
        self._asked[0] = asked_s
        others = [number for number in _numbers(self._folder) if number != self._number]
        while others and time.monotonic() - asked_s < _WAIT_S:
            others = [number for number in others if settled_s(self._folder, number) < asked_s]
            if others:
                await asyncio.sleep(_STEP_S)
        return await asyncio.to_thread(lambda: families_of(read_all(self._folder)))


def fold(folder: Path, number: int) -> None:
    """Add what process *number*, which has ended, counted in *folder* to what all others did; its files go.

    Raises:
        OSError: There is no room for that; nothing has changed.
    """
    try:
        sheet = read_sheet(folder, number)
    except FileNotFoundError:
        return
    past = _read_past(folder)
    gauges = {metric.name for metric in sheet.metrics if metric.kind == "gauge"}
    lasting = tuple(row for row in sheet.rows if row.name not in gauges)
    total = added_up((Sheet(sheet.metrics, lasting), past.sheet))
    still_there = (each for each in past.included if (folder / f"{each}.slots").exists())
    written = folder / "past.new"
    written.write_bytes(msgspec.msgpack.encode(_Past((number, *still_there), total)))
    written.replace(folder / "past")
    for ending in ("slots", "series"):
        (folder / f"{number}.{ending}").unlink()


def read_all(folder: Path) -> Sheet:
    """Return what all processes that count in *folder* have written, and all that did so before them.

    Raises:
        FileNotFoundError: The folder is gone.
    """
    for _ in range(_ATTEMPTS):
        before = _state_of_past(folder)
        past = _read_past(folder)
        with suppress(FileNotFoundError):  # one was folded meanwhile: it is in the past by now
            folder.stat()  # where it is gone, it looks like one in which nobody has counted yet
            numbers = sorted(_numbers(folder) - {*past.included}, reverse=True)
            sheets = [read_sheet(folder, number) for number in numbers]
            if before == _state_of_past(folder):
                return added_up([*sheets, past.sheet])
    raise FileNotFoundError(f"{folder} is gone, or changes all the time")


def _numbers(folder: Path) -> set[int]:
    return {int(path.stem) for path in folder.glob("*.series")}


def _read_past(folder: Path) -> _Past:
    try:
        return msgspec.msgpack.decode((folder / "past").read_bytes(), type=_Past)
    except FileNotFoundError:
        return _NOTHING


def _state_of_past(folder: Path) -> tuple[int, int] | None:
    """Return what changes with every `fold`: who reads the past before one, and lists files after it, misses one."""
    try:
        found = (folder / "past").stat()
    except FileNotFoundError:
        return None
    return found.st_ino, found.st_mtime_ns


def _locked(folder: Path) -> int | None:
    """Hold *folder* for as long as this process lives; None where another does."""
    descriptor = os.open(folder / "lock", os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(descriptor)
        return None
    return descriptor


def _sweep(base: Path) -> None:
    """Remove the folders of servers that were killed."""
    for folder in base.glob(f"{_PREFIX}*"):
        try:
            lock = _locked(folder) if (folder / "lock").exists() else None
        except OSError:  # another user's, or gone by now
            continue
        if lock is not None:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)
