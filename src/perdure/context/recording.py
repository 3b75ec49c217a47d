"""What those who keep records of requests are told: metrics, traces, the audit log, the access log."""

from typing import Protocol, final

from msgspec import Struct

from perdure.context.exchange import Exchange
from perdure.context.local import HandlerFacts, LocalContext
from perdure.context.trace import TraceContext

__all__ = ["Recorder", "Refusal"]


@final
class Refusal(Struct, frozen=True, kw_only=True):
    """A request that no handler was run for: it was refused at the door, or it was for none."""

    exchange: Exchange
    request_id: str
    trace: TraceContext
    facts: HandlerFacts | None
    """Of the handler it was for, where it came to that."""
    version: str
    """Name of the version its answer names."""
    error: Exception
    """Why it was refused; also where it is answered well: health checks are for no handler."""
    status: int
    size_bytes: int
    """Of the answer's body; -1 where it is streamed."""
    started: float
    """When it came, on the clock of `time.perf_counter`, in seconds."""
    ended: float


class Recorder(Protocol):
    """Keeps records of requests. Called on the event loop for every request, so each call has a microsecond or two.

    What one raises is logged and goes no further.
    """

    def finished(self, lctx: LocalContext, status: int, size_bytes: int, ended: float) -> None:
        """Note a request that its handler, or a hook, has answered; its Local Context does not change any more.

        Args:
            status: What the client reads; 499 when it left before.
            size_bytes: Of the answer's body; -1 where it is streamed.
            ended: When the answer was ready, on the clock of `time.perf_counter`, in seconds.
        """

    def refused(self, refusal: Refusal) -> None:
        """Note a request that no handler was run for."""
