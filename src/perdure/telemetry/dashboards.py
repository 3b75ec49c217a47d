"""A dashboard for Grafana, made from the table of metrics."""

from collections.abc import Sequence
from itertools import count as numbers
from typing import Final, final

from msgspec import Struct

from perdure.telemetry import table
from perdure.telemetry.metric import Metric
from perdure.telemetry.prometheus_names import label_name
from perdure.telemetry.queries import ANSWERED, HANDLER, REASON, STATUS, VERSION, count, gauge, quantile, rate, total

__all__ = ["dashboard"]

_JOB: Final = 'job=~"$job"'
_CHOSEN: Final = f'{_JOB}, {HANDLER}=~"$handler", {VERSION}=~"$version"'
_TIMED: Final = f"{_CHOSEN}, {ANSWERED}"
_ENDED: Final = f'{_JOB}, {REASON}=~"version_closed|unknown_version"'
_CONDITION: Final = label_name(table.UNHEALTHY.labels[1])
_OUTCOME: Final = label_name(table.STREAMS.labels[1])
_WIDTH: Final = 24
_HEIGHT: Final = 8
_SCHEMA: Final = 39
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}

_Line = tuple[str, str]
"""What is asked, and what the answer is called."""


@final
class _Panel(Struct, frozen=True):
    """One diagram."""

    title: str
    unit: str
    lines: Sequence[_Line]
    about: str = ""
    width: int = 8


def _name(label: str) -> str:
    """Return what calls a line after its value of *label*."""
    return f"{{{{{label}}}}}"


def _rate_by(label: str, selected: str) -> _Line:
    return rate(selected, label), _name(label)


def _slowest_by(label: str) -> _Line:
    return quantile(0.95, table.DURATION, _TIMED, label), _name(label)


def _mean_by(label: str, metric: Metric, match: str) -> _Line:
    counted = count(metric, match)
    return f"{rate(counted.replace('_count', '_sum', 1), label)} / {rate(counted, label)}", _name(label)


def _sum(metric: Metric, name: str) -> _Line:
    return f"sum({gauge(metric, _JOB)})", name


_REQUESTS: Final = count(table.DURATION, _CHOSEN)
_ERRORS: Final = count(table.DURATION, f'{_CHOSEN}, {STATUS}=~"5.."')
_LOOK_UPS: Final = total(table.LOOK_UPS, _JOB)
_HITS: Final = total(table.LOOK_UPS, f'{_JOB}, perdure_cache_result="hit"')

_TRAFFIC: Final = (
    _Panel("Requests per second, by handler", "reqps", [_rate_by(HANDLER, _REQUESTS)]),
    _Panel("Requests per second, by status", "reqps", [_rate_by(STATUS, _REQUESTS)]),
    _Panel("Errors (5xx) of all requests", "percentunit", [
        (f"{rate(_ERRORS, HANDLER)} / {rate(_REQUESTS, HANDLER)}", _name(HANDLER)),
    ]),
    _Panel(
        "Streams that ended per second, by how", "short", [_rate_by(_OUTCOME, count(table.STREAMS, _JOB))],
        "complete; broken: the handler, or what it streams, raised; left: the client; cut: by the server.", width=12,
    ),
    _Panel("Mean duration of streams", "s", [_mean_by(HANDLER, table.STREAMS, _JOB)], width=12),
)  # fmt: skip
_LATENCY: Final = (
    _Panel("Duration of all requests", "s", [
        (quantile(0.5, table.DURATION, _TIMED), "p50"),
        (quantile(0.95, table.DURATION, _TIMED), "p95"),
        (quantile(0.99, table.DURATION, _TIMED), "p99"),
    ], width=6),
    _Panel("p95, by handler", "s", [_slowest_by(HANDLER)], width=6),
    _Panel("p95, by version", "s", [_slowest_by(VERSION)], width=6),
    _Panel(
        "Mean time, by stage", "s", [_mean_by("perdure_stage", table.STAGES, f'{_JOB}, {HANDLER}=~"$handler"')],
        "Validation begins when a request comes: routing, identification and reading its body are part of it.", width=6,
    ),
)  # fmt: skip
_VERSIONS: Final = (
    _Panel("Requests per second, by version", "reqps", [_rate_by(VERSION, _REQUESTS)]),
    _Panel("Asked for versions that are retired or unknown", "reqps", [
        (rate(total(table.REFUSED, _ENDED), f"{REASON}, {VERSION}"), f"{_name(REASON)} {_name(VERSION)}"),
    ]),
    _Panel("Processes that hold a version to be unhealthy", "short", [
        (f"sum by ({VERSION}, {_CONDITION}) ({gauge(table.UNHEALTHY, _JOB)})", f"{_name(VERSION)} {_name(_CONDITION)}"),
    ], "out: clients that did not ask for it by name are sent elsewhere; trial: a few of them try it again."),
)  # fmt: skip
_SATURATION: Final = (
    _Panel("Requests in the works", "short", [_sum(table.ACTIVE, "requests")], width=6),
    _Panel("Event loop lag", "s", [
        (quantile(0.99, table.LAG, _JOB), "p99"), (quantile(0.5, table.LAG, _JOB), "p50"),
    ], "How long a new request waits before anybody looks at it.", width=6),
    _Panel("Processors used", "short", [_rate_by("cpu_mode", total(table.CPU, _JOB))], width=6),
    _Panel("Resident memory", "bytes", [_sum(table.MEMORY, "memory")], width=6),
    _Panel("Processes", "short", [_sum(table.WORKERS, "workers")], width=6),
    _Panel("Open files and connections", "short", [_sum(table.FILES, "files")], width=6),
    _Panel("Threads", "short", [_sum(table.THREADS, "threads")], width=6),
    _Panel("Garbage collections per second", "short", [
        (rate(total(table.COLLECTIONS, _JOB), "cpython_gc_generation"), f"generation {_name('cpython_gc_generation')}"),
    ], width=6),
)  # fmt: skip
_TURNED_AWAY: Final = (
    _Panel(
        "Refused per second, by why", "reqps", [_rate_by(REASON, total(table.REFUSED, _JOB))],
        "rate_limited, overloaded (shed), unauthenticated, forbidden, …", width=12,
    ),
    _Panel("Rate limited per second, by handler", "reqps", [
        _rate_by(HANDLER, total(table.REFUSED, f'{_JOB}, {REASON}="rate_limited"')),
    ], width=12),
)  # fmt: skip
_RECORDS: Final = (
    _Panel("Lost per second", "short", [
        (rate(total(table.AUDIT_LOST, _JOB)), "audit records"),
        (rate(total(table.SPANS_DROPPED, _JOB)), "spans"),
        (rate(total(table.SERIES_REFUSED, _JOB)), "sets of labels"),
    ]),
    _Panel("Compensations that failed, per second", "short", [
        _rate_by(HANDLER, total(table.COMPENSATIONS_FAILED, _JOB)),
    ]),
    _Panel("Credentials that were remembered", "percentunit", [(f"{rate(_HITS)} / {rate(_LOOK_UPS)}", "hits")]),
)  # fmt: skip
_ROWS: Final[tuple[tuple[str, tuple[_Panel, ...]], ...]] = (
    ("Traffic", _TRAFFIC), ("Latency", _LATENCY), ("Versions", _VERSIONS), ("Saturation", _SATURATION),
    ("Turned away", _TURNED_AWAY), ("Records", _RECORDS),
)  # fmt: skip


def dashboard() -> dict[str, object]:
    """Return the dashboard as Grafana imports it."""
    return {
        "uid": "perdure", "title": "Perdure", "tags": ["perdure"], "timezone": "browser", "editable": True,
        "schemaVersion": _SCHEMA, "refresh": "30s", "time": {"from": "now-1h", "to": "now"}, "graphTooltip": 1,
        "templating": {"list": _variables()}, "annotations": {"list": []}, "panels": _placed(),
    }  # fmt: skip


def _variables() -> list[dict[str, object]]:
    counted = count(table.DURATION)
    source: dict[str, object] = {
        "name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus", "current": {},
    }  # fmt: skip
    asked = (("job", "Job", "job"), ("handler", "Handler", HANDLER), ("version", "Version", VERSION))
    return [source, *(_variable(name, label, f"label_values({counted}, {of})") for name, label, of in asked)]


def _variable(name: str, label: str, query: str) -> dict[str, object]:
    return {
        "name": name, "label": label, "type": "query", "datasource": _SOURCE, "query": query, "definition": query,
        "refresh": 2, "sort": 1, "multi": True, "includeAll": True, "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }  # fmt: skip


def _placed() -> list[dict[str, object]]:
    placed: list[dict[str, object]] = []
    ids, y = numbers(1), 0
    for title, panels in _ROWS:
        at = {"h": 1, "w": _WIDTH, "x": 0, "y": y}
        placed.append({"id": next(ids), "type": "row", "title": title, "collapsed": False, "gridPos": at, "panels": []})
        x, y = 0, y + 1
        for panel in panels:
            if x + panel.width > _WIDTH:
                x, y = 0, y + _HEIGHT
            placed.append(_diagram(panel, next(ids), {"h": _HEIGHT, "w": panel.width, "x": x, "y": y}))
            x += panel.width
        y += _HEIGHT
    return placed


def _diagram(panel: _Panel, number: int, place: dict[str, int]) -> dict[str, object]:
    return {
        "id": number, "type": "timeseries", "title": panel.title, "description": panel.about, "datasource": _SOURCE,
        "gridPos": place, "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
        "targets": [
            {"refId": letter, "datasource": _SOURCE, "expr": asked, "legendFormat": name, "exemplar": True}
            for letter, (asked, name) in zip("ABC", panel.lines, strict=False)
        ],
    }  # fmt: skip
