"""One stream, walked over file by file."""

import mmap
from hashlib import sha256
from typing import Final, Literal, final

import msgspec

from perdure.audit.findings import Finding
from perdure.audit.folder import LogFile
from perdure.audit.keys import Verifier
from perdure.audit.lines import FIRST, HASH, TAIL_BYTES, hash_of, tail_of
from perdure.audit.records import Begun, Checkpoint, FileStart, Lost, Pruned, Torn, Witnessed
from perdure.audit.recovery import first_line
from perdure.audit.stream import CHECKPOINT, SIGNATURE
from perdure.audit.walking import Line, walk

__all__ = ["StreamCheck"]

Control = FileStart | Begun | Lost | Pruned | Checkpoint
_CONTROL: Final = tuple(b'{"kind":"%b"' % kind for kind in (b"file", b"begin", b"lost", b"pruned", b"checkpoint"))
_BEGINNINGS: Final = (b'{"kind":"file"', b'{"kind":"begin"')
_AT: Final = b'"at":'
_BACK_S: Final = 1.0
"""How far a time may lie before the one of the line before: two threads tell the time."""
_decode: Final = msgspec.json.Decoder(Control).decode


@final
class StreamCheck:
    """What is known of a stream after `walk_file` for each of its files, in order, and `finish`.

    Args:
        verifier: Knows the keys that are trusted.
        is_live: A process writes to it.
    """

    def __init__(self, verifier: Verifier, *, is_live: bool) -> None:
        self.is_live = is_live
        self.stream = ""
        """Its id; empty where there is none."""
        self.lines = 0
        """All there are, those of deleted files included."""
        self.signed_lines = 0
        """Up to the last checkpoint."""
        self.pruned_lines = 0
        """In files that were deleted as configured."""
        self.positions: dict[int, str] = {}
        """The hash of each checkpoint, by its number among the lines."""
        self.witnessed: list[tuple[str, int, Witnessed]] = []
        """What its checkpoints say of other streams; file, line, and what."""
        self.findings: list[Finding] = []
        self.last_file = ""
        self.last_line = 0
        self._verifier = verifier
        self._tail: bytes | None = tail_of(FIRST)
        self._file = 0
        self._torn: Torn | None = None
        """What the file before ends with, and the next has to tell of."""
        self._torn_at = ("", 0)
        self._pruned: Pruned | None = None
        self._claim: tuple[int, Pruned] | None = None
        """Files that are said to be deleted, and at which line of the stream: whoever adds to what is not signed may
        say so, too. It is believed where the next line signs it, as the process that deletes them sees to."""
        self._first: tuple[str, FileStart] | None = None
        self._at_s = 0.0
        self._is_closed = False
        """The last line was the last of its process."""

    def walk_file(self, file: LogFile, *, is_last: bool) -> None:
        """Go over all lines of *file*.

        Raises:
            OSError: It cannot be read.
        """
        self.last_file, self.last_line = file.path.name, 0
        if self._file and file.number != self._file + 1:
            self._fault(0, f"{_files(self._file + 1, file.number - 1)} missing before this one")
            self._tail = None
        first, self._file = self._file == 0, file.number
        with file.path.open("rb") as opened:
            if not file.path.stat().st_size:
                data: bytes | mmap.mmap = b""
            else:
                data = mmap.mmap(opened.fileno(), 0, access=mmap.ACCESS_READ)
            try:
                self._walk(data, file, is_first=first, is_last=is_last)
            finally:
                if isinstance(data, mmap.mmap):
                    data.close()

    def finish(self) -> None:
        """Look at what only the end shows."""
        if self._first is None:
            return
        name, start = self._first
        pruned = self._pruned
        if start.previous != FIRST or start.file != 1:
            if pruned is None or start.file > pruned.file + 1:
                self.findings.append(_found("fault", name, 1, "the files before it are missing"))
            elif start.file == pruned.file + 1 and (pruned.head, pruned.lines) != (start.previous, start.lines):
                self.findings.append(_found("fault", name, 1, "it does not follow the files that were deleted"))
            self.pruned_lines = start.lines

    def _walk(self, data: bytes | mmap.mmap, file: LogFile, *, is_first: bool, is_last: bool) -> None:
        tail = self._tail
        start = first_line(file.path)
        if start is None:
            self._begin_without(data, is_last=is_last)
        else:
            self._begin_file(start, file, is_first=is_first)
            tail = tail_of(start.previous)
        rest = 0
        for line in walk(data, tail if start is not None else None):
            self.last_line += 1
            self.lines += 1
            self._look(data, line)
            rest = line.end + 1
        if rest:
            end = data[rest - TAIL_BYTES : rest]
            self._tail = end if end.startswith(HASH) else None
        self._end_file(data[rest:], is_last=is_last)

    def _begin_without(self, data: bytes | mmap.mmap, *, is_last: bool) -> None:
        if is_last and b"\n" not in data[:4096]:
            return  # torn, or just being made
        self._fault(1, "it does not begin as files of the audit log do")

    def _begin_file(self, start: FileStart, file: LogFile, *, is_first: bool) -> None:
        if is_first:
            self.stream, self.lines = start.stream, start.lines
            self._first = file.path.name, start
        elif start.stream != self.stream:
            self._fault(1, "it belongs to another stream")
        elif start.lines != self.lines or (self._tail is not None and start.previous != hash_of(self._tail)):
            self._fault(1, "it does not follow the file before: the end of that one, or this file, was changed")
            self.lines = start.lines
        if start.file != file.number:
            self._fault(1, f"it is number {start.file} of its stream, and called otherwise")
        self._hold_torn(start.torn)

    def _hold_torn(self, told: Torn | None) -> None:
        """See that what the file before ends with is what this one says."""
        torn, self._torn = self._torn, None
        if told == torn:
            return
        where, line = self._torn_at if torn is not None else (self.last_file, 1)
        what = (
            "it ends with bytes that were not there when the next file was begun"
            if torn is not None
            else ("the torn line that the file before ended with is missing")
        )
        self.findings.append(_found("fault", where, line, what))

    def _end_file(self, rest: bytes, *, is_last: bool) -> None:
        if not rest:
            return
        line = self.last_line + 1
        if self._is_closed and not any(start.startswith(rest[: len(start)]) for start in _BEGINNINGS):
            self._fault(line, "it comes after its process had ended: nobody of the log wrote it")
            return
        if not is_last:
            self._torn = Torn(len(rest), sha256(rest).hexdigest())
            self._torn_at = self.last_file, line
            self._note(line, f"torn: {len(rest)} bytes of a line are left; its process was killed, or had no room")
        elif not self.is_live:
            self._note(line, f"torn: {len(rest)} bytes of a line are left; its process was killed, or had no room")

    def _look(self, data: bytes | mmap.mmap, line: Line) -> None:
        if not line.follows:
            what = (
                "it is no line of an audit log"
                if line.tail == line.begin
                else (
                    "it is not what was written here: this line was changed, or lines before it were added or removed"
                )
            )
            self._fault(self.last_line, what)
            if line.tail == line.begin:
                return
        body = data[line.begin : line.tail]
        if self._is_closed and not body.startswith(_BEGINNINGS):
            self._fault(self.last_line, "it comes after its process had ended: nobody of the log wrote it")
        self._is_closed = False
        self._look_at_time(body)
        if body.startswith(_CONTROL):
            try:
                record = _decode(body + b"}")
            except (msgspec.MsgspecError, UnicodeDecodeError):
                self._fault(self.last_line, "it is no record that is known")
                return
            before = hash_of(data[line.begin - TAIL_BYTES : line.begin]) if line.begin else ""
            self._control(record, body, before, hash_of(data[line.tail : line.end + 1]))

    def _look_at_time(self, body: bytes) -> None:
        place = body.find(_AT) + len(_AT)
        try:
            at_s = float(body[place : body.index(b",", place)])
        except ValueError:
            return
        if at_s < self._at_s - _BACK_S:
            self._note(self.last_line, f"the clock was set back by {self._at_s - at_s:.1f} s")
        self._at_s = at_s

    def _control(self, record: Control, body: bytes, before: str, digest: str) -> None:
        match record:
            case Checkpoint():
                self._checkpoint(record, body, before, digest)
            case Begun(after_crash=True):
                # Of a file that it began itself, or found, the first line is before this one, and is no record.
                count = max(record.unsigned, self.lines - 1 - self.signed_lines - (self.last_line == 2))
                unsigned = f", and its last {count} lines were not signed" if count else ""
                self._note(
                    self.last_line,
                    f"a process was killed, or had no room: what it had not written is lost{unsigned}",
                )
            case Lost():
                self._note(self.last_line, f"{record.records} records were lost, {record.refused} requests refused")
            case Pruned():
                self._claim = self.lines, record
            case FileStart():
                if self.last_line != 1:
                    self._fault(self.last_line, "a file begins in the middle of another")
            case _:
                pass

    def _checkpoint(self, record: Checkpoint, body: bytes, before: str, digest: str) -> None:
        content, _, _ = body.partition(SIGNATURE)
        signature = record.signature if isinstance(record.signature, str) else ""
        fault = self._verifier.fault(record.key, CHECKPOINT, content, signature)
        if fault is None and record.stream != self.stream:
            fault = "it belongs to another stream"
        if fault is None and (record.lines != self.lines - 1 or record.head != before):
            since = self.signed_lines + 1
            fault = f"it does not sign the lines before it, since line {since} of the stream: they were changed"
        if fault is not None:
            self._fault(self.last_line, f"checkpoint: {fault}")
        elif self._claim is not None and self._claim[0] == self.lines - 1:
            self._pruned = self._claim[1]
        self.signed_lines = self.lines
        self._is_closed = record.closes
        self.positions[self.lines] = digest
        self.witnessed += [(self.last_file, self.last_line, seen) for seen in record.others]

    def _fault(self, line: int, what: str) -> None:
        self.findings.append(_found("fault", self.last_file, line, what))

    def _note(self, line: int, what: str) -> None:
        self.findings.append(_found("note", self.last_file, line, what))


def _found(kind: Literal["fault", "note"], file: str, line: int, what: str) -> Finding:
    return Finding(kind=kind, file=file, line=line, what=what)


def _files(first: int, last: int) -> str:
    return f"file {first} of the stream is" if first == last else f"files {first} to {last} of the stream are"
