"""A dashboard for Grafana, made from the table of metrics."""

from collections.abc import Sequence
from itertools import count as numbers
from typing import Final, final

from msgspec import Struct

from perdure.telemetry import table
from perdure.telemetry.metric import Metric
from perdure.telemetry.queries import HANDLER, REASON, STATUS, VERSION, count, gauge, quantile, rate, total

__all__ = ["dashboard"]

_CHOSEN: Final = f'job=~"$job", {HANDLER}=~"$handler", {VERSION}=~"$version"'
_JOB: Final = 'job=~"$job"'
_ENDED: Final = f'{_JOB}, {REASON}=~"version_closed|unknown_version"'
_HANDLER, _VERSION, _STATUS, _REASON = (f"{{{{{label}}}}}" for label in (HANDLER, VERSION, STATUS, REASON))
"""As lines are called after them."""
_WIDTH: Final = 24
_HEIGHT: Final = 8
_SCHEMA: Final = 39
_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@final
class _Panel(Struct, frozen=True):
    """One diagram."""

    title: str
    unit: str
    lines: Sequence[tuple[str, str]]
    """What is asked, and what the answer is called."""
    about: str = ""
    width: int = 8


def _mean(metric: Metric, match: str, by: str) -> str:
    counted = count(metric, match)
    return f"{rate(counted.replace('_count', '_sum', 1), by)} / {rate(counted, by)}"


def _ratio(part: str, whole: str) -> str:
    return f"{part} / {whole}"


def _panels() -> tuple[tuple[str, tuple[_Panel, ...]], ...]:
    duration, errors = table.DURATION, f'{_CHOSEN}, {STATUS}=~"5.."'
    requests = count(duration, _CHOSEN)
    return (
        ("Traffic", (
            _Panel("Requests per second, by handler", "reqps", [(rate(requests, HANDLER), _HANDLER)]),
            _Panel("Requests per second, by status", "reqps", [(rate(requests, STATUS), _STATUS)]),
            _Panel("Errors (5xx) of all requests", "percentunit", [
                (_ratio(rate(count(duration, errors), HANDLER), rate(requests, HANDLER)), _HANDLER),
            ]),
        )),
        ("Latency", (
            _Panel("Duration of all requests", "s", [
                (quantile(part, duration, _CHOSEN), name) for part, name in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99"))
            ], width=6),
            _Panel("p95, by handler", "s", [(quantile(0.95, duration, _CHOSEN, HANDLER), _HANDLER)], width=6),
            _Panel("p95, by version", "s", [(quantile(0.95, duration, _CHOSEN, VERSION), _VERSION)], width=6),
            _Panel(
                "Mean time, by stage", "s",
                [(_mean(table.STAGES, f'{_JOB}, {HANDLER}=~"$handler"', "perdure_stage"), "{{perdure_stage}}")],
                "Validation begins when a request comes: routing, identification and reading its body are part of it.",
                width=6,
            ),
        )),
        ("Versions", (
            _Panel("Requests per second, by version", "reqps", [(rate(requests, VERSION), _VERSION)], width=12),
            _Panel("Asked for versions that are retired or unknown", "reqps", [(
                rate(total(table.REFUSED, _ENDED), f"{REASON}, {VERSION}"),
                f"{_REASON} {_VERSION}",
            )], width=12),
        )),
        ("Saturation", (
            _Panel("Requests in the works", "short", [(f"sum({gauge(table.ACTIVE, _JOB)})", "requests")], width=6),
            _Panel("Event loop lag", "s", [
                (quantile(0.99, table.LAG, _JOB), "p99"), (quantile(0.5, table.LAG, _JOB), "p50"),
            ], "How long a new request waits before anybody looks at it.", width=6),
            _Panel("Processors used", "short", [(rate(total(table.CPU, _JOB), "cpu_mode"), "{{cpu_mode}}")], width=6),
            _Panel("Resident memory", "bytes", [(f"sum({gauge(table.MEMORY, _JOB)})", "memory")], width=6),
            _Panel("Processes", "short", [(f"sum({gauge(table.WORKERS, _JOB)})", "workers")], width=6),
            _Panel("Open files and connections", "short", [(f"sum({gauge(table.FILES, _JOB)})", "files")], width=6),
            _Panel("Threads", "short", [(f"sum({gauge(table.THREADS, _JOB)})", "threads")], width=6),
            _Panel("Garbage collections per second", "short", [
                (rate(total(table.COLLECTIONS, _JOB), "cpython_gc_generation"), "generation {{cpython_gc_generation}}"),
            ], width=6),
        )),
        ("Turned away", (
            _Panel("Refused per second, by why", "reqps", [
                (rate(total(table.REFUSED, _JOB), REASON), _REASON),
            ], "rate_limited, overloaded (shed), unauthenticated, forbidden, …", width=12),
            _Panel("Rate limited per second, by handler", "reqps", [
                (rate(total(table.REFUSED, f'{_JOB}, {REASON}="rate_limited"'), HANDLER), _HANDLER),
            ], width=12),
        )),
        ("Records", (
            _Panel("Lost per second", "short", [
                (rate(total(table.AUDIT_LOST, _JOB)), "audit records"),
                (rate(total(table.SPANS_DROPPED, _JOB)), "spans"),
                (rate(total(table.SERIES_REFUSED, _JOB)), "sets of labels"),
            ]),
            _Panel("Compensations that failed, per second", "short", [
                (rate(total(table.COMPENSATIONS_FAILED, _JOB), HANDLER), _HANDLER),
            ]),
            _Panel("Credentials that were remembered", "percentunit", [(
                _ratio(
                    rate(total(table.LOOK_UPS, f'{_JOB}, perdure_cache_result="hit"')),
                    rate(total(table.LOOK_UPS, _JOB)),
                ), "hits",
            )]),
        )),
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
    for title, panels in _panels():
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
