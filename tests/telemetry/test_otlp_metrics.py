"""Metrics as OTLP messages, read with the protocol's own classes."""

import logging
import threading

import pytest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.metrics.v1.metrics_pb2 import AggregationTemporality, Metric

from perdure import App, Config, OtlpSettings
from perdure.clock import FakeClock
from perdure.errors import ConfigError
from perdure.telemetry.families import Buckets, Family, Sample
from perdure.telemetry.otlp_metrics import MetricExporter, write_metrics
from perdure.telemetry.otlp_transport import Answer
from perdure.telemetry.otlp_wire import OF_RESOURCE, attributes
from perdure.telemetry.outbox import Outage
from tests.calls import run
from tests.telemetry.otlp_receiver import attributes_of

TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
FAMILIES = [
    Family(name="a.counter", kind="counter", unit="{request}", help="Counts.", samples=(
        Sample((("route", "/ö"),), 3.0), Sample((("route", "/b"),), 2**63))),
    Family(name="a.gauge", kind="gauge", unit="1", help="Goes up and down.", samples=(
        Sample((), -2), Sample((("x", ""),), 0.5))),
    Family(name="a.histogram", kind="histogram", unit="s", help="Durations.", samples=(
        Sample((("route", "/"),), Buckets(bounds=(0.1, 1.0), counts=(2, 0, 1), total=7.5,
                                          exemplars=(None, None, (7.0, TRACE_ID, 1_700_000_000.5)))),)),
    Family(name="a.part", kind="gauge", unit="By", help="Adds up.", is_additive=True, samples=(
        Sample((("http.response.status_code", "200"), ("x", "7")), 5.0),
        Sample((("http.response.status_code", "(other)"),), -1))),
    Family(name="nothing.yet", kind="counter", unit="1", help=""),
]  # fmt: skip


def written(start_ns: int = 5, now_ns: int = 7) -> dict[str, Metric]:
    resource = attributes({"service.name": "shop", "process.pid": 7}, OF_RESOURCE)
    message = write_metrics(FAMILIES, resource, ("perdure", "1.2"), start_ns, now_ns)
    (of_resource,) = ExportMetricsServiceRequest.FromString(message).resource_metrics
    assert {"service.name": "shop", "process.pid": 7} == attributes_of(of_resource.resource.attributes)
    (of_scope,) = of_resource.scope_metrics
    assert ("perdure", "1.2") == (of_scope.scope.name, of_scope.scope.version)
    return {metric.name: metric for metric in of_scope.metrics}


def test_metrics_without_series_are_left_out() -> None:
    assert ["a.counter", "a.gauge", "a.histogram", "a.part"] == list(written())


def test_counters_are_cumulative_sums_that_only_rise() -> None:
    metric = written()["a.counter"]
    assert ("{request}", "Counts.") == (metric.unit, metric.description)
    assert metric.sum.is_monotonic
    assert AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE == metric.sum.aggregation_temporality
    first, second = metric.sum.data_points
    assert ({"route": "/ö"}, 3.0, 5, 7) == (
        attributes_of(first.attributes), first.as_double, first.start_time_unix_nano, first.time_unix_nano
    )  # fmt: skip
    assert float(2**63) == second.as_double  # more than the protocol's integers hold


def test_gauges_have_a_time_and_no_start() -> None:
    first, second = written()["a.gauge"].gauge.data_points
    assert (-2, 0, 7) == (first.as_int, first.start_time_unix_nano, first.time_unix_nano)
    assert (0.5, {}) == (second.as_double, attributes_of(second.attributes))  # as on the page, where it is none


def test_gauges_that_add_up_are_sums_that_may_fall() -> None:
    metric = written()["a.part"].sum
    assert not metric.is_monotonic
    assert AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE == metric.aggregation_temporality
    first, second = metric.data_points
    assert (5, 7, 5.0) == (first.start_time_unix_nano, first.time_unix_nano, first.as_double)
    assert {"http.response.status_code": 200, "x": "7"} == attributes_of(first.attributes)
    assert {"http.response.status_code": "(other)"} == attributes_of(second.attributes)


def test_histograms_have_their_buckets_and_exemplars() -> None:
    metric = written()["a.histogram"].histogram
    assert AggregationTemporality.AGGREGATION_TEMPORALITY_CUMULATIVE == metric.aggregation_temporality
    (point,) = metric.data_points
    assert ([2, 0, 1], [0.1, 1.0], 3, 7.5) == (
        list(point.bucket_counts), list(point.explicit_bounds), point.count, point.sum
    )  # fmt: skip
    (exemplar,) = point.exemplars
    assert (TRACE_ID, 7.0, 1_700_000_000_500_000_000) == (
        exemplar.trace_id.hex(), exemplar.as_double, exemplar.time_unix_nano
    )  # fmt: skip


def test_histogram_of_negative_values_has_no_sum_as_that_could_fall() -> None:
    buckets = Buckets(bounds=(-1.0,), counts=(1, 1), total=-5.0)
    family = Family(name="a.delta", kind="histogram", unit="1", help="Moves.", samples=(Sample((), buckets),))
    message = ExportMetricsServiceRequest.FromString(write_metrics([family], b"", ("perdure", "1"), 5, 7))
    (point,) = message.resource_metrics[0].scope_metrics[0].metrics[0].histogram.data_points
    assert not point.HasField("sum")
    assert 2 == point.count


def test_time_when_the_clock_was_set_back_is_not_before_the_start() -> None:
    (point,) = written(start_ns=50, now_ns=7)["a.histogram"].histogram.data_points
    assert (50, 50) == (point.start_time_unix_nano, point.time_unix_nano)


class Taking:
    """A transport that keeps what it is sent."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.twice = threading.Event()

    def send(self, message: bytes, timeout_s: float) -> Answer:
        self.sent.append(message)
        if len(self.sent) == 2:
            self.twice.set()
        return Answer(True)

    def close(self) -> None:
        pass


def test_exporter_sends_again_and_again_and_once_more_at_the_end(caplog: pytest.LogCaptureFixture) -> None:
    taking, reads = Taking(), 0

    def read() -> list[Family]:
        nonlocal reads
        reads += 1
        if reads == 1:
            raise ValueError("a gauge of the program's own")
        return FAMILIES

    exporter = MetricExporter(
        read, lambda families, start_ns, now_ns: b"%d %d" % (len(list(families)), now_ns - start_ns), taking,
        Outage("metrics", "x"), FakeClock(), interval_s=0.001, timeout_s=1.0, flush_timeout_s=1.0,
    )  # fmt: skip
    with caplog.at_level(logging.ERROR, "perdure.telemetry"):
        exporter.start()
        assert taking.twice.wait(5)
        exporter.close()
    assert {b"5 0"} == set(taking.sent)
    assert reads == len(taking.sent) + 1
    assert 1 == len(caplog.records)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"endpoint": "collector:4318"}, "endpoint must be a URL"),
        ({"endpoint": "http://user:pass@collector"}, "must not hold a user"),
        ({"client_key": "a.pem"}, "belong together"),
        ({"headers": {"a b": "c"}}, "cannot be sent"),
        ({"timeout_s": 0}, "timeout_s"),
    ],
)  # fmt: skip
def test_settings_that_cannot_be_used_are_refused(options: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        OtlpSettings(**options)  # type: ignore[arg-type]


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
def test_certificate_that_is_not_there_is_told_when_the_app_starts(protocol: str) -> None:
    otlp = OtlpSettings(endpoint="https://collector", protocol=protocol, certificate="/no/such.pem")  # type: ignore[arg-type]
    app = App("shop", config=Config(otlp=otlp))
    with pytest.raises(ConfigError, match="certificate"):
        run(app.start())
