"""Every row of the table of errors, over the wire, the same on both servers."""

import re
from typing import TYPE_CHECKING

import pytest

from tests.ingress.wire import Answer, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ingress.conftest import Server

    Same = Callable[[bytes], Answer]

ORDER = b'{"lines":[{"sku":"a","quantity":1}]}'
JSON = "Content-Type: application/json"


def problem(answer: Answer, status: int) -> dict[str, object]:
    """Return the members of a problem, which is a whole one."""
    assert answer.status == status
    assert answer.header("content-type") == "application/problem+json"
    members: dict[str, object] = answer.json()
    assert members["status"] == status
    assert members["instance"] == answer.header("x-request-id")
    assert {"type", "title", "detail"} <= set(members)
    assert b"hunter2" not in answer.body
    assert b"Traceback" not in answer.body
    return members


def test_malformed_json_is_400(same: "Same") -> None:
    members = problem(same(request("POST", "/orders", JSON, body=b'{"lines":[')), 400)
    assert members["type"] == "urn:perdure:problem:malformed-request"


def test_invalid_body_is_400_and_lists_every_fault(same: "Same") -> None:
    body = b'{"lines":[{"sku":"","quantity":0},{"sku":"b","quantity":1,"colour":"red"}],"note":5}'
    members = problem(same(request("POST", "/orders", JSON, body=body)), 400)
    assert members["type"] == "urn:perdure:problem:invalid-request"
    faults = members["errors"]
    assert isinstance(faults, list)
    assert [(fault["in"], fault["pointer"]) for fault in faults] == [
        ("body", "/lines/0/sku"), ("body", "/lines/0/quantity"), ("body", "/lines/1/colour"), ("body", "/note")
    ]  # fmt: skip
    assert all({"in", "pointer", "code", "expected", "actual", "message"} == set(fault) for fault in faults)


def test_faults_of_all_parts_are_listed_together(same: "Same") -> None:
    raw = request("POST", "/strict/5?limit=0&tag=a&tag=b", "X-Level: -1", JSON, body=b'{"lines":[]}')
    faults = problem(same(raw), 400)["errors"]
    assert isinstance(faults, list)
    assert [(fault["in"], fault["pointer"]) for fault in faults] == [
        ("query", "/limit"), ("header", "/x_level"), ("body", "/lines")
    ]  # fmt: skip


@pytest.mark.parametrize(
    "raw",
    [request("GET", "/items/a", "API-Version: v9"), request("GET", "/items/a?version=v9"),
     request("GET", "/items/a", "API-Version:"), request("GET", "/items/a", "API-Version: \xff")],
    ids=["header", "query", "empty", "unreadable"],
)  # fmt: skip
def test_unknown_version_is_400_and_lists_what_there_is(raw: bytes, same: "Same") -> None:
    members = problem(same(raw), 400)
    assert members["type"] == "urn:perdure:problem:unknown-version"
    assert members["known"] == ["unversioned", "latest", "stable"]


@pytest.mark.parametrize(
    "raw",
    [request("GET", "/items/a", "API-Version: stable", "API-Version: unversioned"),
     request("GET", "/items/a?version=stable&version=unversioned")],
    ids=["header", "query"],
)  # fmt: skip
def test_two_different_versions_are_400(raw: bytes, same: "Same") -> None:
    assert "stable, unversioned" in str(problem(same(raw), 400)["detail"])


def test_same_version_said_twice_is_that_version(same: "Same") -> None:
    raw = request("GET", "/items/a?version=stable&version=stable", "API-Version: latest", "API-Version: latest")
    assert same(raw).status == 200


@pytest.mark.parametrize("target", ["/nothing", "/items", "/items/a/b", "/numbers/x", "/", "/items/"])
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "OPTIONS"])
def test_no_such_path_is_404(target: str, method: str, same: "Same") -> None:
    problem(same(request(method, target)), 404)


def test_wrong_method_is_405_and_says_which_are_right(same: "Same") -> None:
    answer = same(request("DELETE", "/items/a"))
    assert problem(answer, 405)["allowed"] == ["GET", "HEAD", "OPTIONS", "PUT"]
    assert answer.header("allow") == "GET, HEAD, OPTIONS, PUT"


def test_body_that_does_not_come_is_408(server: "Server") -> None:
    with server.connect() as connection:
        connection.send(b"POST /slow-body HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
        problem(connection.read(), 408)


def test_too_large_body_is_413(same: "Same") -> None:
    answer = same(request("POST", "/orders", JSON, body=bytes(300 * 1024)))
    assert problem(answer, 413)["limit_bytes"] == 256 * 1024


@pytest.mark.parametrize(
    ("target", "media_type"),
    [("/orders", "text/plain"), ("/orders", "application/xml"), ("/orders", "nonsense"), ("/form", "application/json"),
     ("/upload", "text/plain")],
)  # fmt: skip
def test_wrong_media_type_is_415(target: str, media_type: str, same: "Same") -> None:
    answer = same(request("POST", target, f"Content-Type: {media_type}", body=ORDER))
    accepted = problem(answer, 415)["accepted"]
    assert isinstance(accepted, list)
    assert answer.header("accept") == ", ".join(accepted)


def test_unknown_charset_is_415(same: "Same") -> None:
    problem(same(request("POST", "/text", "Content-Type: text/plain; charset=klingon", body=b"nuqneH")), 415)


def test_too_many_headers_are_431(same: "Same") -> None:
    problem(same(request("GET", "/items/a", *(f"X-{index}: 1" for index in range(70)))), 431)


def test_too_large_headers_are_431(same: "Same") -> None:
    problem(same(request("GET", "/items/a", f"X-Large: {'x' * 9000}")), 431)


@pytest.mark.parametrize("target", ["/raise", "/raise-sync", "/invalid-answer", "/answers/gone-file"])
def test_handler_that_fails_is_500(target: str, same: "Same") -> None:
    members = problem(same(request("GET", target)), 500)
    assert "errors" not in members


@pytest.mark.parametrize("status", [0, 42, 99, 100, 101, 199, 600, 999, 1000, 99_999])
def test_status_that_is_none_is_500_and_ends_nothing(status: int, same: "Same") -> None:
    problem(same(request("GET", f"/odd-status/{status}")), 500)


@pytest.mark.parametrize("status", [200, 201, 299, 300, 404, 418, 599])
def test_status_of_the_handlers_own(status: int, same: "Same") -> None:
    assert same(request("GET", f"/odd-status/{status}")).status == status


@pytest.mark.parametrize("status", [204, 304])
def test_body_with_a_status_that_has_none_is_not_sent(status: int, server: "Server") -> None:
    with server.connect() as connection:
        connection.send(request("GET", f"/odd-status/{status}"), request("GET", "/items/next"))
        assert connection.read().status == status
        assert connection.read().json() == {"name": "next"}


@pytest.mark.parametrize("name", ["Content-Length", "transfer-encoding", "Connection", "Upgrade", "bad%20name"])
def test_header_that_is_the_servers_own_is_500(name: str, same: "Same") -> None:
    problem(same(request("GET", f"/odd-header/{name}")), 500)


def test_module_that_fails_is_502(same: "Same") -> None:
    assert problem(same(request("GET", "/module")), 502)["type"] == "urn:perdure:problem:module-failed"


def test_handler_that_hangs_is_504(same: "Same") -> None:
    problem(same(request("GET", "/hang")), 504)


def test_problem_of_the_handlers_own(same: "Same") -> None:
    members = problem(same(request("GET", "/problem")), 409)
    assert (members["type"], members["title"], members["left"]) == ("urn:probe:stock", "Not enough stock", 2)


def test_failure_is_logged_once_with_its_traceback(server: "Server") -> None:
    before = len(server.log)
    server.get("/raise")
    logged = server.log[before:]
    assert logged.count("Traceback") == 1
    assert logged.count("\nRuntimeError: password=hunter2") == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(("target", "text"), [("/healthz", b'{"status":"ok"}'), ("/readyz", b'{"status":"ready"}')])
def test_health(target: str, text: bytes, method: str, same: "Same") -> None:
    answer = same(request(method, target))
    assert (answer.status, answer.body) == (200, text if method == "GET" else b"")
    assert answer.header("content-length") == str(len(text))
    assert answer.header("api-version") == "unversioned"


def test_health_is_asked_with_get(same: "Same") -> None:
    problem(same(request("POST", "/healthz")), 404)


def test_every_answer_has_a_request_id_of_its_own(server: "Server") -> None:
    ids = {server.get("/nothing").header("x-request-id") for _ in range(20)}
    assert len(ids) == 20
    assert all(found is not None and re.fullmatch(r"[0-9a-z]{20,32}", found) for found in ids)
