"""Where the time of requests goes: what is laid by of each is added up here, a column at a time."""

from bisect import bisect_right
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Final, TypeVar, cast, final

from perdure.context.events import Mark, Stage, marks_of
from perdure.telemetry.registry import Cell, Registry
from perdure.telemetry.table import COMPENSATIONS_FAILED, REQUEST_SIZE, RESPONSE_SIZE, STAGES

__all__ = ["NONE", "Way"]

T = TypeVar("T")

NONE: Final = "(none)"
"""The handler of requests that are for none."""

_ENOUGH: Final = 128
"""Requests that are laid by at most."""
_sum: Final = cast("Callable[[object], float]", sum)
_NAMED: Final = frozenset({"hook", "module", "transform", "compensation"})
"""Kinds of stages whose names are told: of the others there is one, or the program makes names while it runs, so that
there may be any number of them."""


@final
class Way:
    """What requests of one handler and method go through, and what of them is not added up yet.

    Args:
        registry: Has the metrics.
        handler: Its id.
        method: Of the requests.
        route: The path's template.
        stages: What each of them goes through, in order.
    """

    __slots__ = (
        "_cells", "_handler", "_labels", "_registry", "enough", "held", "length", "received", "sent", "stages",
    )  # fmt: skip

    def __init__(
        self, registry: Registry, handler: str, method: str, route: str, stages: tuple[Stage, ...]
    ) -> None:  # fmt: skip
        self._registry = registry
        self._handler = handler
        self._labels = handler, method, route
        self.stages = stages
        self.length = len(stages) + 1 if stages else 0
        """Of what is kept of a request that went through all of them, and through nothing else."""
        self.enough = _ENOUGH * max(1, self.length)
        """How much may be held."""
        self.held: list[Mark | float | int] = []
        self.sent: list[int] = []
        self.received: list[int] = []
        self._cells = [self._cell(stage) for stage in stages]

    def settle(self) -> None:
        """Write what was laid by."""
        with self._registry.lock:
            if self.held:
                self._add_held(_taken(self.held))
            if self.sent:
                _add_sizes(self._registry.cell(RESPONSE_SIZE, self._labels), _taken(self.sent))
            if self.received:
                _add_sizes(self._registry.cell(REQUEST_SIZE, self._labels), _taken(self.received))

    def look(self) -> None:
        """Write what was laid by if it is much; for requests that leave sizes and nothing else."""
        if len(self.sent) >= _ENOUGH:
            self.settle()

    def add_marks(self, marks: Iterator[tuple[Mark, float]]) -> None:
        """Add the stages of a request that did not go the usual way."""
        self.look()
        with self._registry.lock:
            self._add_marks(marks)

    def _add_marks(self, marks: Iterator[tuple[Mark, float]]) -> None:
        begun: dict[Stage, float] = {}
        for mark, at in marks:
            stage = mark.stage
            if mark.kind == "start":
                begun[stage] = at
                continue
            if mark.kind == "error" and stage.kind == "compensation":
                failed = self._registry.cell(COMPENSATIONS_FAILED, (self._handler,))
                failed.view[failed.at] += 1.0
            started = begun.pop(stage, None)
            if started is not None and stage.kind != "request":
                _add_time(self._cell(stage), at - started, 1)

    def _add_held(self, held: list[Mark | float | int]) -> None:
        try:
            # All first, then write: where a mark is among them, which cannot be added, nothing must be written yet.
            sums = self._sums_of(held)
        except TypeError:
            held = self._without_marked(held)
            sums = self._sums_of(held)
        requests = len(held) // self.length
        for cell, (begun, ended) in zip(self._cells, pairwise(sums), strict=True):
            _add_time(cell, ended - begun, requests)

    def _sums_of(self, held: list[Mark | float | int]) -> list[float]:
        length = self.length
        return [_sum(held[place::length]) for place in range(length)]

    def _without_marked(self, held: list[Mark | float | int]) -> list[Mark | float | int]:
        """Add the requests in *held* that have marks; return the others."""
        usual: list[Mark | float | int] = []
        for place in range(0, len(held), self.length):
            row = held[place : place + self.length]
            if any(not isinstance(item, float) for item in row):
                self._add_marks(marks_of(row, self.stages))
            else:
                usual += row
        return usual

    def _cell(self, stage: Stage) -> Cell:
        key = stage.kind, stage.name if stage.kind in _NAMED else "", stage.level
        return self._registry.cell(STAGES, (self._handler, *key))


def _taken(items: list[T]) -> list[T]:
    """Return *items* and leave none, though another thread may add to them meanwhile."""
    count = len(items)
    taken = items[:count]
    del items[:count]
    return taken


def _add_time(cell: Cell, seconds: float, count: int) -> None:
    cell.view[cell.at] += seconds
    cell.view[cell.at + 1] += count


def _add_sizes(cell: Cell, sizes: list[int]) -> None:
    view, at = cell.view, cell.at
    view[at] += sum(sizes)
    sizes.sort()
    below = 0
    for bucket, bound in enumerate(cell.metric.bounds, at + 1):
        upto = bisect_right(sizes, bound)
        if upto > below:
            view[bucket] += upto - below
            below = upto
    if len(sizes) > below:
        view[at + 1 + len(cell.metric.bounds)] += len(sizes) - below
