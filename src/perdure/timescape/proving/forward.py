"""Requests on their way forward.

Whether a result is right is judged at the end of the way. Only if it is not, the way is gone again version by version,
to find the first revision after which the value is not what that revision's own types say.
"""

from functools import partial
from typing import final

from perdure.errors import Fault
from perdure.timescape.chain import Chain
from perdure.timescape.parts import RequestParts
from perdure.timescape.proving.flaws import Flaw, Losses
from perdure.timescape.proving.messages import PARTS, node_of
from perdure.timescape.proving.plain import fresh
from perdure.timescape.proving.roads import Road, Stage
from perdure.timescape.proving.runs import Carry

__all__ = ["Forward"]


@final
class Forward:
    """Judges what becomes of requests on *road*."""

    def __init__(self, road: Road, losses: Losses | None = None) -> None:
        self._losses = losses
        self._road = road
        self._untyped = frozenset(part for part in ("query", "headers") if node_of(road.older, part) is None)
        self._added = [part for part in PARTS if node_of(road.older, part) is None is not node_of(road.newer, part)]
        """Parts of which only the newer version says what must be in them."""

    def carry(self, chain: Chain | None, value: object) -> object:
        """Return the request *value*, an object by part, carried over *chain*."""
        assert isinstance(value, dict)  # noqa: S101 - its type is an object
        headers = {name.lower(): each for name, each in value.get("headers", {}).items()}
        parts = RequestParts(
            path=value.get("path", {}), query=value.get("query", {}), headers=headers, body=value.get("body")
        )
        if chain is not None:
            chain.request(parts)
        carried = {"path": parts.path, "query": parts.query, "headers": parts.headers, "body": parts.body}
        known = {*value, *self._added}
        return {part: each for part, each in carried.items() if part in known or each not in ({}, None)}

    def judge(self, value: object) -> Flaw | None:
        """Return what is wrong with what becomes of *value*; raises `Declined`."""
        road = self._road
        way, messages, runner = road.way, road.world.messages, road.world.runner
        parts = [part for part in PARTS if isinstance(value, dict) and part in value]
        read = messages.reader(messages.request(way.at, way.key, parts)).read(value)
        ran = runner.once(partial(self.carry, road.chain), fresh(read), "request")
        if ran.flaw is not None:
            # What a function cannot take may be what one before it made.
            earlier = self._first_wrong(read) if ran.flaw.kind == "crash" else None
            return ran.flaw if earlier is None else road.accuse(earlier, "request")
        stage = self._stage(way.to, road.target_key, ran.result)
        if stage is None:
            flaw = road.settle(self._carry_to, read, ran.result, "request")
            if flaw is None and self._losses is not None:
                self._losses.observe(value, self.carry(None, read), ran.result)
            return flaw
        return road.accuse(self._first_wrong(read) or stage, "request")

    def _carry_to(self, index: int) -> Carry:
        return partial(self.carry, self._road.chain_to(self._road.way.key, self._road.way.at, index))

    def _first_wrong(self, read: object) -> Stage | None:
        road = self._road
        for index in range(road.way.at + 1, road.way.to + 1):
            ran = road.world.runner.once(self._carry_to(index), fresh(read), "request")
            stage = None if ran.flaw else self._stage(index, road.name_at(index), ran.result)
            if stage is not None or ran.flaw is not None:
                return stage
        return None

    def _stage(self, index: int, key: str, carried: object) -> Stage | None:
        assert isinstance(carried, dict)  # noqa: S101 - made by carry
        messages = self._road.world.messages
        odd = messages.oddities(carried)
        faults: tuple[Fault, ...] = odd or messages.request_faults(index, key, carried, self._untyped)
        return Stage(index, key, not odd, faults, carried) if faults else None
