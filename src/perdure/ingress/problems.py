"""Errors as clients see them: ``application/problem+json``, from one table.

The *type* of a problem is ``about:blank`` where the status says it all, and ``urn:perdure:problem:<slug>`` where a
client could act on the difference (a version that does not exist is no malformed body, though both are 400).

What is the server's fault is told in the words of the table only: the exception's own may name what is nobody's
business.

Source: RFC 9457; SPEC 4.
"""

import logging
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, final

import msgspec
from msgspec import Struct

from perdure.context.answers import check_header
from perdure.errors import (
    BodyTimeoutError,
    ClientDisconnectedError,
    DeadlineExceededError,
    Fault,
    ForbiddenError,
    HeadersTooLargeError,
    IdentityUnavailableError,
    InvalidRequestError,
    MalformedRequestError,
    MethodNotAllowedError,
    MisdirectedRequestError,
    ModuleError,
    OverloadedError,
    PayloadTooLargeError,
    Place,
    Problem,
    RateLimitedError,
    RequestError,
    RouteNotFoundError,
    ShuttingDownError,
    UnauthenticatedError,
    UnknownVersionError,
    UnsupportedMediaTypeError,
    UntranslatableRequestError,
    UntranslatableResponseError,
    UriTooLongError,
    VersionClosedError,
)
from perdure.lifecycle.reply import Reply

__all__ = [
    "PROBLEM_JSON",
    "PROBLEM_KINDS",
    "ProblemAnswer",
    "ProblemKind",
    "problem_body",
    "problem_reply",
    "status_of",
]

PROBLEM_JSON: Final = "application/problem+json"
"""The media type of every problem."""

_log: Final = logging.getLogger(__name__)

ProblemAnswer = tuple[int, list[tuple[str, str]], bytes]
"""Status, header fields (names in lower case; ``content-type`` is the first) and body."""


@final
class ProblemKind(Struct, frozen=True):
    """How one class of errors is told."""

    status: int
    slug: str = ""
    """Ends the URI of the problem's type; ``""`` for ``about:blank``."""
    title: str = ""
    """For every problem of the type the same; the status' own phrase where it is ``""``."""
    detail: str = ""
    """What is said of each; ``""`` for the error's own message."""
    headers: tuple[tuple[str, str], ...] = ()


_INTERNAL: Final = ProblemKind(500, detail="The server failed to answer this request; its log may say more.")

PROBLEM_KINDS: Final[Mapping[type[BaseException], ProblemKind]] = {
    RequestError: ProblemKind(400),
    MalformedRequestError: ProblemKind(400, "malformed-request", "The request is malformed"),
    InvalidRequestError: ProblemKind(400, "invalid-request", "The request is invalid"),
    UnknownVersionError: ProblemKind(400, "unknown-version", "The version does not exist"),
    UntranslatableRequestError: ProblemKind(400, "untranslatable-request", "The request has no equivalent any more"),
    UnauthenticatedError: ProblemKind(401, detail="Credentials that are good are needed here."),
    ForbiddenError: ProblemKind(403, detail="These credentials do not allow this."),
    RouteNotFoundError: ProblemKind(404),
    MethodNotAllowedError: ProblemKind(405),
    BodyTimeoutError: ProblemKind(408),
    VersionClosedError: ProblemKind(410, "version-closed", "The version is not served"),
    PayloadTooLargeError: ProblemKind(413),
    UriTooLongError: ProblemKind(414),
    UnsupportedMediaTypeError: ProblemKind(415),
    MisdirectedRequestError: ProblemKind(421),
    RateLimitedError: ProblemKind(429),
    HeadersTooLargeError: ProblemKind(431),
    # Nobody reads this one: the status is for logs and metrics, where it is the custom since nginx.
    ClientDisconnectedError: ProblemKind(499, title="Client Closed Request", detail="The client left."),
    UntranslatableResponseError: ProblemKind(
        502,
        "untranslatable-response",
        "The answer has no equivalent",
        "The version asked for cannot express the answer.",
    ),
    ModuleError: ProblemKind(502, "module-failed", "A module failed", "Something this answer depends on failed."),
    OverloadedError: ProblemKind(503),
    IdentityUnavailableError: ProblemKind(503, detail="Who you are cannot be found out now; try again."),
    ShuttingDownError: ProblemKind(
        503, detail="The server is shutting down; try again.", headers=(("retry-after", "1"),)
    ),
    DeadlineExceededError: ProblemKind(504, detail="The server could not answer in time."),
    Exception: _INTERNAL,
}
"""All errors; of the classes an error is an instance of, the most special counts."""


def status_of(error: BaseException) -> int:
    """Return the status *error* is answered with."""
    return error.status if isinstance(error, Problem) else _kind_of(error).status


def problem_body(error: BaseException, request_id: str) -> ProblemAnswer:
    """Return the answer to a request that ended in *error*; never fails.

    Args:
        error: Any exception; what is no error of Perdure's is a 500.
        request_id: Goes into ``instance``.
    """
    members: dict[str, object]
    if isinstance(error, Problem):
        status = error.status
        members = {
            "type": error.type, "title": error.title or _phrase(status), "status": status,
            "detail": error.detail, "instance": request_id,
        }  # fmt: skip
        members |= {name: value for name, value in error.members.items() if name not in members}
        headers = [(name.lower(), value) for name, value in error.headers.items() if _is_sendable(name, value)]
    else:
        kind = _kind_of(error)
        status = kind.status
        members = {
            "type": f"urn:perdure:problem:{kind.slug}" if kind.slug else "about:blank",
            "title": kind.title or _phrase(status), "status": status,
            "detail": kind.detail or str(error), "instance": request_id,
        }  # fmt: skip
        members |= _own_members(error)
        headers = [*kind.headers, *_own_headers(error)]
    if not members["detail"]:
        del members["detail"]
    return status, [("content-type", PROBLEM_JSON), *headers], _encode(members, request_id)


def problem_reply(error: BaseException, request_id: str) -> Reply:
    """Return the reply to a request that ended in *error*; see `problem_body`."""
    return Reply(*problem_body(error, request_id))


def _kind_of(error: BaseException) -> ProblemKind:
    for cls in type(error).__mro__:
        kind = PROBLEM_KINDS.get(cls)
        if kind is not None:
            return kind
    return _INTERNAL


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Client Error" if status < 500 else "Server Error"


def _own_members(error: BaseException) -> dict[str, object]:
    """Return what a client can act on, beside the text."""
    match error:
        case InvalidRequestError(faults=faults):
            return {"errors": [_tell_fault(place, fault) for place, fault in faults]}
        case UnknownVersionError(known=known):
            return {"known": known}
        case VersionClosedError(version=version, successor=successor):
            return {"version": version, "successor": successor}
        case MethodNotAllowedError(allowed=allowed):
            return {"allowed": allowed}
        case UnsupportedMediaTypeError(accepted=accepted):
            return {"accepted": accepted}
        case PayloadTooLargeError(limit_bytes=limit_bytes):
            return {"limit_bytes": limit_bytes}
    return {}


def _tell_fault(place: Place, fault: Fault) -> dict[str, str]:
    return {
        "in": place, "pointer": fault.pointer, "code": fault.code,
        "expected": fault.expected, "actual": fault.actual, "message": fault.message,
    }  # fmt: skip


def _own_headers(error: BaseException) -> list[tuple[str, str]]:
    match error:
        case MethodNotAllowedError(allowed=allowed):
            return [("allow", ", ".join(allowed))]
        case UnsupportedMediaTypeError(accepted=accepted):
            return [("accept", ", ".join(accepted))]
        case VersionClosedError(retry_after_s=retry_after_s, headers=headers):
            return [*headers, *([("retry-after", str(retry_after_s))] if retry_after_s is not None else ())]
        case (
            UnauthenticatedError(challenges=challenges, headers=headers)
            | ForbiddenError(challenges=challenges, headers=headers)
        ):
            return [*(("www-authenticate", challenge) for challenge in challenges), *headers]
        case RateLimitedError(retry_after_s=seconds, headers=headers):
            return [("retry-after", str(seconds)), *headers]
        case OverloadedError(retry_after_s=seconds) | IdentityUnavailableError(retry_after_s=seconds):
            return [("retry-after", str(seconds))]
    return []


_FRAMING: Final = frozenset({"content-type", "content-length", "transfer-encoding", "connection"})


def _is_sendable(name: str, value: str) -> bool:
    """Return whether a problem may set a header field; if it cannot be sent, that is logged."""
    try:
        check_header(name, value)
    except ValueError as error:
        _log.error("a problem's header is left out: %s", error)
        return False
    return name.lower() not in _FRAMING


def _encode(members: dict[str, object], request_id: str) -> bytes:
    """Return *members* as JSON; those that are none are logged and left out, so that the answer is sent."""
    try:
        return msgspec.json.encode(members)
    except (TypeError, ValueError, OverflowError, RecursionError):
        sendable = {name: value for name, value in members.items() if _is_json(name, value, request_id)}
        return msgspec.json.encode(sendable)


def _is_json(name: str, value: object, request_id: str) -> bool:
    try:
        msgspec.json.encode({name: value})
    except (TypeError, ValueError, OverflowError, RecursionError) as error:
        _log.error("member %r of the problem that answers %s is left out: %s", name, request_id, error)
        return False
    return True
