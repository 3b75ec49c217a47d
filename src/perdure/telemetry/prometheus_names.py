"""What Prometheus calls metrics and labels that OpenTelemetry has named.

Source: OpenTelemetry, "Prometheus and OpenMetrics Compatibility", and its table of units.
"""

import re
from typing import Final

from perdure.telemetry.families import Family
from perdure.telemetry.metric import Metric

__all__ = ["exposed_names", "label_name", "metric_name", "unit_name"]

_UNITS: Final = {
    "d": "days", "h": "hours", "min": "minutes", "s": "seconds", "ms": "milliseconds", "us": "microseconds",
    "ns": "nanoseconds", "By": "bytes", "KiBy": "kibibytes", "MiBy": "mebibytes", "GiBy": "gibibytes",
    "KBy": "kilobytes", "MBy": "megabytes", "GBy": "gigabytes", "m": "meters", "V": "volts", "A": "amperes",
    "J": "joules", "W": "watts", "g": "grams", "Cel": "celsius", "Hz": "hertz", "%": "percent",
}  # fmt: skip
_PER: Final = {"s": "second", "m": "minute", "h": "hour", "d": "day", "min": "minute"}

_odd: Final = re.compile(r"[^a-zA-Z0-9]+")


def metric_name(metric: Metric | Family) -> str:
    """Return the name of the metric: with its unit, without what single values of it have besides."""
    name, unit = _plain(metric.name), unit_name(metric)
    return name if not unit or name == unit or name.endswith(f"_{unit}") else f"{name}_{unit}"


def unit_name(metric: Metric | Family) -> str:
    """Return what the name ends with; nothing for what is merely counted."""
    unit = metric.unit
    if unit == "1":
        return "ratio" if metric.kind == "gauge" else ""
    if unit.startswith("{") or not unit:
        return ""
    whole, _, per = unit.partition("/")
    text = _UNITS.get(whole, _plain(whole))
    return f"{text}_per_{_PER.get(per, _plain(per))}" if per else text


def label_name(label: str) -> str:
    """Return the name of a label: ``http_route`` for ``http.route``."""
    return label.replace(".", "_")


def exposed_names(metric: Metric | Family) -> tuple[str, ...]:
    """Return every name that lines about *metric* begin with."""
    name = metric_name(metric)
    if metric.kind == "counter":
        name = name.removesuffix("_total")
        return name, f"{name}_total", f"{name}_created"
    if metric.kind == "gauge":
        return (name,)
    return (name, *(f"{name}_{ending}" for ending in ("bucket", "sum", "count", "created")))


def _plain(text: str) -> str:
    return _odd.sub("_", text).strip("_")
