"""What one process, or several, have counted, written out; and how sheets are added up."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import add
from typing import Final, final

from msgspec import Struct

from perdure.telemetry.exemplars import exemplars_of
from perdure.telemetry.families import Buckets, Family, Sample
from perdure.telemetry.metric import Across, Metric

__all__ = ["Row", "Sheet", "added_up", "families_of"]

_FOLD: Final[Mapping[Across, Callable[[float, float], float]]] = {"sum": add, "max": max, "min": min}


@final
class Row(Struct, frozen=True, array_like=True):
    """One series."""

    name: str
    """Of its metric."""
    values: tuple[str, ...]
    """Of its labels."""
    slots: tuple[float, ...]
    """See `Metric.slots`."""
    exemplars: tuple[float, ...] = ()
    """See `perdure.telemetry.exemplars`."""


@final
class Sheet(Struct, frozen=True):
    """Metrics and their series."""

    metrics: tuple[Metric, ...]
    rows: tuple[Row, ...]


def added_up(sheets: Sequence[Sheet]) -> Sheet:
    """Return one sheet for all of *sheets*, the newest first.

    Where they do not agree on what a metric is, because the code changed between them, the newest is right, and what
    the others counted under that name is left out.
    """
    metrics: dict[str, Metric] = {}
    rows: dict[tuple[str, tuple[str, ...]], Row] = {}
    for sheet in sheets:
        fitting: set[str] = set()
        for metric in sheet.metrics:
            known = metrics.setdefault(metric.name, metric)
            if known.shape == metric.shape:
                fitting.add(metric.name)
        for row in sheet.rows:
            if row.name not in fitting:
                continue
            key = row.name, row.values
            found = rows.get(key)
            rows[key] = row if found is None else _both(metrics[row.name], found, row)
    return Sheet(tuple(metrics.values()), tuple(rows.values()))


def _both(metric: Metric, first: Row, second: Row) -> Row:
    fold = _FOLD[metric.across if metric.kind == "gauge" else "sum"]
    slots = tuple(fold(a, b) for a, b in zip(first.slots, second.slots, strict=True))
    return Row(first.name, first.values, slots, _newer(first.exemplars, second.exemplars))


def _newer(first: tuple[float, ...], second: tuple[float, ...]) -> tuple[float, ...]:
    return max(first, second, key=lambda each: max(each[::5], default=0.0)) if first and second else first or second


def families_of(sheet: Sheet) -> list[Family]:
    """Return what *sheet* has as families, each with its series in the order of their labels."""
    by_name: dict[str, list[Row]] = {metric.name: [] for metric in sheet.metrics}
    for row in sheet.rows:
        by_name[row.name].append(row)
    return [
        Family(
            name=metric.name, kind=metric.kind, unit=metric.unit, help=metric.help,
            samples=tuple(_samples(metric, by_name[metric.name])),
            is_additive=metric.kind == "gauge" and metric.across == "sum",
        )
        for metric in sheet.metrics
    ]  # fmt: skip


def _samples(metric: Metric, rows: list[Row]) -> Iterable[Sample]:
    for row in sorted(rows, key=lambda row: row.values):
        labels = tuple(zip(metric.labels, row.values, strict=True))
        if metric.kind != "histogram":
            yield Sample(labels, row.slots[0])
            continue
        counts = tuple(map(int, row.slots[1:]))
        exemplars = exemplars_of(row.exemplars) if row.exemplars else ()
        yield Sample(labels, Buckets(bounds=metric.bounds, counts=counts, total=row.slots[0], exemplars=exemplars))
