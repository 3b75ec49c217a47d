"""Alert rules for Prometheus, made from the table of metrics."""

from typing import Final, Literal, final

from msgspec import Struct

from perdure.telemetry import table
from perdure.telemetry.prometheus_names import label_name
from perdure.telemetry.queries import (
    ANSWERED,
    HANDLER,
    REASON,
    STATUS,
    VERSION,
    count,
    gauge,
    new_or_grown,
    quantile,
    rate,
    total,
)

__all__ = ["alert_rules"]

_OVER: Final = "5m"


@final
class _Alert(Struct, frozen=True, kw_only=True):
    """When somebody is told, and what."""

    name: str
    when: str
    lasting: str
    severity: Literal["critical", "warning"]
    summary: str
    do: str


_REQUESTS: Final = count(table.DURATION)
_ERRORS: Final = count(table.DURATION, f'{STATUS}=~"5.."')
_SHED: Final = total(table.REFUSED, f'{REASON}="overloaded"')
_BY: Final = f"job, {HANDLER}"
_BROKEN: Final = f'{label_name(table.STREAMS.labels[1])}="broken"'

_ALERTS: Final = (
    _Alert(
        name="PerdureErrors", lasting="5m", severity="critical",
        when=f"{rate(_ERRORS, _BY, _OVER)} / {rate(_REQUESTS, _BY, _OVER)} > 0.05",
        summary=f"{{{{ $labels.{HANDLER} }}}} fails for {{{{ $value | humanizePercentage }}}} of its requests",
        do="The log has the failures with their request ids; `perdure versions rollback` if a version began it.",
    ),
    _Alert(
        name="PerdureSlow", lasting="10m", severity="warning",
        when=f"{quantile(0.99, table.DURATION, ANSWERED, _BY, _OVER)} > 1",
        summary=f"{{{{ $labels.{HANDLER} }}}} takes {{{{ $value | humanizeDuration }}}} for 1 % of its requests",
        do="The diagram of stages says where the time goes; exemplars lead to traces.",
    ),
    _Alert(
        name="PerdureStreamsBreak", lasting="0m", severity="warning",
        when=new_or_grown(table.STREAMS, _BROKEN, _BY),
        summary=f"Streams of {{{{ $labels.{HANDLER} }}}} break off",
        do="What it streams raised an error: the logs of perdure.ingress and perdure.lifecycle have it, with the id of "
        "the request.",
    ),
    _Alert(
        name="PerdureShedding", lasting="2m", severity="critical",
        when=f"{rate(_SHED, 'job', _OVER)} > 0",
        summary="{{ $value | humanize }} requests per second are turned away: there is too much to do",
        do="Add workers or machines, or find the client or the handler that takes them.",
    ),
    _Alert(
        name="PerdureEventLoopLate", lasting="5m", severity="warning",
        when=f"{quantile(0.99, table.LAG, by='job', over=_OVER)} > 0.1",
        summary="New requests wait up to {{ $value | humanizeDuration }} before anybody looks at them",
        do="A handler blocks the event loop, or there is too much to do: make it a plain function, or add workers.",
    ),
    _Alert(
        name="PerdureAuditRecordsLost", lasting="0m", severity="critical",
        when=new_or_grown(table.AUDIT_LOST, by="job"),
        summary="The audit log has lost records",
        do="Its disk is full or too slow; the log of perdure.audit says which.",
    ),
    _Alert(
        name="PerdureSpansDropped", lasting="15m", severity="warning",
        when=new_or_grown(table.SPANS_DROPPED, by="job"),
        summary="Traces do not reach the collector",
        do="Look whether the collector can be reached, and whether it keeps up.",
    ),
    _Alert(
        name="PerdureVersionUnhealthy", lasting="0m", severity="critical",
        when=f"sum by (job, {VERSION}) ({gauge(table.UNHEALTHY)}) > 0",
        summary=f"Version {{{{ $labels.{VERSION} }}}} is unhealthy, as seen by {{{{ $value }}}} of the processes",
        do="Its answers fail or are slow: the log of perdure.lifecycle has them. `perdure audit tail --kind health` "
        "says when it was set aside and tried again; `perdure versions rollback` takes it back.",
    ),
    _Alert(
        name="PerdureRetiredVersionAsked", lasting="0m", severity="warning",
        when=new_or_grown(table.REFUSED, f'{REASON}="version_closed"', f"job, {VERSION}", "1h"),
        summary=f"Somebody still asks for version {{{{ $labels.{VERSION} }}}}, which is not served any more",
        do="`perdure versions usage` says who used it last; `perdure versions activate` serves it again.",
    ),
    _Alert(
        name="PerdureCompensationFailed", lasting="0m", severity="critical",
        when=new_or_grown(table.COMPENSATIONS_FAILED, by=_BY),
        summary=f"Something {{{{ $labels.{HANDLER} }}}} did could not be undone",
        do="The log of perdure.lifecycle says what, and of which request: undo it by hand.",
    ),
    _Alert(
        name="PerdureLabelsWithoutEnd", lasting="0m", severity="warning",
        when=new_or_grown(table.SERIES_REFUSED, by="job, perdure_metric"),
        summary="The metric {{ $labels.perdure_metric }} has more series than it may have",
        do="A label of it holds ids or other texts without end: take it out, or raise metrics.series_limit.",
    ),
)  # fmt: skip


def alert_rules() -> dict[str, object]:
    """Return the rules as Prometheus reads them."""
    return {"groups": [{"name": "perdure", "rules": [_rule(alert) for alert in _ALERTS]}]}


def _rule(alert: _Alert) -> dict[str, object]:
    rule: dict[str, object] = {"alert": alert.name, "expr": alert.when}
    if alert.lasting != "0m":
        rule["for"] = alert.lasting
    return rule | {
        "labels": {"severity": alert.severity}, "annotations": {"summary": alert.summary, "description": alert.do},
    }  # fmt: skip
