"""How a streamed answer or a WebSocket ended, for those who keep records."""

from typing import Literal, Protocol, final

from msgspec import Struct

from perdure.context.local import LocalContext

__all__ = ["Outcome", "StreamEnd", "StreamRecorder"]

Outcome = Literal["complete", "broken", "left", "cut"]
"""``complete``: all was sent, or the handler of a WebSocket was done; ``broken``: what the handler streams raised, or
the handler, so the connection was cut; ``left``: the client went before; ``cut``: it was ended before, as the server
ends, or as what the client sent over a WebSocket was no good."""


@final
class StreamEnd(Struct, frozen=True, kw_only=True):
    """The end of one stream. Times are seconds on the clock of `time.perf_counter`."""

    status: int
    outcome: Outcome
    error: BaseException | None
    """What ended it: of a broken one, or of a WebSocket that was cut."""
    sent_bytes: int
    """Of its chunks, those that were handed to the server as whole."""
    begun: float
    """When the answer was ready, its head, that is, or the WebSocket taken."""
    ended: float


class StreamRecorder(Protocol):
    """Keeps records of how streams end; a `Recorder` is told of the request before."""

    def streamed(self, lctx: LocalContext, end: StreamEnd) -> None:
        """Note how the answer of a request ended. Called on the event loop; what it raises goes no further."""
