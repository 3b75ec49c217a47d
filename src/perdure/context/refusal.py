"""What those who keep records are told of requests that no handler was run for."""

from typing import final

from msgspec import Struct

from perdure.context.exchange import Exchange
from perdure.context.local import HandlerFacts
from perdure.context.trace import TraceContext

__all__ = ["Refusal"]


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
