"""Counts streamed answers when they end."""

# ruff: noqa: SLF001 - recorders read what the controller leaves on the Local Context

from typing import final

from perdure.context.local import LocalContext
from perdure.context.streaming import StreamEnd
from perdure.telemetry.registry import Registry
from perdure.telemetry.span_attributes import KNOWN_METHODS, SOCKET
from perdure.telemetry.table import RESPONSE_SIZE, STREAMS

__all__ = ["StreamMetrics"]


@final
class StreamMetrics:
    """A `perdure.context.streaming.StreamRecorder`.

    Args:
        registry: Has the metrics.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def streamed(self, lctx: LocalContext, end: StreamEnd) -> None:
        """See `StreamRecorder.streamed`."""
        facts, method, registry = lctx._facts, lctx._exchange.method, self._registry
        told = method if method in KNOWN_METHODS else "_OTHER"
        with registry.lock:
            registry.cell(STREAMS, (facts.handler, end.outcome)).observe(end.ended - end.begun)
            if end.status != SOCKET:
                registry.cell(RESPONSE_SIZE, (facts.handler, told, facts.route)).observe(end.sent_bytes)
