"""Metrics over OTLP: the same families that the Prometheus page is written from, sent from time to time.

Source: https://opentelemetry.io/docs/specs/otel/metrics/data-model/; opentelemetry/proto/metrics/v1/metrics.proto.
"""

import logging
from collections.abc import Callable, Iterable
from threading import Event, Thread
from typing import TYPE_CHECKING, Final, final

from perdure.clock import Clock
from perdure.telemetry.families import Buckets, Family, Labels, Sample
from perdure.telemetry.otlp_transport import Transport, send_patiently
from perdure.telemetry.otlp_wire import SCHEMA_URL
from perdure.telemetry.outbox import Outage

if TYPE_CHECKING:
    from opentelemetry.proto.common.v1.common_pb2 import KeyValue
    from opentelemetry.proto.metrics.v1.metrics_pb2 import HistogramDataPoint, Metric, NumberDataPoint

__all__ = ["MetricExporter", "write_metrics"]

_log: Final = logging.getLogger("perdure.telemetry")

_NUMBERS: Final = frozenset({"http.response.status_code", "cpython.gc.generation"})
"""Labels that are numbers where they have a type."""


def write_metrics(
    families: Iterable[Family], resource: bytes, scope: tuple[str, str], start_ns: int, now_ns: int
) -> bytes:
    """Return *families* as one message: counters as cumulative sums, gauges, histograms with their exemplars.

    Gauges that may be added up are sums, too, which is what the conventions call an UpDownCounter.

    Args:
        resource: Attributes of who sends it, as `perdure.telemetry.otlp_wire.attributes` writes them.
        scope: Name and version of what counted.
        start_ns: When counting began, in nanoseconds since 1970.
        now_ns: When *families* were read.
    """
    from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
    from opentelemetry.proto.resource.v1.resource_pb2 import Resource

    request = ExportMetricsServiceRequest()
    of_resource = request.resource_metrics.add()
    of_resource.resource.CopyFrom(Resource.FromString(resource))
    of_scope = of_resource.scope_metrics.add()
    of_scope.scope.name, of_scope.scope.version = scope
    of_scope.schema_url = SCHEMA_URL
    for family in families:
        if family.samples:
            _fill(of_scope.metrics.add(), family, start_ns, max(start_ns, now_ns))
    return request.SerializeToString()


def _fill(metric: "Metric", family: Family, start_ns: int, now_ns: int) -> None:
    metric.name, metric.unit, metric.description = family.name, family.unit, family.help
    cumulative = 2
    is_sum = family.kind == "counter" or family.is_additive
    if is_sum:
        metric.sum.is_monotonic = family.kind == "counter"
        metric.sum.aggregation_temporality = cumulative  # type: ignore[assignment]
    elif family.kind == "histogram":
        metric.histogram.aggregation_temporality = cumulative  # type: ignore[assignment]
    for sample in family.samples:
        if isinstance(sample.value, Buckets):
            _fill_histogram(metric.histogram.data_points.add(), sample.labels, sample.value, start_ns, now_ns)
        elif is_sum:
            _fill_number(metric.sum.data_points.add(), sample, now_ns).start_time_unix_nano = start_ns
        else:
            _fill_number(metric.gauge.data_points.add(), sample, now_ns)


def _fill_number(point: "NumberDataPoint", sample: Sample, now_ns: int) -> "NumberDataPoint":
    point.time_unix_nano = now_ns
    value = sample.value
    if isinstance(value, int) and -(1 << 63) <= value < 1 << 63:
        point.as_int = value
    elif not isinstance(value, Buckets):
        point.as_double = float(value)
    _fill_labels(point.attributes.add, sample.labels)
    return point


def _fill_histogram(point: "HistogramDataPoint", labels: Labels, buckets: Buckets, start_ns: int, now_ns: int) -> None:
    point.start_time_unix_nano, point.time_unix_nano = start_ns, now_ns
    point.count = sum(buckets.counts)
    if not buckets.has_negative:
        point.sum = buckets.total
    point.bucket_counts.extend(buckets.counts)
    point.explicit_bounds.extend(buckets.bounds)
    _fill_labels(point.attributes.add, labels)
    for found in buckets.exemplars:
        if found is not None:
            value, trace_id, at_s = found
            exemplar = point.exemplars.add()
            exemplar.as_double, exemplar.time_unix_nano = value, int(at_s * 1e9)
            exemplar.trace_id = bytes.fromhex(trace_id)


def _fill_labels(add: "Callable[[], KeyValue]", labels: Labels) -> None:
    """Write *labels*; one without a value is left out, as it is on the Prometheus page."""
    for name, value in labels:
        if not value:
            continue
        label = add()
        label.key = name
        if name in _NUMBERS and value.isdecimal():
            label.value.int_value = int(value)
        else:
            label.value.string_value = value


@final
class MetricExporter:
    """Sends what `families` returns, every *interval_s*, and once more at the end; by a thread of its own.

    Args:
        families: Reads all metrics; may be called from any thread.
        message: Makes of them what is sent, given when counting began and what time it is.
        timeout_s: Time for one export, all attempts together.
        flush_timeout_s: The same for the last.
    """

    def __init__(
        self, families: Callable[[], Iterable[Family]], message: Callable[[Iterable[Family], int, int], bytes],
        transport: Transport, outage: Outage, clock: Clock, interval_s: float, timeout_s: float, flush_timeout_s: float,
    ) -> None:  # fmt: skip
        self._families = families
        self._message = message
        self._transport = transport
        self._outage = outage
        self._clock = clock
        self._interval_s = interval_s
        self._timeout_s = timeout_s
        self._flush_timeout_s = flush_timeout_s
        self._start_ns = int(clock.time() * 1e9)
        self._closing = Event()
        self._thread = Thread(target=self._run, name="perdure-metrics", daemon=True)

    def start(self) -> None:
        """Start the thread; call it in the process that serves, not in one that forks it."""
        self._thread.start()

    def close(self) -> None:
        """Send all a last time, and end the thread. Blocks, no longer than the last export may take."""
        self._closing.set()
        self._thread.join(self._flush_timeout_s + 0.5)
        self._transport.close()

    def _run(self) -> None:
        while not self._closing.wait(self._interval_s):
            self._export(self._timeout_s)
        self._export(self._flush_timeout_s)

    def _export(self, timeout_s: float) -> None:
        try:
            message = self._message(self._families(), self._start_ns, int(self._clock.time() * 1e9))
        except Exception as error:  # noqa: BLE001 - a gauge of the program's own: the next time all may be well
            _log.error("metrics could not be read: %s", error, exc_info=error)
            return
        self._outage.note(send_patiently(self._transport, message, timeout_s, self._closing.wait))
