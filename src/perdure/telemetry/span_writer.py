"""Requests' spans, as they are sent.

What is the same for many requests is written once and kept, within bounds: a sampled request has some twenty
microseconds for all of its spans.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Final, final

from perdure.context.events import Stage
from perdure.context.exchange import Exchange
from perdure.context.trace import RandomBits, TraceContext
from perdure.telemetry.otlp_wire import (
    OF_EVENT,
    attribute,
    event,
    failed_status,
    flags_field,
    span_prefix,
    state_field,
    text_prefix,
    times,
)
from perdure.telemetry.span_attributes import (
    KNOWN_METHODS,
    SOCKET,
    Shared,
    Told,
    error_type,
    fields_of_stage,
    is_failure,
    message_of,
    shared_fields,
    write_peers,
    write_place,
)
from perdure.telemetry.spans import Span

__all__ = ["SpanWriter"]

_HAS_IS_REMOTE, _IS_REMOTE = 0x100, 0x200
_ID: Final = b"\x12\x08"
_PARENT_ID: Final = b"\x22\x08"
_TIMES_SIZE: Final = 18
_KEPT: Final = 1024
_LONG: Final = 256
_MOST: Final = 64
_OF_THE_PROGRAM: Final = frozenset({"client", "compensation", "publish", "spawn"})
"""Stages that the program names as it runs."""
_FIRST_BITS: Final = sum(1 << 64 * place + 63 for place in range(_MOST))
"""The first bit of each of so many ids."""


@final
class SpanWriter:
    """Writes requests' spans, as `perdure.telemetry.otlp_wire.export_request` takes them.

    Args:
        bits: Source of the spans' ids.
        value_limit: Characters of a text that are told, at most.
        messages: Tell what errors say.
        mask: Makes secrets unreadable in that, in what the program names itself, and in what clients send.
    """

    def __init__(self, bits: RandomBits, value_limit: int, *, messages: bool, mask: Callable[[str], str]) -> None:
        self._bits = bits
        self._limit = value_limit
        self._messages = messages
        self._mask = mask
        self._often = lru_cache(_KEPT)(attribute)
        self._prefix = lru_cache(_KEPT)(text_prefix)
        self._place = lru_cache(_KEPT)(write_place)
        self._peers = lru_cache(_KEPT)(write_peers)
        self._shared: dict[tuple[str, str, str, str], Shared] = {}
        self._stages: dict[tuple[str, str, str], bytes] = {}
        self._courses: dict[int, tuple[Sequence[Stage], list[bytes]]] = {}
        self._routing = fields_of_stage(None, value_limit)

    def write_course(
        self, at_s: Sequence[float], stages: Sequence[Stage], routed: float, trace: TraceContext, told: Told,
        exchange: Exchange, anchor_ns: int,
    ) -> bytes:  # fmt: skip
        """Return the spans of a request that went through *stages*, and to which nothing else happened.

        Args:
            at_s: Its start, and the end of each stage; of 64 at most.
            routed: See `perdure.telemetry.spans.spans_of`.
            trace: See `write`, as for what follows.
        """
        origin = at_s[0]
        before, shared, _, common = self._around(trace, told)
        ended_ns = anchor_ns + int((at_s[-1] - origin) * 1e9)
        of_root = common + times(0x39, anchor_ns, 0x41, ended_ns)
        root = self._root(trace, told, exchange, before + shared.heading, of_root)
        after = common + flags_field(trace.flags | _HAS_IS_REMOTE)
        ids = self._new_ids(len(at_s))
        before += _ID
        under = _PARENT_ID + bytes.fromhex(trace.span_id)
        size = len(before) + 8 + len(under) + _TIMES_SIZE + len(after)
        written = [root]
        begun_ns = anchor_ns
        if routed:
            fields, ended_ns = self._routing, anchor_ns + int((routed - origin) * 1e9)
            written += (
                span_prefix(size + len(fields)), before, ids[-8:], under, fields,
                times(0x39, begun_ns, 0x41, ended_ns), after,
            )  # fmt: skip
            begun_ns = ended_ns
        for place, fields in enumerate(self._fields_of(stages)):
            ended_ns = anchor_ns + int((at_s[place + 1] - origin) * 1e9)
            written += (
                span_prefix(size + len(fields)), before, ids[place * 8 : place * 8 + 8], under, fields,
                times(0x39, begun_ns, 0x41, ended_ns), after,
            )  # fmt: skip
            begun_ns = ended_ns
        return b"".join(written)

    def write(
        self, spans: list[Span], trace: TraceContext, told: Told, exchange: Exchange, anchor_ns: int, cause: str
    ) -> bytes:
        """Return all *spans*; the first is the request's.

        Args:
            trace: Its place; the first span is its span.
            anchor_ns: Nanoseconds since 1970 of the first span's start: all times follow from this one.
            cause: What ended the request, where that is not the error its span has: ``timeout``; else ``""``.
        """
        root = spans[0]
        origin = root.begun
        before, shared, identity, common = self._around(trace, told)
        of_root = common + _times(root, origin, anchor_ns) + self._failure_of_request(root, anchor_ns, told, cause)
        if root.omitted:
            of_root += attribute("perdure.spans_omitted", root.omitted)
        written = [self._root(trace, told, exchange, before + shared.heading, of_root)]
        self._name(spans, trace)
        flags = flags_field(trace.flags | _HAS_IS_REMOTE)
        before += _ID
        for span in spans[1:]:
            stage, parent_id = span.stage, (span.parent or root).id
            is_call = stage is not None and stage.kind == "client"
            failure = b"" if span.error is None else self._failure(span, span.error, origin, anchor_ns)
            fields = b"".join((
                before, span.id, _PARENT_ID, parent_id, self._of_stage(stage),
                _times(span, origin, anchor_ns), identity if is_call else common, failure, flags,
            ))  # fmt: skip
            written += (span_prefix(len(fields)), fields)
        return b"".join(written)

    def write_beside(self, span: Span, origin: float, trace: TraceContext, told: Told, anchor_ns: int) -> bytes:
        """Return *span*, which is right below the request's own, and was not known when that was written.

        Args:
            origin: When the request's own began.
            trace: See `write`, as for what follows.
        """
        before, _, _, common = self._around(trace, told)
        error, failure = span.error, b""
        if error is not None:
            failure = self._exception(span, error, origin, anchor_ns)
            failure += self._often("error.type", error_type(error)) + failed_status()
        fields = b"".join((
            before, _ID, self._new_ids(1), _PARENT_ID, bytes.fromhex(trace.span_id), self._of_stage(span.stage),
            _times(span, origin, anchor_ns), common, failure, flags_field(trace.flags | _HAS_IS_REMOTE),
        ))  # fmt: skip
        return span_prefix(len(fields)) + fields

    def _around(self, trace: TraceContext, told: Told) -> tuple[bytes, Shared, bytes, bytes]:
        """Return what each span begins with, what it shares with others, and the attributes it has by it.

        The last two are those of all spans, and those of all but calls to other servers.
        """
        key = (told.handler, told.route, told.version, told.method)
        shared = self._shared.get(key)
        if shared is None:
            if len(self._shared) >= _KEPT:
                self._shared.clear()
            shared = self._shared[key] = shared_fields(told)
        state = state_field(trace.state) if trace.state else b""
        before = b"\x0a\x10" + bytes.fromhex(trace.trace_id) + state
        request_id = told.request_id.encode()
        identity = shared.identity + self._prefix("perdure.request_id", len(request_id)) + request_id
        http = shared.http + self._often("http.response.status_code", told.status)
        return before, shared, identity, identity + http

    def _root(self, trace: TraceContext, told: Told, exchange: Exchange, before: bytes, after: bytes) -> bytes:
        """Return the request's own span. Of the query nothing is told: it may hold an API key.

        Args:
            before: Its first fields.
            after: Others that the caller has.
        """
        limit, flags, parent = self._limit, trace.flags | _HAS_IS_REMOTE, b""
        if trace.parent_id:
            flags, parent = flags | _IS_REMOTE, _PARENT_ID + bytes.fromhex(trace.parent_id)
        path = self._mask(exchange.path)[:limit].encode("utf-8", "replace")
        agent = self._mask(exchange.header("user-agent") or "")[:limit]
        place = self._place if len(agent) <= _LONG else write_place
        method = b""
        if told.method not in KNOWN_METHODS:
            method = attribute("http.request.method_original", told.method[:limit])
        fields = b"".join((
            before, _ID, bytes.fromhex(trace.span_id), parent, after,
            self._prefix("url.path", len(path)), path, self._peers(exchange.client[:_LONG], exchange.peer[:_LONG]),
            place(exchange.scheme, exchange.http_version, exchange.host[:_LONG], agent), method, flags_field(flags),
        ))  # fmt: skip
        return span_prefix(len(fields)) + fields

    def _of_stage(self, stage: Stage | None) -> bytes:
        if stage is None:
            return self._routing
        if stage.kind in _OF_THE_PROGRAM:
            stage = self._masked(stage)
        if stage.facts or len(stage.name) > _LONG:
            return fields_of_stage(stage, self._limit)
        key = (stage.kind, stage.name, stage.level)
        found = self._stages.get(key)
        if found is None:
            if len(self._stages) >= _KEPT:
                self._stages.clear()
            found = self._stages[key] = fields_of_stage(stage, self._limit)
        return found

    def _masked(self, stage: Stage) -> Stage:
        """Return *stage* without secrets: what the program calls its work, and whom it calls, may be made of one."""
        told = Stage(stage.kind, self._mask(stage.name), stage.level)
        told.facts = {
            name: self._mask(value) if isinstance(value, str) else value for name, value in stage.facts.items()
        }
        return told

    def _fields_of(self, stages: Sequence[Stage]) -> list[bytes]:
        found = self._courses.get(id(stages))
        if found is None:
            if len(self._courses) >= _KEPT:
                self._courses.clear()
            # What is kept with them keeps them, so that no others get their id.
            fields = [fields_of_stage(stage, self._limit) for stage in stages]
            found = self._courses[id(stages)] = (stages, fields)
        return found[1]

    def _new_ids(self, count: int) -> bytes:
        """Return *count* ids; the first bit of each is set, so that none is all zeros, which is no id."""
        count = min(count, _MOST)
        return (self._bits(64 * count) | _FIRST_BITS >> 64 * (_MOST - count)).to_bytes(8 * count)

    def _name(self, spans: list[Span], trace: TraceContext) -> None:
        ids, place = b"", 0
        for span in spans:
            if place == len(ids):
                ids, place = self._new_ids(_MOST), 0
            span.id = ids[place : place + 8]
            place += 8
            if span.stage is not None and span.stage.span_id:
                span.id = bytes.fromhex(span.stage.span_id)
        spans[0].id = bytes.fromhex(trace.span_id)

    def _failure_of_request(self, root: Span, anchor_ns: int, told: Told, cause: str) -> bytes:
        """Return what the request's own span says of an error, and whether it failed.

        A 5xx alone makes it so, or that a WebSocket broke: its status was told when it began.
        """
        out = b"" if root.error is None else self._exception(root, root.error, root.begun, anchor_ns)
        if told.status < 500 and (told.status != SOCKET or root.error is None):
            return out
        kind = cause or (error_type(root.error) if root.error is not None else str(told.status))
        return out + self._often("error.type", kind) + failed_status()

    def _failure(self, span: Span, error: BaseException, origin: float, anchor_ns: int) -> bytes:
        out = self._exception(span, error, origin, anchor_ns)
        return out + self._often("error.type", error_type(error)) + failed_status() if is_failure(error) else out

    def _exception(self, span: Span, error: BaseException, origin: float, anchor_ns: int) -> bytes:
        inside = attribute("exception.type", error_type(error), OF_EVENT)
        if self._messages:
            inside += attribute("exception.message", self._mask(message_of(error))[: self._limit], OF_EVENT)
        return event("exception", anchor_ns + int((span.ended - origin) * 1e9), inside)


def _times(span: Span, origin: float, anchor_ns: int) -> bytes:
    begun = anchor_ns + int((span.begun - origin) * 1e9)
    return times(0x39, begun, 0x41, anchor_ns + int((span.ended - origin) * 1e9))
