"""Who keeps records of requests: metrics, traces, the audit log, the access log."""

from abc import ABC, abstractmethod

from mypy_extensions import mypyc_attr

from perdure.context.local import LocalContext
from perdure.context.refusal import Refusal

__all__ = ["Recorder"]


@mypyc_attr(allow_interpreted_subclasses=True)
class Recorder(ABC):
    """Keeps records of requests. Called on the event loop for every request, so each call has a microsecond or two.

    What one raises is logged and goes no further.
    """

    __slots__ = ()

    @abstractmethod
    def finished(self, lctx: LocalContext, status: int, size_bytes: int, ended: float) -> None:
        """Note a request that its handler, or a hook, has answered; its Local Context does not change any more.

        Args:
            status: What the client reads; 499 when it left before.
            size_bytes: Of the answer's body; -1 where it is streamed.
            ended: When the answer was ready, on the clock of `time.perf_counter`, in seconds.
        """

    @abstractmethod
    def refused(self, refusal: Refusal) -> None:
        """Note a request that no handler was run for."""
