"""Writes metrics for Prometheus, in its own text format and in OpenMetrics.

Source: https://prometheus.io/docs/instrumenting/exposition_formats/; OpenMetrics 1.0; OpenTelemetry's "Prometheus and
OpenMetrics Compatibility". The tests read both with `prometheus_client` and with Prometheus itself. Writing with it
would mean to make an object of each line first.
"""

from collections.abc import Iterator, Sequence
from itertools import accumulate
from math import inf
from typing import Final, final

from msgspec import Struct

from perdure.telemetry.families import Buckets, Family, Labels
from perdure.telemetry.prometheus_names import label_name, metric_name, unit_name

__all__ = ["OPEN_METRICS", "TEXT", "Format", "chosen_format", "expose"]


@final
class Format(Struct, frozen=True):
    """How metrics are written."""

    content_type: str
    is_open: bool
    """OpenMetrics: with units, exemplars and an end."""


TEXT: Final = Format("text/plain; version=0.0.4; charset=utf-8", is_open=False)
OPEN_METRICS: Final = Format("application/openmetrics-text; version=1.0.0; charset=utf-8", is_open=True)


def chosen_format(accept: str) -> Format:
    """Return what whoever sent the header ``Accept`` likes best; Prometheus' own text where it says nothing of it."""
    best, best_quality = TEXT, 0.0
    for item in accept.split(","):
        essence, *parameters = (part.strip() for part in item.split(";"))
        kind = {"application/openmetrics-text": OPEN_METRICS, "text/plain": TEXT}.get(essence.lower())
        if kind is not None and (quality := _quality(parameters)) > best_quality:
            best, best_quality = kind, quality
    return best


def _quality(parameters: Sequence[str]) -> float:
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "q":
            try:
                return float(value)
            except ValueError:
                return 0.0
    return 1.0


def expose(families: Sequence[Family], form: Format) -> bytes:
    """Return *families* as text. Those without samples are left out."""
    lines = [line for family in families if family.samples for line in _lines(family, form)]
    if form.is_open:
        lines.append("# EOF")
    return "".join(f"{line}\n" for line in lines).encode("utf-8", "replace")


def _lines(family: Family, form: Format) -> Iterator[str]:
    name, unit = metric_name(family), unit_name(family)
    if family.kind == "counter":
        # In OpenMetrics the family has the name without its samples' ending, in the older text with it.
        base = name.removesuffix("_total")
        name = base if form.is_open else f"{base}_total"
    yield f"# HELP {name} {_help(family.help, form)}"
    yield f"# TYPE {name} {family.kind}"
    if form.is_open and unit and name.endswith(unit):
        yield f"# UNIT {name} {unit}"
    for sample in family.samples:
        labels, value = _labels(sample.labels), sample.value
        if isinstance(value, Buckets):
            yield from _histogram(name, labels, value, form)
            continue
        called = f"{name}_total" if form.is_open and family.kind == "counter" else name
        yield f"{called}{{{labels}}} {_number(value)}" if labels else f"{called} {_number(value)}"


def _histogram(name: str, labels: str, buckets: Buckets, form: Format) -> Iterator[str]:
    comma = "," if labels else ""
    counts = list(accumulate(buckets.counts))
    for place, (bound, count) in enumerate(zip((*buckets.bounds, inf), counts, strict=True)):
        line = f'{name}_bucket{{{labels}{comma}le="{_bound(bound)}"}} {count}'
        yield line + _exemplar(buckets, place) if form.is_open else line
    braces = f"{{{labels}}}" if labels else ""
    if not buckets.has_negative:
        yield f"{name}_sum{braces} {_number(buckets.total)}"
    if not buckets.has_negative or not form.is_open:  # OpenMetrics has both or none
        yield f"{name}_count{braces} {counts[-1]}"


def _exemplar(buckets: Buckets, place: int) -> str:
    found = buckets.exemplars[place] if buckets.exemplars else None
    return f' # {{trace_id="{found[1]}"}} {_number(found[0])} {found[2]:.3f}' if found is not None else ""


def _labels(labels: Labels) -> str:
    return ",".join(f'{label_name(name)}="{_escaped(value)}"' for name, value in labels if value)


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace("\n", r"\n").replace('"', r"\"")


def _help(text: str, form: Format) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if form.is_open else text


def _bound(value: float) -> str:
    """Return *value* as Go writes it: the bounds of buckets are compared as texts, in one notation everywhere."""
    text = _number(value)
    whole = text.find(".")
    if not (text[0].isdigit() and whole > 6):
        return text
    return f"{text[0]}.{text[1:whole]}{text[whole + 1 :]}".rstrip("0.") + f"e+{whole - 1:02}"


def _number(value: float) -> str:
    if value == inf:
        return "+Inf"
    if value == -inf:
        return "-Inf"
    return "NaN" if value != value else repr(float(value))
