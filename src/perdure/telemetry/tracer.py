"""Traces: which requests are told of, and what of them.

Of a request that is not exported, nothing is done but to find that out: its status, its time, the flag of its trace.

Source: SPEC 3.11, property 22.
"""

# ruff: noqa: SLF001 - recorders read what the controller leaves on the Local Context

from collections.abc import Callable
from time import perf_counter
from typing import Final, Protocol, cast, final

from perdure.clock import Clock
from perdure.context.events import Mark, Stage
from perdure.context.local import LocalContext
from perdure.context.recording import Recorder
from perdure.context.refusal import Refusal
from perdure.context.streaming import StreamEnd
from perdure.errors import ClientDisconnectedError, Problem, RequestError
from perdure.telemetry.outbox import DropReason
from perdure.telemetry.span_attributes import SOCKET, Told
from perdure.telemetry.span_writer import SpanWriter
from perdure.telemetry.spans import Span, spans_of

__all__ = ["Sink", "Tracer"]

_SAMPLED: Final = "13"
"""The last digit of the ``traceparent`` of a sampled trace."""
_NEVER: Final = float("inf")
_TIMES: Final = {float}
_MOST: Final = 64


class Sink(Protocol):
    """Where spans go."""

    def has_room(self) -> bool:
        """Return whether it takes more; what it does not take is to be counted."""

    def put(self, written: bytes, spans: int) -> None:
        """Take one request's spans, and how many they are."""

    def drop(self, reason: DropReason) -> None:
        """Count a request whose spans are lost."""


@final
class Tracer(Recorder):
    """A `Recorder` that exports spans: of sampled requests, and of those that fail or are slow.

    Args:
        writer: Writes spans.
        sink: Takes them.
        clock: Says what time it is, once for each request that is exported: all its times follow from that and from
            what `time.perf_counter` measured, so that none is negative if the clock is set back.
        slow_s: How long a request may take before it is exported though it is not sampled; None: any time.
        unsampled_limit: How many a second are, at most.
    """

    def __init__(
        self, writer: SpanWriter, sink: Sink, clock: Clock, slow_s: float | None, unsampled_limit: int
    ) -> None:
        self._writer = writer
        self._sink = sink
        self._clock = clock
        self._slow_s = _NEVER if slow_s is None else slow_s
        self._unsampled_limit = unsampled_limit
        self._second = 0
        self._unsampled = 0
        self.attach: Callable[[LocalContext], None] | None = None
        """Makes a sampled request's span the current one of OpenTelemetry; None: nobody would look."""

    def entered(self, lctx: LocalContext) -> None:
        """Note that the Local Context of a sampled request takes over."""
        lctx._routed = perf_counter()
        if self.attach is not None:
            self.attach(lctx)

    def finished(self, lctx: LocalContext, status: int, size_bytes: int, ended: float) -> None:  # noqa: ARG002
        """See `Recorder.finished`."""
        # Where a request failed, the last there is of it is a mark and its time; else two times.
        if (
            lctx._trace.traceparent[54] in _SAMPLED
            or status >= 500
            or ended - lctx._started >= self._slow_s
            or type(lctx._moments[-2]) is Mark
        ):
            self._consider(lctx, status, ended)

    def refused(self, refusal: Refusal) -> None:
        """See `Recorder.refused`.

        Health checks and the like, which are for no handler and answered well, are told of in a caller's trace only:
        they come all the time, and nobody asks what happened to them.
        """
        is_beside = refusal.facts is None and refusal.status < 400 and not refusal.trace.parent_id
        is_sampled = refusal.trace.traceparent[54] in _SAMPLED and not is_beside
        is_slow = refusal.ended - refusal.started >= self._slow_s
        if not is_sampled and not ((refusal.status >= 500 or is_slow) and self._may_export(refusal.ended)):
            return
        if not self._sink.has_room():
            self._sink.drop("full")
            return
        spans = spans_of([], (), refusal.started, refusal.ended, refusal.ended)
        if refusal.status >= 400:
            spans[0].error = spans[1].error = refusal.error
        facts, exchange = refusal.facts, refusal.exchange
        told = Told(
            refusal.request_id, "" if facts is None else facts.handler, "" if facts is None else facts.route,
            refusal.version, exchange.method, refusal.status,
        )  # fmt: skip
        anchor_ns = self._anchor_ns(refusal.started)
        self._sink.put(self._writer.write(spans, refusal.trace, told, exchange, anchor_ns, ""), len(spans))

    def streamed(self, lctx: LocalContext, end: StreamEnd) -> None:
        """Tell how a streamed answer ended; see `perdure.context.streaming.StreamRecorder`.

        Its request was told of when it began, so that nothing waits for a stream of days. Where one is broken that
        nobody sampled, the request is told of now.
        """
        trace, started, facts, exchange = lctx._trace, lctx._started, lctx._facts, lctx._exchange
        is_sampled = trace.traceparent[54] in _SAMPLED
        is_told = is_sampled or (end.outcome == "broken" and end.status != SOCKET and self._may_export(end.ended))
        if not is_told:  # a WebSocket that broke was told of already
            return
        if not self._sink.has_room():
            self._sink.drop("full")
            return
        told = Told(lctx.request_id, facts.handler, facts.route, lctx._version, exchange.method, end.status)
        anchor_ns = self._anchor_ns(started)
        stage = Stage("response", "stream")
        stage.facts = {"perdure.stream.outcome": end.outcome, "http.response.body.size": end.sent_bytes}
        span = Span(stage, end.begun, end.ended, None)
        span.error = end.error if end.outcome == "broken" else None
        written, count = self._writer.write_beside(span, started, trace, told, anchor_ns), 1
        was_told = is_sampled or end.status >= 500 or end.begun - started >= self._slow_s
        if not was_told:
            spans = spans_of(lctx._moments, facts.stages, started, lctx._routed, end.begun)
            written, count = self._writer.write(spans, trace, told, exchange, anchor_ns, "") + written, len(spans) + 1
        self._sink.put(written, count)

    def _consider(self, lctx: LocalContext, status: int, ended: float) -> None:
        trace, started, moments = lctx._trace, lctx._started, lctx._moments
        if trace.traceparent[54] not in _SAMPLED:
            mark = moments[-2]
            is_slow = ended - started >= self._slow_s and status != SOCKET  # which lasts, however quick the app is
            has_failed = status >= 500 or (isinstance(mark, Mark) and _is_unexpected(mark.error))
            if not (is_slow or has_failed) or not self._may_export(ended):
                return
        if not self._sink.has_room():
            self._sink.drop("full")
            return
        facts, exchange = lctx._facts, lctx._exchange
        told = Told(lctx.request_id, facts.handler, facts.route, lctx._version, exchange.method, status)
        anchor_ns, stages, routed = self._anchor_ns(started), facts.stages, lctx._routed
        if status < 500 and len(moments) == len(stages) + 1 <= _MOST and {*map(type, moments)} == _TIMES:
            # The usual request went from one stage to the next, and nothing else happened.
            at_s = cast("list[float]", moments)
            written = self._writer.write_course(at_s, stages, routed, trace, told, exchange, anchor_ns)
            self._sink.put(written, len(stages) + (2 if routed else 1))
            return
        spans = spans_of(moments, stages, started, routed, ended)
        cause = lctx._interruption or ""
        self._sink.put(self._writer.write(spans, trace, told, exchange, anchor_ns, cause), len(spans))

    def _anchor_ns(self, started: float) -> int:
        """Return when what *started* then did so, in nanoseconds since 1970."""
        return max(0, int(self._clock.time() * 1e9) - int((perf_counter() - started) * 1e9))

    def _may_export(self, now_s: float) -> bool:
        """Return whether one more that was not sampled may be exported in this second; count it if not."""
        second = int(now_s)
        if second != self._second:
            self._second, self._unsampled = second, 0
        self._unsampled += 1
        if self._unsampled > self._unsampled_limit:
            self._sink.drop("limit")
            return False
        return True


def _is_unexpected(error: BaseException | None) -> bool:
    """Return whether *error* is neither what a client got wrong, nor an answer that the program chose."""
    return error is not None and not isinstance(error, RequestError | ClientDisconnectedError | Problem)
