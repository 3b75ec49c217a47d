"""The records of an audit log, for people and programs: all streams together, in the order of their times."""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final, final

import msgspec
from msgspec import Struct

from perdure.audit.folder import LogFile, log_files, stream_places
from perdure.audit.recovery import first_line
from perdure.errors import AuditError

__all__ = ["Entry", "Wanted", "entries_of", "last_entries", "read_entries"]

_KIND: Final = b'{"kind":"'
_CONTROL: Final = frozenset({"file", "begin", "lost", "pruned", "checkpoint"})


@final
class _Glance(Struct):
    """What is looked at of each line."""

    kind: str
    at: float
    id: str | None = None
    handler: str | None = None
    request: str | None = None


_glance: Final = msgspec.json.Decoder(_Glance).decode


@final
class Entry(Struct, frozen=True):
    """One record, where it stands."""

    at: float
    file: str
    line: int
    kind: str
    raw: bytes
    """The line as it is, without its line break."""


@final
class Wanted(Struct, frozen=True, kw_only=True):
    """Which records are asked for; None and the empty tuple: whichever."""

    since_s: float | None = None
    until_s: float | None = None
    kinds: tuple[str, ...] = ()
    """``request``, ``refusal``, ``secret``, ``operation``, ``health``, …"""
    handler: str | None = None
    mentions: str | None = None
    """Id of a request: what was done for it, and the secrets that were asked for."""
    with_control: bool = True
    """Files' beginnings, checkpoints and the like, too."""

    def takes(self, glance: _Glance) -> bool:
        """Return whether a record is asked for."""
        return (
            (self.since_s is None or glance.at >= self.since_s)
            and (self.until_s is None or glance.at < self.until_s)
            and (not self.kinds or glance.kind in self.kinds)
            and (self.handler is None or glance.handler == self.handler)
            and (self.mentions is None or self.mentions in (glance.id, glance.request))
            and (self.with_control or glance.kind not in _CONTROL)
        )


def read_entries(folder: Path, wanted: Wanted) -> Iterator[Entry]:
    """Yield the records in *folder*; within a stream in the order of its lines, whatever the clock said.

    What is no record is left out; verifying tells of it.

    Raises:
        AuditError: There is no log, or it cannot be read.
    """
    places = stream_places(folder)
    try:
        yield from heapq.merge(*(_stream(folder, place, wanted) for place in places), key=lambda entry: entry.at)
    except OSError as error:
        raise AuditError(f"the audit log in {folder} cannot be read: {error.strerror or error}") from error


def last_entries(folder: Path, wanted: Wanted, count: int) -> list[Entry]:
    """Return the last *count* records in *folder*, the newest last; raises as `read_entries`."""
    try:
        found = [entry for place in stream_places(folder) for entry in _last_of_stream(folder, place, wanted, count)]
    except OSError as error:
        raise AuditError(f"the audit log in {folder} cannot be read: {error.strerror or error}") from error
    return sorted(found, key=lambda entry: entry.at)[-count:]


def _last_of_stream(folder: Path, place: str, wanted: Wanted, count: int) -> list[Entry]:
    found: list[Entry] = []
    for file in reversed(log_files(folder, place)):
        found = [*deque(_file(file, wanted), maxlen=count - len(found)), *found]
        if len(found) >= count:
            break
    return found


def _stream(folder: Path, place: str, wanted: Wanted) -> Iterator[Entry]:
    files = log_files(folder, place)
    for number, file in enumerate(files):
        is_last = number == len(files) - 1
        if is_last or wanted.since_s is None or not _is_older(file, files[number + 1], wanted.since_s - 1):
            yield from _file(file, wanted)


def _is_older(file: LogFile, following: LogFile, since_s: float) -> bool:
    """Return whether *file* ended before *since_s*: so says the log, which is verified, and a disk, which is not."""
    start = first_line(following.path)
    return start is not None and start.at < since_s and file.path.stat().st_mtime < since_s


def _file(file: LogFile, wanted: Wanted) -> Iterator[Entry]:
    with file.path.open("rb") as opened:
        yield from entries_of(opened, file.path.name, wanted)


def entries_of(lines: Iterable[bytes], file: str, wanted: Wanted, after: int = 0) -> Iterator[Entry]:
    """Yield the records among *lines*, with their line breaks, that stand in *file* after so many others."""
    sought = None if wanted.mentions is None else wanted.mentions.encode("utf-8", "replace")
    for number, raw in enumerate(lines, after + 1):
        if not raw.startswith(_KIND) or not raw.endswith(b"\n") or (sought is not None and sought not in raw):
            continue
        try:
            glance = _glance(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError):
            continue
        if wanted.takes(glance):
            yield Entry(glance.at, file, number, glance.kind, raw[:-1])
