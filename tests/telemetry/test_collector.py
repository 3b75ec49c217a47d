"""A collector that others have written, in another language: it reads what we send, and passes all of it on."""

import socket
import subprocess
from collections.abc import Callable, Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest

from perdure import OtlpSettings, TraceSettings
from perdure.telemetry.otel_variables import plan_telemetry
from perdure.telemetry.otlp_transport import Signal, open_transport
from tests.started import free_port, started
from tests.telemetry.otlp_receiver import Received, grpc_collector, http_collector
from tests.telemetry.test_conventions import everything
from tests.telemetry.test_tracing import CALLER, made, send

pytestmark = pytest.mark.slow

Urls = dict[str, str]


@pytest.fixture
def behind() -> Iterator[Received]:
    """What the collector passes on."""
    with grpc_collector() as received:
        yield received


@pytest.fixture
def collector(behind: Received, tmp_path: Path) -> Iterator[Urls]:
    """Run Rotel; yield where it takes OTLP, by protocol."""
    spec = find_spec("rotel")
    program = None if spec is None or spec.origin is None else Path(spec.origin).parent / "rotel-agent"
    if program is None or subprocess.run([program, "--version"], capture_output=True, check=False).returncode:
        pytest.skip("Rotel, a collector, does not run here; there are wheels of it for Linux: pip install rotel")
    over_http, over_grpc = free_port(), free_port()
    command = [
        str(program), "start", "--otlp-http-endpoint", f"127.0.0.1:{over_http}", "--otlp-grpc-endpoint",
        f"127.0.0.1:{over_grpc}", "--exporter", "otlp", "--otlp-exporter-endpoint", behind.url,
        "--batch-timeout", "20ms",
    ]  # fmt: skip

    def answers() -> bool:
        with socket.socket() as first, socket.socket() as second:
            return not first.connect_ex(("127.0.0.1", over_http)) and not second.connect_ex(("127.0.0.1", over_grpc))

    process = started(command, tmp_path / "rotel.log", answers, cwd=tmp_path)
    try:
        yield {"http/protobuf": f"http://127.0.0.1:{over_http}", "grpc": f"http://127.0.0.1:{over_grpc}"}
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def direct() -> Received:
    """What an app sends in which everything happens, as the protocol's own classes read it."""
    with http_collector() as received:
        app = made(received.url, otlp={"metrics": True}, error_messages=True)
        everything(app)
        paths = ("/orders/7", "/broken", "/teapot", "/nothing", "/all")
        send(app, *paths, headers={**CALLER, "tracestate": "a=b", "user-agent": "x"})
    return received


@pytest.mark.parametrize("compression", ["none", "gzip"])
@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_collector_passes_on_all_that_was_sent(
    protocol: str, compression: str, direct: Received, collector: Urls, behind: Received
) -> None:
    settings = OtlpSettings(endpoint=collector[protocol], protocol=protocol, compression=compression)  # type: ignore[arg-type]
    plan = plan_telemetry(TraceSettings(), settings, {})
    signals: tuple[tuple[Signal, str], ...] = (("traces", "/v1/traces"), ("metrics", "/v1/metrics"))
    for signal, at in signals:
        target = plan.trace_target if signal == "traces" else plan.metric_target
        transport = open_transport(target, signal)
        for path, message in direct.messages:
            if path == at:
                answer = transport.send(message, 5.0)
                assert answer.is_taken, answer.reason
                assert 0 == answer.rejected
        transport.close()
    behind.wait(lambda got: len(got.spans) == len(direct.spans) and len(got.metrics) == len(direct.metrics))
    by_id: Callable[[object], str] = lambda span: span.span_id.hex()  # type: ignore[attr-defined]  # noqa: E731
    assert sorted(direct.spans, key=by_id) == sorted(behind.spans, key=by_id)
    assert direct.metrics == behind.metrics
    assert set(direct.schemas) == set(behind.schemas)
    assert direct.resources[0] == behind.resources[0]
