"""What is known of a request once it is over; telemetry and audit are built on it."""

from collections.abc import Callable
from typing import final

from msgspec import Struct

from perdure.context.events import LifecycleEvent
from perdure.context.local import LocalContext, Meta

__all__ = ["Execution", "Observer"]


@final
class Execution(Struct, frozen=True, kw_only=True):
    """One finished request."""

    meta: Meta
    status: int
    """The status the client reads; 499 when it left before."""
    events: tuple[LifecycleEvent, ...]
    duration_s: float

    @classmethod
    def of(cls, lctx: LocalContext, status: int) -> "Execution":
        """Return the record of the finished request *lctx*."""
        events = lctx.events
        return cls(meta=lctx.meta, status=status, events=events, duration_s=events[-1].at_s if events else 0.0)


Observer = Callable[[Execution], None]
"""Called on the event loop after each request, so it must be quick; what it raises is logged and goes no further."""
