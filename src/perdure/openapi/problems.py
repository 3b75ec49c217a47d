"""The answers every handler may give besides its own, as a document tells them.

Source: SPEC 4; RFC 9457.
"""

from collections.abc import Mapping
from typing import Final

from perdure.manifest.records import NOBODY, Endpoint
from perdure.openapi.runtime import RUNTIME

__all__ = ["PROBLEM", "PROBLEM_RESPONSES", "problem_statuses", "write_problem_responses"]

JsonObject = dict[str, object]

_FAULT: Final[JsonObject] = {
    "type": "object",
    "required": ["in", "pointer", "code", "expected", "actual", "message"],
    "properties": {
        "in": {"enum": ["body", "path", "query", "header"], "description": "Part of the request."},
        "pointer": {"type": "string", "description": "JSON Pointer from the root of that part: `/lines/0/quantity`."},
        "code": {"type": "string", "description": "A stable name for what is wrong: `required`, `minimum`, …"},
        "expected": {"type": "string"},
        "actual": {"type": "string", "description": "The value, as JSON, shortened."},
        "message": {"type": "string"},
    },
}

PROBLEM: Final[JsonObject] = {
    "type": "object",
    "description": "Why a request was not answered as asked (RFC 9457). A problem may have members of its own.",
    "required": ["type", "title", "status", "instance"],
    "properties": {
        "type": {"type": "string", "description": "A URI that tells kinds of problems apart; `about:blank` for none."},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong with this request."},
        "instance": {"type": "string", "description": "Id of the request."},
        "errors": {"type": "array", "description": "Every fault of an invalid request.", "items": _FAULT},
    },
    RUNTIME: True,
}

_FAULTY: Final[JsonObject] = {
    "in": "body", "pointer": "/lines/0/quantity", "code": "minimum", "expected": "at least 1", "actual": "0",
    "message": "it must be at least 1",
}  # fmt: skip

_TOLD: Final[Mapping[str, tuple[str, str, JsonObject]]] = {
    "400": (
        "InvalidRequest",
        "The request is malformed or invalid, or asks for a version that does not exist.",
        {
            "type": "urn:perdure:problem:invalid-request", "title": "The request is invalid", "status": 400,
            "detail": "the request has 1 fault", "errors": [_FAULTY],
        },
    ),
    "401": (
        "Unauthenticated",
        "The request does not show who it comes from, or not well enough.",
        {
            "type": "about:blank", "title": "Unauthorized", "status": 401,
            "detail": "Credentials that are good are needed here.",
        },
    ),
    "403": (
        "Forbidden",
        "The credentials do not allow this.",
        {
            "type": "about:blank", "title": "Forbidden", "status": 403,
            "detail": "These credentials do not allow this.",
        },
    ),
    "404": (
        "NotFound",
        "There is nothing at this path.",
        {"type": "about:blank", "title": "Not Found", "status": 404, "detail": "nothing is served at this path"},
    ),
    "413": (
        "PayloadTooLarge",
        "The body is too large.",
        {
            "type": "about:blank", "title": "Request Entity Too Large", "status": 413,
            "detail": "the body is larger than 2097152 bytes", "limit_bytes": 2097152,
        },
    ),
    "415": (
        "UnsupportedMediaType",
        "The body is of a media type that is not taken here.",
        {"type": "about:blank", "title": "Unsupported Media Type", "status": 415, "accepted": ["application/json"]},
    ),
    "429": (
        "TooManyRequests",
        "The client asks too often; `Retry-After` says when it may ask again.",
        {
            "type": "about:blank", "title": "Too Many Requests", "status": 429,
            "detail": "Too many requests; try again in 7 s.",
        },
    ),
    "default": (
        "Failure",
        "Any other failure.",
        {
            "type": "about:blank", "title": "Internal Server Error", "status": 500,
            "detail": "The server failed to answer this request; its log may say more.",
        },
    ),
}  # fmt: skip

PROBLEM_RESPONSES: Final[Mapping[str, str]] = {status: name for status, (name, _, _) in _TOLD.items()}
"""Names of the shared responses, by status."""


def write_problem_responses(schema_ref: str) -> dict[str, JsonObject]:
    """Return the shared Response Objects by name; *schema_ref* leads to the schema of a problem."""
    return {name: _response(schema_ref, text, example) for name, text, example in _TOLD.values()}


def problem_statuses(endpoint: Endpoint) -> list[str]:
    """Return the statuses of `PROBLEM_RESPONSES` that may answer requests to *endpoint*."""
    statuses = ["400"]
    if endpoint.params is not None:
        statuses.append("404")
    if endpoint.body is not None or endpoint.body_media:
        statuses += ["413", "415"]
    if endpoint.security and endpoint.security != ((NOBODY,),):
        statuses.append("401")
    if endpoint.security and () not in endpoint.security:
        statuses.append("403")
    if endpoint.rate_limits:
        statuses.append("429")
    return [*statuses, "default"]


def _response(schema_ref: str, text: str, example: JsonObject) -> JsonObject:
    told = {**example, "instance": "1a2045615c700000001n43jov0"}
    content = {"application/problem+json": {"schema": {"$ref": schema_ref}, "example": told}}
    return {"description": text, "content": content, RUNTIME: True}
