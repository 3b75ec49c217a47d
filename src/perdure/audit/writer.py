"""The thread that writes the audit log: what requests leave behind is chained, written and signed in batches.

A thread, and not a task of the event loop: what waits is written while the loop is busy or blocked, and a disk that
hangs holds up nobody. It wakes a few times a second, or when much waits, so that a batch keeps the interpreter for a
millisecond at most. Requests are encoded where they end, which is cheaper than to keep what they consist of.

Source: SPEC 3.11.
"""

import errno
import logging
import threading
from collections.abc import Callable
from math import inf
from pathlib import Path
from typing import Final, final

from perdure.audit.keys import Signer
from perdure.audit.records import Lost, body_of
from perdure.audit.stream import Stream
from perdure.clock import Clock
from perdure.config.audit import AuditSettings
from perdure.errors import AuditError

__all__ = ["AuditWriter"]

_BATCH: Final = 512
"""Records that are chained at once: they stay in the cache, and keep the interpreter half a millisecond."""
_WEIGHED_FOR: Final = 512
"""Records for which the bytes that wait are not counted again."""
_PATIENCE_S: Final = 10.0
"""How long a disk that hangs holds up the end of the process."""
_TELL_S: Final = 1.0
"""How often it is told at most what is lost."""
_log = logging.getLogger("perdure.audit")


@final
class AuditWriter:
    """Keeps bodies of lines until they are written.

    Args:
        settings: Where to, when, how much may wait.
        app: Name of the app.
        clock: Tells the time.
        on_room: Called, from any thread, with whether requests may be let in, whenever that changes; never where
            records are dropped instead.
    """

    def __init__(self, settings: AuditSettings, app: str, clock: Clock, on_room: Callable[[bool], None]) -> None:
        if settings.dir is None:
            raise AuditError("there is no audit log: audit.dir is not set")
        self.folder: Final = Path(settings.dir)
        """Where the log is."""
        self.waiting: Final[list[bytes]] = []
        """Bodies of lines to be written; appended to by the event loop's thread, taken from the front by the writer's.

        Whoever would append beyond `crowded` calls `crowd` instead.
        """
        self.limit: Final = settings.buffer_records
        """How many may wait."""
        self.limit_bytes: Final = settings.buffer_bytes
        """How many bytes they may have together."""
        self.lost = 0
        """Records that could not be kept, since the start of the process."""
        self.refused = 0
        """Requests that were refused for it."""
        self._settings = settings
        self._app = app
        self._clock = clock
        self._on_room = on_room
        self._refuses = settings.when_full == "refuse"
        self._crowded = self.limit // 2 if self._refuses else self.limit
        self._crowded_bytes = self.limit_bytes // 2 if self._refuses else self.limit_bytes
        self._weight = 0
        self._weighed_for = 0
        self._has_taken = True
        """Whether some were taken since they were weighed."""
        self._is_full = False
        self._told_lost = self._told_refused = 0
        self._told_s = -inf
        self._full_since_s = 0.0
        self._in_the_works = 0
        self._signer: Signer | None = None
        self._stream: Stream | None = None
        self._failure = ""
        self._signed_s = clock.monotonic()
        self._wake = threading.Event()
        self._is_over = False
        self._thread: threading.Thread | None = None

    @property
    def crowded(self) -> int:
        """How many may wait before `crowd` has to be called; none where they have too many bytes together.

        Some 0.1 µs, or a millisecond once in 512 times: to be asked where some thousands wait, and not of every record.
        """
        return self._crowded if self._weighed() < self._crowded_bytes else 0

    @property
    def is_full(self) -> bool:
        """Whether there is so little room that requests are refused."""
        return self._is_full

    @property
    def failure(self) -> str:
        """Why the log cannot be written now; empty where it can."""
        return self._failure

    def start(self, signer: Signer) -> None:
        """Begin to write. Blocks shortly.

        Args:
            signer: Signs the checkpoints.
        Raises:
            AuditError: The folder cannot be written, for another reason than a disk that is full.
        """
        self._signer = signer
        try:
            self._stream = self._opened(signer)
            self._stream.flush()
            self._stream.checkpoint()  # from now on, what is taken away is missed
        except OSError as error:
            if not _may_pass(error):
                raise AuditError(
                    f"the audit log in {self.folder} cannot be written: {error.strerror or error}"
                ) from error
            self._note_failure(error)
        self._is_over = False
        self._thread = threading.Thread(target=self._run, name="perdure-audit", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, sign the end, and let go of the log. Blocks; a disk that hangs is given 10 s."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._is_over = True
        self._wake.set()
        thread.join(_PATIENCE_S)
        if thread.is_alive():
            left = len(self.waiting) + self._in_the_works
            _log.error("the audit log in %s hangs: up to %d records are not written", self.folder, left)

    def hasten(self) -> None:
        """Let the writer begin at once: much waits."""
        self._wake.set()

    def keep(self, body: bytes) -> None:
        """Keep *body*, of something that is rare: requests are appended to `waiting` by who makes their bodies."""
        if len(self.waiting) < self.crowded:
            self.waiting.append(body)
        else:
            self.crowd(body)

    def crowd(self, body: bytes) -> None:
        """Keep *body* where little room is left, or count it as lost where none is."""
        if self._refuses and not self._is_full:
            if self.refused == self._told_refused:
                self._full_since_s = self._clock.time()
            self._is_full = True
            self._on_room(False)
        if len(self.waiting) < self.limit and self._weighed() < self.limit_bytes:
            self.waiting.append(body)
            self._wake.set()
            return
        if self.lost == self._told_lost:
            self._full_since_s = self._clock.time()
            _log.error("records of the audit log are lost: %d wait to be written already", len(self.waiting))
        self.lost += 1

    def _weighed(self) -> int:
        """Return how many bytes wait, as counted lately: adding up 50,000 numbers takes a millisecond."""
        self._weighed_for += 1
        if self._has_taken or self._weighed_for >= _WEIGHED_FOR:
            self._has_taken, self._weighed_for = False, 0
            self._weight = sum(map(len, self.waiting))
        return self._weight

    def _opened(self, signer: Signer) -> Stream:
        return Stream(self.folder, signer, self._settings, self._app, self._clock)

    def _run(self) -> None:
        is_over = False
        while not is_over:
            self._wake.wait(self._settings.flush_s)
            self._wake.clear()
            is_over = self._is_over
            try:
                is_written = self._write_all()
            except Exception as error:  # noqa: BLE001 - a thread that ends would take all later records with it
                _log.error("the audit log failed: %s", error, exc_info=error)
                self._failure, is_written = str(error), False
            if not is_written and not is_over:  # what waits would wake it at once, again and again
                self._pause()
        self._close()

    def _pause(self) -> None:
        """Wait before a disk that failed is tried again."""
        threading.Event().wait(self._settings.flush_s)

    def _write_all(self) -> bool:
        """Write what waits; return whether that is possible now."""
        try:
            if self._stream is None and self._signer is not None:
                self._stream = self._opened(self._signer)
            stream = self._stream
            if stream is None:
                return False
            self._write_waiting(stream)
            self._tell_lost(stream)
            stream.flush()
            self._make_room()
            self._sign_if_due(stream)
        except OSError as error:
            self._note_failure(error)
            return False
        if self._failure:
            _log.warning("the audit log in %s is written again", self.folder)
            self._failure = ""
        return True

    def _write_waiting(self, stream: Stream) -> None:
        """Write what waits now: where it comes as fast as the disk takes it, the rest has to have its turn, too."""
        stream.flush()
        self._in_the_works = 0
        waiting = self.waiting
        left = len(waiting)
        while left > 0:
            batch = waiting[: min(left, _BATCH)]
            self._in_the_works = len(batch)
            del waiting[: len(batch)]  # before it is written: from here on it is the stream's to keep
            self._has_taken = True
            left -= len(batch)
            stream.write(batch)
            self._in_the_works = 0
            self._make_room()

    def _tell_lost(self, stream: Stream) -> None:
        """Say in the log itself how much is missing from it."""
        lost, refused, now_s = self.lost, self.refused, self._clock.monotonic()
        if lost == self._told_lost and refused == self._told_refused:
            return
        if now_s - self._told_s < _TELL_S and not self._is_over:
            return
        record = Lost(
            at=self._clock.time(), since=self._full_since_s, records=lost - self._told_lost,
            refused=refused - self._told_refused,
        )  # fmt: skip
        self._told_lost, self._told_refused, self._told_s = lost, refused, now_s
        _log.error("%d records of the audit log were lost, %d requests refused", record.records, record.refused)
        stream.write([body_of(record)])

    def _make_room(self) -> None:
        if not self._is_full or len(self.waiting) > self.limit // 4:
            return
        if sum(map(len, self.waiting)) <= self.limit_bytes // 4:
            self._is_full = False
            self._on_room(True)

    def _sign_if_due(self, stream: Stream) -> None:
        now_s = self._clock.monotonic()
        stream.rotate_if_due()
        if now_s - self._signed_s >= self._settings.checkpoint_s:
            self._signed_s = now_s
            stream.checkpoint()

    def _note_failure(self, error: OSError) -> None:
        text = error.strerror or str(error)
        if text != self._failure:
            _log.error("the audit log in %s cannot be written: %s; it is tried again", self.folder, text)
            self._failure = text

    def _close(self) -> None:
        stream, self._stream = self._stream, None
        try:
            if stream is not None:
                stream.close()
                self._in_the_works = 0
        except OSError as error:
            self._note_failure(error)
        self.lost += len(self.waiting) + self._in_the_works
        self.waiting.clear()
        self._in_the_works = 0
        lost, refused = self.lost - self._told_lost, self.refused - self._told_refused
        if lost or refused:
            _log.error("%d records of the audit log were not written at its end, %d requests refused", lost, refused)


def _may_pass(error: OSError) -> bool:
    """Return whether *error* is of the kind that mends itself."""
    return error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG}
