"""A sampled request's span as the current one of OpenTelemetry, for libraries that are instrumented with it."""

from typing import final

from opentelemetry.context import attach
from opentelemetry.trace import INVALID_SPAN_CONTEXT, NonRecordingSpan, SpanContext, TraceFlags, set_span_in_context
from opentelemetry.trace.span import TraceState

from perdure.context.local import LocalContext
from perdure.context.trace import TraceContext

__all__ = ["make_current"]


@final
class _CurrentSpan(NonRecordingSpan):
    """Names a request's span. It cannot be written to: what it is a name for is made after the request."""

    def __init__(self, trace: TraceContext) -> None:
        super().__init__(INVALID_SPAN_CONTEXT)
        self._trace = trace
        self._told: SpanContext | None = None

    def get_span_context(self) -> SpanContext:
        """Return its ids; made when somebody asks for them, which for most requests nobody does."""
        if self._told is None:
            trace = self._trace
            self._told = SpanContext(
                int(trace.trace_id, 16), int(trace.span_id, 16), is_remote=False, trace_flags=TraceFlags(trace.flags),
                trace_state=TraceState.from_header([trace.state]) if trace.state else None,
            )  # fmt: skip
        return self._told

    def __repr__(self) -> str:
        return f"<span {self._trace.traceparent}>"


def make_current(lctx: LocalContext) -> None:
    """Make a request's span the current one for the rest of its task, and of what that starts."""
    attach(set_span_in_context(_CurrentSpan(lctx._trace)))  # noqa: SLF001 - which no handler may change
