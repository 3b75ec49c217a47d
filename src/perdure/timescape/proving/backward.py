"""Answers and problems on their way back.

As for requests: judged at the end, and looked at version by version only to find who is to blame.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import final

from perdure.errors import Fault
from perdure.timescape.hop import Steps
from perdure.timescape.parts import ResponseParts
from perdure.timescape.proving.flaws import Flaw, Watch
from perdure.timescape.proving.messages import PROBLEM_JSON
from perdure.timescape.proving.plain import fresh
from perdure.timescape.proving.roads import Road, Stage
from perdure.timescape.proving.traces import Trace
from perdure.timescape.revision import Direction

__all__ = ["Backward"]


@final
class Backward:
    """Judges what becomes of answers, or of problems, on *road*.

    Args:
        road: The way.
        direction: ``response`` or ``problem``.
        watches: What is watched on it.
    """

    def __init__(self, road: Road, direction: Direction, watches: Sequence[Watch] = ()) -> None:
        self._watches = watches
        self._road = road
        self._direction: Direction = direction
        self._step = _problem_step if direction == "problem" else self._answer_step()

    def judge(self, value: object) -> Flaw | None:
        """Return what is wrong with what becomes of *value*; raises `Declined`."""
        road = self._road
        parts = self._parts(value)
        trace = Trace(road.way.to, self._ended(parts, parts.status))
        ran = road.world.runner.once(partial(self._carry, trace=trace), fresh(value), self._direction)
        if ran.flaw is not None:
            # What a function cannot take may be what a newer one made.
            earlier = self._first_wrong(trace) if ran.flaw.kind == "crash" else None
            return ran.flaw if earlier is None else road.accuse(earlier, self._direction)
        stage = self._stage(road.way.at, ran.result)
        if stage is not None:
            return road.accuse(self._first_wrong(trace) or stage, self._direction)
        flaw = road.settle(self._carry, value, ran.result, trace, self._direction)
        if flaw is not None:
            return flaw._replace(came=flaw.came["body"]) if isinstance(flaw.came, dict) else flaw
        for losses, older, newer in self._watches:
            losses.observe(value, _body(trace.at(newer)), _body(trace.at(older)))
        return None

    def _carry(self, value: object, *, trace: Trace | None = None, until: int | None = None) -> object:
        """Return an answer with the body *value* carried to the end of the road; the arguments are a `Passage`'s."""
        parts = self._parts(value)
        status = parts.status
        for version, hop, _ in reversed(self._road.steps):
            step = self._step(hop.steps())
            if step is None or (until is not None and version - 1 < until):
                continue
            if trace is not None:
                trace.begin(version - 1)
            step(parts)
            if trace is not None:
                trace.reach(version - 1, self._ended(parts, status))
        return self._ended(parts, status)

    def _first_wrong(self, trace: Trace) -> Stage | None:
        found = (self._stage(index, trace.at(index)) for index in trace.versions(self._road.way.at))
        return next((stage for stage in found if stage is not None), None)

    def _stage(self, index: int, carried: object) -> Stage | None:
        assert isinstance(carried, dict)  # noqa: S101 - made by _as_data
        messages, key = self._road.world.messages, self._road.name_at(index)
        odd = messages.oddities(carried["body"])
        faults = odd or self._faults(index, key, ResponseParts(**carried))
        return Stage(index, key, not odd, faults, carried["body"]) if faults else None

    def _faults(self, index: int, key: str, parts: ResponseParts) -> tuple[Fault, ...]:
        messages = self._road.world.messages
        if self._direction == "problem":
            return messages.problem_faults(parts)
        return messages.response_faults(index, key, parts)

    def _parts(self, value: object) -> ResponseParts:
        if self._direction != "problem":
            return ResponseParts(status=self._road.newer.status, headers={}, body=value)
        assert isinstance(value, dict)  # noqa: S101 - problems are objects
        return ResponseParts(status=value["status"], headers={"content-type": PROBLEM_JSON}, body=value)

    def _ended(self, parts: ResponseParts, status: int) -> dict[str, object]:
        """Return *parts* as they would be sent if no step followed; a problem tells the status it is sent with."""
        body = parts.body
        is_changed = isinstance(body, dict) and parts.status != status and body.get("status") == status
        if self._direction == "problem" and is_changed and isinstance(body, dict):
            body = {**body, "status": parts.status}
        return {"status": parts.status, "headers": dict(parts.headers), "body": body}

    def _answer_step(self) -> Callable[[Steps], Callable[[ResponseParts], None] | None]:
        newer = self._road.newer
        if newer.response is None or newer.status == 204:
            return lambda steps: steps.bare_response
        return lambda steps: steps.response


def _problem_step(steps: Steps) -> Callable[[ResponseParts], None] | None:
    return steps.problem


def _body(carried: object) -> object:
    return carried["body"] if isinstance(carried, dict) else None
