"""Reading what was written to a log."""

import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from perdure.logs.formatting import LogFormatter

__all__ = ["Line", "collecting", "parsed"]

Line = dict[str, object]


def parsed(text: str) -> list[Line]:
    """Return the lines of *text*, each of which must be a JSON object."""
    lines = [json.loads(line) for line in text.split("\n") if line]
    assert all(isinstance(line, dict) for line in lines)
    return lines


class _Collector(logging.Handler):
    def __init__(self, formatter: logging.Formatter) -> None:
        super().__init__()
        self.setFormatter(formatter)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(self.format(record))


@contextmanager
def collecting(formatter: LogFormatter, name: str = "tests.logs") -> Iterator[tuple[logging.Logger, Callable[[], str]]]:
    """Yield a logger whose records *formatter* makes lines of, and what returns the last one."""
    handler, logger = _Collector(formatter), logging.getLogger(name)
    before = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    logger.propagate = False
    try:
        yield logger, lambda: handler.lines[-1]
    finally:
        logger.removeHandler(handler)
        logger.level, logger.propagate = before
