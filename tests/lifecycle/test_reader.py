"""Bodies, parameters, query and headers: what reaches a handler, and what is refused."""

import asyncio
import json
from collections.abc import AsyncIterator
from datetime import date
from typing import Annotated, Any, TypedDict
from uuid import UUID

import httpx
import msgspec
import pytest
from msgspec import Meta, Struct

from perdure import App, Config, Form, FormData, Request
from tests.calls import call, run

JSON = {"content-type": "application/json"}


class Line(Struct):
    sku: str
    quantity: Annotated[int, Meta(ge=1, le=1000)]


class Order(Struct):
    lines: list[Line]
    note: str | None = None


class Filter(Struct):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    tag: list[str] = []
    open: bool = False
    until: date | None = None


class Credentials(Struct):
    x_api_key: str
    accept_language: str = "en"


class OrderPath(TypedDict):
    order_id: int


def echo(body: Any = Any, method: str = "POST", config: Config | None = None) -> App:
    """Return an app whose handler answers its body as data."""
    app = App("t", config=config or Config(body_limit_bytes=1000))

    async def handle(req: Any) -> dict[str, Any]:
        return {"body": msgspec.to_builtins(req.body), "kind": type(req.body).__name__}

    handle.__annotations__["req"] = Request[body]
    app.route("/", (method,))(handle)
    return app


def faults_of(response: httpx.Response) -> set[tuple[str, str, str]]:
    assert 400 == response.status_code, response.text
    return {(fault["in"], fault["pointer"], fault["code"]) for fault in response.json()["errors"]}


# --- typed data ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "media",
    ["application/json", "application/json; charset=utf-8", "application/vnd.shop+json", "Application/JSON", None],
)
def test_a_json_body_becomes_its_type(media: str | None) -> None:
    headers = {"content-type": media} if media else {}
    response = call(echo(Order), "POST", "/", content=b'{"lines": [{"sku": "A", "quantity": 2}]}', headers=headers)
    expected = {"lines": [{"sku": "A", "quantity": 2}], "note": None}
    assert (200, {"body": expected, "kind": "Order"}) == (response.status_code, response.json())


@pytest.mark.parametrize("media", ["application/msgpack", "application/x-msgpack", "application/vnd.msgpack"])
def test_a_msgpack_body_becomes_its_type(media: str) -> None:
    raw = msgspec.msgpack.encode({"lines": [{"sku": "A", "quantity": 2}]})
    response = call(echo(Order), "POST", "/", content=raw, headers={"content-type": media})
    assert (200, "Order") == (response.status_code, response.json()["kind"])


@pytest.mark.parametrize("raw", [b"62.0", b"62", b"6.2e1"])
def test_a_number_without_a_fraction_is_an_integer_however_it_is_written(raw: bytes) -> None:
    response = call(echo(int), "POST", "/", content=raw, headers=JSON)
    assert {"body": 62, "kind": "int"} == response.json()


def test_a_number_with_a_fraction_is_no_integer() -> None:
    assert {("body", "", "type")} == faults_of(call(echo(int), "POST", "/", content=b"62.5", headers=JSON))


@pytest.mark.parametrize(
    "raw",
    [
        b"", b"{", b'{"lines": [}', b"[" * 100_000, b'{"a":' * 100_000, b'{"lines": NaN}', b"Infinity", b"-Infinity",
        b'{"lines": [], "note": "\xff"}', b"\xff\xfe", b"{} {}", b"{'lines': []}", b'{"lines": [],}', b"nul",
        b'"\xed\xa0\x80"', b'{"lines": [], "unknown": "\xff"}',
    ],
)  # fmt: skip
def test_a_body_that_is_no_json_is_a_400(raw: bytes) -> None:
    app = echo(Order, config=Config())
    response = call(app, "POST", "/", content=raw, headers=JSON)
    assert 400 == response.status_code
    assert "application/problem+json" == response.headers["content-type"]


def test_a_msgpack_body_that_is_none_or_nested_too_deeply_is_a_400() -> None:
    app = echo(Order, config=Config())
    for raw in (b"", b"\xc1", b"\x91" * 100_000, b"\x81\xa5lines", b"\xa1\xff"):
        response = call(app, "POST", "/", content=raw, headers={"content-type": "application/msgpack"})
        assert 400 == response.status_code, raw[:10]


@pytest.mark.parametrize(
    "media", ["text/plain", "application/xml", "application/x-www-form-urlencoded", "nonsense", "/"]
)
def test_a_body_of_another_media_type_is_a_415_that_says_what_is_taken(media: str) -> None:
    response = call(echo(Order), "POST", "/", content=b"<a/>", headers={"content-type": media})
    assert 415 == response.status_code
    assert ["application/json", "application/msgpack"] == response.json()["accepted"]
    assert "application/json, application/msgpack" == response.headers["accept"]


def test_a_body_over_the_limit_is_a_413_that_says_the_limit() -> None:
    response = call(echo(Order), "POST", "/", content=b" " * 1001, headers=JSON)
    assert (413, 1000) == (response.status_code, response.json()["limit_bytes"])


def test_a_body_of_the_limit_is_read() -> None:
    raw = b'{"lines": []}'.ljust(1000)
    assert 200 == call(echo(Order), "POST", "/", content=raw, headers=JSON).status_code


def test_a_route_has_a_body_limit_of_its_own() -> None:
    app = App("t")

    @app.post("/", body_limit_bytes=5)
    async def handle(req: Request[list[int]]) -> int:
        return len(req.body)

    assert 200 == call(app, "POST", "/", content=b"[1,2]", headers=JSON).status_code
    assert 413 == call(app, "POST", "/", content=b"[1,23]", headers=JSON).status_code


def test_a_missing_body_is_told_unless_it_is_optional() -> None:
    assert {("body", "", "required")} == faults_of(call(echo(Order), "POST", "/"))
    assert {"body": None, "kind": "NoneType"} == call(echo(Order | None), "POST", "/").json()


def test_all_faults_of_a_body_are_told_at_once() -> None:
    body = {"lines": [{"quantity": 0}, {"sku": 5, "quantity": 1001}, 7], "note": 1}
    expected = {
        ("body", "/lines/0/sku", "required"), ("body", "/lines/0/quantity", "minimum"),
        ("body", "/lines/1/sku", "type"),
        ("body", "/lines/1/quantity", "maximum"), ("body", "/lines/2", "type"), ("body", "/note", "type"),
    }  # fmt: skip
    assert expected == faults_of(call(echo(Order), "POST", "/", json=body))


def test_a_fault_tells_what_was_expected_and_what_was_sent() -> None:
    response = call(echo(Order), "POST", "/", json={"lines": [{"sku": "A", "quantity": 0}]})
    (fault,) = response.json()["errors"]
    assert {"in", "pointer", "code", "expected", "actual", "message"} == fault.keys()
    assert ("/lines/0/quantity", "0") == (fault["pointer"], fault["actual"])
    assert "1" in fault["expected"]


# --- path, query, headers ------------------------------------------------------------------------------------------


def parts_app() -> App:
    app = App("t")

    @app.post("/orders/{order_id:int}")
    async def handle(req: Request[Order, OrderPath, Filter, Credentials]) -> list[Any]:
        query, headers = req.query, req.headers
        return [
            req.params["order_id"], len(req.body.lines), query.limit, query.tag, query.open, str(query.until),
            headers.x_api_key, headers.accept_language,
        ]  # fmt: skip

    return app


def test_every_part_of_a_request_becomes_its_type() -> None:
    response = call(
        parts_app(), "POST", "/orders/7?limit=5&tag=a&tag=b+c&tag=%C3%A9&open=true&until=2026-02-10",
        json={"lines": []}, headers={"X-API-Key": "k", "Accept-Language": "de"},
    )  # fmt: skip
    assert [7, 0, 5, ["a", "b c", "é"], True, "2026-02-10", "k", "de"] == response.json()


def test_defaults_stand_for_what_is_not_sent() -> None:
    response = call(
        parts_app(), "POST", "/orders/7", json={"lines": []}, headers={"x-api-key": "k", "accept-language": ""}
    )
    assert [7, 0, 20, [], False, "None", "k", ""] == response.json()


def test_the_faults_of_all_parts_are_told_at_once() -> None:
    response = call(
        parts_app(), "POST", "/orders/7?limit=0&open=perhaps&until=yesterday",
        json={"lines": [{"sku": "a", "quantity": "b"}]}
    )  # fmt: skip
    expected = {
        ("query", "/limit", "minimum"), ("query", "/open", "type"), ("query", "/until", "format"),
        ("body", "/lines/0/quantity", "type"), ("header", "/x_api_key", "required"),
    }  # fmt: skip
    assert {(place, pointer) for place, pointer, _ in expected} == {
        (place, pointer) for place, pointer, _ in faults_of(response)
    }


def test_a_single_value_sent_twice_is_refused_or_the_last_counts_but_never_both() -> None:
    response = call(parts_app(), "POST", "/orders/7?limit=5&limit=6", json={"lines": []}, headers={"x-api-key": "k"})
    assert {("query", "/limit")} == {(place, pointer) for place, pointer, _ in faults_of(response)}


@pytest.mark.parametrize("query", ["%zz", "a=%", "limit=%ff", "&".join(["a=1"] * 1001)])
def test_a_malformed_query_is_a_400(query: str) -> None:
    app = App("t")

    @app.get("/typed")
    async def typed(req: Request[None, Any, Filter]) -> int:
        return req.query.limit

    @app.get("/untyped")
    async def untyped(req: Request) -> int:
        return len(req.query)

    assert [400, 400] == [call_raw(app, "/typed", query), call_raw(app, "/untyped", query)]


def call_raw(app: App, path: str, query: str) -> int:
    """Return the status of a request whose query is sent as it is: httpx would mend it."""
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        await asyncio.Event().wait()
        return {}

    async def send(message: Any) -> None:
        sent.append(message)

    scope: dict[str, Any] = {
        "type": "http", "method": "GET", "path": path, "raw_path": path.encode(), "query_string": query.encode(),
        "headers": [], "http_version": "1.1", "scheme": "http", "client": None, "server": None,
    }  # fmt: skip
    run(app(scope, receive, send))
    return int(sent[0]["status"])


@pytest.mark.parametrize(
    ("template", "path", "expected"),
    [
        ("/{a:int}", "/-7", -7), ("/{a:float}", "/1.5", 1.5), ("/{a:date}", "/2026-02-10", "2026-02-10"),
        ("/{a:uuid}", "/936da01f-9abd-4d9d-80c7-02af85c822a8", "936da01f-9abd-4d9d-80c7-02af85c822a8"),
        ("/{a}", "/%C3%A9%20b", "é b"), ("/{a:path}", "/b/c", "b/c"), ("/{a}", "/7", "7"),
    ],
)  # fmt: skip
def test_undeclared_params_have_the_types_of_their_converters(template: str, path: str, expected: object) -> None:
    app = App("t")

    @app.get(template)
    async def handle(req: Request) -> list[Any]:
        value = req.params["a"]
        return [value, isinstance(value, UUID | date | str | int | float)]

    assert [expected, True] == call(app, "GET", path).json()


def test_what_no_converter_refuses_but_is_no_value_is_a_400() -> None:
    app = App("t")

    @app.get("/{day:date}")
    async def handle(req: Request) -> str:
        return str(req.params["day"])

    assert {("path", "/day")} == {(place, pointer) for place, pointer, _ in faults_of(call(app, "GET", "/2026-02-30"))}


# --- other bodies --------------------------------------------------------------------------------------------------


class Login(Struct):
    name: str
    age: int
    tags: list[str] = []


@pytest.mark.parametrize("multipart", [False, True])
def test_a_form_becomes_its_type(multipart: bool) -> None:
    app = echo(Form[Login])
    options: dict[str, Any] = {"data": {"name": "Ada L", "age": "36", "tags": ["a", "b"]}}
    if multipart:
        options["files"] = {"unused": ("", b"")}
    response = call(app, "POST", "/", **options)
    assert {"body": {"name": "Ada L", "age": 36, "tags": ["a", "b"]}, "kind": "Login"} == response.json()


def test_the_faults_of_a_form_are_told_at_once() -> None:
    response = call(echo(Form[Login]), "POST", "/", data={"age": "old"})
    assert {("body", "/age"), ("body", "/name")} == {(place, pointer) for place, pointer, _ in faults_of(response)}


def test_a_form_of_another_media_type_is_a_415() -> None:
    assert 415 == call(echo(Form[Login]), "POST", "/", json={"name": "a", "age": 1}).status_code


def test_a_malformed_multipart_form_is_a_400() -> None:
    headers = {"content-type": "multipart/form-data; boundary=x"}
    assert 400 == call(echo(Form[Login]), "POST", "/", content=b"--y\r\n", headers=headers).status_code


def test_files_of_a_form_reach_the_handler_and_are_closed_after_it() -> None:
    app = App("t")
    kept: list[FormData] = []

    @app.post("/")
    async def handle(req: Request[FormData]) -> list[Any]:
        kept.append(req.body)
        upload = req.body["file"][0]
        assert not isinstance(upload, str)
        return [upload.filename, (await upload.read()).decode(), req.body["name"]]

    response = call(app, "POST", "/", data={"name": "a"}, files={"file": ("b.txt", b"content")})
    assert (200, ["b.txt", "content", ["a"]]) == (response.status_code, response.json())


def test_a_raw_body_is_what_was_sent() -> None:
    app = App("t")

    @app.post("/")
    async def handle(req: Request[bytes]) -> bytes:
        return req.body[::-1]

    response = call(app, "POST", "/", content=b"\xff\x00a", headers={"content-type": "image/png"})
    assert b"a\x00\xff" == response.content


def test_text_is_decoded_by_its_charset() -> None:
    app = App("t")

    @app.post("/")
    async def handle(req: Request[str]) -> str:
        return req.body

    def send(raw: bytes, media: str) -> httpx.Response:
        return call(app, "POST", "/", content=raw, headers={"content-type": media})

    assert "é" == send("é".encode(), "text/plain").text
    assert "é" == send("é".encode("latin-1"), "text/plain; charset=iso-8859-1").text
    assert 400 == send(b"\xff", "text/plain").status_code
    assert 415 == send(b"a", "text/plain; charset=klingon").status_code


def test_a_stream_reaches_the_handler_piece_by_piece() -> None:
    app = App("t", config=Config(body_limit_bytes=10, upload_limit_bytes=1_000))

    @app.post("/")
    async def handle(req: Request[AsyncIterator[bytes]]) -> int:
        return sum([len(chunk) async for chunk in req.body])

    assert 999 == call(app, "POST", "/", content=b"a" * 999).json()
    assert 413 == call(app, "POST", "/", content=b"a" * 1001).status_code


@pytest.mark.parametrize(
    ("raw", "media", "expected"),
    [
        (b'{"a": 1}', "application/json", {"a": 1}), (b"[1]", "application/vnd.x+json", [1]),
        (msgspec.msgpack.encode({"a": 1}), "application/msgpack", {"a": 1}), (b"a b", "text/plain", "a b"),
        (b"", "application/json", None), (b"", None, None),
    ],
)  # fmt: skip
def test_an_undeclared_body_is_what_its_media_type_says(raw: bytes, media: str | None, expected: object) -> None:
    app = App("t")

    @app.post("/")
    async def handle(req: Request) -> dict[str, Any]:
        return {"body": req.body}

    headers = {"content-type": media} if media else {}
    assert {"body": expected} == call(app, "POST", "/", content=raw, headers=headers).json()


@pytest.mark.parametrize(
    ("raw", "media"),
    [(b"{", "application/json"), (b"\xc1", "application/msgpack"), (b"[" * 100_000, "application/json")],
)
def test_a_malformed_undeclared_body_is_a_400(raw: bytes, media: str) -> None:
    app = App("t")

    @app.post("/")
    async def handle(req: Request) -> None: ...

    assert 400 == call(app, "POST", "/", content=raw, headers={"content-type": media}).status_code


def test_a_body_nobody_asked_for_is_not_read() -> None:
    app = App("t", config=Config(body_limit_bytes=1))

    @app.post("/")
    async def handle(req: Request[None]) -> bool:
        return req.body is None

    assert call(app, "POST", "/", content=json.dumps(["not", "read"])).json() is True


@pytest.mark.parametrize("length", ["-1", "+5", "five", "1e3", "5, 5", "٣"])
def test_a_content_length_that_is_no_number_is_no_500(length: str) -> None:
    headers = {"content-type": "application/json", "content-length": length.encode()}
    assert call(echo(list[int]), "POST", "/", content=b"[1,2]", headers=headers).status_code in {200, 400}
