"""TLS to collectors, over HTTP and gRPC: real servers, certificates of authorities made for the test."""

import logging
import re
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import httpx
import pytest

from perdure import App, Config, OtlpSettings, TraceSettings
from perdure.errors import ConfigError
from perdure.telemetry.otel_variables import plan_telemetry
from perdure.telemetry.otlp_transport import Answer, open_transport
from tests.calls import run, serving
from tests.servers import Server
from tests.telemetry.certificates import Authority, Identity
from tests.telemetry.otlp_receiver import Received, grpc_collector, http_collector
from tests.telemetry.test_tracing import dropped

Collector = Callable[..., AbstractContextManager[Received]]

COLLECTORS = pytest.mark.parametrize(
    ("collector", "protocol"), [(http_collector, "http/protobuf"), (grpc_collector, "grpc")], ids=["http", "grpc"]
)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "authority")


@pytest.fixture
def stranger(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "stranger")


def sent(received: Received, protocol: str, **otlp: Any) -> Answer:
    """Send an empty message with the settings *otlp*, without patience."""
    settings = OtlpSettings(endpoint=received.url, protocol=protocol, **otlp)  # type: ignore[arg-type]
    transport = open_transport(plan_telemetry(TraceSettings(), settings, {}).trace_target, "traces")
    try:
        return transport.send(b"", 5.0)
    finally:
        transport.close()


@pytest.mark.slow
def test_server_sends_each_signal_over_tls_as_its_own_variables_say(
    authority: Authority, stranger: Authority, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    (tmp_path / "app.py").write_text("from perdure import App\n\napp = App('shop')\n")
    ours = stranger.client()
    with (
        http_collector(identity=authority.server("127.0.0.1"), believes=stranger.file) as traces,
        grpc_collector(identity=stranger.server("localhost")) as metrics,
    ):
        of_traces, of_metrics = "OTEL_EXPORTER_OTLP_TRACES", "OTEL_EXPORTER_OTLP_METRICS"
        variables = {
            f"{of_traces}_ENDPOINT": f"{traces.url}/v1/traces", f"{of_traces}_CERTIFICATE": authority.file,
            f"{of_traces}_CLIENT_CERTIFICATE": ours.certificate, f"{of_traces}_CLIENT_KEY": ours.key,
            f"{of_metrics}_ENDPOINT": f"localhost:{metrics.url.rpartition(':')[2]}", f"{of_metrics}_PROTOCOL": "grpc",
            "OTEL_EXPORTER_OTLP_CERTIFICATE": stranger.file, "OTEL_TRACES_SAMPLER": "always_on",
            "OTEL_BSP_SCHEDULE_DELAY": "20", "OTEL_METRIC_EXPORT_INTERVAL": "100",
        }  # fmt: skip
        server = start_server(tmp_path / "app.py", env=variables)
        assert 404 == httpx.get(f"{server.url}/nothing").status_code
        traces.wait(lambda got: got.servers())
        metrics.wait(lambda got: got.metrics)
        server.stop()
    assert not traces.metrics
    assert not metrics.spans
    assert "cannot be sent" not in server.printed


@COLLECTORS
def test_collector_that_wants_a_certificate_gets_ours(
    collector: Collector, protocol: str, authority: Authority, stranger: Authority
) -> None:
    with collector(identity=authority.server("127.0.0.1"), believes=authority.file) as received:

        def shows(identity: Identity) -> Answer:
            pair = {"client_certificate": identity.certificate, "client_key": identity.key}
            return sent(received, protocol, certificate=authority.file, **pair)

        assert shows(authority.client()).is_taken
        for refused in (shows(stranger.client()), sent(received, protocol, certificate=authority.file)):
            assert not refused.is_taken
            assert refused.may_retry  # who is not believed now may be once the collector knows the authority


@COLLECTORS
def test_collector_without_a_certificate_setting_is_believed_if_the_machine_does(
    collector: Collector, protocol: str, authority: Authority, stranger: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", raising=False)
    with collector(identity=authority.server("127.0.0.1")) as received:
        monkeypatch.setenv("SSL_CERT_FILE", stranger.file)
        assert not sent(received, protocol).is_taken
        monkeypatch.setenv("SSL_CERT_FILE", authority.file)
        assert sent(received, protocol).is_taken


@pytest.mark.parametrize(
    ("believes", "name", "why"),
    [
        ("stranger", "127.0.0.1", "unable to get local issuer"),
        ("authority", "elsewhere.example", "(?i)mismatch|hostname"),
    ],
)  # fmt: skip
@COLLECTORS
def test_collector_that_is_not_believed_loses_spans_which_are_counted_and_told_once(
    collector: Collector, protocol: str, believes: str, name: str, why: str, authority: Authority,
    stranger: Authority, caplog: pytest.LogCaptureFixture,
) -> None:  # fmt: skip
    with collector(identity=authority.server(name)) as received:
        settings = OtlpSettings(
            endpoint=received.url, protocol=protocol, timeout_s=0.2, metrics=False,  # type: ignore[arg-type]
            certificate=stranger.file if believes == "stranger" else authority.file,
        )  # fmt: skip
        app = App("shop", config=Config(otlp=settings, traces=TraceSettings(ratio=1.0, batch_limit=1, delay_s=0.01)))

        async def asked() -> None:
            await app.start()
            async with serving(app) as client:
                for _ in range(3):
                    assert 404 == (await client.get("/nothing")).status_code
            await app.stop()

        with caplog.at_level(logging.WARNING, "perdure.telemetry"):
            run(asked())
    assert {"full": 0, "limit": 0, "failed": 3} == dropped(app)
    (told,) = [record.getMessage() for record in caplog.records if "cannot be sent" in record.getMessage()]
    assert told.startswith(f"traces cannot be sent to {received.url}")
    assert re.search(why, told)
    assert [] == received.spans


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("missing", r"otlp\.client_key \S+/no-such\.pem cannot be read: No such file"),
        ("folder", r"otlp\.certificate \S+ cannot be read: Is a directory"),
        ("garbage", r"otlp\.certificate \S+/garbage\.pem holds no certificates"),
        ("swapped", r"otlp\.client_certificate \S+-key\.pem and otlp\.client_key \S+ cannot be used: this is not PEM"),
        ("mismatched", "cannot be used: key values mismatch"),
        ("encrypted", r"otlp\.client_key \S+ is encrypted: a server cannot be asked for its password"),
    ],
)
def test_files_that_cannot_be_used_are_told_when_the_app_starts(
    protocol: str, wrong: str, told: str, tmp_path: Path, authority: Authority, stranger: Authority
) -> None:
    (tmp_path / "garbage.pem").write_text("no certificate\n")
    ours = authority.client(password=b"secret" if wrong == "encrypted" else None)
    options: dict[str, str] = {
        "missing": {"client_certificate": ours.certificate, "client_key": str(tmp_path / "no-such.pem")},
        "folder": {"certificate": str(tmp_path)},
        "garbage": {"certificate": str(tmp_path / "garbage.pem")},
        "swapped": {"client_certificate": ours.key, "client_key": ours.certificate},
        "mismatched": {"client_certificate": ours.certificate, "client_key": stranger.client().key},
        "encrypted": {"client_certificate": ours.certificate, "client_key": ours.key},
    }[wrong]
    settings = OtlpSettings(endpoint="https://localhost:1", protocol=protocol, **options)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=told):
        run(App("shop", config=Config(otlp=settings)).start())


def test_grpc_reaches_a_collector_at_a_socket_of_the_machine(tmp_path: Path) -> None:
    place = f"unix:{tmp_path}/otel.sock"
    with grpc_collector(at=place):
        variables = {"OTEL_EXPORTER_OTLP_ENDPOINT": place, "OTEL_EXPORTER_OTLP_INSECURE": "true"}
        plan = plan_telemetry(TraceSettings(), OtlpSettings(protocol="grpc"), variables)
        transport = open_transport(plan.trace_target, "traces")
        assert transport.send(b"", 5.0).is_taken
        transport.close()
