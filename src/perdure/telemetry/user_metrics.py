"""Metrics of the program's own: what stands behind ``gctx.metrics``."""

from collections.abc import Callable, Sequence
from math import isfinite
from typing import Final, Generic, TypeVar, final

from perdure.errors import MetricError
from perdure.telemetry.metric import Across, Metric, check_metric
from perdure.telemetry.registry import Cell, Registry
from perdure.telemetry.table import DURATION

__all__ = ["UserMetrics"]

_VALUE_LONGEST: Final = 200
CellT = TypeVar("CellT", bound="_BoundCell")


class _BoundCell:
    """A series of the program's own, written by any thread."""

    __slots__ = ("_cell", "_registry")

    def __init__(self, registry: Registry, cell: Cell) -> None:
        self._registry = registry
        self._cell = cell


@final
class _CounterCell(_BoundCell):
    __slots__ = ()

    def add(self, amount: float = 1) -> None:
        cell = self._cell
        number = _number(cell.metric, amount)
        if number < 0:
            raise MetricError(f"the counter {cell.metric.name} only grows: it cannot take {amount!r}; a gauge could")
        with self._registry.lock:
            cell.view[cell.at] += number


@final
class _GaugeCell(_BoundCell):
    __slots__ = ()

    def set(self, value: float) -> None:
        cell = self._cell
        number = _number(cell.metric, value)
        with self._registry.lock:
            cell.view[cell.at] = number

    def add(self, amount: float) -> None:
        cell = self._cell
        number = _number(cell.metric, amount)
        with self._registry.lock:
            cell.view[cell.at] += number


@final
class _HistogramCell(_BoundCell):
    __slots__ = ()

    def record(self, value: float) -> None:
        cell = self._cell
        number = _number(cell.metric, value)
        with self._registry.lock:
            cell.observe(number)


class _Labelled(Generic[CellT]):
    """A metric, which finds its series."""

    def __init__(self, owner: "UserMetrics", metric: Metric, make: type[CellT]) -> None:
        self._owner = owner
        self._registry = registry = owner.registry
        self._metric = metric
        self._make = make
        self._labels = frozenset(metric.labels)
        self._only = None if metric.labels else make(registry, registry.cell(metric, ()))

    def bind(self, **labels: str) -> CellT:
        metric = self._metric
        if labels.keys() != self._labels:
            raise MetricError(f"{metric.name} has {_listed(metric.labels)}, not {_listed(tuple(labels))}")
        mask = self._owner.mask  # that of the app, which may have none yet where a metric is made
        values = tuple(_text(metric, label, labels[label], mask) for label in metric.labels)
        return self._make(self._registry, self._registry.cell(metric, values))

    @property
    def only(self) -> CellT:
        if self._only is None:
            raise MetricError(f"{self._metric.name} has {_listed(self._metric.labels)}: bind them first, with bind(…)")
        return self._only


@final
class _Counter(_Labelled[_CounterCell]):
    def add(self, amount: float = 1) -> None:
        self.only.add(amount)


@final
class _Gauge(_Labelled[_GaugeCell]):
    def set(self, value: float) -> None:
        self.only.set(value)

    def add(self, amount: float) -> None:
        self.only.add(amount)


@final
class _Histogram(_Labelled[_HistogramCell]):
    def record(self, value: float) -> None:
        self.only.record(value)


@final
class UserMetrics:
    """Makes metrics in *registry*; see `perdure.context.metrics.MetricsView`."""

    def __init__(self, registry: Registry) -> None:
        self.registry: Final = registry
        """Has them."""
        self.mask: Callable[[str], str] = str
        """Replaces the values of secrets in the text of a label."""

    def counter(self, name: str, help: str = "", *, unit: str = "", labels: Sequence[str] = ()) -> _Counter:
        """Return the counter *name*; see `MetricsView.counter`."""
        metric = Metric(name=name, kind="counter", unit=unit, help=help or name, labels=_tuple(name, labels))
        return _Counter(self, self._declared(metric), _CounterCell)

    def gauge(
        self, name: str, help: str = "", *, unit: str = "", labels: Sequence[str] = (), across: Across = "sum"
    ) -> _Gauge:
        """Return the gauge *name*; see `MetricsView.gauge`."""
        if across not in {"sum", "max", "min"}:
            raise MetricError(f"across of {name} is sum, max or min, not {across!r}")
        given = _tuple(name, labels)
        metric = Metric(name=name, kind="gauge", unit=unit, help=help or name, labels=given, across=across)
        return _Gauge(self, self._declared(metric), _GaugeCell)

    def histogram(
        self, name: str, help: str = "", *, unit: str = "", labels: Sequence[str] = (),
        buckets: Sequence[float] | None = None,
    ) -> _Histogram:  # fmt: skip
        """Return the histogram *name*; see `MetricsView.histogram`."""
        bounds = DURATION.bounds if buckets is None else tuple(_bound(name, bound) for bound in buckets)
        given = _tuple(name, labels)
        metric = Metric(name=name, kind="histogram", unit=unit, help=help or name, labels=given, bounds=bounds)
        return _Histogram(self, self._declared(metric), _HistogramCell)

    def _declared(self, metric: Metric) -> Metric:
        check_metric(metric)
        return self.registry.declare(metric)


def _number(metric: Metric, value: object) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool):
        try:
            number = float(value)
        except OverflowError:
            number = float("inf")
        if isfinite(number):
            return number
    raise MetricError(f"{metric.name} takes finite numbers, not {value!r:.80}")


def _text(metric: Metric, label: str, value: object, mask: Callable[[str], str]) -> str:
    if not isinstance(value, str):
        raise MetricError(f"the label {label} of {metric.name} is text, not {value!r:.80}")
    shown = mask(value)
    shown = shown if len(shown) <= _VALUE_LONGEST else f"{shown[: _VALUE_LONGEST - 1]}…"
    # Text may hold halves of characters, which no collector can read.
    return shown if shown.isascii() else shown.encode("utf-8", "replace").decode("utf-8")


def _tuple(name: str, labels: Sequence[str]) -> tuple[str, ...]:
    if isinstance(labels, str) or not all(isinstance(label, str) for label in labels):
        raise MetricError(f"labels of {name!r} are a list of names, not {labels!r:.80}")
    return tuple(labels)


def _bound(name: str, bound: object) -> float:
    if isinstance(bound, int | float) and not isinstance(bound, bool):
        return float(bound)
    raise MetricError(f"the buckets of {name} are numbers, and {bound!r:.80} is none")


def _listed(labels: tuple[str, ...]) -> str:
    return f"the labels {', '.join(labels)}" if labels else "no labels"
