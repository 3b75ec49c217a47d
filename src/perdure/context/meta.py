"""What is known of a request from the beginning."""

from typing import final

from msgspec import Struct

from perdure.context.principal import Principal

__all__ = ["Meta"]


@final
class Meta(Struct, frozen=True, kw_only=True):
    """Facts about the request that nothing can change."""

    request_id: str
    method: str
    path: str
    route: str
    """The path's template: ``/orders/{order_id}``."""
    handler: str
    version: str
    flags: frozenset[str]
    """``transformed``: the client speaks an older version than the handler."""
    client: str
    """The client's address."""
    principal: Principal | None
    """Who the client showed to be."""
    trace_id: str
    span_id: str
    deadline: float
    """When the request times out, on the monotonic clock of `time.perf_counter`, in seconds."""
