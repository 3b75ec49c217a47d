"""Where a stream ends that is to be continued: after an orderly end, a kill, a loss of power, or a change by others.

What comes after the last line that is whole is torn: it stays where it is, a new file tells of it, and the chain goes
on from that line. Where the end itself is missing, the chain goes on from the head, so that the hole stays visible.
"""

import secrets
from hashlib import sha256
from pathlib import Path
from typing import Final, final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from perdure.audit.folder import LogFile, head_path, log_files
from perdure.audit.head import Head, read_head
from perdure.audit.lines import FIRST, hash_of, tail_of
from perdure.audit.records import Checkpoint, FileStart, Torn
from perdure.audit.walking import walk

__all__ = ["End", "find_end", "first_line"]

_LONGEST_START: Final = 4096


@final
class End(Struct, frozen=True, kw_only=True):
    """Where a stream ends."""

    stream: str
    file: int
    """Number of its last file; 0 where there is none."""
    offset: int
    """Size of that file."""
    lines: int
    unsigned: int = 0
    """The last of them, that no head speaks for."""
    head: str
    """Hash of the last line."""
    began_s: float = 0.0
    """Unix time at which the last file begins."""
    closes: bool
    """Whether it ends in order; so does one that never began."""
    torn: Torn | None = None
    fault: str = ""
    """What somebody has changed."""

    @property
    def takes_more(self) -> bool:
        """Whether lines can be added to its last file."""
        return self.file > 0 and self.torn is None and not self.fault


def find_end(folder: Path, place: str) -> End:
    """Return where the stream *place* ends. What was signed last is not looked at again.

    Raises:
        OSError: It cannot be read.
    """
    _, head = read_head(head_path(folder, place))
    files = log_files(folder, place)
    if files and (head is None or files[-1].number > head.file) and b"\n" not in files[-1].path.read_bytes():
        files[-1].path.unlink()  # a kill came between its making and its first line: it holds nothing
        files = files[:-1]
    if head is None:
        return _walked(files[-1], None) if files else _nothing()
    if not files or files[-1].number < head.file:
        return _hole(head, head.file, f"{place} has lost its last file")
    last = files[-1]
    if last.number > head.file:
        return _walked(last, None)
    if last.path.stat().st_size < head.offset:
        return _hole(head, last.number, f"the end of {last.path} is missing")
    return _walked(last, head)


def _nothing() -> End:
    return End(stream=secrets.token_hex(16), file=0, offset=0, lines=0, head=FIRST, closes=True)


def _hole(head: Head, number: int, fault: str) -> End:
    return End(stream=head.stream, file=number, offset=0, lines=head.lines, head=head.head, closes=False, fault=fault)


def _walked(file: LogFile, head: Head | None) -> End:
    """Return the end that walking over the last *file* leads to, from where *head* says."""
    start = first_line(file.path)
    if head is not None:
        end = End(
            stream=head.stream, file=file.number, offset=head.offset, lines=head.lines, head=head.head,
            began_s=start.at if start is not None else head.at, closes=head.closes,
        )  # fmt: skip
    elif start is not None:
        end = End(
            stream=start.stream, file=file.number, offset=0, lines=start.lines, head=start.previous, began_s=start.at,
            closes=False,
        )  # fmt: skip
    else:
        return replace(_nothing(), file=file.number, fault=f"{file.path} does not begin like a file of the audit log")
    with file.path.open("rb") as opened:
        opened.seek(end.offset)
        return _after(end, opened.read(), file.path)


def _after(end: End, data: bytes, path: Path) -> End:
    """Return the end that *data*, which follows *end* in the file at *path*, leads to."""
    lines, tail, closes, fault, offset = end.lines, tail_of(end.head), end.closes, "", 0
    for line in walk(data, tail):
        if not line.follows:
            fault = f"a line at byte {end.offset + line.begin} of {path} was changed"
            break
        lines, tail, offset = lines + 1, data[line.tail : line.end + 1], line.end + 1
        closes = _closes(data[line.begin : line.tail])
    rest = data[offset:]
    is_torn = bool(rest) and not fault
    return replace(
        end, offset=end.offset + offset, lines=lines, unsigned=lines - end.lines, head=hash_of(tail),
        closes=closes and not rest, fault=fault,
        torn=Torn(len(rest), sha256(rest).hexdigest()) if is_torn else None,
    )  # fmt: skip


def first_line(path: Path) -> FileStart | None:
    """Return what the file at *path* says about itself, if it does; raises `OSError`."""
    with path.open("rb") as opened:
        data = opened.readline(_LONGEST_START)
    line = next(walk(data, None), None)
    if line is None:
        return None
    try:
        return msgspec.json.decode(data[line.begin : line.tail] + b"}", type=FileStart)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _closes(body: bytes) -> bool:
    if not body.startswith(b'{"kind":"checkpoint"'):
        return False
    try:
        return msgspec.json.decode(body + b"}", type=Checkpoint).closes
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return False
