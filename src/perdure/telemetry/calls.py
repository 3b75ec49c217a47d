"""The public way to trace calls of other servers; httpx is imported when it is used."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import httpx

    from perdure.telemetry.outgoing import TracedTransport

__all__ = ["traced"]


def traced(transport: "httpx.BaseTransport | httpx.AsyncBaseTransport") -> "TracedTransport":
    """Return *transport*, for an httpx client, so that calls continue the trace of the request they are made for.

    ``httpx.AsyncClient(transport=traced(httpx.AsyncHTTPTransport(http2=True)))``. Each call gets a ``traceparent`` of
    its own and is an event of the request, and a span if that is exported. Outside of requests nothing is done. What
    is set on a client, and not on its transport, such as ``verify``, is not looked at by httpx any more.

    Raises:
        TypeError: It is no transport of httpx.
    """
    import httpx

    from perdure.telemetry.outgoing import TracedTransport

    if not isinstance(transport, httpx.BaseTransport | httpx.AsyncBaseTransport):
        raise TypeError(f"traced takes a transport, httpx.AsyncHTTPTransport() for example, not {transport!r}")
    return TracedTransport(transport)
