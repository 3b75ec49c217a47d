"""One stream of the audit log, held and written by one process, from one thread at a time.

What is chained is to be written, whatever happens: where the disk is full, it waits here, and `flush` goes on in the
middle of a line if need be.

Source: SPEC 3.11.
"""

import errno
import logging
import os
import socket
from collections.abc import Sequence
from contextlib import suppress
from math import inf
from pathlib import Path
from typing import Final, final

from perdure.audit.folder import file_path, head_path, hold, hold_stream, log_files, stream_places
from perdure.audit.head import Head, read_head, signed_head, write_head
from perdure.audit.keys import PUBLIC_FILE, Signer
from perdure.audit.lines import chain, hash_of, tail_of
from perdure.audit.records import Begun, Checkpoint, FileStart, Pruned, Torn, Witnessed, body_of
from perdure.audit.recovery import End, find_end, first_line
from perdure.clock import Clock
from perdure.config.audit import AuditSettings

__all__ = ["CHECKPOINT", "SIGNATURE", "Stream"]

CHECKPOINT: Final = b"checkpoint 1"
"""What checkpoints are signed for."""
SIGNATURE: Final = b',"signature":"'
"""What the last member of a checkpoint begins with."""

_log = logging.getLogger("perdure.audit")


@final
class Stream:
    """A stream that this process holds until `close`. All of its methods block.

    Args:
        folder: Of the log; made where there is none.
        signer: Signs the checkpoints.
        settings: When files are changed, deleted, and written through.
        app: Name of the app.
        clock: Tells the time.
        held: Name of the stream, and the descriptor that holds it; by default the first that nobody holds.
    Raises:
        OSError: The folder cannot be written. A disk that is full shows at the first `flush` only.
    """

    def __init__(
        self, folder: Path, signer: Signer, settings: AuditSettings, app: str, clock: Clock,
        held: tuple[str, int] | None = None,
    ) -> None:  # fmt: skip
        self._folder = folder
        self._signer = signer
        self._settings = settings
        self._app = app
        self._clock = clock
        self._syncs = settings.fsync != "never"
        self._is_unsynced = False
        self._witnessed: frozenset[Witnessed] = frozenset()
        """How far the other streams were when this one last was signed."""
        folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        _publish(folder / PUBLIC_FILE, signer.public_pem)
        self._place, self._lock = held or hold_stream(folder)
        self._descriptor = -1
        try:
            end = find_end(folder, self._place)
            self._stream = end.stream
            self._file, self._offset, self._lines = end.file, end.offset, end.lines
            self._tail, self._began_s = tail_of(end.head), end.began_s
            self._unwritten = b""
            self._signed_lines = 0
            self._continue(end)
        except BaseException:
            self._release()
            raise
        process = f"{socket.gethostname()}:{os.getpid()}"
        begun = Begun(at=clock.time(), app=app, process=process, after_crash=not end.closes, unsigned=end.unsigned)
        self._take([body_of(begun)])

    @property
    def needs_checkpoint(self) -> bool:
        """Whether there are lines that are not signed."""
        return self._lines > self._signed_lines

    def write(self, bodies: Sequence[bytes]) -> None:
        """Chain *bodies*, and write them: they are kept even if that fails.

        Args:
            bodies: See `perdure.audit.lines.chain`.
        Raises:
            OSError: Not all could be written; `flush` tries again. Nothing may be given before it has succeeded.
        """
        self._take(bodies)
        self._write_out()

    def flush(self) -> None:
        """Write what is not written, and all of it through to the disk where that is asked for.

        Raises:
            OSError: That is not possible.
        """
        self._write_out()
        if self._is_unsynced and self._settings.fsync == "flush":
            self._sync()

    def rotate_if_due(self) -> None:
        """Begin a new file where the old one is large or old enough, and delete what is kept no longer.

        Raises:
            OSError: See `write`.
        """
        age_s = abs(self._clock.time() - self._began_s)  # of a clock that was far ahead, and was set back, too
        is_due = self._offset >= self._settings.rotate_bytes or age_s >= (self._settings.rotate_s or inf)
        if not is_due and os.fstat(self._descriptor).st_nlink:
            return
        if not is_due:
            _log.error("a file of the audit log in %s was deleted; it goes on in a new one", self._folder)
        began_s = self._began_s
        self._rotate()
        if self._settings.keep_s is not None:
            # A clock that is far ahead must not delete at once what it makes look old: it has to be so for a file long.
            oldest_s = min(self._clock.time(), began_s) - self._settings.keep_s
            self._prune(oldest_s)
            self._prune_others(oldest_s)

    def _rotate(self) -> None:
        self.checkpoint()
        self._start_file(None)
        self.checkpoint()

    def checkpoint(self, *, closes: bool = False) -> None:
        """Sign what is written, if anything is new, be it that another stream has ended: nobody else may see it.

        Raises:
            OSError: See `write`.
        """
        others = self._others()
        has_ended = any(is_over and seen not in self._witnessed for seen, is_over in others.items())
        if not self.needs_checkpoint and not closes and not has_ended:
            return
        record = Checkpoint(
            at=self._clock.time(), stream=self._stream, lines=self._lines, head=hash_of(self._tail),
            others=tuple(others), closes=closes, key=self._signer.name,
        )  # fmt: skip
        body = body_of(record)
        signature = self._signer.sign(CHECKPOINT, body)
        self.write([body + SIGNATURE + signature.encode() + b'"'])
        if self._syncs:
            self._sync()
        head = Head(
            at=record.at, stream=self._stream, file=self._file, offset=self._offset, lines=self._lines,
            head=hash_of(self._tail), closes=closes, key=self._signer.name,
        )  # fmt: skip
        write_head(head_path(self._folder, self._place), signed_head(head, self._signer), syncs=self._syncs)
        self._signed_lines = self._lines
        self._witnessed = frozenset(others)

    def close(self) -> None:
        """Sign the end, and let go of the stream, also where that fails.

        Raises:
            OSError: See `write`.
        """
        try:
            self.flush()
            self.checkpoint(closes=True)
        finally:
            self._release()

    def _take(self, bodies: Sequence[bytes]) -> None:
        if bodies:
            written = chain(self._tail, bodies)
            self._tail = written[-1]
            self._lines += len(bodies)
            self._unwritten += b"".join(written)

    def _write_out(self) -> None:
        while self._unwritten:
            count = os.write(self._descriptor, self._unwritten)
            self._offset += count
            self._unwritten = self._unwritten[count:]
            self._is_unsynced = True

    def _sync(self) -> None:
        os.fdatasync(self._descriptor)
        self._is_unsynced = False

    def _continue(self, end: End) -> None:
        if end.fault:
            _log.error("the audit log in %s was changed: %s; it goes on in a new file", self._folder, end.fault)
        elif end.torn is not None:
            _log.warning("the audit log in %s ends in a line that a killed process left torn", self._folder)
        if end.takes_more:
            path = file_path(self._folder, self._place, end.file)
            self._descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CLOEXEC)
        else:
            self._start_file(end.torn)

    def _start_file(self, torn: Torn | None) -> None:
        now_s, number = self._clock.time(), self._file + 1
        self._folder.mkdir(mode=0o750, parents=True, exist_ok=True)
        path = file_path(self._folder, self._place, number)
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o640)
        if self._descriptor >= 0:
            os.close(self._descriptor)
        self._descriptor = descriptor
        self._file, self._offset, self._began_s = number, 0, now_s
        start = FileStart(
            at=now_s, stream=self._stream, file=number, lines=self._lines, previous=hash_of(self._tail), torn=torn
        )
        self._take([body_of(start)])

    def _others(self) -> dict[Witnessed, bool]:
        """Return how far the other streams are, and whether their processes have ended.

        Who takes this stream back, or one of them, has to take all back.
        """
        found: dict[Witnessed, bool] = {}
        for place in stream_places(self._folder) if self._folder.is_dir() else ():
            _, head = (b"", None) if place == self._place else read_head(head_path(self._folder, place))
            if head is not None:
                found[Witnessed(head.stream, head.lines, head.head)] = head.closes
        return found

    def _prune(self, oldest_s: float, ended_s: float = inf) -> None:
        """Say which files are deleted, have that signed, and delete them: those that ended before *oldest_s*.

        Args:
            oldest_s: Unix time.
            ended_s: When the last file but the current one ended, if that was before the current one began.
        """
        files = log_files(self._folder, self._place)
        starts = [first_line(after.path) for after in files[1:]]
        ends = _ends(starts, self._clock.time())
        ends[-1:] = [min(end, ended_s) for end in ends[-1:]]
        count = [*(end < oldest_s for end in ends), False].index(False)
        left = starts[count - 1] if count else None
        if left is not None:
            pruned = Pruned(at=self._clock.time(), file=left.file - 1, lines=left.lines, head=left.previous)
            self.write([body_of(pruned)])
            self.checkpoint()
            for file in files[:count]:
                file.path.unlink()

    def _prune_others(self, oldest_s: float) -> None:
        """Do the same with streams that no process has written to since then."""
        for place in stream_places(self._folder):
            _, head = read_head(head_path(self._folder, place))
            if place == self._place or head is None or head.at >= oldest_s:
                continue
            held = hold(self._folder, place)
            if held is not None:
                other = Stream(self._folder, self._signer, self._settings, self._app, self._clock, (place, held))
                try:
                    other._rotate()
                    other._prune(oldest_s, head.at)
                finally:
                    other.close()

    def _release(self) -> None:
        for descriptor in (self._descriptor, self._lock):
            if descriptor >= 0:
                with suppress(OSError):
                    os.close(descriptor)
        self._descriptor = self._lock = -1


def _ends(starts: Sequence[FileStart | None], now_s: float) -> list[float]:
    """Return when each file ended that one of *starts* follows: where that is in the future, as a later one says.

    A clock that was ahead when a file began must not keep all that came before it until then.
    """
    ends: list[float] = []
    end_s = inf
    for start in reversed(starts):
        if start is not None and start.at <= now_s:
            end_s = start.at
        ends.insert(0, end_s)
    return ends


def _publish(path: Path, pem: bytes) -> None:
    """Add the public key *pem* to those at *path*, unless it is one of them."""
    known = path.read_bytes() if path.exists() else b""
    if pem in known:
        return
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if os.write(descriptor, pem) < len(pem):
            os.ftruncate(descriptor, len(known))  # half a key would make the next one unreadable
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
    finally:
        os.close(descriptor)
