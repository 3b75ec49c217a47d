"""Answers and problems on their way back.

As for requests: judged at the end, and gone again version by version only to find who is to blame.
"""

from collections.abc import Callable
from typing import final

from perdure.errors import Fault
from perdure.timescape.chain import Chain
from perdure.timescape.parts import ResponseParts
from perdure.timescape.proving.flaws import Flaw, Losses
from perdure.timescape.proving.messages import PROBLEM_JSON
from perdure.timescape.proving.plain import fresh
from perdure.timescape.proving.roads import Road, Stage
from perdure.timescape.proving.runs import Carry
from perdure.timescape.revision import Direction

__all__ = ["Backward"]


@final
class Backward:
    """Judges what becomes of answers, or of problems, on *road*."""

    def __init__(self, road: Road, direction: Direction, losses: Losses | None = None) -> None:
        self._losses = losses
        self._road = road
        self._direction: Direction = direction
        self._carry: Callable[[Chain | None, object], ResponseParts] = (
            _carry_problem if direction == "problem" else self._carry_answer
        )

    def judge(self, value: object) -> Flaw | None:
        """Return what is wrong with what becomes of *value*; raises `Declined`."""
        road = self._road
        outcome = self._reach(road.way.at, road.way.key, value)
        if isinstance(outcome, Flaw) and outcome.kind != "crash":
            return outcome
        if not isinstance(outcome, Stage | Flaw):
            flaw = road.settle(self._carry_to, value, outcome, self._direction)
            if flaw is None and self._losses is not None and isinstance(outcome, dict):
                self._losses.observe(value, value, outcome["body"])
            came = flaw.came if flaw is not None else None
            return flaw._replace(came=came["body"]) if flaw is not None and isinstance(came, dict) else flaw
        for index in range(road.way.to - 1, road.way.at - 1, -1):
            stage = self._reach(index, road.name_at(index), value)
            if isinstance(stage, Stage):
                return road.accuse(stage, self._direction)
            if isinstance(stage, Flaw):
                break  # nothing was wrong before it
        return outcome if isinstance(outcome, Flaw) else road.accuse(outcome, self._direction)

    def _reach(self, index: int, key: str, value: object) -> Stage | Flaw | object:
        """Return what becomes of *value* on its way back to version *index*: a flaw, a stage that is wrong, or data."""
        road = self._road
        ran = road.world.runner.once(self._carry_to(index), fresh(value), self._direction)
        if ran.flaw is not None:
            return ran.flaw
        assert isinstance(ran.result, dict)  # noqa: S101 - made by _as_data
        odd = road.world.messages.oddities(ran.result["body"])
        faults = odd or self._faults(index, key, ResponseParts(**ran.result))
        return Stage(index, key, not odd, faults, ran.result["body"]) if faults else ran.result

    def _carry_to(self, index: int) -> Carry:
        over = self._road.chain_to(self._road.name_at(index), index, self._road.way.to)
        return lambda given: _as_data(self._carry(over, given))

    def _faults(self, index: int, key: str, parts: ResponseParts) -> tuple[Fault, ...]:
        messages = self._road.world.messages
        if self._direction == "problem":
            return messages.problem_faults(parts)
        return messages.response_faults(index, key, parts)

    def _carry_answer(self, chain: Chain | None, body: object) -> ResponseParts:
        newer = self._road.newer
        parts = ResponseParts(status=newer.status, headers={}, body=body)
        if chain is not None:
            (chain.bare_response if newer.response is None or newer.status == 204 else chain.response)(parts)
        return parts


def _carry_problem(chain: Chain | None, body: object) -> ResponseParts:
    assert isinstance(body, dict)  # noqa: S101 - problems are objects
    status = body["status"]
    parts = ResponseParts(status=status, headers={"content-type": PROBLEM_JSON}, body=body)
    if chain is not None:
        chain.problem(parts)
    if isinstance(parts.body, dict) and parts.status != status and parts.body.get("status") == status:
        parts.body["status"] = parts.status  # as the server does
    return parts


def _as_data(parts: ResponseParts) -> object:
    return {"status": parts.status, "headers": dict(parts.headers), "body": parts.body}
