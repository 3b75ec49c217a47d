"""The handler on the root logger of a program that serves."""

import logging
import time
from collections.abc import Callable
from typing import Final, final

from perdure.logs.formatting import LogFormatter
from perdure.logs.lines import LineWriter

__all__ = ["LineHandler"]

_AT_EXIT_S: Final = 2.0


@final
class LineHandler(logging.Handler):
    """Writes every record as a line, from a thread; never waits, and never raises.

    Args:
        lines: Makes them.
        open_writer: Returns what writes them, given how to tell that some were lost.
    """

    def __init__(self, lines: LogFormatter, open_writer: Callable[[Callable[[int], bytes]], LineWriter]) -> None:
        super().__init__()
        self.lines = lines
        self.setFormatter(lines)
        self._writer = open_writer(self._lost_line)

    @property
    def lost(self) -> int:
        """Lines that nobody took in time, or nobody could."""
        return self._writer.lost

    def emit(self, record: logging.LogRecord) -> None:
        """Write *record* soon."""
        try:
            line = self.format(record)
        except Exception as error:  # noqa: BLE001 - whatever somebody logs, the program goes on
            told = f"(a record that cannot be written: {type(error).__name__})"
            line = self.lines.line(time.time(), "error", "perdure.logs", told, {"from": self.lines.text(record.name)})
        self._put(line)

    def tell(self, created: float, level: str, logger: str, message: str, facts: dict[str, object]) -> None:
        """Write what is no record: as `LogFormatter.line`."""
        line = self.lines.line(created, level, logger, message, facts)
        self.acquire()
        try:
            self._put(line)
        finally:
            self.release()

    def flush(self, timeout_s: float = 0.0) -> None:
        """Wait for at most *timeout_s* until all is written; without one it does not."""
        if timeout_s > 0:
            self._writer.flush(timeout_s)

    def flush_at_exit(self) -> None:
        """Wait a little until all is written."""
        self.flush(_AT_EXIT_S)

    def _put(self, line: str) -> None:
        self._writer.put(line.encode("utf-8", "backslashreplace") + b"\n")

    def _lost_line(self, count: int) -> bytes:
        told = f"{count} lines before this one were lost: nobody took them in time"
        return self.lines.line(time.time(), "warning", "perdure.logs", told, {"lost": count}).encode() + b"\n"
