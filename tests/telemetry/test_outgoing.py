"""Calls of other servers with httpx that take more than one request, over real connections."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from perdure import App, LocalContext, traced
from perdure.context.trace import parse_trace
from tests.telemetry.otlp_receiver import Received, attributes_of, http_collector
from tests.telemetry.test_tracing import CALLER, made, send

IDS = "4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7"


@contextmanager
def upstream() -> Iterator[tuple[int, list[tuple[str, str, str | None]]]]:
    """Run a server; yield its port, and of each request the path and its two headers for tracing."""
    seen: list[tuple[str, str, str | None]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            seen.append((self.path, self.headers["traceparent"], self.headers["tracestate"]))
            is_moved = self.path == "/moved"
            is_unknown = self.path == "/secret" and "authorization" not in self.headers
            self.send_response(302 if is_moved else 401 if is_unknown else 200)
            if is_moved:
                self.send_header("location", "/there")
            if is_unknown:
                self.send_header("www-authenticate", 'Digest realm="x", nonce="y", qop="auth", algorithm=SHA-256')
            self.send_header("content-length", "0")
            self.end_headers()

        do_PURGE = do_GET

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server.server_address[1], seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def calling(collector: Received, call: Callable[[httpx.AsyncClient], object], **options: object) -> App:
    app = made(collector.url)

    @app.get("/calling")
    async def handler(lctx: LocalContext) -> None:
        async with httpx.AsyncClient(transport=traced(httpx.AsyncHTTPTransport()), **options) as client:  # type: ignore[arg-type]
            await call(client)  # type: ignore[misc]

    return app


def calls(collector: Received) -> list[Span]:
    found = [span for span in collector.spans if span.kind == Span.SPAN_KIND_CLIENT]
    return sorted(found, key=lambda span: span.start_time_unix_nano)


@pytest.mark.parametrize("kind", ["redirect", "challenge"])
def test_each_request_of_a_call_is_a_span_of_its_own_and_says_so_to_the_server(kind: str) -> None:
    with http_collector() as collector, upstream() as (port, seen):
        url = f"http://127.0.0.1:{port}"
        if kind == "redirect":
            app = calling(collector, lambda client: client.get(f"{url}/moved"), follow_redirects=True)
        else:
            app = calling(collector, lambda client: client.get(f"{url}/secret"), auth=httpx.DigestAuth("me", "pass"))
        (answer,) = send(app, "/calling", headers={**CALLER, "tracestate": "a=b"})
    assert 204 == answer.status_code
    first, second = calls(collector)
    assert [f"00-{span.trace_id.hex()}-{span.span_id.hex()}-01" for span in (first, second)] == [
        traceparent for _, traceparent, _ in seen
    ]
    assert first.span_id != second.span_id
    assert ["a=b", "a=b"] == [state for _, _, state in seen]
    told = [attributes_of(span.attributes) for span in (first, second)]
    assert [None, 1] == [each.get("http.request.resend_count") for each in told]
    assert [302 if kind == "redirect" else 401, 200] == [each["http.response.status_code"] for each in told]


def test_call_says_whom_it_reached_and_how() -> None:
    with http_collector() as collector, upstream() as (port, seen):
        url = f"http://localhost:{port}/things?key=hidden"
        send(calling(collector, lambda client: client.request("PURGE", url)), "/calling", headers=CALLER)
    (call,) = calls(collector)
    told = attributes_of(call.attributes)
    assert "HTTP" == call.name
    assert {
        "http.request.method": "_OTHER", "http.request.method_original": "PURGE", "server.address": "localhost",
        "server.port": port, "url.full": f"http://localhost:{port}/things", "http.response.status_code": 200,
        "network.peer.address": "127.0.0.1", "network.peer.port": port, "network.protocol.version": "1.1",
    }.items() <= told.items()  # fmt: skip
    assert "http.request.resend_count" not in told
    assert 1 == len(seen)


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"traceparent": f"00-{IDS}-03", "tracestate": "a=b,c=d"}, ("03", "a=b,c=d")),
        ({"traceparent": f"cc-{IDS}-0b-new"}, ("03", None)), ({"traceparent": f"00-{IDS}-00"}, ("00", None)),
        ({"traceparent": "broken", "tracestate": "a=b"}, ("02", None)), ({}, ("02", None)),
    ],
)  # fmt: skip
def test_what_goes_out_is_trace_context_of_level_2(headers: dict[str, str], expected: tuple[str, str | None]) -> None:
    with http_collector() as collector, upstream() as (port, seen):
        stale = {"tracestate": "stale=1"}
        app = calling(collector, lambda client: client.get(f"http://127.0.0.1:{port}/", headers=stale))
        send(app, "/calling", headers=headers)
    ((_, traceparent, state),) = seen
    assert (traceparent[-2:], state) == expected
    assert traceparent.startswith("00-")
    assert parse_trace([traceparent], [state] if state else []) is not None
    given = headers.get("traceparent", "")[3:35]
    assert (traceparent[3:35] == given) == (len(given) == 32)
