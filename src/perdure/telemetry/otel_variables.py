"""What the environment says about telemetry, in the variables that OpenTelemetry defines.

They go before what the settings say, as they do everywhere that speaks OpenTelemetry: who runs many services of many
makes sets them once. One that cannot be used is told and left out, as the specification wants.

Source: https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ and …/otel/protocol/exporter/.
"""

import logging
from collections.abc import Mapping
from typing import Final, Literal, final
from urllib.parse import unquote

from msgspec import Struct
from msgspec.structs import replace

from perdure.config import OtlpSettings, TraceSettings
from perdure.telemetry.otlp_endpoint import Endpoint, grpc_endpoint, http_endpoint, shown
from perdure.telemetry.otlp_transport import Signal, Target

__all__ = ["ExporterKind", "TelemetryPlan", "headers_of", "plan_telemetry"]

_log: Final = logging.getLogger("perdure.telemetry")

ExporterKind = Literal["otlp", "console", "none"]
"""Where a signal goes."""

_SAMPLERS: Final[Mapping[str, tuple[float | None, bool]]] = {
    "always_on": (1.0, False), "always_off": (0.0, False), "traceidratio": (None, False),
    "parentbased_always_on": (1.0, True), "parentbased_always_off": (0.0, True),
    "parentbased_traceidratio": (None, True),
}  # fmt: skip
"""The ratio of each, None: it is the argument's; and whether it follows the parent."""
_VALUE_LIMIT: Final = 2048


@final
class TelemetryPlan(Struct, frozen=True, kw_only=True):
    """What is done, all told."""

    traces: TraceSettings
    """As they are in the end."""
    trace_exporter: ExporterKind
    trace_target: Target
    metric_exporter: ExporterKind
    metric_target: Target
    metrics_interval_s: float
    value_limit: int
    """Characters of an attribute."""

    @property
    def is_off(self) -> bool:
        """Whether nothing goes anywhere."""
        return self.trace_exporter == self.metric_exporter == "none"


@final
class _Variables:
    """The environment; what is wrong in it is told once for each variable."""

    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ

    def text(self, *names: str) -> str | None:
        """Return the value of the first of *names* that is set to something."""
        return next((value for name in names if (value := self._environ.get(name, "").strip())), None)

    def choice(self, choices: Mapping[str, str], *names: str) -> str | None:
        """Return what *choices* has for the value of the first of *names* that is set."""
        text = self.text(*names)
        if text is None:
            return None
        found = choices.get(text.lower())
        if found is None:
            _log.warning("%s is ignored: it may be %s, not %r", " or ".join(names), ", ".join(choices), text)
        return found

    def truth(self, *names: str) -> bool:
        """Return whether the first of *names* that is set says ``true``."""
        return self.choice({"true": "true", "false": ""}, *names) == "true"

    def number(self, name: str, least: float) -> float | None:
        """Return the number that *name* is set to."""
        text = self.text(name)
        if text is None:
            return None
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if least <= value < 1e12:
            return value
        _log.warning("%s is ignored: it must be a number of at least %g, not %r", name, least, text)
        return None

    def seconds(self, *names: str) -> float | None:
        """Return a duration; the variables have milliseconds."""
        value = next((found for name in names if (found := self.number(name, 1)) is not None), None)
        return None if value is None else value / 1000


def plan_telemetry(traces: TraceSettings, otlp: OtlpSettings, environ: Mapping[str, str]) -> TelemetryPlan:
    """Return what is done by the settings and the environment; what is wrong in the latter is logged and left out."""
    variables = _Variables(environ)
    is_off = variables.truth("OTEL_SDK_DISABLED")
    exporters: dict[Signal, ExporterKind] = {"traces": "none", "metrics": "none"}
    if not is_off:
        exporters = {
            "traces": _exporter(variables, "traces", otlp, traces.exporter),
            "metrics": _exporter(variables, "metrics", otlp, None if otlp.metrics else "none"),
        }
    # Totals are all there is here: who wants differences must be told that there are none.
    variables.choice({"cumulative": "cumulative"}, "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE")
    limit = variables.number("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", 1)
    if limit is None:
        limit = variables.number("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", 1)
    return TelemetryPlan(
        traces=_traces(variables, traces), trace_exporter=exporters["traces"],
        trace_target=_target(variables, "traces", otlp), metric_exporter=exporters["metrics"],
        metric_target=_target(variables, "metrics", otlp),
        metrics_interval_s=variables.seconds("OTEL_METRIC_EXPORT_INTERVAL") or otlp.metrics_interval_s,
        value_limit=_VALUE_LIMIT if limit is None else min(int(limit), _VALUE_LIMIT),
    )  # fmt: skip


def _exporter(variables: _Variables, signal: Signal, otlp: OtlpSettings, said: ExporterKind | None) -> ExporterKind:
    kinds = {"otlp": "otlp", "console": "console", "none": "none"}
    if signal == "metrics":
        kinds["prometheus"] = "none"  # that page is there in any case
    chosen = variables.choice(kinds, f"OTEL_{signal.upper()}_EXPORTER")
    if chosen is not None:
        return chosen  # type: ignore[return-value]
    if said is not None:
        return said
    names = ("OTEL_EXPORTER_OTLP_ENDPOINT", f"OTEL_EXPORTER_OTLP_{signal.upper()}_ENDPOINT")
    return "otlp" if otlp.endpoint is not None or variables.text(*names) is not None else "none"


def _traces(variables: _Variables, traces: TraceSettings) -> TraceSettings:
    samplers = {name: name for name in _SAMPLERS}
    sampler = variables.choice(samplers, "OTEL_TRACES_SAMPLER")
    if sampler is not None:
        ratio, follow_parent = _SAMPLERS[sampler]
        argument = variables.number("OTEL_TRACES_SAMPLER_ARG", 0) if ratio is None else ratio
        if argument is not None and argument > 1:
            _log.warning("OTEL_TRACES_SAMPLER_ARG is ignored: it must be from 0 to 1, not %g", argument)
            argument = None
        # What nothing is said about is all, as the specification has it.
        traces = replace(traces, ratio=1.0 if argument is None else argument, follow_parent=follow_parent)
    delay_s = variables.seconds("OTEL_BSP_SCHEDULE_DELAY")
    queue = variables.number("OTEL_BSP_MAX_QUEUE_SIZE", 1)
    batch = variables.number("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", 1)
    return replace(
        traces, delay_s=traces.delay_s if delay_s is None else delay_s,
        queue_limit=traces.queue_limit if queue is None else int(queue),
        batch_limit=traces.batch_limit if batch is None else int(batch),
    )  # fmt: skip


def _target(variables: _Variables, signal: Signal, otlp: OtlpSettings) -> Target:
    def both(what: str) -> tuple[str, str]:
        return f"OTEL_EXPORTER_OTLP_{signal.upper()}_{what}", f"OTEL_EXPORTER_OTLP_{what}"

    protocols = {"http/protobuf": "http/protobuf", "grpc": "grpc"}
    protocol = variables.choice(protocols, *both("PROTOCOL")) or otlp.protocol
    compression = variables.choice({"gzip": "gzip", "none": "none"}, *both("COMPRESSION")) or otlp.compression
    endpoint = _endpoint(variables, signal, otlp.endpoint, is_grpc=protocol == "grpc")
    said = variables.text(*both("HEADERS"))
    certificate = variables.text(*both("CLIENT_CERTIFICATE")) or otlp.client_certificate
    key = variables.text(*both("CLIENT_KEY")) or otlp.client_key
    if (certificate is None) != (key is None):
        _log.warning("%s and its _KEY are ignored: they belong together", both("CLIENT_CERTIFICATE")[1])
        certificate = key = None
    return Target(
        url=endpoint.url, is_secure=endpoint.is_secure, protocol="grpc" if protocol == "grpc" else "http/protobuf",
        headers={**endpoint.headers, **otlp.headers, **(headers_of(said) if said is not None else {})},
        is_compressed=compression == "gzip", timeout_s=variables.seconds(*both("TIMEOUT")) or otlp.timeout_s,
        certificate=variables.text(*both("CERTIFICATE")) or otlp.certificate,
        client_certificate=certificate, client_key=key,
    )  # fmt: skip


def _endpoint(variables: _Variables, signal: Signal, default: str | None, *, is_grpc: bool) -> Endpoint:
    """Return where *signal* goes: over HTTP, what is meant for all signals gets the path of this one."""
    of_signal, of_all = f"OTEL_EXPORTER_OTLP_{signal.upper()}_", "OTEL_EXPORTER_OTLP_"
    own = variables.text(f"{of_signal}ENDPOINT")
    text = own or variables.text(f"{of_all}ENDPOINT")
    is_insecure = is_grpc and variables.truth(f"{of_signal}INSECURE", f"{of_all}INSECURE")
    if text is not None:
        found = grpc_endpoint(text, is_insecure=is_insecure) if is_grpc else http_endpoint(text)
        if found is not None:
            return found if own is not None or is_grpc else _for_signal(found, signal)
        _log.warning("the OTLP endpoint %r is ignored: it is no URL like %s", shown(text), _url(is_grpc=is_grpc))
    local = _url(is_grpc=is_grpc)
    usual = http_endpoint(default or local) or Endpoint(local, False, {})
    return usual if is_grpc else _for_signal(usual, signal)


def _url(*, is_grpc: bool) -> str:
    return f"http://localhost:{4317 if is_grpc else 4318}"


def _for_signal(endpoint: Endpoint, signal: Signal) -> Endpoint:
    return replace(endpoint, url=f"{endpoint.url.rstrip('/')}/v1/{signal}")


def headers_of(text: str) -> dict[str, str]:
    """Return the headers that *text* lists: ``authorization=Bearer%20abc,x-tenant=shop``; what is none is left out."""
    found: dict[str, str] = {}
    for each in text.split(","):
        name, equals, value = each.partition("=")
        if equals and name.strip():
            found[name.strip().lower()] = unquote(value.strip())
        elif each.strip():
            _log.warning("a header for the OTLP exporter is ignored: it must be written name=value")
    return found
