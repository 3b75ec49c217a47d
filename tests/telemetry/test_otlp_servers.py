"""Traces and metrics of real servers, sent to real collectors."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from tests.servers import Server
from tests.telemetry.otlp_receiver import Received, attributes_of, grpc_collector, http_collector, tree_of

APP = """
import threading
from typing import Any
import httpx
from opentelemetry import trace
from perdure import App, Config, GlobalContext, LocalContext, Request, traced

app = App("shop")
client = httpx.AsyncClient(transport=traced(httpx.AsyncHTTPTransport()))
sync_client = httpx.Client(transport=traced(httpx.HTTPTransport()))

def current() -> str:
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}-{context.span_id:016x}"

@app.before
async def look(lctx: LocalContext) -> None:
    lctx.set("in a hook", current())

@app.get("/orders/{order_id:int}")
async def get_order(req: Request, lctx: LocalContext, gctx: GlobalContext) -> Any:
    upstream = gctx.config.settings["upstream"]
    async def beside() -> str:
        await client.get(upstream + "/beside?key=hidden")
        return current()
    work = lctx.spawn("beside", beside())
    await client.get(upstream + "/handler")
    return {"hook": lctx.get("in a hook"), "handler": current(), "beside": await work}

@app.get("/sync")
def in_a_thread(lctx: LocalContext, gctx: GlobalContext) -> Any:
    sync_client.get(gctx.config.settings["upstream"] + "/sync")
    return {"hook": lctx.get("in a hook"), "handler": current(), "thread": threading.current_thread().name}

@app.get("/broken")
async def broken() -> Any:
    raise LookupError("what nobody else should read")
"""
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT_ID = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE_ID}-{PARENT_ID}-01"


@contextmanager
def upstream() -> Iterator[tuple[str, dict[str, str]]]:
    """Run a server that notes the ``traceparent`` of each path."""
    seen: dict[str, str] = {}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            seen[self.path.partition("?")[0]] = self.headers["traceparent"]
            self.send_response(200)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.mark.parametrize(("collector", "protocol"), [(http_collector, "http/protobuf"), (grpc_collector, "grpc")])
def test_server_when_a_caller_is_traced_sends_its_spans_and_goes_on_with_the_trace(
    collector: Callable[[], AbstractContextManager[Received]], protocol: str, tmp_path: Path,
    start_server: Callable[..., Server],
) -> None:  # fmt: skip
    (tmp_path / "app.py").write_text(APP)
    with collector() as received, upstream() as (url, seen):
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.url, "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
            "OTEL_EXPORTER_OTLP_HEADERS": "authorization=Bearer%20abc", "OTEL_EXPORTER_OTLP_COMPRESSION": "gzip",
            "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test,service.version=7",
            "OTEL_BSP_SCHEDULE_DELAY": "50", "OTEL_METRIC_EXPORT_INTERVAL": "100",
            "OTEL_TRACES_SAMPLER": "parentbased_always_off", "PERDURE_SETTINGS__UPSTREAM": url,
        }  # fmt: skip
        server = start_server(tmp_path / "app.py", env=variables)
        answer = httpx.get(server.url + "/orders/7", headers={"traceparent": TRACEPARENT, "tracestate": "a=b"})
        in_thread = httpx.get(server.url + "/sync", headers={"traceparent": TRACEPARENT.replace("4bf9", "5bf9")})
        assert 200 == httpx.get(server.url + "/sync").status_code  # nobody samples this one
        broken = httpx.get(server.url + "/broken")
        received.wait(lambda got: len(got.servers()) == 3)
        received.wait(lambda got: got.metrics)
        server.stop()

    assert [200, 200, 500] == [answer.status_code, in_thread.status_code, broken.status_code]
    order, sync, failed = received.servers()
    assert TRACE_ID == order.trace_id.hex()
    assert PARENT_ID == order.parent_span_id.hex()
    assert "a=b" == order.trace_state
    names = tree_of(order, received.spans)
    assert {"routing", "validation", "hook look", "handler", "response", "spawn beside"} >= set(names)
    found = {
        span.name: span
        for span in received.spans
        if span.trace_id == order.trace_id and span.kind == Span.SPAN_KIND_INTERNAL
    }
    calls = {
        str(attributes_of(span.attributes)["url.full"]): span
        for span in received.spans if span.kind == Span.SPAN_KIND_CLIENT
    }  # fmt: skip
    assert {f"{url}/handler", f"{url}/beside", f"{url}/sync"} == set(calls)
    for path, parent in (("/handler", "handler"), ("/beside", "spawn beside")):
        call = calls[url + path]
        assert f"00-{TRACE_ID}-{call.span_id.hex()}-01" == seen[path]
        assert found[parent].span_id == call.parent_span_id
    ours = f"{TRACE_ID}-{order.span_id.hex()}"
    assert {"hook": ours, "handler": ours, "beside": ours} == answer.json()
    told = in_thread.json()
    assert f"5{TRACE_ID[1:]}-{sync.span_id.hex()}" == told["hook"] == told["handler"]
    assert told["thread"].startswith("perdure-shop")
    assert "" == failed.parent_span_id.hex()
    assert Status.STATUS_CODE_ERROR == failed.status.code
    assert "LookupError" == attributes_of(failed.attributes)["error.type"]
    assert "LookupError" == attributes_of(failed.events[0].attributes)["exception.type"]
    every = json.dumps([str(span) for span in received.spans])
    assert "what nobody else" not in every
    assert "hidden" not in every
    check_resource_and_metrics(received)


def check_resource_and_metrics(received: Received) -> None:
    assert {"shop"} == {resource["service.name"] for resource in received.resources}
    assert {"test"} == {resource["deployment.environment.name"] for resource in received.resources}
    assert 1 == len({resource["service.instance.id"] for resource in received.resources})
    assert {"Bearer abc"} == {headers["authorization"] for headers in received.headers}
    durations = [each for each in received.metrics[-1] if each.name == "http.server.request.duration"]
    points = durations[0].histogram.data_points
    counts = {
        (attributes.get("http.route"), attributes["http.response.status_code"]): point.count
        for point in points if (attributes := attributes_of(point.attributes))
    }  # fmt: skip
    assert {("/orders/{order_id}", 200): 1, ("/sync", 200): 2, ("/broken", 500): 1} == counts
    for point in points:
        assert point.count == sum(point.bucket_counts)
        assert 0 < point.start_time_unix_nano <= point.time_unix_nano <= time.time_ns()


def test_server_when_the_collector_is_gone_answers_as_quickly_and_counts_what_is_lost(
    tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    (tmp_path / "app.py").write_text(APP)
    variables = {
        "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9", "OTEL_TRACES_SAMPLER": "always_on",
        "OTEL_BSP_SCHEDULE_DELAY": "10", "OTEL_EXPORTER_OTLP_TIMEOUT": "100", "PERDURE_METRICS__PATH": "/metrics",
    }  # fmt: skip
    server = start_server(tmp_path / "app.py", env=variables)
    with httpx.Client(base_url=server.url) as client:
        slowest = 0.0
        for _ in range(50):
            begun = time.perf_counter()
            assert 404 == client.get("/nothing").status_code
            slowest = max(slowest, time.perf_counter() - begun)
        assert slowest < 1.0
        deadline = time.monotonic() + 10
        while 'perdure_traces_dropped_total{perdure_reason="failed"} 50' not in client.get("/metrics").text:
            assert time.monotonic() < deadline, client.get("/metrics").text
    server.stop()
    assert 1 == server.printed.count("traces cannot be sent to http://127.0.0.1:9/v1/traces")
