"""Requests on their way forward.

Whether a result is right is judged at the end of the way. Only if it is not, what it was at each version is looked at,
to find the first revision after which the value is not what that revision's own types say.
"""

from collections.abc import Sequence
from functools import partial
from typing import final

from perdure.errors import Fault
from perdure.timescape.parts import RequestParts
from perdure.timescape.proving.flaws import Flaw, Watch
from perdure.timescape.proving.messages import PARTS, node_of
from perdure.timescape.proving.plain import fresh
from perdure.timescape.proving.roads import Road, Stage
from perdure.timescape.proving.traces import Trace

__all__ = ["Forward"]


@final
class Forward:
    """Judges what becomes of requests on *road*.

    Args:
        road: The way.
        watches: What is watched on it.
    """

    def __init__(self, road: Road, watches: Sequence[Watch] = ()) -> None:
        self._watches = watches
        self._road = road
        self._untyped = frozenset(part for part in ("query", "headers") if node_of(road.older, part) is None)
        self._added = [part for part in PARTS if node_of(road.older, part) is None is not node_of(road.newer, part)]
        """Parts of which only the newer version says what must be in them."""

    def carry(self, value: object, *, trace: Trace | None = None, until: int | None = None) -> object:
        """Return the request *value*, an object by part, carried to the end of the road.

        Args:
            value: The callee's own.
            trace: Takes note of what it is at each version.
            until: A version on the way to stop at.
        """
        assert isinstance(value, dict)  # noqa: S101 - its type is an object
        headers = {name.lower(): each for name, each in value.get("headers", {}).items()}
        parts = RequestParts(
            path=value.get("path", {}), query=value.get("query", {}), headers=headers, body=value.get("body")
        )
        known = {*value, *self._added}
        for version, hop, _ in self._road.steps:
            step = hop.steps().request
            if step is None or (until is not None and version > until):
                continue
            if trace is not None:
                trace.begin(version)
            step(parts)
            if trace is not None:
                trace.reach(version, _as_data(parts, known))
        return _as_data(parts, known)

    def judge(self, value: object) -> Flaw | None:
        """Return what is wrong with what becomes of *value*; raises `Declined`."""
        road = self._road
        way, messages, runner = road.way, road.world.messages, road.world.runner
        parts = [part for part in PARTS if isinstance(value, dict) and part in value]
        read = messages.reader(messages.request(way.at, way.key, parts)).read(value)
        trace = Trace(way.at, _spread(read))
        ran = runner.once(partial(self.carry, trace=trace), fresh(read), "request")
        if ran.flaw is not None:
            # What a function cannot take may be what one before it made.
            earlier = self._first_wrong(trace) if ran.flaw.kind == "crash" else None
            return ran.flaw if earlier is None else road.accuse(earlier, "request")
        stage = self._stage(way.to, road.target_key, ran.result)
        if stage is not None:
            return road.accuse(self._first_wrong(trace) or stage, "request")
        flaw = road.settle(self.carry, read, ran.result, trace, "request")
        if flaw is None:
            for losses, older, newer in self._watches:
                losses.observe(value, trace.at(older), trace.at(newer))
        return flaw

    def _first_wrong(self, trace: Trace) -> Stage | None:
        road = self._road
        for index in trace.versions(road.way.to):
            stage = self._stage(index, road.name_at(index), trace.at(index))
            if stage is not None:
                return stage
        return None

    def _stage(self, index: int, key: str, carried: object) -> Stage | None:
        assert isinstance(carried, dict)  # noqa: S101 - made by carry
        messages = self._road.world.messages
        odd = messages.oddities(carried)
        faults: tuple[Fault, ...] = odd or messages.request_faults(index, key, carried, self._untyped)
        return Stage(index, key, not odd, faults, carried) if faults else None


def _spread(read: object) -> object:
    """Return a request as it is before the first step."""
    assert isinstance(read, dict)  # noqa: S101 - its type is an object
    headers = {name.lower(): each for name, each in read.get("headers", {}).items()}
    return read | ({"headers": headers} if "headers" in read else {})


def _as_data(parts: RequestParts, known: set[str]) -> object:
    carried = {"path": parts.path, "query": parts.query, "headers": parts.headers, "body": parts.body}
    return {part: each for part, each in carried.items() if part in known or each not in ({}, None)}
