"""Spans on their way: a bounded queue, and the thread that empties it.

Whoever puts something in never waits. What there is no room for is dropped and counted, and so is what no collector
takes in time.
"""

import logging
from collections import deque
from collections.abc import Callable, Iterable
from threading import Event, Thread
from time import monotonic
from typing import Final, Literal, final

from msgspec import Struct

from perdure.telemetry.otlp_transport import Answer, Transport, send_patiently

__all__ = ["DropReason", "Outage", "Outbox", "OutboxLimits"]

_log: Final = logging.getLogger("perdure.telemetry")
_NEVER: Final = float("inf")
_GRACE_S: Final = 0.5
"""For the thread to end after its time."""

DropReason = Literal["full", "limit", "failed"]
"""Why a request's spans are lost: no room, more failed or slow ones a second than are exported, not taken in time."""


@final
class Outage:
    """Tells, once each, that something cannot be sent, and that it can be again."""

    def __init__(self, what: str, where: str) -> None:
        self._what = what
        self._where = where
        self._is_out = False

    def note(self, answer: Answer) -> None:
        """Note how sending went."""
        if not answer.is_taken and not self._is_out:
            told = (self._what, self._where, answer.reason)
            _log.warning("%s cannot be sent to %s, and are lost until they can: %s", *told)
        elif answer.is_taken and self._is_out:
            _log.warning("%s are sent to %s again", self._what, self._where)
        self._is_out = not answer.is_taken
        if answer.rejected:
            _log.warning("%s took %s, but for %d: they are lost", self._where, self._what, answer.rejected)


@final
class OutboxLimits(Struct, frozen=True, kw_only=True):
    """How much is held, and for how long."""

    queue_spans: int
    batch_spans: int
    delay_s: float
    timeout_s: float
    """Of sending one batch, all attempts together."""
    flush_timeout_s: float
    """Of sending what is left at the end."""


@final
class Outbox:
    """Sends what is put in, by a thread of its own. One side is the event loop's, the other the thread's.

    Takes nothing before it is started.
    """

    def __init__(self, limits: OutboxLimits) -> None:
        self._limits = limits
        self._queue: deque[tuple[bytes, int]] = deque()
        # Each is written by one side only, and read by the other: so nothing is locked.
        self._put_spans = 0
        self._taken_spans = 0
        self._in_hand = 0
        self._dropped: dict[DropReason, int] = {"full": 0, "limit": 0, "failed": 0}
        self._filled = Event()
        self._closing = Event()
        self._deadline = _NEVER
        self._thread: Thread | None = None

    def start(self, message: Callable[[Iterable[bytes]], bytes], transport: Transport, outage: Outage) -> None:
        """Start the thread; call it in the process that serves, not in one that forks it.

        Args:
            message: Makes one message of many requests' spans.
            transport: Sends it.
            outage: Tells when it cannot be sent.
        """
        self._closing.clear()
        self._deadline = _NEVER
        self._thread = Thread(target=self._run, args=(message, transport, outage), name="perdure-traces", daemon=True)
        self._thread.start()

    def has_room(self) -> bool:
        """Return whether more is taken; see `Sink`."""
        return self._thread is not None and self._put_spans - self._taken_spans < self._limits.queue_spans

    def put(self, written: bytes, spans: int) -> None:
        """Take one request's spans; see `Sink`."""
        self._queue.append((written, spans))
        self._put_spans += spans
        if self._put_spans - self._taken_spans >= self._limits.batch_spans and not self._filled.is_set():
            self._filled.set()

    def drop(self, reason: DropReason) -> None:
        """Count a request whose spans are lost; see `Sink`."""
        self._dropped[reason] += 1

    def dropped(self) -> dict[DropReason, int]:
        """Return how many requests' spans were lost so far, by why."""
        return dict(self._dropped)

    def close(self) -> None:
        """Send what is left, within its time, and end the thread. Blocks; what is lost is counted and told."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._deadline = monotonic() + self._limits.flush_timeout_s
        self._closing.set()
        self._filled.set()
        thread.join(self._limits.flush_timeout_s + _GRACE_S)
        lost = len(self._queue) + self._in_hand
        if lost:
            self._dropped["failed"] += lost
            _log.warning("the spans of %d requests could not be sent before the end", lost)

    def _run(self, message: Callable[[Iterable[bytes]], bytes], transport: Transport, outage: Outage) -> None:
        while not self._closing.is_set():
            self._filled.wait(self._limits.delay_s)
            self._filled.clear()
            self._send_all(message, transport, outage)
        self._send_all(message, transport, outage)
        transport.close()

    def _send_all(self, message: Callable[[Iterable[bytes]], bytes], transport: Transport, outage: Outage) -> None:
        while self._queue and monotonic() < self._deadline:
            batch, spans = self._take()
            timeout_s = min(self._limits.timeout_s, self._deadline - monotonic())
            answer = send_patiently(transport, message(batch), timeout_s, self._closing.wait)
            # Not before: what is in hand takes memory, too.
            self._taken_spans += spans
            self._in_hand = 0
            outage.note(answer)
            if not answer.is_taken:
                self._dropped["failed"] += len(batch)

    def _take(self) -> tuple[list[bytes], int]:
        batch: list[bytes] = []
        spans = 0
        while self._queue and spans < self._limits.batch_spans:
            written, count = self._queue.popleft()
            batch.append(written)
            spans += count
            self._in_hand += 1
        return batch, spans
