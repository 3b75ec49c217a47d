"""Counts streamed answers when they end."""

# ruff: noqa: SLF001 - recorders read what the controller leaves on the Local Context

from bisect import bisect_left
from typing import final

from perdure.context.local import LocalContext
from perdure.context.streaming import StreamEnd
from perdure.telemetry.registry import Cell, Registry
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
            _observe(registry.cell(STREAMS, (facts.handler, end.outcome)), end.ended - end.begun)
            if end.status != SOCKET:
                _observe(registry.cell(RESPONSE_SIZE, (facts.handler, told, facts.route)), end.sent_bytes)


def _observe(cell: Cell, value: float) -> None:
    cell.view[cell.at] += value
    cell.view[cell.at + 1 + bisect_left(cell.metric.bounds, value)] += 1.0
