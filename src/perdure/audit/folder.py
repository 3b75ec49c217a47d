"""The folder of an audit log: which files there are, and what they are called.

Each process that writes has a stream of its own, a chain of lines over files with ascending numbers; one that begins
takes over a stream that nobody holds. A stream has three kinds of files: ``audit-01-000001.jsonl`` and those that
follow, ``audit-01.head`` with how far it has come, signed, and ``audit-01.lock``, which its writer holds.
"""

import fcntl
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

from msgspec import Struct

from perdure.errors import AuditError

__all__ = ["LogFile", "file_path", "head_path", "hold", "hold_stream", "is_held", "log_files", "stream_places"]

_FILE: Final = re.compile(r"audit-(\d{2,6})-(\d{6,12})\.jsonl")
_HEAD: Final = re.compile(r"audit-(\d{2,6})\.head")
_MOST_STREAMS: Final = 9999


@final
class LogFile(Struct, frozen=True, order=True):
    """One file with lines."""

    number: int
    """In its stream, from 1."""
    path: Path


def file_path(folder: Path, place: str, number: int) -> Path:
    """Return where the lines of a stream are."""
    return folder / f"audit-{place}-{number:06d}.jsonl"


def head_path(folder: Path, place: str) -> Path:
    """Return where it is told how far a stream has come."""
    return folder / f"audit-{place}.head"


def stream_places(folder: Path) -> tuple[str, ...]:
    """Return the names of the streams that have left anything in *folder*: ``01``, ``02`` and so on.

    Raises:
        AuditError: There is no such folder.
    """
    try:
        names = [path.name for path in folder.iterdir()]
    except OSError as error:
        raise AuditError(f"there is no audit log in {folder}: {error.strerror}") from error
    found = (_FILE.fullmatch(name) or _HEAD.fullmatch(name) for name in names)
    return tuple(sorted({match[1] for match in found if match is not None}, key=lambda each: (len(each), each)))


def log_files(folder: Path, place: str) -> tuple[LogFile, ...]:
    """Return the files with lines of the stream *place*, the oldest first."""
    found = []
    for path in folder.glob(f"audit-{place}-*.jsonl"):
        match = _FILE.fullmatch(path.name)
        if match is not None:
            found.append(LogFile(int(match[2]), path))
    return tuple(sorted(found))


def hold_stream(folder: Path) -> tuple[str, int]:
    """Return the first stream that nobody holds, and the descriptor that holds it from now on, until it is closed.

    Raises:
        OSError: The folder cannot be written.
    """
    for place in _places():
        held = hold(folder, place)
        if held is not None:
            return place, held
    raise OSError(f"{_MOST_STREAMS} processes write to {folder}")


def is_held(folder: Path, place: str) -> bool:
    """Return whether some process writes to the stream *place* now."""
    path = folder / f"audit-{place}.lock"
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def hold(folder: Path, place: str) -> int | None:
    """Return the descriptor that holds the stream *place* from now on, until it is closed; None if another does.

    Raises:
        OSError: The folder cannot be written.
    """
    descriptor = os.open(folder / f"audit-{place}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    return descriptor


def _places() -> Iterator[str]:
    return (f"{number:02d}" for number in range(1, _MOST_STREAMS + 1))
