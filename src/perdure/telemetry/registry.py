"""All that one process counts: metrics, their series, and where the numbers are.

A series is opened once and then written through its cell, which knows its place. The registry itself is asked when
somebody reads, and when a request is the first of its kind.
"""

import logging
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from threading import RLock
from typing import Final, final

import msgspec

from perdure.errors import MetricError
from perdure.telemetry.exemplars import EXEMPLAR_SLOTS, write_exemplar
from perdure.telemetry.families import Family
from perdure.telemetry.metric import OTHER, Metric
from perdure.telemetry.prometheus_names import exposed_names
from perdure.telemetry.sheet import Row, Sheet, families_of
from perdure.telemetry.slots import PrivateSlots, Slots, View
from perdure.telemetry.table import SERIES_REFUSED, TABLE

__all__ = ["Cell", "Readings", "Registry"]

_log: Final = logging.getLogger("perdure.telemetry")

Readings = Iterable[tuple[tuple[str, ...], float]]
"""Values of labels, and the value of their series."""

_TABLE_LIMIT: Final = 20_000
"""Series of each of Perdure's own metrics: their labels come from the program, so this is only a last guard."""


@final
class Cell:
    """One series: *view* holds its numbers from *at* on. Whoever writes it sees to it that nobody else does.

    Reading a slot takes 40 ns more than reading an attribute, so there is room for the two numbers of a histogram of
    which nearly every request changes both. Who counts requests keeps them here too, and never reads them elsewhere.
    """

    __slots__ = ("at", "exemplars_at", "exemplars_view", "metric", "quick", "total", "values", "view")

    def __init__(self, metric: Metric, values: tuple[str, ...], view: View, at: int) -> None:
        self.metric = metric
        self.values = values
        self.view = view
        self.at = at
        self.exemplars_view = view
        self.exemplars_at = -1
        self.total = 0.0
        """The sum."""
        self.quick = 0.0
        """How many are in the first bucket."""

    def observe(self, value: float) -> None:
        """Add *value* to a histogram; for those that do not keep `total` and `quick`."""
        view, at = self.view, self.at
        view[at] += value
        view[at + 1 + bisect_left(self.metric.bounds, value)] += 1.0


@final
class _Kept:
    """One metric with its series."""

    __slots__ = ("cells", "is_full", "metric")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.cells: dict[tuple[str, ...], Cell] = {}
        self.is_full = False


@final
class Registry:
    """The metrics of one app in one process. Everything may be called from any thread.

    Args:
        table: The metrics there are in any case.
    """

    def __init__(self, table: Iterable[Metric] = TABLE) -> None:
        self.lock: Final = RLock()
        """Held while slots are given out, moved or read; writers that have company hold it too."""
        self._slots: Slots = PrivateSlots()
        self._kept: dict[str, _Kept] = {}
        self._exposed: dict[str, str] = {}
        self._movers: list[Callable[[], None]] = []
        self._settlers: list[Callable[[], None]] = []
        self._readers: list[tuple[Metric, Callable[[], Readings]]] = []
        self.series_limit = 1000
        """Series that each metric may have that is not in *table*."""
        for metric in table:
            self.declare(metric)
        self._table: Final = frozenset(self._kept)

    def declare(self, metric: Metric) -> Metric:
        """Let there be *metric*; return it as it was declared first.

        Raises:
            MetricError: Another has its name, here or in Prometheus.
        """
        with self.lock:
            known = self._kept.get(metric.name)
            if known is not None:
                if known.metric != metric:
                    raise MetricError(f"there is another metric {metric.name}: {_told(known.metric)}")
                return known.metric
            names = exposed_names(metric)
            for name in names:
                if name in self._exposed:
                    other = self._exposed[name]
                    raise MetricError(f"Prometheus could not tell {metric.name} from {other}: both are {name} there")
            self._exposed |= dict.fromkeys(names, metric.name)
            self._kept[metric.name] = _Kept(metric)
            self._slots.note(*self._slots.take(0), msgspec.json.encode(metric))
            return metric

    def metric(self, name: str) -> Metric:
        """Return the metric *name*, which is declared."""
        return self._kept[name].metric

    def replace(self, metric: Metric) -> None:
        """Let *metric* be what it is now, which has no series yet: with other buckets."""
        with self.lock:
            kept = self._kept[metric.name]
            kept.metric = metric
            kept.cells.clear()
            self._slots.note(*self._slots.take(0), msgspec.json.encode(metric))

    def cell(self, metric: Metric, values: tuple[str, ...]) -> Cell:
        """Return the cell of a series; beyond the metric's limit, that of the series that takes the rest."""
        with self.lock:
            kept = self._kept[metric.name]
            found = kept.cells.get(values)
            limit = _TABLE_LIMIT if metric.name in self._table else self.series_limit
            if found is None and len(kept.cells) >= limit:
                values = self._refused(kept, values, limit)
                found = kept.cells.get(values)
            if found is None:
                found = kept.cells[values] = self._opened(kept.metric, values)
            return found

    def exemplar(self, cell: Cell, bucket: int, value: float, trace_id: str, now_s: float) -> None:
        """Remember a request that fell into *bucket* of a histogram, for whoever wants to see one."""
        with self.lock:
            if cell.exemplars_at < 0:
                slots = (cell.metric.slots - 1) * EXEMPLAR_SLOTS
                cell.exemplars_view, cell.exemplars_at = self._slots.take(slots)
                self._note(cell.exemplars_view, cell.exemplars_at, cell, is_exemplar=True)
            at = cell.exemplars_at + bucket * EXEMPLAR_SLOTS
            write_exemplar(cell.exemplars_view, at, value, trace_id, now_s)

    def before_reading(self, settle: Callable[[], None]) -> None:
        """Call *settle* before anything is read: it writes what it still holds."""
        self._settlers.append(settle)

    def on_move(self, forget: Callable[[], None]) -> None:
        """Call *forget* before all numbers are moved: it writes what it still holds, and asks for its cells anew."""
        self._movers.append(forget)

    def observe(self, metric: Metric, read: Callable[[], Readings]) -> None:
        """Ask *read* for the values of *metric*, which is declared, whenever somebody reads."""
        self._readers.append((metric, read))

    def settle(self) -> None:
        """Write what is still held."""
        with self.lock:
            for settle in self._settlers:
                settle()

    def refresh(self) -> None:
        """Write what is still held, and ask for what is only known when asked."""
        with self.lock:
            self.settle()
            for metric, read in self._readers:
                try:
                    for values, value in read():
                        cell = self.cell(metric, values)
                        cell.view[cell.at] = value
                except Exception as error:  # noqa: BLE001 - what cannot be read keeps its last value; the rest is told
                    _log.warning("%s cannot be read: %s", metric.name, error, exc_info=error)

    def families(self) -> list[Family]:
        """Return all that this process counted until now, complete; metrics without series are there, empty."""
        return families_of(self.sheet())

    def sheet(self) -> Sheet:
        """Return all that this process counted until now, complete."""
        with self.lock:
            self.refresh()
            metrics = tuple(kept.metric for kept in self._kept.values())
            cells = [cell for kept in self._kept.values() for cell in kept.cells.values()]
        return Sheet(metrics, tuple(map(_row, cells)))  # the lock is not held for this: there may be thousands

    def move_to(self, slots: Slots) -> None:
        """Keep all numbers in *slots* from now on, also those there are. Before requests come."""
        with self.lock:
            for forget in self._movers:
                forget()
            self._slots = slots
            for kept in self._kept.values():
                slots.note(*slots.take(0), msgspec.json.encode(kept.metric))
                for cell in kept.cells.values():
                    self._move(cell)

    def _move(self, cell: Cell) -> None:
        count = cell.metric.slots
        old = cell.view[cell.at : cell.at + count]
        cell.view, cell.at = self._slots.take(count)
        cell.view[cell.at : cell.at + count] = old
        cell.exemplars_at = -1
        self._note(cell.view, cell.at, cell)

    def _opened(self, metric: Metric, values: tuple[str, ...]) -> Cell:
        cell = Cell(metric, values, *self._slots.take(metric.slots))
        self._note(cell.view, cell.at, cell)
        return cell

    def _note(self, view: View, at: int, cell: Cell, *, is_exemplar: bool = False) -> None:
        line = msgspec.json.encode([cell.metric.name, cell.values, is_exemplar])
        self._slots.note(view, at, line)

    def _refused(self, kept: _Kept, values: tuple[str, ...], limit: int) -> tuple[str, ...]:
        if not kept.is_full:
            kept.is_full = True
            told: Mapping[str, str] = dict(zip(kept.metric.labels, values, strict=True))
            _log.warning(
                "%s has %d series, which is all it may have (metrics.series_limit): %s and what else comes is counted "
                "together, as %s", kept.metric.name, limit, told, OTHER,
            )  # fmt: skip
        cell = self.cell(SERIES_REFUSED, (kept.metric.name,))
        cell.view[cell.at] += 1.0
        return (OTHER,) * len(values)


def _row(cell: Cell) -> Row:
    count = cell.metric.slots
    exemplars: tuple[float, ...] = ()
    if cell.exemplars_at >= 0:
        last = cell.exemplars_at + (count - 1) * EXEMPLAR_SLOTS
        exemplars = tuple(cell.exemplars_view[cell.exemplars_at : last].tolist())
    return Row(cell.metric.name, cell.values, tuple(cell.view[cell.at : cell.at + count].tolist()), exemplars)


def _told(metric: Metric) -> str:
    labels = f" with the labels {', '.join(metric.labels)}" if metric.labels else " without labels"
    return f"a {metric.kind}{labels}, unit {metric.unit!r}"
