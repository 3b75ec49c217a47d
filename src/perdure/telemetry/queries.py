"""What is asked of Prometheus about our metrics, written from the table: no name stands in it as text."""

from typing import Final

from perdure.telemetry.metric import Metric
from perdure.telemetry.prometheus_names import label_name, metric_name
from perdure.telemetry.table import DURATION, REFUSED

__all__ = [
    "ANSWERED", "HANDLER", "REASON", "STATUS", "VERSION", "buckets", "count", "gauge", "new_or_grown", "quantile",
    "rate", "total",
]  # fmt: skip

HANDLER: Final = label_name(DURATION.labels[0])
VERSION: Final = label_name(DURATION.labels[1])
STATUS: Final = label_name(DURATION.labels[4])
REASON: Final = label_name(REFUSED.labels[0])
ANSWERED: Final = f'{STATUS}!="101"'
"""What leaves out WebSockets: how long one lasts says nothing about how quick the server is."""


def gauge(metric: Metric, match: str = "") -> str:
    """Return what selects the series of a gauge."""
    return f"{metric_name(metric)}{_braces(match)}"


def total(metric: Metric, match: str = "") -> str:
    """Return what selects the series of a counter."""
    return f"{metric_name(metric).removesuffix('_total')}_total{_braces(match)}"


def count(metric: Metric, match: str = "") -> str:
    """Return what selects how many values a histogram has."""
    return f"{metric_name(metric)}_count{_braces(match)}"


def buckets(metric: Metric, match: str = "") -> str:
    """Return what selects the buckets of a histogram."""
    return f"{metric_name(metric)}_bucket{_braces(match)}"


def rate(selected: str, by: str = "", over: str = "$__rate_interval") -> str:
    """Return how much *selected* grows per second, in all, or by a label."""
    return f"sum{_by(by)} (rate({selected}[{over}]))"


def quantile(part: float, metric: Metric, match: str = "", by: str = "", over: str = "$__rate_interval") -> str:
    """Return the value below which *part* of a histogram's values are."""
    labels = f"le, {by}" if by else "le"
    return f"histogram_quantile({part:g}, {rate(buckets(metric, match), labels, over)})"


def new_or_grown(metric: Metric, match: str = "", by: str = "", over: str = "10m") -> str:
    """Return what is greater than 0 where a counter has grown, also where its first value is the first that is seen.

    Of a histogram it is the number of its values that counts.
    """
    selected = count(metric, match) if metric.kind == "histogram" else total(metric, match)
    grown = f"sum{_by(by)} (increase({selected}[{over}])) > 0"
    return f"{grown} or sum{_by(by)} ({selected} unless {selected} offset {over}) > 0"


def _by(labels: str) -> str:
    return f" by ({labels})" if labels else ""


def _braces(match: str) -> str:
    return f"{{{match}}}" if match else ""
