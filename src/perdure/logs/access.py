"""The access log: one line for each request, whatever became of it.

The event loop only notes what is to be written; a thread makes lines of it a few times a second. Where the process's
logging is ours, it makes them at once; else it hands log records to whoever has set it up.
"""

# ruff: noqa: SLF001 - recorders read what the controller leaves on the Local Context

import logging
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, final

from msgspec import Struct

from perdure.clock import Clock
from perdure.config.logs import LogSettings
from perdure.context.exchange import Exchange
from perdure.context.local import HandlerFacts, LocalContext
from perdure.context.log import as_extra
from perdure.context.recording import Recorder
from perdure.context.refusal import Refusal
from perdure.context.streaming import StreamEnd
from perdure.context.trace import TraceContext

if TYPE_CHECKING:
    from perdure.logs.handler import LineHandler

__all__ = ["AccessLog"]

_PAUSE_S: Final = 0.1
_STOP_S: Final = 5.0
_WAITING: Final = 50_000
_FAULT: Final = 500
_ACCEPTED: Final = 101
_WHOLE: Final = 1_000_000
_MS: Final = 1000
_ACCESS: Final = "perdure.access"


@final
class _Line(Struct, frozen=True):
    """One request, as the event loop notes it: what is dear to tell is told later."""

    at: float
    duration_s: float
    status: int
    sent: int
    received: int
    method: str
    path: str
    client: str
    agent: str | None
    principal: str | None
    request_id: str
    trace: TraceContext
    facts: HandlerFacts | None
    version: str
    reason: str | None
    stream: str | None = None
    """How a streamed answer ended."""


@final
class AccessLog(Recorder):
    """Writes requests to the logger ``perdure.access``. A `Recorder`.

    Args:
        settings: Which of them.
        clock: Tells when they were.
    """

    def __init__(self, settings: LogSettings, clock: Clock) -> None:
        self._skipped = frozenset(settings.access_skip)
        self._share = round(settings.access_share * _WHOLE)
        self._per_s = settings.access_per_s
        self._now = clock.time
        self._owed = _WHOLE - self._share if self._share else 0
        """How much of a line is due: of a share of 0.01, a request is worth a hundredth. The first is written."""
        self._second = 0
        self._in_second = 0
        self._left_out = 0
        self._waiting: list[_Line] = []
        self._wanted = threading.Event()
        self._is_over = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to write."""
        self._is_over.clear()
        self._thread = threading.Thread(target=self._run, name="perdure-access", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Write what waits, and end; takes as long as that, some seconds at most."""
        self._is_over.set()
        self._wanted.set()
        if self._thread is not None:
            self._thread.join(_STOP_S)
            self._thread = None

    def finished(self, lctx: LocalContext, status: int, size_bytes: int, ended: float) -> None:
        """Note a request that was served; where something is streamed when that has ended. See `Recorder`."""
        if size_bytes < 0 and (status == _ACCEPTED or lctx._facts.stages):  # else a WebSocket that was refused, or cut
            return
        exchange, at = lctx._exchange, self._now()
        if self._is_due(exchange.path, status, at):
            self._note(
                exchange, at, status, size_bytes, ended - lctx._started, lctx._received_bytes, lctx.request_id,
                lctx._trace, lctx._facts, lctx._version, None,
            )  # fmt: skip

    def streamed(self, lctx: LocalContext, end: StreamEnd) -> None:
        """Note a request whose answer was streamed, or a WebSocket. See `perdure.context.streaming.StreamRecorder`."""
        exchange, at, error = lctx._exchange, self._now(), end.error
        if self._is_due(exchange.path, _FAULT if end.outcome == "broken" else end.status, at):
            self._note(
                exchange, at, end.status, end.sent_bytes, end.ended - lctx._started, lctx._received_bytes,
                lctx.request_id, lctx._trace, lctx._facts, lctx._version,
                None if error is None else type(error).__name__, end.outcome,
            )  # fmt: skip

    def refused(self, refusal: Refusal) -> None:
        """Note a request that no handler was run for. See `Recorder`."""
        at = self._now()
        if self._is_due(refusal.exchange.path, refusal.status, at):
            is_refused = refusal.status >= 400
            self._note(
                refusal.exchange, at, refusal.status, refusal.size_bytes, refusal.ended - refusal.started, 0,
                refusal.request_id, refusal.trace, refusal.facts, refusal.version,
                type(refusal.error).__name__ if is_refused else None,
            )  # fmt: skip

    def _is_due(self, path: str, status: int, at: float) -> bool:
        if path in self._skipped:
            return False
        if self._share < _WHOLE and status < _FAULT:
            self._owed += self._share
            if self._owed < _WHOLE:
                return False
            self._owed -= _WHOLE
        second = int(at)
        if second != self._second:
            self._second, self._in_second = second, 0
        self._in_second += 1
        if self._in_second > self._per_s or len(self._waiting) >= _WAITING:
            self._left_out += 1
            return False
        return True

    def _note(
        self, exchange: Exchange, at: float, status: int, sent: int, duration_s: float, received: int,
        request_id: str, trace: TraceContext, facts: HandlerFacts | None, version: str, reason: str | None,
        stream: str | None = None,
    ) -> None:  # fmt: skip
        principal = exchange.principal
        line = _Line(
            at, duration_s, status, sent, received, exchange.method, exchange.path, exchange.client,
            exchange.header("user-agent"), None if principal is None else principal.key, request_id, trace, facts,
            version, reason, stream,
        )  # fmt: skip
        self._waiting.append(line)
        if len(self._waiting) == 1:
            self._wanted.set()

    def _run(self) -> None:
        left_out = 0
        while True:
            self._wanted.wait()
            self._is_over.wait(_PAUSE_S)
            self._wanted.clear()
            batch, self._waiting = self._waiting, []
            write = _writer()
            for line in batch:
                try:
                    write(line)
                except Exception:  # noqa: BLE001 - a handler of the program's: it is counted, and the next may pass
                    self._left_out += 1
            if self._left_out > left_out and write is not _nowhere:
                count, left_out = self._left_out - left_out, self._left_out
                logging.getLogger(_ACCESS).warning("%d requests were not written", count)
            if self._is_over.is_set() and not self._waiting:
                return


def _writer() -> Callable[[_Line], None]:
    """Return what writes lines: as they are where our own handler is all there is, else as records."""
    from perdure.logs.handler import LineHandler

    logger = logging.getLogger(_ACCESS)
    if not logger.isEnabledFor(logging.INFO):
        return _nowhere
    root = logging.getLogger()
    if logger.parent is root and logger.propagate and not logger.handlers and len(root.handlers) == 1:
        (handler,) = root.handlers
        if isinstance(handler, LineHandler):
            ours = handler
            return lambda line: _write_line(line, ours)
    return lambda line: _write_record(line, logger)


def _nowhere(_: _Line) -> None:
    """Nobody wants it."""


def _write_line(line: _Line, handler: "LineHandler") -> None:
    text = handler.lines.text
    path = text(line.path)
    facts = _facts(line, path)
    for name in ("client", "user_agent", "principal"):
        if facts.get(name) is not None:
            facts[name] = text(facts[name])
    handler.tell(line.at, "info", _ACCESS, _message(line, path), facts)


def _write_record(line: _Line, logger: logging.Logger) -> None:
    facts = as_extra(_facts(line, line.path))
    told = _message(line, line.path)
    record = logger.makeRecord(logger.name, logging.INFO, __file__, 0, "%s", (told,), None, extra=facts)
    record.created, record.msecs = line.at, (line.at % 1) * _MS
    logger.handle(record)


def _message(line: _Line, path: str) -> str:
    if not path.isprintable():  # line breaks in it could write lines of their own into a log of text
        path = ascii(path)[1:-1]
    reason = "" if line.reason is None else f" ({line.reason})"
    stream = "" if line.stream is None else f", stream {line.stream}"
    return f"{line.method} {path} {line.status} {line.duration_s * _MS:.1f} ms{stream}{reason}"


def _facts(line: _Line, path: str) -> dict[str, Any]:
    facts = {
        "method": line.method, "path": path, "status": line.status, "duration_ms": round(line.duration_s * _MS, 3),
        "sent_bytes": line.sent if line.sent >= 0 else None, "received_bytes": line.received, "client": line.client,
        "user_agent": line.agent, "principal": line.principal, "request_id": line.request_id,
        "handler": line.facts and line.facts.handler, "route": line.facts and line.facts.route,
        "version": line.version, "trace_id": line.trace.trace_id, "span_id": line.trace.span_id, "reason": line.reason,
        "stream": line.stream,
    }  # fmt: skip
    return {name: value for name, value in facts.items() if value is not None}
