"""Metrics of the program's own: ``gctx.metrics``, and ``app.metrics`` where there is no Global Context yet."""

from collections.abc import Sequence
from typing import Literal, Protocol

__all__ = ["Counter", "CounterCell", "Gauge", "GaugeCell", "Histogram", "HistogramCell", "MetricsView"]


class CounterCell(Protocol):
    """One series of a counter. May be used in any thread."""

    def add(self, amount: float = 1) -> None:
        """Count *amount* more.

        Raises:
            MetricError: *amount* is negative, or no finite number.
        """


class Counter(CounterCell, Protocol):
    """What only grows; one without labels is its own and only series."""

    def bind(self, **labels: str) -> CounterCell:
        """Return the series with these labels, to be kept where it is used often.

        Beyond ``metrics.series_limit`` series, all others are one, with ``(other)`` for every label.

        Raises:
            MetricError: These are not the labels it was declared with, or one is no text.
        """


class GaugeCell(Protocol):
    """One series of a gauge. May be used in any thread."""

    def set(self, value: float) -> None:
        """Say what it is now.

        Raises:
            MetricError: *value* is no finite number.
        """

    def add(self, amount: float) -> None:
        """Say by how much more it is, or less; raises as `set`."""


class Gauge(GaugeCell, Protocol):
    """What goes up and down; one without labels is its own and only series."""

    def bind(self, **labels: str) -> GaugeCell:
        """Return the series with these labels; as `Counter.bind`."""


class HistogramCell(Protocol):
    """One series of a histogram. May be used in any thread."""

    def record(self, value: float) -> None:
        """Count *value* in.

        Raises:
            MetricError: It is no finite number.
        """


class Histogram(HistogramCell, Protocol):
    """How values are spread; one without labels is its own and only series."""

    def bind(self, **labels: str) -> HistogramCell:
        """Return the series with these labels; as `Counter.bind`."""


class MetricsView(Protocol):
    """Makes metrics. Asking again for one that there is returns it, so it may be done anywhere, at import time too.

    Names are parts with dots between, the first your own: ``shop.orders.placed``; Prometheus calls that
    ``shop_orders_placed_total``. Units are UCUM: ``s``, ``By``, ``1``, ``{order}``; names do not repeat them.
    """

    def counter(self, name: str, help: str = "", *, unit: str = "", labels: Sequence[str] = ()) -> Counter:
        """Return the counter *name*.

        Raises:
            MetricError: The name, a label or the unit cannot be, or there is another metric of that name.
        """

    def gauge(
        self, name: str, help: str = "", *, unit: str = "", labels: Sequence[str] = (),
        across: Literal["sum", "max", "min"] = "sum",
    ) -> Gauge:  # fmt: skip
        """Return the gauge *name*; raises as `counter`.

        Args:
            across: How one number is made of what the processes of a server say.
        """

    def histogram(
        self, name: str, help: str = "", *, unit: str = "", labels: Sequence[str] = (),
        buckets: Sequence[float] | None = None,
    ) -> Histogram:  # fmt: skip
        """Return the histogram *name*; raises as `counter`, also for *buckets* that are not ascending.

        Args:
            buckets: Upper bounds; by default those for seconds, from 5 ms to 10 s.
        """
