"""Collectors for tests: real servers that read OTLP with the protocol's own protobufs, over HTTP and gRPC."""

import gzip
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from socket import socket
from typing import Any

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2, metrics_service_pb2_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2, trace_service_pb2_grpc
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.telemetry.certificates import Identity

__all__ = ["Received", "attributes_of", "children_of", "grpc_collector", "http_collector", "tree_of", "value_of"]


@dataclass
class Received:
    """What a collector was sent."""

    url: str = ""
    spans: list[Span] = field(default_factory=list)
    resources: list[dict[str, object]] = field(default_factory=list)
    metrics: list[list[Metric]] = field(default_factory=list)
    """The metrics of each export."""
    headers: list[dict[str, str]] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    """What the next exports are answered with, over HTTP; then all is well."""
    rejected: int = 0
    scopes: list[tuple[str, str]] = field(default_factory=list)
    schemas: list[str] = field(default_factory=list)
    messages: list[tuple[str, bytes]] = field(default_factory=list)
    """What came over HTTP: the path and the whole message."""

    def take_traces(self, request: trace_service_pb2.ExportTraceServiceRequest) -> None:
        for resource in request.resource_spans:
            self.resources.append(attributes_of(resource.resource.attributes))
            for scope in resource.scope_spans:
                self.scopes.append((scope.scope.name, scope.scope.version))
                self.schemas.append(scope.schema_url)
                self.spans.extend(scope.spans)

    def take_metrics(self, request: metrics_service_pb2.ExportMetricsServiceRequest) -> None:
        for resource in request.resource_metrics:
            self.resources.append(attributes_of(resource.resource.attributes))
            self.schemas.extend(scope.schema_url for scope in resource.scope_metrics)
            self.metrics.append([metric for scope in resource.scope_metrics for metric in scope.metrics])

    def wait(self, is_done: Callable[["Received"], object], timeout_s: float = 10) -> None:
        """Return once *is_done*; fail if that takes too long."""
        deadline = time.monotonic() + timeout_s
        while not is_done(self):
            assert time.monotonic() < deadline, f"{len(self.spans)} spans, {len(self.metrics)} exports of metrics"
            time.sleep(0.005)

    def servers(self) -> list[Span]:
        return [span for span in self.spans if span.kind == Span.SPAN_KIND_SERVER]


def value_of(value: AnyValue) -> object:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return tuple(value_of(each) for each in value.array_value.values)
    return None if kind is None else getattr(value, kind)


def attributes_of(attributes: Any) -> dict[str, object]:
    found: dict[str, object] = {}
    each: KeyValue
    for each in attributes:
        assert each.key not in found, f"{each.key} stands there twice"
        found[each.key] = value_of(each.value)
    return found


def children_of(parent: Span, spans: list[Span]) -> list[Span]:
    found = (span for span in spans if span.parent_span_id == parent.span_id and span.trace_id == parent.trace_id)
    return sorted(found, key=lambda span: span.start_time_unix_nano)


def tree_of(root: Span, spans: list[Span]) -> Mapping[str, Any]:
    """Return the names below *root*, nested."""
    return {child.name: tree_of(child, spans) for child in children_of(root, spans)}


class _Server(ThreadingHTTPServer):
    """Takes connections, each in a thread of its own, where it also agrees on TLS: one that never does stops none."""

    daemon_threads = True
    context: ssl.SSLContext | None = None

    def finish_request(self, request: Any, client_address: Any) -> None:
        if self.context is None:
            super().finish_request(request, client_address)
            return
        try:
            secured = self.context.wrap_socket(request, server_side=True)
        except OSError:
            return  # the client does not believe this server, or is not believed
        with secured:
            super().finish_request(secured, client_address)

    def shutdown_request(self, request: socket | tuple[bytes, socket]) -> None:
        assert isinstance(request, socket)
        if request.fileno() >= 0:
            super().shutdown_request(request)


@contextmanager
def http_collector(
    port: int = 0, received: Received | None = None, identity: Identity | None = None, believes: str | None = None
) -> Iterator[Received]:
    """Run a collector that speaks OTLP over HTTP.

    Args:
        identity: With it, over TLS.
        believes: File of the authority that clients must have a certificate of.
    """
    got = received or Received()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            raw = self.rfile.read(int(self.headers["content-length"]))
            body = gzip.decompress(raw) if self.headers.get("content-encoding") == "gzip" else raw
            got.headers.append({name.lower(): value for name, value in self.headers.items()})
            got.messages.append((self.path, body))
            status = got.statuses.pop(0) if got.statuses else 200
            answer = b"not now"
            if status == 200 and self.path == "/v1/traces":
                got.take_traces(trace_service_pb2.ExportTraceServiceRequest.FromString(body))
                response = trace_service_pb2.ExportTraceServiceResponse()
                if got.rejected:
                    response.partial_success.rejected_spans = got.rejected
                answer = response.SerializeToString()
            elif status == 200 and self.path == "/v1/metrics":
                got.take_metrics(metrics_service_pb2.ExportMetricsServiceRequest.FromString(body))
                answer = metrics_service_pb2.ExportMetricsServiceResponse().SerializeToString()
            elif status == 200:
                status = 404
            self.send_response(status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(answer)))
            if status == 429:
                self.send_header("retry-after", "0")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: object) -> None:
            pass

    server = _Server(("127.0.0.1", port), Handler)
    if identity is not None:
        server.context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cafile=believes)
        server.context.load_cert_chain(identity.certificate, identity.key)
        server.context.verify_mode = ssl.CERT_NONE if believes is None else ssl.CERT_REQUIRED
    got.url = f"{'http' if identity is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield got
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Traces(trace_service_pb2_grpc.TraceServiceServicer):
    def __init__(self, got: Received) -> None:
        self._got = got

    def Export(self, request: Any, context: Any) -> Any:
        self._got.headers.append({name: str(value) for name, value in context.invocation_metadata()})
        self._got.take_traces(request)
        return trace_service_pb2.ExportTraceServiceResponse()


class _Metrics(metrics_service_pb2_grpc.MetricsServiceServicer):
    def __init__(self, got: Received) -> None:
        self._got = got

    def Export(self, request: Any, context: Any) -> Any:
        self._got.take_metrics(request)
        return metrics_service_pb2.ExportMetricsServiceResponse()


@contextmanager
def grpc_collector(
    identity: Identity | None = None, believes: str | None = None, at: str = "127.0.0.1:0"
) -> Iterator[Received]:
    """Run a collector that speaks OTLP over gRPC; see `http_collector`."""
    got = Received()
    server = grpc.server(ThreadPoolExecutor(2))
    trace_service_pb2_grpc.add_TraceServiceServicer_to_server(_Traces(got), server)  # type: ignore[no-untyped-call]
    metrics_service_pb2_grpc.add_MetricsServiceServicer_to_server(_Metrics(got), server)  # type: ignore[no-untyped-call]
    if identity is None:
        got.url = f"http://127.0.0.1:{server.add_insecure_port(at)}"
    else:
        pair = Path(identity.key).read_bytes(), Path(identity.certificate).read_bytes()
        clients = None if believes is None else Path(believes).read_bytes()
        credentials = grpc.ssl_server_credentials([pair], clients, believes is not None)
        got.url = f"https://127.0.0.1:{server.add_secure_port(at, credentials)}"
    server.start()
    try:
        yield got
    finally:
        server.stop(None).wait(5)
