"""Secrets that were revealed and then logged: no handler writes them."""

import ast
import asyncio
import gc
import io
import json
import logging
import logging.handlers
import subprocess
import sys
import time
from base64 import b64encode
from collections.abc import Callable, Iterator
from functools import partial
from html import escape, unescape
from pathlib import Path
from queue import SimpleQueue
from textwrap import dedent
from typing import Any
from urllib.parse import quote, quote_plus, unquote, unquote_plus

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.console import Console
from rich.logging import RichHandler

from perdure.context.secret import Secret
from perdure.secrets.redaction import Redactor, fetching
from perdure.secrets.values import MASK, SecretValues

VALUE = "hunter2 é/'\"\\\n+x😀&\\\\'x"


class Log:
    """A logger of its own, and what its handlers wrote."""

    def __init__(self) -> None:
        self.out = io.StringIO()
        self.rich_out = io.StringIO()
        self.queue: SimpleQueue[logging.LogRecord] = SimpleQueue()
        self.logger = logging.getLogger("tests.redaction.child")
        self.logger.setLevel(logging.DEBUG)
        plain = logging.StreamHandler(self.out)
        plain.setFormatter(logging.Formatter("%(levelname)s %(message)s %(extra)s", defaults={"extra": ""}))
        rich = RichHandler(
            console=Console(file=self.rich_out, width=500), rich_tracebacks=True, tracebacks_show_locals=True
        )
        self.handlers = [plain, rich, logging.handlers.QueueHandler(self.queue)]
        for handler in self.handlers:
            self.logger.addHandler(handler)

    def close(self) -> None:
        for handler in self.handlers:
            self.logger.removeHandler(handler)

    @property
    def written(self) -> str:
        records = ""
        while not self.queue.empty():
            records += repr(vars(self.queue.get()))
        return self.out.getvalue() + self.rich_out.getvalue() + records

    def check(self, *, masked: bool = True) -> str:
        written = self.written
        assert "hunter2" not in written
        assert "***" in written or not masked
        return written


@pytest.fixture
def log() -> Iterator[Log]:
    gc.collect()
    last = Redactor()  # takes with it what apps that other tests have dropped left behind
    last.install()
    last.remove()
    made = Log()
    yield made
    made.close()


@pytest.fixture
def redactor(log: Log) -> Iterator[Redactor]:  # after `log`, so that there are handlers to cover
    made = Redactor()
    made.install()
    made.add(Secret(VALUE))
    yield made
    made.remove()


SPELLINGS = {
    "as it is": VALUE, "repr": repr(VALUE), "repr of bytes": repr(VALUE.encode()), "json": json.dumps(VALUE),
    "json as it is": json.dumps(VALUE, ensure_ascii=False), "url": quote(VALUE, safe=""), "path": quote(VALUE),
    "repr of both quotes": repr(f"'\"{VALUE}"), "repr of repr": repr(repr(f"{VALUE}'\"")),
    "json of repr": json.dumps(repr(VALUE)), "repr of json of bytes": repr(json.dumps(VALUE).encode()),
    "json in a url": quote(json.dumps([VALUE])), "html": escape(VALUE), "form": quote_plus(VALUE),
    "exception": repr(ValueError({"a": VALUE})), "base 64": b64encode(VALUE.encode()).decode(),
    "in a url": f"postgres://shop:{quote(VALUE, safe='')}@db/shop?x=1", "twice": f"{VALUE} and {VALUE}",
}  # fmt: skip


@pytest.mark.usefixtures("redactor")
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_a_value_in_a_message_is_masked_however_it_is_spelled(log: Log, spelling: str) -> None:
    log.logger.warning("cannot connect to %s now", SPELLINGS[spelling])
    log.logger.warning(SPELLINGS[spelling])
    written = log.check()
    assert "cannot connect to" in written
    assert " now" in written


@pytest.mark.usefixtures("redactor")
def test_a_value_in_an_exception_or_its_cause_is_masked(log: Log) -> None:
    try:
        try:
            raise OSError(f"refused: {VALUE}")
        except OSError as error:
            raise RuntimeError("cannot start") from error
    except RuntimeError as error:
        log.logger.error("%s", error, exc_info=error)
    written = log.check()
    assert "Traceback" in written
    assert "RuntimeError: cannot start" in written


@pytest.mark.usefixtures("redactor")
def test_a_value_in_a_variable_is_not_shown_by_tracebacks_with_locals(log: Log) -> None:
    def fail(password: str) -> None:
        raise RuntimeError(f"cannot start, after {len(password)} characters")

    def fail_deep() -> None:
        settings = {"db": [{"password": Secret(VALUE).reveal_bytes()}]}
        raise RuntimeError(f"cannot start, with {len(settings)} settings")

    for failing in (partial(fail, VALUE), fail_deep):
        with pytest.raises(RuntimeError) as raised:
            failing()
        log.logger.error("failed", exc_info=raised.value)
    written = log.check(masked=False)
    assert f"RuntimeError: cannot start, after {len(VALUE)} characters" in written
    assert "RuntimeError: cannot start, with 1 settings" in written


@pytest.mark.usefixtures("redactor")
def test_a_value_in_extras_is_masked_at_any_depth(log: Log) -> None:
    extra = {"extra": {"dsn": f"db://{VALUE}", "all": [(VALUE,), {VALUE: 1}], "error": ValueError(VALUE), "n": 1}}
    log.logger.warning("look", extra=extra)
    assert "'n': 1" in log.check()
    assert VALUE in extra["extra"]["dsn"], "what the caller has stays as it is"  # type: ignore[operator]


@pytest.mark.usefixtures("redactor")
def test_a_value_in_arguments_that_do_not_fit_is_masked(log: Log, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = (f"db://{VALUE}",)
    log.logger.warning("%s %s", *arguments)
    log.check()
    assert "hunter2" not in capsys.readouterr().err


@pytest.mark.usefixtures("redactor")
def test_what_holds_no_value_is_left_alone(log: Log) -> None:
    error = ValueError("plain")
    log.logger.warning("%s of %d", "one", 2, exc_info=error, extra={"extra": {"a": 1}})
    seen = log.queue.get_nowait()
    assert "one of 2" in seen.getMessage()
    assert "WARNING one of 2 {'a': 1}\nValueError: plain\n" == log.out.getvalue()


@pytest.mark.usefixtures("redactor")
def test_an_object_that_cannot_be_looked_at_is_not_shown(log: Log) -> None:
    class Unruly:
        def __str__(self) -> str:
            raise RuntimeError("no")

        __repr__ = __str__

    log.logger.warning("%s", Unruly())
    assert "(not shown: looking for secrets in it failed with RuntimeError)" in log.check(masked=False)


def test_handlers_that_come_later_are_covered_when_told_so(redactor: Redactor, log: Log) -> None:
    late = logging.StreamHandler(out := io.StringIO())
    late.setFormatter(logging.Formatter("%(message)s %(extra)s"))
    log.logger.addHandler(late)
    log.logger.warning("%s", VALUE, extra={"extra": ""})
    redactor.cover_handlers()
    log.logger.warning("x", extra={"extra": VALUE})
    log.logger.removeHandler(late)
    assert "*** \nx ***\n" == out.getvalue()


def test_while_a_secret_is_fetched_debug_messages_are_not_shown(redactor: Redactor, log: Log) -> None:
    token = fetching.set(True)
    log.logger.debug("Response body: %s", "unknown-yet")
    log.logger.info("answered")
    fetching.reset(token)
    log.logger.debug("after")
    assert ["(not shown: a secret was being fetched)", "answered", "after"] == [
        log.queue.get_nowait().getMessage() for _ in range(3)
    ]
    assert "" == redactor.mask("")


ALONE = """
import logging, sys, threading
from perdure.context.secret import Secret
from perdure.secrets.redaction import Redactor

handler = logging.StreamHandler(sys.stdout)
logging.getLogger().addHandler(handler)

def installed():
    hooks = [sys.excepthook, threading.excepthook, sys.unraisablehook]
    return [logging.getLogRecordFactory(), *hooks, *handler.filters]

before = installed()
first, second = Redactor(), Redactor()
first.install()
there = installed()
assert before != there
second.install()
assert there == installed(), "one guard does for all"
first.add(Secret("hunter2 is long"))
logging.warning("hunter2 is long")
first.remove()
logging.warning("hunter2 is long")
second.remove()
assert before == installed()
"""


def test_after_the_last_one_ends_everything_is_as_before() -> None:
    # In a process of its own: an app of another test may still be there, and have a guard.
    ran = subprocess.run([sys.executable, "-c", ALONE], capture_output=True, text=True, check=False)
    assert (0, ["***", "hunter2 is long"]) == (ran.returncode, ran.stdout.splitlines()), ran.stderr


def test_apps_that_are_dropped_without_an_end_leave_nothing_that_grows(log: Log) -> None:
    before = logging.getLogRecordFactory()
    for _ in range(2000):
        Redactor().install()
    log.logger.warning("a record")
    last = Redactor()
    last.install()
    gc.collect()
    last.remove()
    assert before is logging.getLogRecordFactory()


def test_what_is_installed_over_it_stays(log: Log) -> None:
    before = logging.getLogRecordFactory()
    redactor = Redactor()
    redactor.install()
    redactor.add(Secret(VALUE))
    guard = logging.getLogRecordFactory()

    def shout(*args: Any, **kwargs: Any) -> logging.LogRecord:
        record = guard(*args, **kwargs)
        record.msg = f"{record.msg}!"
        return record

    logging.setLogRecordFactory(shout)
    log.logger.warning(VALUE)
    redactor.remove()
    assert shout is logging.getLogRecordFactory()
    log.logger.warning("later")
    logging.setLogRecordFactory(before)
    assert "WARNING ***! \nWARNING later! \n" == log.out.getvalue()


def test_short_values_are_not_looked_for_and_long_ones_first() -> None:
    values = SecretValues()
    values.add(Secret("abc"))
    assert values.is_empty
    values.add(Secret("secret"))
    values.add(Secret("secret-and-more"))
    values.add(Secret("secret"))
    assert "abc *** ***" == values.mask("abc secret-and-more secret")
    assert "nothing" == values.mask("nothing")


def as_repr_of_bytes(text: str) -> str:
    return repr(text.encode())


def from_repr_of_bytes(text: str) -> str:
    read: bytes = ast.literal_eval(text)
    return read.decode()


def json_as_it_is(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


INNER: list[tuple[Callable[[str], str], Callable[[str], str]]] = [
    (repr, ast.literal_eval), (json.dumps, json.loads), (json_as_it_is, json.loads),
    (as_repr_of_bytes, from_repr_of_bytes),
]  # fmt: skip
OUTER: list[tuple[Callable[[str], str], Callable[[str], str]]] = [
    (str, str), (quote, unquote), (quote_plus, unquote_plus), (escape, unescape),
]  # fmt: skip


letters = st.one_of(st.characters(exclude_categories=["Cs"], exclude_characters="*"), st.sampled_from("\\'\"/%+ &\n"))


@settings(max_examples=300)
@given(
    value=st.text(letters, min_size=6),
    inner=st.lists(st.sampled_from(INNER), max_size=3),
    outer=st.sampled_from(OUTER),
)
@example(value="\\\\'\\\\\"", inner=[INNER[0], INNER[1]], outer=OUTER[1])
@example(value="%5c%5C%25", inner=[INNER[1]], outer=OUTER[0])
def test_a_value_is_masked_in_whatever_a_chain_of_encoders_makes_of_it(
    value: str,
    inner: list[tuple[Callable[[str], str], Callable[[str], str]]],
    outer: tuple[Callable[[str], str], Callable[[str], str]],
) -> None:
    values = SecretValues()
    values.add(Secret(value))
    text = f"A0{value}Z9"
    for encode, _ in (*inner, outer):
        text = encode(text)
    masked = values.mask(text)
    for _, decode in (outer, *reversed(inner)):
        masked = decode(masked)
    assert MASK in masked
    assert value not in masked


def test_texts_made_to_take_long_do_not() -> None:
    values = SecretValues()
    values.add(Secret("\\\\'\\\"" * 4))
    values.add(Secret("'" * 12))
    started = time.perf_counter()
    for text in ("\\" * 50_000, "%5c" * 20_000, "\\'" * 10_000, "'\\\\" * 10_000):
        values.mask(text)
    assert time.perf_counter() - started < 30, "a quadratic search takes minutes"


def test_values_that_were_replaced_are_still_looked_for_up_to_two_hundred() -> None:
    values = SecretValues()
    for number in range(201):
        values.add(Secret(f"value-{number:04}"))
    assert "value-0000 *** ***" == values.mask("value-0000 value-0001 value-0200")


def test_uncaught_exceptions_are_written_without_values(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        dedent(
            """
            import threading
            from perdure.context.secret import Secret
            from perdure.secrets.redaction import Redactor

            redactor = Redactor()
            redactor.install()
            redactor.add(Secret("hunter2-é"))

            def fail():
                raise ValueError("in a thread: hunter2-é")

            thread = threading.Thread(target=fail, name="worker")
            thread.start()
            thread.join()

            class Dying:
                def __del__(self):
                    raise ValueError("where nobody can catch it: hunter2-é")

            Dying()
            redactor.mask("x")
            raise ValueError("at the end: hunter2-é")
            """
        )
    )
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert 1 == done.returncode
    assert "Exception in thread worker:" in done.stderr
    assert "ValueError: in a thread: ***" in done.stderr
    assert "ValueError: where nobody can catch it: ***" in done.stderr
    assert "ValueError: at the end: ***" in done.stderr
    assert "hunter2" not in done.stderr


@pytest.mark.usefixtures("redactor")
async def test_a_task_that_fails_unseen_is_told_without_values(caplog: pytest.LogCaptureFixture) -> None:
    async def fail() -> None:
        raise RuntimeError(f"in a task: {VALUE}")

    task = asyncio.create_task(fail())
    await asyncio.wait([task])
    del task
    while not caplog.records:
        await asyncio.sleep(0)
    assert "Task exception was never retrieved" in caplog.text
    assert "hunter2" not in caplog.text
