"""Every rule a diff of APIs can report besides those about types, with its level and its opposite.

What concerns only requests, or only answers, has no mirror in the other direction. So its symmetry is in time: where an
edit breaks clients, the edit that undoes it does not; where both do, or neither, a waiver says why.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, final

from msgspec import Struct

from perdure.diff.findings import Direction, Level

__all__ = ["ENDPOINT_RULES", "EndpointRule"]


@final
class EndpointRule(Struct, frozen=True, kw_only=True):
    """One kind of change to an endpoint."""

    id: str
    direction: Direction
    level: Level
    meaning: str
    opposite: str
    """The rule that reports the edit that undoes this one."""
    strict_only: bool = False
    """Told only in the profile ``strict``: no request shows it, but generated code does."""
    waiver: str = ""
    """Why both this and its opposite break clients, or neither does."""


def _pair(
    direction: Direction, breaking: str, undoing: str, meanings: tuple[str, str]
) -> tuple[EndpointRule, EndpointRule]:
    """Return a rule that breaks clients, and the one that undoes it."""
    return (
        EndpointRule(id=breaking, direction=direction, level="breaking", meaning=meanings[0], opposite=undoing),
        EndpointRule(id=undoing, direction=direction, level="compatible", meaning=meanings[1], opposite=breaking),
    )


def _level_pair(
    direction: Direction, level: Level, ids: tuple[str, str], meanings: tuple[str, str], waiver: str
) -> tuple[EndpointRule, ...]:
    """Return a rule and the one that undoes it, both of *level*."""
    return tuple(
        EndpointRule(id=name, direction=direction, level=level, meaning=meaning, opposite=opposite, waiver=waiver)
        for name, opposite, meaning in zip(ids, reversed(ids), meanings, strict=True)
    )


def _own(direction: Direction, level: Level, id: str, meaning: str, waiver: str) -> EndpointRule:
    """Return a rule that is undone by an edit of the same kind."""
    return EndpointRule(id=id, direction=direction, level=level, meaning=meaning, opposite=id, waiver=waiver)


_REPLACED: Final = "neither of the two is what a client of the other expects"

_ALL: Final[tuple[EndpointRule, ...]] = (
    *_pair("endpoint", "endpoint-removed", "endpoint-added", ("an endpoint is gone", "an endpoint is new")),
    _own("endpoint", "breaking", "endpoint-moved", "an endpoint has another method or path", _REPLACED),
    EndpointRule(
        id="endpoint-renamed", direction="endpoint", level="risky", opposite="endpoint-renamed", strict_only=True,
        meaning="the operation has another id", waiver="no request shows an id; functions of generated code bear it",
    ),
    *_level_pair(
        "endpoint", "compatible", ("endpoint-deprecated", "endpoint-undeprecated"),
        ("an endpoint is deprecated now", "an endpoint is no longer deprecated"),
        "deprecation announces a change and is none itself",
    ),
    _own(
        "request", "compatible", "path-parameter-renamed", "a path parameter has another name",
        "a path shows values, not names",
    ),
    _own("request", "breaking", "request-parameter-renamed", "a parameter or a header has another name", _REPLACED),
    *_pair(
        "request", "request-security-tightened", "request-security-relaxed",
        ("a client that was let in may no longer be", "more clients are let in"),
    ),
    *_pair(
        "request", "request-body-limit-lowered", "request-body-limit-raised",
        ("a body may have fewer bytes", "a body may have more bytes"),
    ),
    *_level_pair(
        "request", "risky", ("request-body-limit-set", "request-body-limit-dropped"),
        ("an endpoint sets a limit of its own now", "an endpoint no longer sets a limit of its own"),
        "the server's own limit, on the other side, is not recorded: it may be lower or higher",
    ),
    *_pair(
        "request", "request-rate-limit-tightened", "request-rate-limit-relaxed",
        ("a client that called often enough may be refused now", "clients may call more often"),
    ),
    *_pair(
        "request", "request-body-became-required", "request-body-became-optional",
        ("a body may no longer be left out", "a body may be left out now"),
    ),
    *_pair(
        "request", "request-media-type-removed", "request-media-type-added",
        ("a body of some media type is refused now", "a body of one more media type is taken"),
    ),
    EndpointRule(
        id="request-required-body-added", direction="request", level="breaking", opposite="request-body-removed",
        meaning="a body must be sent now",
    ),
    EndpointRule(
        id="request-optional-body-added", direction="request", level="compatible", opposite="request-body-removed",
        meaning="a body may be sent now", waiver="a body that nobody has to send breaks nobody",
    ),
    EndpointRule(
        id="request-body-removed", direction="request", level="risky", opposite="request-required-body-added",
        meaning="a body is no longer read",
    ),
    _own("response", "breaking", "response-status-changed", "the normal answer has another status", _REPLACED),
    *_level_pair(
        "response", "risky", ("response-success-status-added", "response-success-status-removed"),
        ("one more status means success", "a status no longer means success"),
        "a client should take an unknown 2xx for 200, and may wait in vain for one that it knows",
    ),
    *_level_pair(
        "response", "compatible", ("response-error-status-added", "response-error-status-removed"),
        ("one more error is described", "an error is no longer described"),
        "a client must expect errors that are not described",
    ),
    *_pair(
        "response", "response-body-removed", "response-body-added",
        ("the answer's body is no longer described", "the answer's body is described now"),
    ),
    *_pair(
        "response", "response-media-type-removed", "response-media-type-added",
        ("an answer of some media type can no longer be had", "an answer of one more media type can be had"),
    ),
    *_pair(
        "response", "response-media-type-widened", "response-media-type-narrowed",
        ("the answer may be of more media types", "the answer is of fewer media types"),
    ),
    _own("response", "breaking", "response-media-type-changed", "the answer is of another media type", _REPLACED),
)  # fmt: skip

ENDPOINT_RULES: Final[Mapping[str, EndpointRule]] = MappingProxyType({rule.id: rule for rule in _ALL})
"""Every rule about endpoints, by id."""
