"""Calls of other servers with httpx: they continue the request's trace, and are a part of its record.

A transport around the client's own, which is what httpx has for such things: it sees each request that is really sent,
so each redirect, and each attempt, is a span of its own. It ends when the head of the answer is there: how long its
body is read for is the program's.

Source: https://opentelemetry.io/docs/specs/semconv/http/http-spans/#http-client-span, stable since 1.23.
"""

from types import TracebackType
from typing import Any, Final, Self, final

import httpx

from perdure.context.events import Fact, Stage
from perdure.context.local import LocalContext, current_context
from perdure.context.steps import Step
from perdure.telemetry.span_attributes import KNOWN_METHODS

__all__ = ["TracedTransport"]

_SENT: Final = "perdure.sent"
"""Extension of a request that was sent: how often, and the ``traceparent`` it got here. What httpx makes of it, to
follow a redirect, has the same; a request for which credentials are wanted is sent again itself."""


@final
class TracedTransport(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """A transport for clients of the kinds that *inner* is for: `httpx.Client`, `httpx.AsyncClient`, or both."""

    def __init__(self, inner: httpx.BaseTransport | httpx.AsyncBaseTransport) -> None:
        self._inner: Any = inner  # which methods it has, its client knows: it calls no others here

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*; raises as the inner transport does."""
        lctx = current_context()
        response: httpx.Response
        if lctx is None:
            response = self._inner.handle_request(request)
            return response
        stage, step = _begin(lctx, request)
        with step:
            response = self._inner.handle_request(request)
            _note(stage, response)
            return response

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send *request*; raises as the inner transport does. As cancel-safe as that one is."""
        lctx = current_context()
        response: httpx.Response
        if lctx is None:
            response = await self._inner.handle_async_request(request)
            return response
        stage, step = _begin(lctx, request)
        with step:
            response = await self._inner.handle_async_request(request)
            _note(stage, response)
            return response

    def close(self) -> None:
        """Close the inner transport."""
        self._inner.close()

    async def aclose(self) -> None:
        """Close the inner transport."""
        await self._inner.aclose()

    def __enter__(self) -> Self:
        self._inner.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None = None, error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:  # fmt: skip
        self._inner.__exit__(kind, error, traceback)

    async def __aenter__(self) -> Self:
        await self._inner.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None = None, error: BaseException | None = None,
        traceback: TracebackType | None = None,
    ) -> None:  # fmt: skip
        await self._inner.__aexit__(kind, error, traceback)


def _begin(lctx: LocalContext, request: httpx.Request) -> tuple[Stage, Step]:
    """Let *request* continue the trace, unless it names one itself; return its stage, and what notes it."""
    method, url = request.method, request.url
    stage = Stage("client", method if method in KNOWN_METHODS else "HTTP")
    facts: dict[str, Fact] = {"http.request.method": method if stage.name == method else "_OTHER"}
    if stage.name != method:
        facts["http.request.method_original"] = method
    facts["server.address"] = url.host
    port = url.port or {"http": 80, "https": 443}.get(url.scheme)
    if port is not None:
        facts["server.port"] = port
    # Neither user and password nor the query, where keys are: whoever reads traces need not know them.
    facts["url.full"] = str(url.copy_with(userinfo=b"", query=None, fragment=None))
    times, ours = request.extensions.get(_SENT, (0, ""))
    if times:
        facts["http.request.resend_count"] = times
    stage.facts = facts
    if request.headers.get("traceparent", ours) == ours:
        span = lctx._trace.child()  # noqa: SLF001 - `trace_headers` does not say which span it names
        stage.span_id, ours = span.span_id, span.traceparent
        request.headers["traceparent"] = ours
        request.headers.pop("tracestate", None)
        if span.state:
            request.headers["tracestate"] = span.state
    request.extensions = {**request.extensions, _SENT: (times + 1, ours)}
    return stage, lctx.during(stage)


def _note(stage: Stage, response: httpx.Response) -> None:
    told: dict[str, Fact] = {"http.response.status_code": response.status_code}
    version = response.extensions.get("http_version", b"")
    if isinstance(version, bytes) and version.startswith(b"HTTP/"):
        told["network.protocol.version"] = version[5:].decode("ascii", "replace")
    stream = response.extensions.get("network_stream")
    peer = None if stream is None else stream.get_extra_info("server_addr")
    if isinstance(peer, tuple) and len(peer) >= 2:  # of a Unix socket it is one text, and of no use
        told["network.peer.address"], told["network.peer.port"] = str(peer[0]), int(peer[1])
    stage.facts = {**stage.facts, **told}
