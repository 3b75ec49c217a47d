"""What a handler reads of a request beside its typed parts."""

from typing import Any

import pytest

from perdure import App, Request
from tests.calls import call


def asking(read: Any) -> App:
    app = App("t")

    @app.route("/here/{name}", ["GET", "POST"])
    async def handle(req: Request) -> Any:
        return read(req)

    return app


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda req: req.method, "POST"), (lambda req: req.path, "/here/a b"),
        (lambda req: req.query_string, "x=1&y=%20"),
        (lambda req: req.scheme, "http"), (lambda req: req.http_version, "1.1"), (lambda req: req.host, "test"),
        (lambda req: req.client, "127.0.0.1:123"), (lambda req: req.header("X-One"), "1"),
        (lambda req: req.header("x-none") is None and "none", "none"), (lambda req: req.params["name"], "a b"),
    ],
)  # fmt: skip
def test_a_request_tells_what_was_sent(read: Any, expected: str) -> None:
    response = call(asking(read), "POST", "/here/a%20b?x=1&y=%20", headers={"x-one": "1"})
    assert expected == response.text


def test_undeclared_query_values_are_a_mapping_of_text() -> None:
    def read(req: Request) -> list[Any]:
        query = req.query
        return [
            query["a"], query.values_of("a"), query.values_of("z"), query.get("z"), list(query), len(query),
            "b" in query, query["b"],
        ]  # fmt: skip

    response = call(asking(read), "GET", "/here/x?a=1&b=&a=2+3")
    assert ["2 3", ["1", "2 3"], [], None, ["a", "b"], 2, True, ""] == response.json()


def test_undeclared_headers_are_a_mapping_without_case() -> None:
    def read(req: Request) -> list[Any]:
        headers = req.headers
        names = list(headers)
        return [
            headers["X-ONE"], headers.values_of("x-Many"), headers["x-many"], "x-none" in headers,
            names.count("x-many"), len(headers) == len(names),
        ]  # fmt: skip

    sent = [("x-one", "1"), ("X-Many", "a"), ("x-many", "b, c")]
    response = call(asking(read), "GET", "/here/x", headers=sent)
    assert ["1", ["a", "b, c"], "a, b, c", False, 1, True] == response.json()


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        ("a=1; b=2", {"a": "1", "b": "2"}), ("", {}), ('a="x y"', {"a": "x y"}), ("a=1; ;b=2", {"a": "1", "b": "2"}),
        ("a=b=c", {"a": "b=c"}),
    ],
)  # fmt: skip
def test_cookies_are_read(sent: str, expected: dict[str, str]) -> None:
    assert expected == call(asking(lambda req: dict(req.cookies)), "GET", "/here/x", headers={"cookie": sent}).json()


def test_cookies_of_several_fields_are_one_jar_and_the_first_of_a_name_counts() -> None:
    sent = [("cookie", "a=1; b=2"), ("cookie", "c=3; a=4")]
    response = call(asking(lambda req: dict(req.cookies)), "GET", "/here/x", headers=sent)
    assert {"a": "1", "b": "2", "c": "3"} == response.json()


@pytest.mark.parametrize("sent", ["a@b=1", "\x7f", "=;=;=", "{", "a=1; b@=2; c=3"])
def test_malformed_cookies_are_no_error(sent: str) -> None:
    response = call(asking(lambda req: dict(req.cookies)), "GET", "/here/x", headers={"cookie": sent})
    assert 200 == response.status_code


def test_what_a_request_does_not_have_is_an_attribute_error() -> None:
    def read(req: Any) -> str:
        with pytest.raises(AttributeError, match="user"):
            _ = req.user
        return "none"

    assert "none" == call(asking(read), "GET", "/here/x").text
