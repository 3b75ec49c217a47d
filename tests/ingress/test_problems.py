"""Errors as clients see them."""

import asyncio
import inspect
import json
import logging

import pytest

from perdure import errors
from perdure.context.answers import check_header
from perdure.errors import (
    BodyTimeoutError,
    ClientDisconnectedError,
    DeadlineExceededError,
    Fault,
    HeadersTooLargeError,
    InvalidRequestError,
    InvalidResponseError,
    MalformedRequestError,
    MethodNotAllowedError,
    ModuleError,
    PayloadTooLargeError,
    PerdureError,
    Problem,
    RequestError,
    RevisionFaultError,
    RouteNotFoundError,
    ShuttingDownError,
    UnknownVersionError,
    UnsupportedMediaTypeError,
    UntranslatableRequestError,
    UntranslatableResponseError,
)
from perdure.ingress.problems import PROBLEM_KINDS, problem_body, problem_reply, status_of

FAULT = Fault(pointer="/lines/0/quantity", code="minimum", expected=">= 1", actual="0", message="must be at least 1")


def told(error: BaseException) -> tuple[int, dict[str, str], dict[str, object]]:
    status, headers, body = problem_body(error, "the-request")
    members = json.loads(body)
    assert isinstance(members, dict)
    assert members["status"] == status == status_of(error)
    assert members["instance"] == "the-request"
    assert headers[0] == ("content-type", "application/problem+json")
    assert len(headers) == len(dict(headers))
    for name, value in headers:
        check_header(name, value)
        assert name == name.lower()
    return status, dict(headers), members


class OwnRequestError(RequestError):
    """What a program may derive."""


@pytest.mark.parametrize(
    ("error", "status", "type", "title", "detail"),
    [
        (MalformedRequestError("x"), 400, "urn:perdure:problem:malformed-request", "The request is malformed", "x"),
        (UnknownVersionError("x", ()), 400, "urn:perdure:problem:unknown-version", "The version does not exist", None),
        (UntranslatableRequestError("r", "t"), 400, "urn:perdure:problem:untranslatable-request", None, None),
        (OwnRequestError("mine"), 400, "about:blank", "Bad Request", "mine"),
        (RouteNotFoundError("/x"), 404, "about:blank", "Not Found", None),
        (MethodNotAllowedError("PUT", ("GET",)), 405, "about:blank", "Method Not Allowed", None),
        (BodyTimeoutError(2.5), 408, "about:blank", "Request Timeout", None),
        (PayloadTooLargeError(5), 413, "about:blank", None, "the body is larger than 5 bytes"),
        (UnsupportedMediaTypeError("a/b", ("c/d",)), 415, "about:blank", "Unsupported Media Type", None),
        (HeadersTooLargeError("too many"), 431, "about:blank", "Request Header Fields Too Large", "too many"),
        (ClientDisconnectedError(), 499, "about:blank", "Client Closed Request", None),
        (UntranslatableResponseError("r", "t"), 502, "urn:perdure:problem:untranslatable-response", None, None),
        (ModuleError("db", "get"), 502, "urn:perdure:problem:module-failed", "A module failed", None),
        (ShuttingDownError("x"), 503, "about:blank", "Service Unavailable", None),
        (DeadlineExceededError("x", 1), 504, "about:blank", "Gateway Timeout", None),
        (RevisionFaultError(("r",), ()), 500, "about:blank", "Internal Server Error", None),
        (InvalidResponseError("h", (FAULT,)), 500, "about:blank", "Internal Server Error", None),
        (ValueError("x"), 500, "about:blank", "Internal Server Error", None),
        (asyncio.CancelledError(), 500, "about:blank", "Internal Server Error", None),
    ],
)  # fmt: skip
def test_error_is_told(error: BaseException, status: int, type: str, title: str | None, detail: str | None) -> None:
    found, _, members = told(error)
    assert (found, members["type"]) == (status, type)
    assert members["detail"]
    if title is not None:
        assert members["title"] == title
    if detail is not None:
        assert members["detail"] == detail


SECRET = "password=hunter2"


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError(SECRET), ShuttingDownError(SECRET), DeadlineExceededError(SECRET, 1), ModuleError(SECRET, SECRET),
        ClientDisconnectedError(SECRET), InvalidResponseError(SECRET, (FAULT,)),
        RevisionFaultError((SECRET,), (("body", FAULT),)), UntranslatableResponseError(SECRET, SECRET),
        errors.SnapshotError(SECRET),
        errors.ConfigError(SECRET), errors.InvalidValueError((FAULT,)), KeyboardInterrupt(SECRET), OSError(5, SECRET),
    ],
)  # fmt: skip
def test_what_the_server_did_wrong_is_nobodys_business(error: BaseException) -> None:
    try:
        raise error from KeyError(SECRET)
    except BaseException as raised:
        status, _, body = problem_body(raised, "id")
    assert status >= 499
    assert b"hunter2" not in body
    assert b"quantity" not in body
    assert b"Traceback" not in body


def test_every_error_a_client_makes_has_a_line_of_its_own_in_the_table() -> None:
    classes = {cls for _, cls in inspect.getmembers(errors, inspect.isclass) if issubclass(cls, PerdureError)}
    assert {cls for cls in classes if issubclass(cls, RequestError)} - set(PROBLEM_KINDS) == set()
    assert set(PROBLEM_KINDS) - classes == {Exception}


def test_faults_are_all_listed_with_their_place() -> None:
    _, _, members = told(InvalidRequestError((("body", FAULT), ("query", FAULT))))
    fault = {
        "pointer": "/lines/0/quantity", "code": "minimum", "expected": ">= 1", "actual": "0",
        "message": "must be at least 1",
    }  # fmt: skip
    assert members["errors"] == [{"in": "body", **fault}, {"in": "query", **fault}]


def test_what_a_client_can_act_on_is_told_apart_from_the_text() -> None:
    assert told(UnknownVersionError("v9", ("v1", "v2")))[2]["known"] == ["v1", "v2"]
    assert told(PayloadTooLargeError(7))[2]["limit_bytes"] == 7
    _, headers, members = told(MethodNotAllowedError("PUT", ("GET", "HEAD")))
    assert (headers["allow"], members["allowed"]) == ("GET, HEAD", ["GET", "HEAD"])
    _, headers, members = told(UnsupportedMediaTypeError("", ("a/b", "c/d")))
    assert (headers["accept"], members["accepted"]) == ("a/b, c/d", ["a/b", "c/d"])
    assert told(ShuttingDownError())[1]["retry-after"].isdigit()


def test_problem_is_told_as_the_handler_wants_it() -> None:
    problem = Problem(
        409,
        "only 2 left",
        title="Not enough stock",
        type="https://x.example/stock",
        headers={"Retry-After": "5"},
        left=2,
        errors=[1],
    )
    status, headers, members = told(problem)
    assert (status, headers["retry-after"]) == (409, "5")
    assert members == {
        "type": "https://x.example/stock", "title": "Not enough stock", "status": 409, "detail": "only 2 left",
        "instance": "the-request", "left": 2, "errors": [1],
    }  # fmt: skip


@pytest.mark.parametrize(("status", "title"), [(418, "I'm a Teapot"), (499, "Client Error"), (599, "Server Error")])
def test_problem_without_words_has_the_status_phrase_and_no_detail(status: int, title: str) -> None:
    members = told(Problem(status))[2]
    assert members["title"] == title
    assert "detail" not in members


def test_problem_cannot_pass_for_another_request() -> None:
    members = told(Problem(409, instance="other"))[2]
    assert members["instance"] == "the-request"


@pytest.mark.parametrize("value", [object(), "\ud800", {"a": object()}, {1.5: object()}, [Exception()]])
def test_problem_member_that_is_no_json_is_left_out_and_logged(value: object, caplog: pytest.LogCaptureFixture) -> None:
    members = told(Problem(409, "x", bad=value, good=1))[2]
    assert ("bad" in members, members["good"]) == (False, 1)
    assert "'bad'" in caplog.text
    assert caplog.records[0].levelno == logging.ERROR


def test_problem_member_that_has_itself_inside_is_left_out() -> None:
    loop: list[object] = []
    loop.append(loop)
    assert "bad" not in told(Problem(409, bad=loop))[2]


def test_problem_header_that_cannot_be_sent_is_left_out_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    headers = told(
        Problem(409, headers={"X-A": "a\r\nset-cookie: x=y", "X-B": "b", "Content-Length": "1", "Content-Type": "a/b"})
    )[1]
    assert headers == {"content-type": "application/problem+json", "x-b": "b"}
    assert "X-A" in caplog.text
    assert "set-cookie" not in caplog.text


def test_problem_reply_is_the_same_as_a_reply() -> None:
    error = RouteNotFoundError("/x")
    reply = problem_reply(error, "id")
    assert (reply.status, reply.headers, reply.body) == problem_body(error, "id")


def test_request_that_is_invalid_without_any_transformer_says_so_for_the_log() -> None:
    assert str(RevisionFaultError((), ())).startswith("as no revision has a transformer for it, the request is invalid")
    assert str(RevisionFaultError(("r2",), ())).startswith("after the transformers of r2 the request is invalid")
