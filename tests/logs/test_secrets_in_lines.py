"""Values of secrets in what structlog hands over, and in what is known only when a line is made."""

import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog

from perdure import Secret
from perdure.logs.formatting import LogFormatter
from perdure.secrets.redaction import Redactor
from tests.logs.lines import collecting, parsed

VALUE = 'hunter2 "is" long\'é'
WORD = "hunter2"


class Holder:
    def __str__(self) -> str:
        return f"holds {VALUE}"


@pytest.fixture(autouse=True)
def _redactor() -> Iterator[None]:
    redactor = Redactor()
    redactor.install()
    redactor.add(Secret(VALUE))
    yield
    redactor.remove()


def wrapping(logger: logging.Logger) -> Any:
    """Return a structlog logger as programs configure it that have a `ProcessorFormatter` of their own."""
    return structlog.wrap_logger(
        logger, processors=[structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
    )  # fmt: skip


@pytest.mark.parametrize("format", ["json", "logfmt", "console"])
def test_no_value_is_in_an_event_of_structlogs(format: Any) -> None:
    with collecting(LogFormatter(format)) as (logger, last):
        log = wrapping(logger)
        log.warning(VALUE, a=VALUE, b=[{"c": VALUE.encode()}], d=Holder(), e={"f": {"g": {"h": {"i": {"j": VALUE}}}}})
        assert WORD not in last()
        for raised in (True, ValueError(VALUE)):
            try:
                raise LookupError(f"no {VALUE}")
            except LookupError:
                log.error("failed", exc_info=raised)
            assert WORD not in last()
            assert "Error" in last()


def test_an_exception_with_a_value_is_structured_all_the_same() -> None:
    with collecting(LogFormatter("json")) as (logger, last):
        for log in (logger, wrapping(logger)):
            try:
                held = VALUE
                raise LookupError(f"no {held}")
            except LookupError:
                log.exception("failed")
            (line,) = parsed(last())
            stacks: Any = line["exception"]
            assert ("LookupError", "no ***") == (stacks[0]["exc_type"], stacks[0]["exc_value"])


def test_what_an_object_says_of_itself_is_looked_into() -> None:
    with collecting(LogFormatter("json")) as (logger, last):
        logger.info("x", extra={"holder": Holder(), "deep": [[[[[Holder()]]]]]})
        (line,) = parsed(last())
    assert "holds ***" == line["holder"]
    assert WORD not in last()


def test_a_formatter_of_somebody_elses_sees_no_value_either() -> None:
    handler_lines: list[str] = []

    class Plainly(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            handler_lines.append(f"{record.getMessage()} {record.exc_text}")

    logger, handler = logging.getLogger("tests.logs.plainly"), Plainly()
    logger.addHandler(handler)
    try:
        wrapping(logger).error("x", a=VALUE, d=Holder(), exc_info=ValueError(VALUE))
    finally:
        logger.removeHandler(handler)
    assert 1 == len(handler_lines)
    assert WORD not in handler_lines[0]
