"""Answers of all kinds: what a handler returns, and what its client reads."""

import logging
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import msgspec
import pytest
from msgspec import Meta, Struct

from perdure import (
    App,
    Config,
    Empty,
    Event,
    EventStream,
    File,
    Html,
    Redirect,
    Request,
    Response,
    Stream,
    Text,
)  # fmt: skip
from tests.calls import call


class Money(Struct):
    amount: Annotated[str, Meta(pattern=r"^\d+\.\d{2}$")]
    currency: str


def answering(value: Any, annotation: Any = None, **options: Any) -> App:
    """Return an app that answers *value*, declared to answer *annotation*."""
    app = App("t")

    async def handle() -> Any:
        return value

    if annotation is None:
        del handle.__annotations__["return"]
    else:
        handle.__annotations__["return"] = annotation
    app.get("/", **options)(handle)
    return app


@pytest.mark.parametrize(
    ("value", "media", "body"),
    [
        ({"a": [1, None, "é"]}, "application/json", '{"a":[1,null,"é"]}'.encode()),
        (Money("1.00", "EUR"), "application/json", b'{"amount":"1.00","currency":"EUR"}'),
        ([Decimal("1.50"), datetime(2026, 2, 10, tzinfo=UTC)], "application/json", b'["1.50","2026-02-10T00:00:00Z"]'),
        (True, "application/json", b"true"), (0, "application/json", b"0"), ([], "application/json", b"[]"),
        ("é", "text/plain; charset=utf-8", "é".encode()), ("", "text/plain; charset=utf-8", b""),
        (b"\xff", "application/octet-stream", b"\xff"), (Text("a", "text/csv"), "text/csv", b"a"),
        (Html("<p>"), "text/html; charset=utf-8", b"<p>"),
    ],
)  # fmt: skip
def test_a_value_is_answered_as_its_kind(value: object, media: str, body: bytes) -> None:
    response = call(answering(value), "GET", "/")
    assert (200, media, body) == (response.status_code, response.headers["content-type"], response.content)
    assert str(len(body)) == response.headers["content-length"]


def test_none_is_a_204_without_a_body() -> None:
    for annotation in (None, type(None)):
        response = call(answering(None, annotation), "GET", "/")
        assert (204, b"") == (response.status_code, response.content)
        assert "content-type" not in response.headers


def test_none_of_a_nullable_type_is_null() -> None:
    response = call(answering(None, Money | None), "GET", "/")
    assert (200, b"null", "application/json") == (
        response.status_code, response.content, response.headers["content-type"]
    )  # fmt: skip


def test_none_where_something_was_promised_is_a_500(caplog: pytest.LogCaptureFixture) -> None:
    assert 500 == call(answering(None, Money), "GET", "/").status_code
    assert "nothing was returned" in caplog.text


def test_a_response_that_breaks_its_promise_is_a_500_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        response = call(answering(Money("a secret amount", "EUR"), Money), "GET", "/")
    assert 500 == response.status_code
    assert "secret" not in response.text
    assert "/amount" in caplog.text


def test_a_response_is_not_checked_where_that_is_turned_off() -> None:
    app = App("t", config=Config(check_responses=False))

    @app.get("/")
    async def handle() -> Money:
        return Money("odd", "EUR")

    assert {"amount": "odd", "currency": "EUR"} == call(app, "GET", "/").json()


@pytest.mark.parametrize("value", [object(), {1, object()}, {"a": lambda: None}, 1j, {(1, 2): 3}, float])
def test_what_cannot_be_encoded_is_a_500(value: object, caplog: pytest.LogCaptureFixture) -> None:
    assert 500 == call(answering(value), "GET", "/").status_code
    assert "InvalidResponseError" in caplog.text


def test_an_endless_structure_is_a_500() -> None:
    endless: list[object] = []
    endless.append(endless)
    assert 500 == call(answering(endless), "GET", "/").status_code


@pytest.mark.parametrize(
    ("accept", "media"),
    [
        ("application/msgpack", "application/msgpack"), ("application/json", "application/json"),
        ("*/*", "application/json"), ("application/msgpack;q=0.5, application/json", "application/json"),
        ("application/msgpack;q=0.9, application/json;q=0.1", "application/msgpack"),
        ("application/msgpack;q=0", "application/json"), ("text/html", "application/json"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("annotation", [None, Money])
def test_the_client_chooses_json_or_msgpack(accept: str, media: str, annotation: Any) -> None:
    response = call(answering(Money("1.00", "EUR"), annotation), "GET", "/", headers={"accept": accept})
    assert media == response.headers["content-type"]
    decode = msgspec.msgpack.decode if "msgpack" in media else msgspec.json.decode
    assert {"amount": "1.00", "currency": "EUR"} == decode(response.content)


def test_the_body_may_be_set_instead_of_returned_and_the_returned_one_wins() -> None:
    app = App("t")

    @app.get("/set")
    async def only_set(res: Response[Money]) -> None:
        res.body = Money("1.00", "EUR")

    @app.get("/both")
    async def both(res: Response[Money]) -> Money:
        res.body = Money("1.00", "EUR")
        return Money("2.00", "EUR")

    assert "1.00" == call(app, "GET", "/set").json()["amount"]
    assert "2.00" == call(app, "GET", "/both").json()["amount"]


def test_status_and_headers_are_the_handlers() -> None:
    app = App("t")

    @app.post("/", status=201)
    async def handle(req: Request, res: Response) -> dict[str, int]:
        if req.header("later"):
            res.status = 202
        res.set_header("Location", "/orders/1")
        res.add_header("Vary", "accept")
        res.add_header("Vary", "origin")
        return {}

    response = call(app, "POST", "/")
    assert (201, "/orders/1") == (response.status_code, response.headers["location"])
    assert ["accept", "origin"] == response.headers.get_list("vary")
    assert 202 == call(app, "POST", "/", headers={"later": "1"}).status_code


def test_a_content_type_of_the_handlers_own_is_kept() -> None:
    app = App("t")

    @app.get("/")
    async def handle(res: Response) -> dict[str, int]:
        res.set_header("content-type", "application/vnd.shop+json")
        return {"a": 1}

    assert ["application/vnd.shop+json"] == call(app, "GET", "/").headers.get_list("content-type")


def test_cookies_are_sent_safely_and_read_back() -> None:
    app = App("t")

    @app.get("/")
    async def handle(req: Request, res: Response) -> dict[str, str]:
        res.set_cookie("session", "a b;c", max_age_s=60)
        res.delete_cookie("old")
        return dict(req.cookies)

    response = call(app, "GET", "/", headers={"cookie": "a=1; b=2"})
    assert {"a": "1", "b": "2"} == response.json()
    session, old = response.headers.get_list("set-cookie")
    assert session.startswith("session=")
    for attribute in ("HttpOnly", "Secure", "SameSite=Lax", "Path=/", "Max-Age=60"):
        assert attribute in session
    assert old.startswith("old=")
    assert "Max-Age=0" in old


@pytest.mark.parametrize("value", ["a\r\nset-cookie: x=1", "a\nb", "\0", "€"])
def test_a_header_that_would_break_out_of_its_line_is_refused(value: str) -> None:
    app = App("t")

    @app.get("/")
    async def handle(res: Response) -> str:
        with pytest.raises(ValueError, match="header x-a"):
            res.set_header("x-a", value)
        with pytest.raises(ValueError, match="header x-a"):
            res.add_header("x-a", value)
        return "refused"

    response = call(app, "GET", "/")
    assert "refused" == response.text
    assert "x-a" not in response.headers


def test_a_redirect_goes_where_it_says() -> None:
    response = call(answering(Redirect("/é?a=b", 303)), "GET", "/")
    assert (303, "/%C3%A9?a=b", b"") == (response.status_code, response.headers["location"], response.content)


@pytest.mark.parametrize("status", [204, 205, 304])
def test_an_empty_answer_has_its_status_and_no_body(status: int) -> None:
    response = call(answering(Empty(status)), "GET", "/")
    assert (status, b"") == (response.status_code, response.content)


@pytest.mark.parametrize("annotation", [None, Money | Redirect | Empty])
def test_an_answer_class_may_stand_beside_data(annotation: Any) -> None:
    assert 204 == call(answering(Empty(), annotation), "GET", "/").status_code
    assert 307 == call(answering(Redirect("/"), annotation), "GET", "/").status_code
    assert 200 == call(answering(Money("1.00", "EUR"), annotation), "GET", "/").status_code


def test_streams_arrive_whole_and_are_closed() -> None:
    app = App("t")
    closed: list[str] = []

    async def pieces() -> AsyncIterator[bytes | str]:
        try:
            yield b"a"
            yield "é"
        finally:
            closed.append("async")

    def sync_pieces() -> Iterator[str]:
        try:
            yield from ["a", "b"]
        finally:
            closed.append("sync")

    app.get("/stream")(lambda: Stream(pieces(), "text/event"))
    app.get("/iterator")(lambda: pieces())
    app.get("/sync")(lambda: Stream(sync_pieces()))

    @app.get("/generator")
    async def generator() -> AsyncIterator[bytes]:
        yield b"1"
        yield b"2"

    @app.get("/sync-generator")
    def sync_generator() -> Iterator[bytes]:
        yield b"1"
        yield b"2"

    assert ("text/event", "aé".encode()) == (
        (response := call(app, "GET", "/stream")).headers["content-type"],
        response.content,
    )
    assert "aé".encode() == call(app, "GET", "/iterator").content
    assert b"ab" == call(app, "GET", "/sync").content
    assert ["async", "async", "sync"] == closed
    assert b"12" == call(app, "GET", "/generator").content
    assert b"12" == call(app, "GET", "/sync-generator").content


def test_server_sent_events_are_written_as_such() -> None:
    async def events() -> AsyncIterator[Event]:
        yield Event({"a": 1}, id="1", event="change")
        yield Event("two\nlines")

    response = call(answering(EventStream(events())), "GET", "/")
    assert "text/event-stream" == response.headers["content-type"].partition(";")[0]
    assert "no-store" == response.headers["cache-control"]
    assert 'data: {"a":1}\n' in response.text
    assert "data: two\ndata: lines\n\n" in response.text


def test_a_file_is_sent_whole_in_part_and_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "report.csv"
    path.write_bytes(b"0123456789")
    app = answering(File(path, filename="Bericht.csv", download=True))
    whole = call(app, "GET", "/")
    assert (200, b"0123456789", "text/csv") == (
        whole.status_code, whole.content, whole.headers["content-type"].partition(";")[0]
    )  # fmt: skip
    assert "attachment" in whole.headers["content-disposition"]
    part = call(app, "GET", "/", headers={"range": "bytes=2-4"})
    assert (206, b"234", "bytes 2-4/10") == (part.status_code, part.content, part.headers["content-range"])
    same = call(app, "GET", "/", headers={"if-none-match": whole.headers["etag"]})
    assert (304, b"") == (same.status_code, same.content)
    assert 416 == call(app, "GET", "/", headers={"range": "bytes=20-"}).status_code


def test_a_file_that_is_not_there_is_a_500_that_does_not_tell_where() -> None:
    response = call(answering(File("/nowhere/secret.txt")), "GET", "/")
    assert 500 == response.status_code
    assert "nowhere" not in response.text


@pytest.mark.parametrize("value", [{"a": 1}, "text", b"bytes", Stream(iter([b"a"])), Redirect("/")])
def test_head_has_the_headers_of_get_and_no_body(value: object) -> None:
    response = call(answering(value), "HEAD", "/")
    assert b"" == response.content
    assert response.status_code in {200, 307}
    if value == {"a": 1}:
        assert ("application/json", "7") == (response.headers["content-type"], response.headers["content-length"])


def test_text_of_a_handler_that_declares_data_is_data() -> None:
    assert b'"a"' == call(answering("a", str | int), "GET", "/").content
