"""Counts requests: what the controller and the door tell is put where whoever reads finds it.

This runs for every request, so it is written for time. A request's own series is found by one look into a dictionary,
and written at once: it is counted even if the process is killed in the next moment. The times of its stages and the
sizes of its bodies are laid by as they come, and added up a hundred requests at a time: adding a column of numbers
takes a tenth of what writing each of them does. Whoever reads has them added up first.

Source: SPEC 3.11, 6; property 30.
"""

# ruff: noqa: SLF001 - recorders read what the controller leaves on the Local Context

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable
from typing import Final, final

from perdure.context.events import Stage, marks_of
from perdure.context.exchange import Exchange
from perdure.context.local import HandlerFacts, LocalContext
from perdure.context.recording import Recorder
from perdure.context.refusal import Refusal
from perdure.errors import VersionClosedError
from perdure.telemetry.reasons import reason_of
from perdure.telemetry.registry import Cell, Registry
from perdure.telemetry.span_attributes import KNOWN_METHODS
from perdure.telemetry.stages import NONE, Way
from perdure.telemetry.table import DURATION, REFUSED

__all__ = ["RequestMetrics"]

_FLAG: Final = 54
"""Where in a traceparent the last digit of its flags is."""
_SAMPLED: Final = "13"
"""What that is in traces that are recorded."""
_EXEMPLARS_S: Final = 1.0
"""Seconds between two exemplars of a bucket: where each request is traced, one of them is as good as another."""


@final
class _Series:
    """Requests that have everything in common by which they are told apart."""

    __slots__ = ("cell", "exemplars_due", "stages", "way")

    def __init__(self, cell: Cell, way: Way) -> None:
        self.cell = cell
        self.exemplars_due = [0.0] * (len(cell.metric.bounds) + 1)
        """When each bucket takes another exemplar, on the clock of `time.perf_counter`."""
        self.way = way
        self.stages = way.stages


_Known = dict[tuple[str, str, int, str], _Series]
"""By handler, version, status and method."""


@final
class RequestMetrics(Recorder):
    """The `Recorder` that counts. For one thread: the event loop's.

    Args:
        registry: Where; all its metrics have their buckets by now, and their place.
        now: Returns Unix time in seconds, for exemplars.
    """

    __slots__ = ("_bounds", "_direct", "_first", "_forwarded", "_now", "_registry", "_ways")

    def __init__(self, registry: Registry, now: Callable[[], float]) -> None:
        self._registry = registry
        self._now = now
        self._bounds = registry.metric(DURATION.name).bounds
        self._first = self._bounds[0]
        self._direct: _Known = {}
        self._forwarded: defaultdict[str, _Known] = defaultdict(dict)
        """By scheme, where trusted proxies say which one the client used; without them all use one."""
        self._ways: dict[tuple[str, str, int], Way] = {}
        registry.before_reading(self.settle)
        registry.on_move(self._forget)

    def finished(self, lctx: LocalContext, status: int, size_bytes: int, ended: float) -> None:
        """Count a request; see `Recorder.finished`."""
        facts, exchange = lctx._facts, lctx._exchange
        origin = exchange.origin
        known = self._direct if origin is None else self._forwarded[origin.scheme]
        series = known.get((facts.handler, lctx._version, status, exchange.method))
        if series is None or series.stages is not facts.stages:
            series = self._found(known, facts, lctx._version, status, exchange)
        seconds = ended - lctx._started
        cell = series.cell
        view, at = cell.view, cell.at
        cell.total = total = cell.total + seconds
        view[at] = total
        if seconds <= self._first:
            cell.quick = quick = cell.quick + 1.0
            view[at + 1] = quick
        else:
            view[at + 1 + bisect_left(self._bounds, seconds)] += 1.0
        flag = lctx._trace.traceparent[_FLAG]
        if flag != "2" and flag in _SAMPLED:
            self._remember(series, seconds, ended, lctx)
        way, moments = series.way, lctx._moments
        if size_bytes >= 0:
            way.sent.append(size_bytes)
        if lctx._received_bytes:
            way.received.append(lctx._received_bytes)
        if len(moments) == way.length:
            held = way.held
            held += moments
            if len(held) >= way.enough:
                way.settle()
        else:
            way.add_marks(marks_of(moments, facts.stages))

    def refused(self, refusal: Refusal) -> None:
        """Count a request that no handler was run for; see `Recorder.refused`."""
        facts, error, version = refusal.facts, refusal.error, refusal.version
        if isinstance(error, VersionClosedError):
            version = error.version
        handler, exchange = NONE if facts is None else facts.handler, refusal.exchange
        if refusal.status >= 400:
            cell = self._registry.cell(REFUSED, (reason_of(error), handler, version))
            cell.view[cell.at] += 1.0
        known = self._direct if exchange.origin is None else self._forwarded[exchange.origin.scheme]
        series = known.get((handler, version, refusal.status, exchange.method))
        if series is None or (facts is not None and series.stages is not facts.stages):
            series = self._found(known, facts, version, refusal.status, exchange)
        seconds = refusal.ended - refusal.started
        bucket = bisect_left(self._bounds, seconds)
        counted = series.cell
        counted.total += seconds
        counted.view[counted.at] = counted.total
        counted.quick += bucket == 0
        counted.view[counted.at + 1 + bucket] += 1.0
        if refusal.size_bytes >= 0:
            series.way.sent.append(refusal.size_bytes)
            series.way.look()

    def _remember(self, series: _Series, seconds: float, ended: float, lctx: LocalContext) -> None:
        bucket = 0 if seconds <= self._first else bisect_left(self._bounds, seconds)
        if ended < series.exemplars_due[bucket]:
            return
        series.exemplars_due[bucket] = ended + _EXEMPLARS_S
        self._registry.exemplar(series.cell, bucket, seconds, lctx._trace.trace_id, self._now())

    def settle(self) -> None:
        """Write what was laid by."""
        for way in self._ways.values():
            way.settle()

    def _found(
        self, known: _Known, facts: HandlerFacts | None, version: str, status: int, exchange: Exchange
    ) -> _Series:
        handler, route, stages = (NONE, "", ()) if facts is None else (facts.handler, facts.route, facts.stages)
        told = exchange.method if exchange.method in KNOWN_METHODS else "_OTHER"
        way = self._way(handler, route, told, stages)
        key = handler, version, status, told
        series = known.get(key)
        if series is None or series.way is not way:
            failed = str(status) if status >= 500 else ""
            labels = handler, version, told, route, str(status), exchange.scheme, failed
            series = known[key] = _Series(self._registry.cell(DURATION, labels), way)
        return series

    def _way(self, handler: str, route: str, method: str, stages: tuple[Stage, ...]) -> Way:
        key = handler, method, id(stages)
        way = self._ways.get(key)
        if way is None:  # it keeps *stages*, so that no other can have their id
            way = self._ways[key] = Way(self._registry, handler, method, route, stages)
        return way

    def _forget(self) -> None:
        """Find everything anew: it lies somewhere else now."""
        self.settle()
        for known in (self._direct, *self._forwarded.values()):
            known.clear()
        self._ways.clear()
