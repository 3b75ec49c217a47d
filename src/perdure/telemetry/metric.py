"""What a metric is: its name, what it counts, and by what it is told apart."""

import re
from itertools import pairwise
from typing import Final, Literal, final

from msgspec import Struct

from perdure.errors import MetricError

__all__ = ["OTHER", "Across", "Metric", "check_metric"]

Across = Literal["sum", "max", "min"]
"""How what several processes say of themselves becomes one number."""

OTHER: Final = "(other)"
"""Value of every label of the one series that takes what is beyond a metric's limit."""

_LABELS_MOST: Final = 10
_NAME: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*(?:[.-][a-zA-Z0-9_]+)*")
_NAME_LONGEST: Final = 120
_LABEL: Final = re.compile(r"[a-zA-Z][a-zA-Z0-9_]*")
_UNIT: Final = re.compile(r"[a-zA-Z0-9%]{1,16}(?:/[a-zA-Z0-9%]{1,16})?|\{[a-zA-Z0-9_ -]{1,40}\}|")
_TAKEN_LABELS: Final = ("le", "quantile")
"""What Prometheus itself writes."""


@final
class Metric(Struct, frozen=True, kw_only=True):
    """One metric, without its values."""

    name: str
    """As OpenTelemetry has it: ``http.server.request.duration``."""
    kind: Literal["counter", "gauge", "histogram"]
    unit: str
    """UCUM: ``s``, ``By``, ``{request}``, ``1``."""
    help: str
    """What it says, in a sentence or two."""
    labels: tuple[str, ...] = ()
    bounds: tuple[float, ...] = ()
    """Of a histogram's buckets; none: sum and count are all there is."""
    across: Across = "sum"
    """Of a gauge; everything else is summed up."""

    @property
    def slots(self) -> int:
        """How many numbers one series takes: of a histogram the sum, then each bucket."""
        return len(self.bounds) + 2 if self.kind == "histogram" else 1

    @property
    def shape(self) -> tuple[object, ...]:
        """What two must have in common for their numbers to be added."""
        return self.kind, self.labels, self.bounds


def check_metric(metric: Metric) -> None:
    """Refuse a metric of the program's own that cannot be.

    Raises:
        MetricError: The message says what is wrong.
    """
    name = metric.name
    if not _NAME.fullmatch(name) or len(name) > _NAME_LONGEST:
        raise MetricError(
            f"a metric's name is letters, digits and _, parts with dots between, like shop.orders, not {name[:150]!r}"
        )
    if name.split(".")[0] == "perdure":
        raise MetricError(f"the metric {name!r} cannot be: names that begin with perdure. are Perdure's own")
    if not _UNIT.fullmatch(metric.unit):
        raise MetricError(f"the unit of {name} is UCUM, like s, By, 1 or {{order}}, not {metric.unit[:80]!r}")
    _check_labels(name, metric.labels)
    _check_bounds(name, metric.bounds)


def _check_labels(name: str, labels: tuple[str, ...]) -> None:
    for label in labels:
        if not _LABEL.fullmatch(label) or label in _TAKEN_LABELS:
            raise MetricError(f"a label of {name} is letters, digits and _, and none of le, quantile, not {label!r}")
    if len(set(labels)) < len(labels) or len(labels) > _LABELS_MOST:
        raise MetricError(f"{name} must have at most {_LABELS_MOST} labels, each of another name, not {labels!r}")


def _check_bounds(name: str, bounds: tuple[float, ...]) -> None:
    is_ascending = all(low < high for low, high in pairwise(bounds))
    if not is_ascending or any(bound in {float("inf"), float("-inf")} for bound in bounds) or len(bounds) > 100:
        raise MetricError(f"the buckets of {name} must be at most 100 finite numbers, ascending, not {bounds!r}")
