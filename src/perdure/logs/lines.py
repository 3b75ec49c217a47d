"""Writing lines to a file descriptor without ever waiting for it: a full disk, a closed or a slow pipe cost lines only.

Lines go through a queue to one thread. A thread rather than a descriptor that does not block: that flag belongs to
whoever else has the terminal or the pipe open, too. Rather than asking whether it is writable: another process may fill
it in between. What is not written yet is lost when the process is killed: some milliseconds of lines.

Processes that write to one pipe take turns, by a lock on a file that they share: the kernel keeps only short writes
whole.
"""

import fcntl
import os
import select
import sys
import threading
import time
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import Final, final

__all__ = ["LineWriter"]

_BATCH_BYTES: Final = 64 * 1024
_LINE_BYTES: Final = 1024 * 1024
_WAIT_S: Final = 0.002
_POLL_MS: Final = 1000
_LINE_BREAK: Final = 0x0A


@final
class LineWriter:
    """Writes lines to *fd*, in order, from a thread of its own; nothing it does waits, or raises.

    Args:
        fd: An open descriptor; it stays open.
        limit_bytes: How much may wait; more is lost.
        lock_fd: A file that all processes which write to the same place have open for writing; None: they do not care.
        tell_lost: Returns a line that says how many lines were lost.
    """

    def __init__(
        self, fd: int, limit_bytes: int, tell_lost: Callable[[int], bytes], lock_fd: int | None = None
    ) -> None:
        self._fd = fd
        self._limit_bytes = limit_bytes
        self._tell_lost = tell_lost
        self._lock_fd = lock_fd
        self._thread: threading.Thread | None = None
        self._unwritten = 0
        # Each of these is changed by one thread alone, so that none needs a lock.
        self._put_bytes = self._refused = 0
        self._done_bytes = self._told = 0
        self._is_torn = False
        self._begin()

    @property
    def lost(self) -> int:
        """Lines that were not written since the beginning: nobody took them in time, or nobody could."""
        return self._refused + self._unwritten

    def put(self, line: bytes) -> None:
        """Write *line*, which ends with a line break, soon. To be called by one thread at a time."""
        if self._pid != os.getpid():  # a fork: the thread is the parent's, and so is what waits
            self._begin()
        if self._put_bytes - self._done_bytes + len(line) > self._limit_bytes or len(line) > _LINE_BYTES:
            self._refused += 1
            return
        if self._thread is None and not sys.is_finalizing():
            self._start()
        if self._thread is None or sys.is_finalizing():
            self._write_here(line)
            return
        self._put_bytes += len(line)
        self._queue.put(line)

    def flush(self, timeout_s: float) -> bool:
        """Wait until all is written; return whether it is. For the end of a process, and tests."""
        give_up = time.monotonic() + timeout_s
        while self._done_bytes != self._put_bytes and self._pid == os.getpid():
            if time.monotonic() > give_up:
                return False
            time.sleep(_WAIT_S)
        return True

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._queue: SimpleQueue[bytes] = SimpleQueue()
        self._thread = None
        self._done_bytes = self._put_bytes

    def _start(self) -> None:
        thread = threading.Thread(target=self._run, name="perdure-logs", daemon=True)
        try:
            thread.start()
        except RuntimeError:  # the interpreter ends, or there may be no more threads
            return
        self._thread = thread

    def _write_here(self, line: bytes) -> None:
        """Write *line* from this thread, as there is no other: piece by piece, for as long as there is room."""
        poll = select.poll()
        poll.register(self._fd, select.POLLOUT)
        rest = b"\n" + line if self._is_torn else line
        try:
            while rest and poll.poll(0):
                rest = rest[os.write(self._fd, rest[: select.PIPE_BUF]) :]
                self._is_torn = bool(rest)
        except OSError:
            pass  # counted with those for which there is no room
        self._unwritten += bool(rest)

    def _run(self) -> None:
        while True:
            batch = [self._queue.get()]
            size = len(batch[0])
            while size < _BATCH_BYTES:
                try:
                    batch.append(self._queue.get_nowait())
                except Empty:
                    break
                size += len(batch[-1])
            self._write(batch)
            self._done_bytes += size

    def _write(self, batch: list[bytes]) -> None:
        lost = self.lost - self._told
        lines = [self._tell_lost(lost), *batch] if lost else batch
        text = b"".join(lines)
        if self._is_torn:  # the rest of a line was lost: the next one must not be taken for it
            text = b"\n" + text
        try:
            self._in_turn(text)
        except OSError:
            self._unwritten += len(batch)
        else:
            self._is_torn = False
            self._told += lost

    def _in_turn(self, text: bytes) -> None:
        if self._lock_fd is None:
            self._write_all(text)
            return
        fcntl.lockf(self._lock_fd, fcntl.LOCK_EX)
        try:
            self._write_all(text)
        finally:
            fcntl.lockf(self._lock_fd, fcntl.LOCK_UN)

    def _write_all(self, text: bytes) -> None:
        rest = memoryview(text)
        while rest:
            try:
                done = os.write(self._fd, rest)
            except BlockingIOError:  # somebody else who has it open made it so
                poll = select.poll()
                poll.register(self._fd, select.POLLOUT)
                poll.poll(_POLL_MS)
                continue
            rest = rest[done:]
            self._is_torn = bool(rest) and text[-len(rest) - 1] != _LINE_BREAK
