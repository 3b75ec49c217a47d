"""Traces and metrics on their way out: what is opened when the server starts, and closed when it stops.

Source: SPEC 3.11.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping
from os import getpid
from typing import final
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from perdure.clock import Clock
from perdure.config import OtlpSettings
from perdure.context.local import LocalContext
from perdure.context.secret import Secret
from perdure.context.trace import NEVER, RandomBits, threshold
from perdure.telemetry.families import Family
from perdure.telemetry.otel_variables import ExporterKind, TelemetryPlan, headers_of
from perdure.telemetry.otlp_endpoint import shown
from perdure.telemetry.otlp_metrics import MetricExporter, write_metrics
from perdure.telemetry.otlp_transport import Console, Signal, Transport, missing_extra, open_transport
from perdure.telemetry.otlp_wire import OF_RESOURCE, attributes, export_request
from perdure.telemetry.outbox import Outage, Outbox, OutboxLimits
from perdure.telemetry.registry import Registry
from perdure.telemetry.span_writer import SpanWriter
from perdure.telemetry.table import SPANS_DROPPED
from perdure.telemetry.tracer import Tracer

__all__ = ["Exports", "ReadSecret", "Service"]

ReadSecret = Callable[[str], Awaitable[Secret]]
"""Reads the secret of this name."""


@final
class Service(Struct, frozen=True):
    """Who exports."""

    name: str
    """Of the app; ``OTEL_SERVICE_NAME`` goes before it."""
    environ: Mapping[str, str]


@final
class Exports:
    """Everything about spans and OTLP of one app in one process.

    Args:
        plan: What is exported, and where to.
        otlp: The settings that the plan does not hold.
        bits: Source of ids.
        mask: Makes secrets in texts unreadable.
        registry: Counts what is lost, and holds the metrics.
    """

    def __init__(
        self, plan: TelemetryPlan, otlp: OtlpSettings, service: Service, clock: Clock, bits: RandomBits,
        mask: Callable[[str], str], registry: Registry,
    ) -> None:  # fmt: skip
        self._plan = plan
        self._otlp = otlp
        self._service = service
        self._clock = clock
        self._registry = registry
        traces = plan.traces
        self._outbox = Outbox(
            OutboxLimits(
                queue_spans=traces.queue_limit, batch_spans=traces.batch_limit, delay_s=traces.delay_s,
                timeout_s=plan.trace_target.timeout_s, flush_timeout_s=otlp.flush_timeout_s,
            )
        )  # fmt: skip
        self.tracer: Tracer | None = None
        """Takes requests; None: nobody wants them."""
        self.least = NEVER
        """The `threshold` for traces that begin here."""
        self.least_of_callers: str | None = None
        """The same for those that began elsewhere; None: as their callers say."""
        if plan.trace_exporter != "none":
            writer = SpanWriter(bits, plan.value_limit, messages=traces.error_messages, mask=mask)
            self.tracer = Tracer(writer, self._outbox, clock, traces.slow_s, traces.unsampled_limit)
            self.least = threshold(traces.ratio)
            self.least_of_callers = None if traces.follow_parent else self.least
            registry.observe(SPANS_DROPPED, self._dropped)
        self._metrics: MetricExporter | None = None

    async def start(self, read_secret: ReadSecret) -> None:
        """Open the exporters: in the process that serves, not in one that forks it.

        Raises:
            ConfigError: The extra is not installed, or a certificate or the secret cannot be read.
        """
        plan = self._plan
        headers = await self._secret_headers(read_secret)
        resource = await asyncio.to_thread(self._resource)
        scope = ("perdure", await asyncio.to_thread(_own_version))
        if self.tracer is not None:
            traces, target = await asyncio.to_thread(self._open, plan.trace_exporter, "traces", headers)

            def message(written: Iterable[bytes]) -> bytes:
                return export_request(resource, scope, written)

            self.tracer.attach = await asyncio.to_thread(_make_current)
            self._outbox.start(message, traces, Outage("traces", target))
        if plan.metric_exporter != "none":
            metrics, target = await asyncio.to_thread(self._open, plan.metric_exporter, "metrics", headers)

            def metric_message(families: Iterable[Family], start_ns: int, now_ns: int) -> bytes:
                return write_metrics(families, resource, scope, start_ns, now_ns)

            self._metrics = MetricExporter(
                self._registry.families, metric_message, metrics, Outage("metrics", target), self._clock,
                plan.metrics_interval_s, plan.metric_target.timeout_s, self._otlp.flush_timeout_s,
            )  # fmt: skip
            self._metrics.start()

    async def stop(self) -> None:
        """Send what is left, within its time, and close the exporters."""
        metrics, self._metrics = self._metrics, None
        closing = [asyncio.to_thread(self._outbox.close)]
        if metrics is not None:
            closing.append(asyncio.to_thread(metrics.close))
        await asyncio.gather(*closing)

    def _open(self, kind: ExporterKind, signal: Signal, headers: Mapping[str, str]) -> tuple[Transport, str]:
        """Return what sends *signal*, and the name of where it goes."""
        if kind == "console":
            return Console(signal), "the console"
        target = self._plan.trace_target if signal == "traces" else self._plan.metric_target
        own = replace(target, headers={**target.headers, **headers})
        return open_transport(own, signal), shown(target.url)

    async def _secret_headers(self, read_secret: ReadSecret) -> dict[str, str]:
        name = self._otlp.secret
        return {} if name is None else headers_of((await read_secret(name)).reveal())

    def _resource(self) -> bytes:
        """Return what OpenTelemetry says of this process, as attributes on the wire; each worker is one of its own."""
        try:
            from opentelemetry.sdk.resources import Resource
        except ImportError as error:
            raise missing_extra(error) from error
        # `opentelemetry` is reserved for the SDK itself, and what is sent is not made by it.
        own: dict[str, str | int] = {
            "process.pid": getpid(), "telemetry.sdk.language": "python", "telemetry.sdk.name": "perdure",
            "telemetry.sdk.version": _own_version(),
        }  # fmt: skip
        environ = self._service.environ
        said = environ.get("OTEL_RESOURCE_ATTRIBUTES", "")
        if not environ.get("OTEL_SERVICE_NAME") and "service.name=" not in said:
            own["service.name"] = self._service.name
        if "service.instance.id=" not in said:
            own["service.instance.id"] = str(uuid4())
        told = {**Resource.create().attributes, **own}
        return attributes(
            {name: value for name, value in told.items() if isinstance(value, str | int | float | bool)}, OF_RESOURCE
        )

    def _dropped(self) -> Iterable[tuple[tuple[str, ...], float]]:
        return [((reason,), float(count)) for reason, count in self._outbox.dropped().items()]


def _make_current() -> Callable[[LocalContext], None]:
    from perdure.telemetry.current import make_current

    return make_current


def _own_version() -> str:
    from importlib.metadata import version

    return version("perdure")
