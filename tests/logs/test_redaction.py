"""Credentials in what is logged."""

import logging
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.logs.formatting import LogFormatter
from perdure.logs.redaction import Credentials
from tests.logs.lines import collecting, parsed

SECRET = "Zx9-value.of_it7"
JWT = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc_DEF-123"
FORMATTERS = [LogFormatter("json"), LogFormatter("logfmt"), LogFormatter("console")]


@pytest.mark.parametrize(
    "text",
    [
        f"Authorization: Bearer {SECRET}", f"authorization: Basic {SECRET}==", f"got bearer {SECRET}A1",
        f"Cookie: session={SECRET}; a={SECRET}", f"Set-Cookie: id={SECRET}; Path=/",
        f"{{'authorization': 'Bearer {SECRET}', 'accept': '*/*'}}", f"[(b'cookie', b'{SECRET}')]",
        f'{{"X-Api-Key": "{SECRET}"}}', f"GET /a?x=1&api_key={SECRET}&y=2", f"GET /a?token={SECRET}",
        f"POST /cb?access_token={SECRET}#x", f"postgres://shop:{SECRET}@db/shop", f"redis://:{SECRET}@host",
        f"User(name='a', password='{SECRET}')", f"password={SECRET} host=db", f"{{'client_secret': '{SECRET}'}}",
        f'"refresh_token": "{SECRET}"', "pdk_4h7k2m9x_Zx9valueofit7abcdefgh",
    ],
)  # fmt: skip
def test_a_credential_is_not_in_what_is_written(text: str) -> None:
    value = SECRET if SECRET in text else "Zx9valueofit7"
    for formatter in FORMATTERS:
        with collecting(formatter) as (logger, last):
            logger.info(text, extra={"told": text, "deep": [{"told": text}]})
            assert value not in last()
            assert "***" in last()


def test_a_token_is_not_in_what_is_written_wherever_it_stands() -> None:
    assert "is *** here" == Credentials().cleaned(f"is {JWT} here")


@pytest.mark.parametrize(
    "text",
    [
        "Basic authentication is not offered", "the bearer of bad news", "secret db_password, read by handle: denied",
        "http://127.0.0.1:8000/a@b", "see https://shop.example/a?page=2", "a key error: 'x'", "tokens: 12 of 15",
        "key=value", "it took 3 s: passed", "pdk_short",
    ],
)  # fmt: skip
def test_what_is_no_credential_stays(text: str) -> None:
    assert text == Credentials().cleaned(text)


@pytest.mark.parametrize(
    "name",
    ["password", "PASSWORD", "db_passwd", "Authorization", "set-cookie", "X-API-Key", "apiKey", "client secret",
     "refresh_token", "session_id", "private-key", "pwd", "iban"],
)  # fmt: skip
def test_a_field_that_sounds_like_a_credential_is_hidden_at_any_depth(name: str) -> None:
    with collecting(LogFormatter("json", hide=["IBAN"])) as (logger, last):
        logger.info("x", extra={"deep": {"headers": [(name, SECRET), (name.encode(), [SECRET])], name: {"a": SECRET}}})
        assert SECRET not in last()
        logger.info("x", extra={f"{name}": SECRET})
        assert SECRET not in last()


def test_counts_and_truths_are_shown() -> None:
    facts = {"tokens": 512, "has_password": True, "token": None, "monkey": "x", "keyboard": "y"}
    with collecting(LogFormatter("json")) as (logger, last):
        logger.info("x", extra={**facts, "password": 1234})
        (line,) = parsed(last())
    assert facts == {name: line[name] for name in facts}
    assert "***" == line["password"]


def test_the_audit_log_tells_names_of_secrets() -> None:
    with collecting(LogFormatter("json"), "perdure.audit") as (logger, last):
        logger.info("secret db read by handle", extra={"secret": "db", "token": SECRET})
        (line,) = parsed(last())
    assert ("db", "***") == (line["secret"], line["token"])


@pytest.mark.parametrize(
    "piece",
    [
        "://a:",
        "password=",
        "&a",
        "authorization:",
        "authorization: ",
        "bearer ",
        "eyJaaaaa.",
        "'x': ",
        "a",
        "\\",
        "?a=b&",
    ],
)
def test_no_text_makes_it_slow(piece: str) -> None:
    text = (piece * 20_000)[:16_384]
    began = time.process_time()
    Credentials().cleaned(text)
    assert time.process_time() - began < 0.5


@given(st.text(max_size=200))
def test_whatever_it_is_given_nothing_is_made_longer_than_what_stands_in_its_place(text: str) -> None:
    assert len(Credentials().cleaned(text)) <= len(text) + 3 * text.count("=") + 3 * text.count(":") + 3 * text.count(
        " "
    )


def test_a_record_that_another_handler_reads_too_is_not_changed() -> None:
    record = logging.LogRecord("a", logging.INFO, __file__, 1, "password=%s", (SECRET,), None)
    record.__dict__["token"] = SECRET
    before = dict(record.__dict__)
    FORMATTERS[0].format(record)
    assert before == record.__dict__
