"""What clients of an older version send and read, where transformers go beyond the members of a type."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from msgspec import Struct
from pydantic import BaseModel, field_validator

from perdure import App, Config, Empty, Event, EventStream, File, Problem, Redirect, Request, Response, Stream, Text
from tests.calls import call, run
from tests.recording import Step, record


class Money(Struct):
    amount: int = 1


Declare = Callable[[App], None]


def served(folder: Path, old: Declare, new: Declare, source: str) -> App:
    """Return an app that declares *new*, and published *old* before; *source* holds the transformers between."""

    def built(declare: Declare, **options: Any) -> App:
        app = App("t", **options)
        declare(app)
        return app

    record(folder, [Step("2025-01-01", built(old), label="v1.0.0"), Step("2026-01-01", built(new), source, "v2.0.0")])
    return built(new, revisions=folder)


def ask(app: App, method: str, path: str, **options: Any) -> httpx.Response:
    """Send a request as a client of the older version."""
    headers = [*options.pop("headers", ()), ("api-version", "v1")]
    return call(app, method, path, headers=headers, **options)


def answering(value: object, annotation: Any = None) -> Declare:
    """Declare ``GET /``, which answers *value*."""

    def declare(app: App) -> None:
        async def handle() -> Any:
            return value

        if annotation is not None:
            handle.__annotations__["return"] = annotation
        else:
            del handle.__annotations__["return"]
        app.get("/")(handle)

    return declare


def back(*lines: str) -> str:
    """Return a response transformer of ``GET /``."""
    body = "".join(f"    {line}\n" for line in lines)
    return f'@revision.response("GET /")\ndef back(answer: ResponseParts) -> None:\n{body}'


# --- whose fault a refused request is ------------------------------------------------------------------------------


class Person(BaseModel):
    name: str

    @field_validator("name")
    @classmethod
    def _refuse(cls, name: str) -> str:
        if name == "nobody":
            raise ValueError("nobody is no name")
        return name


class Range(Struct):
    low: int = 0
    high: int = 9

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low must not exceed high")


def rules(app: App) -> None:
    @app.post("/people")
    async def people(req: Request[Person]) -> str:
        return req.body.name

    @app.post("/ranges")
    async def ranges(req: Request[Range]) -> int:
        return req.body.low

    @app.get("/")
    async def query(req: Request[None, None, Range]) -> int:
        return req.query.low


PASSING = """
@revision.request("Person")
def person(value):
    return value | ({"name": 5} if value["name"] == "five" else {})

@revision.request("Range")
def interval(value):
    return value

@revision.request("GET /")
def query(request: RequestParts) -> None: ...
"""


@pytest.mark.parametrize(
    ("method", "path", "body", "pointer", "place"),
    [
        ("POST", "/people", {"name": "nobody"}, "/name", "body"),
        ("POST", "/ranges", {"low": 2, "high": 1}, "", "body"),
        ("GET", "/?low=10", None, "", "query"),
    ],
)
def test_a_rule_no_recorded_type_can_hold_is_the_clients_to_keep(
    tmp_path: Path, method: str, path: str, body: object, pointer: str, place: str
) -> None:
    response = ask(served(tmp_path, rules, rules, PASSING), method, path, json=body)
    assert 400 == response.status_code, response.text
    (fault,) = response.json()["errors"]
    assert (place, pointer, "refused") == (fault["in"], fault["pointer"], fault["code"])


def test_what_a_transformer_makes_of_the_wrong_kind_is_the_revisions_fault(tmp_path: Path) -> None:
    assert 500 == ask(served(tmp_path, rules, rules, PASSING), "POST", "/people", json={"name": "five"}).status_code


# --- query and headers without a type ------------------------------------------------------------------------------


def untyped(app: App) -> None:
    @app.get("/")
    async def handle(req: Request) -> Any:
        headers = {name: req.headers.values_of(name) for name in req.headers if name.startswith("x-")}
        return {"q": {name: req.query.values_of(name) for name in req.query}, "h": headers, "x": req.header("x-new")}


RENAMES = """
@revision.request("GET /")
def rename(request: RequestParts) -> None:
    if "state" in request.query:
        request.query["status"] = request.query.pop("state")
    request.query["tags"] = [*request.query.get("tag", ()), 5, True]
    if "x-old" in request.headers:
        request.headers["x-new"] = request.headers.pop("x-old")
"""


def test_transformers_see_texts_and_handlers_see_what_they_made_of_them(tmp_path: Path) -> None:
    app = served(tmp_path, untyped, untyped, RENAMES)
    response = ask(
        app, "GET", "/?state=a&tag=1&tag=2&z=%20", headers=[("x-old", "o"), ("x-two", "1"), ("x-two", "2")]
    ).json()
    assert {"z": [" "], "tag": ["1", "2"], "status": ["a"], "tags": ["1", "2", "5", "true"]} == response["q"]
    assert {"x-new": ["o"], "x-two": ["1", "2"]} == response["h"]
    assert "o" == response["x"]


def test_a_malformed_query_is_a_400_for_transformers_too(tmp_path: Path) -> None:
    class Raw(httpx.ASGITransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            request.url = httpx.URL("http://test/").copy_with(raw_path=b"/?a=%zz")
            return await super().handle_async_request(request)

    app = served(tmp_path, untyped, untyped, RENAMES)

    async def send() -> int:
        async with httpx.AsyncClient(transport=Raw(app=app), base_url="http://test") as client:
            return (await client.get("/", headers={"api-version": "v1"})).status_code

    assert 400 == run(send())


class Search(Struct, forbid_unknown_fields=True):
    status: str = "all"
    limit: int = 20


class Credentials(Struct):
    x_api_key: str


def typed(app: App) -> None:
    @app.get("/")
    async def handle(req: Request[None, None, Search, Credentials]) -> Any:
        return [req.query.status, req.query.limit, req.headers.x_api_key]


KEYS = """
@revision.request("GET /")
def rename(request: RequestParts) -> None:
    if "state" in request.query:
        request.query["status"] = request.query.pop("state")
    request.query["limit"] = {"1": 5, "2": "many"}.get(request.query.pop("size", ""), 20)
    request.headers["x-api-key"] = request.headers.pop("x-key", "none")
"""


def test_texts_arrive_as_the_types_that_were_declared_since(tmp_path: Path) -> None:
    app = served(tmp_path, untyped, typed, KEYS)
    assert ["a", 5, "k"] == ask(app, "GET", "/?state=a&size=1&version=1", headers=[("x-key", "k")]).json()
    assert ["all", 20, "none"] == ask(app, "GET", "/").json()
    assert 500 == ask(app, "GET", "/?size=2").status_code


def test_without_a_transformer_texts_arrive_as_they_were_sent(tmp_path: Path) -> None:
    app = served(tmp_path, untyped, typed, "")
    assert ["all", 5, "k"] == ask(app, "GET", "/?limit=5&other=1", headers=[("x-api-key", "k")]).json()
    response = ask(app, "GET", "/?limit=five", headers=[("x-api-key", "k")])
    assert (400, ["/limit"]) == (response.status_code, [fault["pointer"] for fault in response.json()["errors"]])


def test_types_that_are_declared_no_more_leave_texts(tmp_path: Path) -> None:
    source = """
@revision.request("GET /")
def rename(request: RequestParts) -> None:
    request.query["status"] = request.query["limit"] + 1
    request.headers["x_new"] = request.headers.pop("x_api_key")
"""
    app = served(tmp_path, typed, untyped, source)
    response = ask(app, "GET", "/?limit=5", headers=[("x-api-key", "k")]).json()
    assert {"q": {"limit": ["5"], "status": ["6"]}, "h": {"x-new": ["k"]}, "x": "k"} == response


class OldSpelling(Struct, rename={"key": "X-API-Key"}):
    key: str


class NewSpelling(Struct, rename={"key": "X-New-Key"}):
    key: str


def test_headers_are_named_in_lower_case_however_their_type_spells_them(tmp_path: Path) -> None:
    def declare(kind: Any) -> Declare:
        def declare(app: App) -> None:
            async def handle(req: Any) -> str:
                return str(req.headers.key)

            handle.__annotations__["req"] = Request[None, None, None, kind]
            app.get("/")(handle)

        return declare

    source = """
@revision.request("GET /")
def rename(request: RequestParts) -> None:
    request.headers["x-new-key"] = request.headers.pop("x-api-key")
"""
    app = served(tmp_path, declare(OldSpelling), declare(NewSpelling), source)
    assert "k" == ask(app, "GET", "/", headers=[("x-api-key", "k")]).text


# --- the version in the query --------------------------------------------------------------------------------------


def searching(app: App) -> None:
    @app.get("/")
    async def handle(req: Request[None, None, Search]) -> int:
        return req.query.limit


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_closed_query_does_not_refuse_the_version(tmp_path: Path, version: str) -> None:
    source = '@revision.request("GET /")\ndef same(request: RequestParts) -> None: ...\n'
    app = served(tmp_path, searching, searching, source)
    assert 5 == call(app, "GET", f"/?limit=5&version={version}").json()
    response = call(app, "GET", f"/?other=5&limit=x&version={version}")
    assert {"/other", "/limit"} == {fault["pointer"] for fault in response.json()["errors"]}


def test_a_closed_query_refuses_what_is_not_the_name_of_the_version() -> None:
    for name, expected in (("v", 200), (None, 400)):
        app = App("t", config=Config(version_query=name))
        searching(app)
        assert expected == call(app, "GET", "/?v=latest").status_code
        assert 400 == call(app, "GET", "/?version=latest").status_code


def test_a_type_may_declare_the_parameter_that_names_the_version() -> None:
    class Asked(Struct, forbid_unknown_fields=True):
        version: str

    app = App("t")

    @app.get("/")
    async def handle(req: Request[None, None, Asked]) -> str:
        return req.query.version

    assert "latest" == call(app, "GET", "/?version=latest").text


# --- answers without a body ----------------------------------------------------------------------------------------


def test_nothing_becomes_what_the_older_version_promised(tmp_path: Path) -> None:
    source = back(
        "assert (answer.status, answer.body) == (204, None)", "answer.status = 201", 'answer.body = {"amount": 2}'
    )
    response = ask(served(tmp_path, answering(Money(), Money), answering(None), source), "GET", "/")
    assert (201, {"amount": 2}) == (response.status_code, response.json())
    assert "application/json" == response.headers["content-type"]


def test_a_body_in_place_of_nothing_is_a_200_where_no_status_is_set(tmp_path: Path) -> None:
    source = back('answer.body = {"amount": 2}')
    response = ask(served(tmp_path, answering(Money(), Money), answering(None), source), "GET", "/")
    assert (200, {"amount": 2}) == (response.status_code, response.json())


def test_null_becomes_what_the_older_version_promised(tmp_path: Path) -> None:
    source = back("if answer.body is None:", '    answer.body = {"amount": 0}')
    app = served(tmp_path, answering(Money(), Money), answering(None, Money | None), source)
    assert (200, {"amount": 0}) == ((response := ask(app, "GET", "/")).status_code, response.json())
    assert b"null" == call(app, "GET", "/").content


@pytest.mark.parametrize("new", [answering(None), answering(None, Money | None)])
@pytest.mark.parametrize("source", ["", back("answer.headers['x-a'] = 'b'"), back("answer.status = 204")])
def test_an_older_client_never_gets_nothing_for_a_promise(tmp_path: Path, new: Declare, source: str) -> None:
    assert 500 == ask(served(tmp_path, answering(Money(), Money), new, source), "GET", "/").status_code


@pytest.mark.parametrize("source", ["", back("answer.headers['x-a'] = 'b'")])
def test_a_failure_without_a_body_stays_without_one(tmp_path: Path, source: str) -> None:
    def missing(app: App) -> None:
        @app.get("/")
        async def handle(res: Response) -> None:
            res.status = 404

    for promise in (answering(Money(), Money), answering(None, Money | None)):
        response = ask(served(tmp_path / str(id(promise)), promise, missing, source), "GET", "/")
        assert (404, b"") == (response.status_code, response.content)
        assert "content-type" not in response.headers


def test_an_older_client_gets_null_where_its_type_has_it(tmp_path: Path) -> None:
    response = ask(served(tmp_path, answering(None, Money | None), answering(None), ""), "GET", "/")
    assert (200, b"null") == (response.status_code, response.content)


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("new", [answering(Money(), Money), answering(Text("a")), answering(File(__file__))])
def test_an_answer_that_has_no_body_has_no_type(tmp_path: Path, status: int, new: Declare) -> None:
    source = back(f"answer.status = {status}", "answer.body = None")
    response = ask(served(tmp_path, answering(None), new, source), "GET", "/")
    assert (status, b"") == (response.status_code, response.content)
    assert "content-type" not in response.headers


def test_types_have_no_say_in_an_answer_without_data(tmp_path: Path) -> None:
    source = '@revision.response("Money")\ndef older(money):\n    return {"amount": money["amount"] + 1}\n'
    union = Money | Redirect
    app = served(tmp_path, answering(Money(), union), answering(Redirect("/x"), union), source)
    assert (307, "/x") == ((response := ask(app, "GET", "/")).status_code, response.headers["location"])


# --- answers that are no data --------------------------------------------------------------------------------------


async def pieces() -> AsyncIterator[bytes]:
    yield b"piece"


async def events() -> AsyncIterator[Event]:
    yield Event(Money())


EVENT = b'data: {"amount":1}\n\n'


@pytest.mark.parametrize(
    ("make", "media", "content"),
    [
        (lambda: Text("a", "text/csv"), "text/csv", b"a"), (lambda: "a", "text/plain; charset=utf-8", b"a"),
        (lambda: b"a", "application/octet-stream", b"a"), (lambda: Redirect("/x"), None, b""),
        (lambda: File(__file__), None, Path(__file__).read_bytes()),
        (lambda: Stream(pieces(), "a/b"), "a/b", b"piece"), (pieces, "application/octet-stream", b"piece"),
        (lambda: EventStream(events()), "text/event-stream", EVENT), (lambda: Empty(205), None, b""),
    ],
)  # fmt: skip
def test_status_and_headers_of_answers_that_are_no_data_are_carried_back(
    tmp_path: Path, make: Callable[[], object], media: str | None, content: bytes
) -> None:
    def declare(app: App) -> None:
        app.get("/")(lambda: make())

    source = back(
        "assert answer.body is None", "answer.status = 203", "answer.headers['X-Old'] = 'y'",
        "if 'location' in answer.headers:", "    answer.headers['location'] = '/old'",
    )  # fmt: skip
    response = ask(served(tmp_path, declare, declare, source), "GET", "/")
    assert (203, "y", content) == (response.status_code, response.headers["x-old"], response.content)
    assert ("/old" if isinstance(make(), Redirect) else None) == response.headers.get("location")
    assert media is None or media == response.headers["content-type"]


@pytest.mark.parametrize("value", [Text("a"), File(__file__), Redirect("/x"), Empty()])
def test_a_body_takes_the_place_of_an_answer_that_is_no_data(tmp_path: Path, value: object) -> None:
    source = back("answer.status = 200", 'answer.body = {"amount": 3}')
    response = ask(served(tmp_path, answering(Money(), Money), answering(value), source), "GET", "/")
    assert (200, {"amount": 3}) == (response.status_code, response.json())
    assert "application/json" == response.headers["content-type"]
    assert "etag" not in response.headers


def test_such_a_body_is_held_to_the_older_type(tmp_path: Path) -> None:
    source = back("answer.status = 200", 'answer.body = {"amount": "three"}')
    assert 500 == ask(served(tmp_path, answering(Money(), Money), answering(Text("a")), source), "GET", "/").status_code


# --- what transformers may say -------------------------------------------------------------------------------------


BAD = [
    "answer.status = 700", "answer.status = '200'", "answer.status = 101", "answer.status = True",
    "answer.headers = None",
    "answer.headers['x-a'] = '1\\r\\nset-cookie: evil=1'", "answer.headers['x-a'] = 5", "answer.headers['X a'] = '5'",
    "answer.headers[5] = '5'", "answer.headers['Content-Length'] = '0'",
    "answer.headers['transfer-encoding'] = 'chunked'",
    "answer.body = object()",
]  # fmt: skip


@pytest.mark.parametrize("line", BAD)
def test_an_answer_that_could_not_be_sent_is_a_502(tmp_path: Path, line: str, caplog: pytest.LogCaptureFixture) -> None:
    app = served(tmp_path, answering(Money(), Money), answering(Money(), Money), back(line))
    response = ask(app, "GET", "/")
    assert (502, "application/problem+json") == (response.status_code, response.headers["content-type"])
    assert "r1" in caplog.text


def failing(app: App) -> None:
    @app.get("/")
    async def handle() -> Money:
        raise Problem(404, "no", headers={"x-kept": "1"})


@pytest.mark.parametrize("line", BAD)
def test_a_problem_that_could_not_be_sent_is_a_502(tmp_path: Path, line: str) -> None:
    source = back(line).replace("revision.response", "revision.problem")
    response = ask(served(tmp_path, failing, failing, source), "GET", "/")
    assert (502, 502) == (response.status_code, response.json()["status"])


def test_a_problems_body_says_the_status_that_is_sent(tmp_path: Path) -> None:
    source = back("answer.status = 410").replace("revision.response", "revision.problem")
    response = ask(served(tmp_path, failing, failing, source), "GET", "/")
    assert (410, 410, "1") == (response.status_code, response.json()["status"], response.headers["x-kept"])


def test_a_status_a_problems_transformer_wrote_itself_stays(tmp_path: Path) -> None:
    source = back("answer.status = 200", "answer.body = {'status': 'failed'}")
    response = ask(
        served(tmp_path, failing, failing, source.replace("revision.response", "revision.problem")), "GET", "/"
    )
    assert (200, {"status": "failed"}) == (response.status_code, response.json())


def test_a_problem_without_a_body_has_no_type(tmp_path: Path) -> None:
    source = back("answer.status = 204").replace("revision.response", "revision.problem")
    response = ask(served(tmp_path, failing, failing, source), "GET", "/")
    assert (204, b"") == (response.status_code, response.content)
    assert "content-type" not in response.headers


# --- headers of one name -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "cookies", "vary"),
    [
        ("answer.headers['x-old'] = '1'", ["a=1", "b=2"], ["accept", "origin"]),
        ("answer.headers['set-cookie'] = 'c=3'", ["a=1", "c=3"], ["accept", "origin"]),
        ("del answer.headers['set-cookie']", [], ["accept", "origin"]),
        ("answer.headers['vary'] += ', cookie'", ["a=1", "b=2"], ["accept, origin, cookie"]),
        ("answer.headers['Vary'] = 'cookie'", ["a=1", "b=2"], ["cookie"]),
        ("del answer.headers['vary']", ["a=1", "b=2"], []),
    ],
)
@pytest.mark.parametrize("body", [Money(), None])
def test_only_the_headers_a_transformer_changes_change(
    tmp_path: Path, line: str, cookies: list[str], vary: list[str], body: object
) -> None:
    def declare(app: App) -> None:
        @app.get("/")
        async def handle(res: Response):  # type: ignore[no-untyped-def]
            res.add_header("set-cookie", "a=1")
            res.add_header("set-cookie", "b=2")
            res.add_header("vary", "accept")
            res.add_header("vary", "origin")
            return body

    response = ask(served(tmp_path, declare, declare, back(line)), "GET", "/")
    assert (cookies, vary) == (response.headers.get_list("set-cookie"), response.headers.get_list("vary"))
