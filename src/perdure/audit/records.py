"""What stands in the lines of the audit log.

Every line is complete in itself: nothing has to be looked up elsewhere to understand it. Times are Unix times in
seconds, as the machine told them; durations are whole microseconds.

Source: SPEC 3.11, property 42.
"""

from typing import Final, final

import msgspec
from msgspec import UNSET, Struct, UnsetType

__all__ = [
    "Begun", "Checkpoint", "DetailedRecord", "EventRecord", "FileStart", "HealthRecord", "Lost", "Operation",
    "PlanFacts", "Pruned", "RefusalRecord", "RequestRecord", "SecretRecord", "StreamedRecord", "Torn", "Witnessed",
    "body_of",
]  # fmt: skip

_encode: Final = msgspec.json.Encoder().encode


def body_of(record: Struct) -> bytes:
    """Return the line of *record* up to where its hash comes."""
    return _encode(record)[:-1]


@final
class PlanFacts(Struct, tag_field="kind", tag="request", frozen=True, kw_only=True):
    """What is the same for all requests that one handler serves in one version: the first half of their lines."""

    handler: str
    route: str
    """Template of the path."""
    version: str
    """Name of the version the client speaks."""
    manifest: str
    """Hash of the handler's manifest; empty for what has none: WebSockets, handlers of another build."""
    transformers: tuple[str, ...]
    """Names of the revisions between that version and the handler's, oldest first, as far as they change anything."""
    stages: tuple[str, ...]
    """The planned steps, in order: ``validation``, ``hook before:global authorize``, ``handler``, …"""


@final
class RequestRecord(Struct, gc=False):
    """One request: the second half of its line, where everything went as planned.

    Attributes:
        at: When its answer was ready.
        id: The request id.
        client: Address of the client.
        principal: Who it showed to be: scheme and subject; None where it did not.
        status: What the client read; 499 where it had left.
        bytes: Size of the answer's body; -1 where it was streamed.
        us: When each of the stages began, in microseconds since the request came, and when the last was over.
    """

    at: float
    id: str
    client: str
    principal: str | None
    method: str
    path: str
    status: int
    bytes: int
    us: list[int]


@final
class EventRecord(Struct, gc=False, omit_defaults=True):
    """One step of a request.

    Attributes:
        stage: What it did: ``validation``, ``hook``, ``handler``, ``secret``, ``module``, …
        name: Of the hook, the module's method, the secret, …
        at: When it began, in microseconds since the request came.
        us: How long it took; None where it had not ended when the request had.
        level: For hooks: ``before:global``, ``after:route``, …
        error: Class of the error that ended it.
    """

    stage: str
    name: str
    at: int
    us: int | None
    level: str = ""
    error: str = ""


@final
class DetailedRecord(Struct, frozen=True, gc=False):
    """One request that did not just go from stage to stage: the second half of its line.

    Attributes:
        us: 0, and when it was over; for the rest, see `RequestRecord`.
        error: Class of the error that ended it; empty where it was answered.
        events: All that happened, by when it began.
    """

    at: float
    id: str
    client: str
    principal: str | None
    method: str
    path: str
    status: int
    bytes: int
    us: tuple[int, ...]
    error: str
    events: tuple[EventRecord, ...]


@final
class RefusalRecord(Struct, tag_field="kind", tag="refusal", frozen=True, kw_only=True):
    """A request that no handler was run for."""

    handler: str | None
    """Which it was for, where it came to that."""
    route: str | None
    version: str
    at: float
    id: str
    client: str
    principal: str | None
    method: str
    path: str
    status: int
    bytes: int
    us: int
    """How long it took."""
    error: str
    """Class of the error."""
    reason: str
    """What is wrong; the client is not always told."""


@final
class StreamedRecord(Struct, tag_field="kind", tag="streamed", frozen=True, kw_only=True):
    """How a streamed answer or a WebSocket ended; its request has a record of its own, before this one."""

    handler: str
    route: str
    version: str
    at: float
    """When it ended."""
    id: str
    """Of the request."""
    client: str
    principal: str | None
    method: str
    path: str
    status: int
    outcome: str
    """``complete``, ``broken`` (by the handler), ``left`` (the client), ``cut`` (by the server)."""
    bytes: int
    """How many were sent."""
    us: int
    """How long that took."""
    error: str
    """Class of the error that ended it."""


@final
class SecretRecord(Struct, tag_field="kind", tag="secret", frozen=True, kw_only=True):
    """A secret that was asked for, by a handler or by Perdure itself; never its value."""

    at: float
    secret: str
    """Its name."""
    reader: str
    """Id of the handler, or the part of Perdure."""
    outcome: str
    """``fetched``, ``cached``, ``stale``, ``missing``, ``unavailable`` or ``denied``."""
    provider: str = ""
    request: str | None = None
    """Id of the request it was for."""


@final
class Operation(Struct, tag_field="kind", tag="operation", frozen=True, kw_only=True):
    """What somebody decided at the command line."""

    at: float
    by: str
    """User and machine: ``ada@office``."""
    command: str
    """``keys create``, ``versions tag``, …"""
    action: str
    """What was decided, in words."""
    app: str
    error: str = ""
    """Class of the error that kept it from being done."""


@final
class HealthRecord(Struct, tag_field="kind", tag="health", frozen=True, kw_only=True):
    """What this process decided by itself about a version, from the answers of all that share its store."""

    at: float
    version: str
    condition: str
    """``out``: who did not ask for it by name is sent elsewhere, unless ``rollout.fallback`` is off; ``trial``: a few
    clients try it again; ``healthy``."""
    requests: int
    """Answers that this was judged by; 0 where its time had come."""
    errors: int
    slow: int


@final
class Witnessed(Struct, frozen=True):
    """How far another stream had come."""

    stream: str
    lines: int
    head: str


@final
class Torn(Struct, frozen=True):
    """Bytes at the end of a file that are no whole line: the process died while it wrote them."""

    bytes: int
    sha256: str


@final
class FileStart(Struct, tag_field="kind", tag="file", frozen=True, kw_only=True):
    """The first line of a file."""

    at: float
    stream: str
    """Random, and the same in all files of a stream."""
    file: int
    """Number of the file in its stream, from 1."""
    lines: int
    """Lines of the stream before this one."""
    previous: str
    """Hash of the line before."""
    torn: Torn | None = None
    """What the file before ends with."""


@final
class Begun(Struct, tag_field="kind", tag="begin", frozen=True, kw_only=True):
    """A process begins to write to a stream."""

    at: float
    app: str
    process: str
    """Machine and process id."""
    after_crash: bool
    """The process before did not end its part: what it had not written yet is lost."""
    unsigned: int
    """Lines before this one that no checkpoint signs: that they follow from each other is all that speaks for them."""


@final
class Lost(Struct, tag_field="kind", tag="lost", frozen=True, kw_only=True):
    """There were records that could not be kept, up to here."""

    at: float
    since: float
    records: int
    refused: int
    """Requests that were refused as they could not have been recorded."""


@final
class Pruned(Struct, tag_field="kind", tag="pruned", frozen=True, kw_only=True):
    """Old files are deleted, as is configured."""

    at: float
    file: int
    """Number of the last of them."""
    lines: int
    """Lines of the stream up to its end."""
    head: str
    """Hash of its last line."""


@final
class Checkpoint(Struct, tag_field="kind", tag="checkpoint", frozen=True, kw_only=True):
    """A signature under everything before it in its stream."""

    at: float
    stream: str
    lines: int
    """Lines of the stream before this one."""
    head: str
    """Hash of the line before."""
    others: tuple[Witnessed, ...]
    """The other streams, as their own checkpoints say."""
    closes: bool
    """The process ends its part."""
    key: str
    """Name of the key: the first 16 digits of the SHA-256 of the public one."""
    signature: str | UnsetType = UNSET
    """Ed25519, Base64; over the line up to this member."""
