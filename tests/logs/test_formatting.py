"""Records as lines."""

import datetime as dt
import logging
import re
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from perdure.context.log import RequestLog, as_extra
from perdure.logs.formatting import LogFormatter
from tests.logs.lines import collecting, parsed

JSON = LogFormatter("json")
LOGFMT = LogFormatter("logfmt")
CONSOLE = LogFormatter("console")

# Lone surrogates, line breaks of all kinds and what terminals obey are drawn often.
TEXTS = st.text(
    st.one_of(st.characters(), st.sampled_from('\n\r\x1b\x00\x85\u2028\u2029\ud800\x9b"\\={} ')), max_size=40
)
VALUES = st.recursive(
    st.one_of(TEXTS, st.integers(), st.floats(), st.booleans(), st.none(), st.binary(max_size=20)),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(TEXTS, inner, max_size=4)), max_leaves=8,
)  # fmt: skip


@dataclass
class Point:
    x: int
    password: str


class Order(Struct):
    sku: str
    token: str


class Color(Enum):
    RED = "red"


class Rude:
    def __str__(self) -> str:
        raise RuntimeError("no")

    __repr__ = __str__


def test_a_record_has_time_level_logger_and_message_and_its_fields() -> None:
    with collecting(JSON) as (logger, last):
        logger.warning("%d ordered", 3, extra={"sku": "A"})
        (line,) = parsed(last())
    assert ["warning", "tests.logs", "3 ordered", "A"] == [line[key] for key in ("level", "logger", "message", "sku")]
    assert dt.datetime.fromisoformat(str(line["time"])).tzinfo is not None
    assert isinstance(line["pid"], int)


def test_fields_that_would_hide_the_records_own_are_there_under_another_name() -> None:
    with collecting(JSON) as (logger, last):
        log = RequestLog(logger, {"request_id": "r"})
        log.info("x %s", 1, level="gold", name="Ada", message="m", time=1, msg="n", args=[2], _record=3, fields=4)
        (line,) = parsed(last())
    assert ("info", "x 1", "Ada", "r") == tuple(line[key] for key in ("level", "message", "name", "request_id"))
    assert ("gold", "m", 1) == tuple(line[key] for key in ("level_", "message_", "time_"))
    assert ("n", [2], 3, 4) == tuple(line[key] for key in ("msg", "args", "_record", "fields"))


def test_values_of_all_kinds_are_plain() -> None:
    values: dict[str, object] = {
        "when": dt.date(2026, 1, 2), "id": UUID(int=1), "price": Decimal("1.50"), "color": Color.RED, "raw": b"a\xff",
        "nan": float("nan"), "huge": 10**30, "set": {1}, "point": Point(1, "p"), "order": Order("A", "t"),
        "rude": Rude(), "error": ValueError("bad"), "no": None,
    }  # fmt: skip
    with collecting(JSON) as (logger, last):
        logger.info("x", extra=values)
        (line,) = parsed(last())
    assert {
        "when": "2026-01-02", "id": str(UUID(int=1)), "price": "1.50", "color": "red", "raw": "a\\xff", "nan": "nan",
        "huge": str(10**30), "set": [1], "point": {"x": 1, "password": "***"}, "order": {"sku": "A", "token": "***"},
        "rude": "(a Rude that cannot be told: RuntimeError)", "error": "ValueError: bad", "no": None,
    } == {key: line[key] for key in values}  # fmt: skip


def test_what_is_huge_is_cut() -> None:
    deep: dict[str, object] = {}
    inner = deep
    for _ in range(1000):
        inner["a"] = inner = {}
    circle: list[object] = []
    circle.append(circle)
    with collecting(JSON) as (logger, last):
        logger.info("x" * 10_000_000, extra={"deep": deep, "circle": circle, "many": [[[0] * 500] * 500] * 500})
        assert len(last()) < 60_000
        (line,) = parsed(last())
    assert str(line["message"]).endswith("(9983616 characters more)")


def test_a_message_whose_arguments_do_not_fit_is_told_all_the_same() -> None:
    with collecting(JSON) as (logger, last):
        logger.info("%d%% of %s", "many")  # noqa: PLE1206
        logger.info(Rude())
        logger.info("%d of", "many", 3)  # noqa: PLE1205
        (line,) = parsed(last())
    assert "%d of many 3" == line["message"]


def test_an_exception_is_structured_in_json_and_has_no_locals() -> None:
    with collecting(JSON) as (logger, last):
        try:
            hidden_local = "value-of-a-local"
            try:
                raise KeyError("why")
            except KeyError as error:
                raise ValueError(f"bad {len(hidden_local)}") from error
        except ValueError:
            logger.exception("failed")
        (line,) = parsed(last())
    stacks: Any = line["exception"]
    first, second = stacks
    assert ("ValueError", "bad 16", "KeyError", True) == (
        first["exc_type"], first["exc_value"], second["exc_type"], second["is_cause"],
    )  # fmt: skip
    assert "test_an_exception_is_structured_in_json_and_has_no_locals" == first["frames"][0]["name"]
    assert "value-of-a-local" not in last()


@pytest.mark.parametrize("formatter", [CONSOLE, LOGFMT], ids=["console", "logfmt"])
def test_an_exception_is_a_traceback_elsewhere(formatter: LogFormatter) -> None:
    with collecting(formatter) as (logger, last):
        try:
            raise ValueError("bad\n12:00:00.000 [info] forged")
        except ValueError:
            logger.exception("failed")
        assert "Traceback (most recent call last)" in last()
        assert all(not line.startswith("12:00") for line in last().split("\n")[1:])


def test_what_people_read_shows_what_they_need() -> None:
    with collecting(CONSOLE) as (logger, last):
        logger.error("no\nway\x1b[31m", extra={"sku": "a b\r\n", "trace_id": "t"})
        first, second = last().split("\n")
    assert re.fullmatch(r"\d\d:\d\d:\d\d\.\d\d\d \[error\] no", first)
    assert re.fullmatch(r"    way\\u001b\[31m +\[tests\.logs\] sku='a b\\\\u000d\\\\u000a'", second)
    with collecting(LogFormatter("console", colors=True)) as (logger, last):
        logger.error("no")
        assert "\x1b[" in last()


def test_logfmt_is_pairs() -> None:
    with collecting(LOGFMT) as (logger, last):
        logger.info("two words", extra={"sku": "A", "odd key=": 'x "y"', "list": [1, "b"], "is_new": True})
        told = last().partition("level=")[2].rpartition(" pid=")[0]
    expected = 'info logger=tests.logs message="two words" sku=A odd_key_="x \\"y\\"" list="[1,\\"b\\"]" is_new=true'
    assert expected == told


@given(message=TEXTS, logger_name=TEXTS, fields=st.dictionaries(TEXTS, VALUES, max_size=5))
def test_whatever_is_logged_is_one_line_that_says_it(message: str, logger_name: str, fields: dict[str, object]) -> None:
    record = logging.LogRecord(logger_name, logging.INFO, __file__, 1, "%s", (message,), None)
    record.__dict__.update(as_extra(fields))
    text = JSON.format(record)
    (line,) = parsed(text)
    assert [text] == text.splitlines()  # nor does anything else take it for several
    assert not re.search(r"[\x00-\x1f\x7f-\x9f]", text)
    assert {"time", "level", "logger", "message", "pid"} <= line.keys()
    assert message.encode("utf-8", "backslashreplace").decode() == line["message"]
    logfmt = LOGFMT.format(record)
    assert [logfmt] == logfmt.splitlines()
    shown = CONSOLE.format(record).split("\n")
    assert all(each.startswith("    ") for each in shown[1:])
    assert not any(re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]", each) for each in shown)
