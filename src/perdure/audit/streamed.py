"""The records of streamed answers, made when they end: that a request was answered by one stands in its own record."""

# ruff: noqa: SLF001 - recorders read what the controller leaves on the Local Context

from time import time
from typing import final

from perdure.audit.details import printable
from perdure.audit.records import StreamedRecord, body_of
from perdure.audit.writer import AuditWriter
from perdure.context.local import LocalContext
from perdure.context.streaming import StreamEnd

__all__ = ["AuditStreams"]


@final
class AuditStreams:
    """A `perdure.context.streaming.StreamRecorder`.

    Args:
        writer: Keeps the lines.
        exclude: Ids of handlers whose requests are not recorded.
    """

    def __init__(self, writer: AuditWriter, exclude: tuple[str, ...]) -> None:
        self._writer = writer
        self._exclude = frozenset(exclude)

    def streamed(self, lctx: LocalContext, end: StreamEnd) -> None:
        """See `StreamRecorder.streamed`."""
        facts, exchange = lctx._facts, lctx._exchange
        if facts.handler in self._exclude:
            return
        principal = exchange.principal
        record = StreamedRecord(
            handler=facts.handler, route=facts.route, version=lctx._version, at=time(), id=printable(lctx.request_id),
            client=printable(exchange.client), principal=None if principal is None else printable(principal.key),
            method=printable(exchange.method), path=printable(exchange.path), status=end.status, outcome=end.outcome,
            bytes=end.sent_bytes, us=int((end.ended - end.begun) * 1e6),
            error="" if end.error is None else type(end.error).__name__,
        )  # fmt: skip
        self._writer.keep(body_of(record))
