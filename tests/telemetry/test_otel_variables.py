"""What the environment says about telemetry, by OpenTelemetry's variables."""

import logging
from typing import Any

import pytest

from perdure import OtlpSettings, TraceSettings
from perdure.telemetry.otel_variables import TelemetryPlan, headers_of, plan_telemetry

ENDPOINT = "OTEL_EXPORTER_OTLP_ENDPOINT"
HERE = "http://here:4318"


def planned(environ: dict[str, str] | None = None, otlp: dict[str, Any] | None = None, **traces: Any) -> TelemetryPlan:
    return plan_telemetry(TraceSettings(**traces), OtlpSettings(**(otlp or {})), environ or {})


@pytest.mark.parametrize(
    ("environ", "otlp", "traces", "expected"),
    [
        ({}, {}, {}, ("none", "none")),
        ({}, {"endpoint": HERE}, {}, ("otlp", "otlp")),
        ({}, {"endpoint": HERE, "metrics": False}, {}, ("otlp", "none")),
        ({}, {"endpoint": HERE}, {"exporter": "none"}, ("none", "otlp")),
        ({ENDPOINT: HERE}, {}, {}, ("otlp", "otlp")),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": HERE}, {}, {}, ("otlp", "none")),
        ({ENDPOINT: HERE, "OTEL_TRACES_EXPORTER": "none"}, {}, {}, ("none", "otlp")),
        ({ENDPOINT: HERE, "OTEL_METRICS_EXPORTER": "prometheus"}, {}, {}, ("otlp", "none")),
        ({"OTEL_TRACES_EXPORTER": "console", "OTEL_METRICS_EXPORTER": "OTLP"}, {}, {}, ("console", "otlp")),
        ({"OTEL_TRACES_EXPORTER": "console"}, {"endpoint": HERE}, {"exporter": "none"}, ("console", "otlp")),
        ({ENDPOINT: HERE, "OTEL_SDK_DISABLED": "True"}, {"endpoint": HERE}, {"exporter": "otlp"}, ("none", "none")),
        ({ENDPOINT: HERE, "OTEL_SDK_DISABLED": "1"}, {}, {}, ("otlp", "otlp")),
        ({ENDPOINT: "  "}, {}, {}, ("none", "none")),
    ],
)  # fmt: skip
def test_exporters_are_what_is_said_the_environment_first(
    environ: dict[str, str], otlp: dict[str, Any], traces: dict[str, Any], expected: tuple[str, str]
) -> None:
    plan = planned(environ, otlp, **traces)
    assert expected == (plan.trace_exporter, plan.metric_exporter)


@pytest.mark.parametrize(
    ("environ", "otlp", "expected"),
    [
        ({}, {}, "http://localhost:4318/v1/traces"),
        ({}, {"protocol": "grpc"}, "http://localhost:4317"),
        ({}, {"endpoint": "https://a:1/base/"}, "https://a:1/base/v1/traces"),
        ({ENDPOINT: "http://b:2"}, {"endpoint": "http://a:1"}, "http://b:2/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:3/as/is"}, {"endpoint": "http://a:1"}, "http://c:3/as/is"),
        ({ENDPOINT: "b:2"}, {"protocol": "grpc"}, "https://b:2"),
        ({ENDPOINT: "b:2", "OTEL_EXPORTER_OTLP_INSECURE": "true"}, {"protocol": "grpc"}, "http://b:2"),
        ({ENDPOINT: "http://b:2", "OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"}, {}, "http://b:2"),
        ({ENDPOINT: "http://b:x"}, {}, "http://localhost:4318/v1/traces"),
        ({ENDPOINT: "http://b:x"}, {"protocol": "grpc"}, "http://localhost:4317"),
        ({ENDPOINT: "b:2", "OTEL_EXPORTER_OTLP_TRACES_INSECURE": "True"}, {"protocol": "grpc"}, "http://b:2"),
        ({ENDPOINT: "b:2", "OTEL_EXPORTER_OTLP_METRICS_INSECURE": "true"}, {"protocol": "grpc"}, "https://b:2"),
        ({ENDPOINT: "https://b:2", "OTEL_EXPORTER_OTLP_INSECURE": "true"}, {"protocol": "grpc"}, "https://b:2"),
        ({ENDPOINT: "[::1]:2"}, {"protocol": "grpc"}, "https://[::1]:2"),
        ({ENDPOINT: "unix:/run/otel.sock"}, {"protocol": "grpc"}, "unix:/run/otel.sock"),
        ({ENDPOINT: "b:2"}, {}, "http://localhost:4318/v1/traces"),
        ({ENDPOINT: "http://b:x"}, {"endpoint": "http://a:1"}, "http://a:1/v1/traces"),
        ({ENDPOINT: "https://me:se%40cret@b:2/x"}, {}, "https://b:2/x/v1/traces"),
    ],
)  # fmt: skip
def test_the_collector_is_where_it_is_said_to_be(environ: dict[str, str], otlp: dict[str, Any], expected: str) -> None:
    assert expected == planned(environ, otlp).trace_target.url


@pytest.mark.parametrize(
    ("endpoint", "insecure", "expected"),
    [
        ("http://b:2", None, False), ("https://b:2", "true", True), ("b:2", None, True), ("b:2", "TRUE", False),
        ("b:2", "false", True), ("dns:///b:2", None, True), ("unix:///run/otel.sock", "true", False),
    ],
)  # fmt: skip
def test_grpc_is_without_tls_where_that_is_said(endpoint: str, insecure: str | None, expected: bool) -> None:
    said = {ENDPOINT: endpoint, "OTEL_EXPORTER_OTLP_INSECURE": insecure or ""}
    assert expected == planned(said, {"protocol": "grpc"}).trace_target.is_secure


def test_user_and_password_of_an_endpoint_become_a_header_and_are_told_to_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    target = planned({ENDPOINT: "https://me:se%40cret@b:2"}).trace_target
    assert {"authorization": "Basic bWU6c2VAY3JldA=="} == target.headers
    assert {"authorization": "Basic bWU6"} == planned({ENDPOINT: "https://me@b:2"}).metric_target.headers
    assert {} == planned({ENDPOINT: "https://me:secret@b:x?key=secret"}).trace_target.headers
    assert "'https://b:x' is ignored" in caplog.text
    assert "secret" not in caplog.text


def test_half_of_a_clients_certificate_is_told_and_left_out(caplog: pytest.LogCaptureFixture) -> None:
    target = planned({"OTEL_EXPORTER_OTLP_TRACES_CLIENT_KEY": "key.pem", ENDPOINT: "https://b:2"}).trace_target
    assert (None, None) == (target.client_certificate, target.client_key)
    assert "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE and its _KEY are ignored" in caplog.text


def test_certificates_of_a_signal_go_first() -> None:
    plan = planned({
        "OTEL_EXPORTER_OTLP_CERTIFICATE": "all.pem", "OTEL_EXPORTER_OTLP_TRACES_CERTIFICATE": "traces.pem",
        "OTEL_EXPORTER_OTLP_METRICS_CLIENT_CERTIFICATE": "we.pem", "OTEL_EXPORTER_OTLP_METRICS_CLIENT_KEY": "key.pem",
    })  # fmt: skip
    traces, metrics = plan.trace_target, plan.metric_target
    assert ("traces.pem", None, None) == (traces.certificate, traces.client_certificate, traces.client_key)
    assert ("all.pem", "we.pem", "key.pem") == (metrics.certificate, metrics.client_certificate, metrics.client_key)


@pytest.mark.parametrize(
    ("sampler", "argument", "expected"),
    [
        ("always_on", None, (1.0, False)), ("always_off", "1", (0.0, False)), ("traceidratio", "0.25", (0.25, False)),
        ("parentbased_always_on", None, (1.0, True)), ("parentbased_always_off", None, (0.0, True)),
        ("parentbased_traceidratio", "0.5", (0.5, True)), ("parentbased_traceidratio", None, (1.0, True)),
        ("traceidratio", "2", (1.0, False)), ("jaeger_remote", "x", (0.01, True)), (None, "0.5", (0.01, True)),
    ],
)  # fmt: skip
def test_sampler_is_the_one_of_the_environment(
    sampler: str | None, argument: str | None, expected: tuple[float, bool]
) -> None:
    said = {"OTEL_TRACES_SAMPLER": sampler, "OTEL_TRACES_SAMPLER_ARG": argument}
    traces = planned({name: value for name, value in said.items() if value is not None}).traces
    assert expected == (traces.ratio, traces.follow_parent)


def test_durations_are_milliseconds_and_those_of_a_signal_go_first() -> None:
    plan = planned(
        {
            "OTEL_EXPORTER_OTLP_TIMEOUT": "2500", "OTEL_EXPORTER_OTLP_TRACES_TIMEOUT": "1500",
            "OTEL_BSP_SCHEDULE_DELAY": "100", "OTEL_BSP_MAX_QUEUE_SIZE": "64", "OTEL_BSP_MAX_EXPORT_BATCH_SIZE": "8",
            "OTEL_METRIC_EXPORT_INTERVAL": "5000", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT": "100",
        }
    )  # fmt: skip
    assert (1.5, 2.5) == (plan.trace_target.timeout_s, plan.metric_target.timeout_s)
    assert (0.1, 64, 8) == (plan.traces.delay_s, plan.traces.queue_limit, plan.traces.batch_limit)
    assert (5.0, 100) == (plan.metrics_interval_s, plan.value_limit)


@pytest.mark.parametrize(
    "name", ["OTEL_BSP_SCHEDULE_DELAY", "OTEL_BSP_MAX_QUEUE_SIZE", "OTEL_METRIC_EXPORT_INTERVAL", "OTEL_TRACES_SAMPLER",
             "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "OTEL_SDK_DISABLED",
             "OTEL_TRACES_EXPORTER", "OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_COMPRESSION"],
)  # fmt: skip
@pytest.mark.parametrize("value", ["soon", "-1", "nan", "1e99"])
def test_what_cannot_be_used_is_told_and_left_out(name: str, value: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "perdure.telemetry"):
        assert planned() == planned({name: value})
    assert caplog.records
    assert all(name in record.getMessage() for record in caplog.records)


def test_headers_are_read_as_w3c_baggage_is_written(caplog: pytest.LogCaptureFixture) -> None:
    assert {"authorization": "Basic a=b,c", "x": ""} == headers_of("Authorization=Basic%20a=b%2Cc, x=,,")
    assert {} == headers_of("token-without-a-name")
    assert "token" not in caplog.text


def test_headers_of_the_environment_go_before_those_of_the_settings() -> None:
    plan = planned({"OTEL_EXPORTER_OTLP_HEADERS": "a=1,b=2"}, {"headers": {"A": "0", "c": "3"}})
    assert {"a": "1", "b": "2", "c": "3"} == plan.trace_target.headers
