"""What there is to try of one endpoint between two versions."""

from collections.abc import Iterator, Sequence
from typing import final

from perdure.gtype.nodes import GType
from perdure.timescape.proving.backward import Backward
from perdure.timescape.proving.flaws import Judge, Trial, Watch
from perdure.timescape.proving.forward import Forward
from perdure.timescape.proving.messages import PARTS, PROBLEM_TYPE, node_of
from perdure.timescape.proving.roads import Road, Way, World
from perdure.timescape.proving.watching import watches_of_answers, watches_of_requests

__all__ = ["Journey"]


@final
class Journey:
    """The ways of requests, answers and problems of one endpoint between two versions.

    Args:
        world: Where it happens.
        way: From where to where; the endpoint must not be removed on it.
        told: How the subject of a trial ends; by default endpoint and versions.
    """

    def __init__(self, world: World, way: Way, told: str = "") -> None:
        self.road = Road(world, way)
        self.forward = Forward(self.road)
        self._messages = world.messages
        self._told = told or f"of {way.key}, {world.names[way.at]} to {world.names[way.to]}"

    def trials(self) -> Iterator[tuple[object, Trial]]:
        """Yield what there is to try, each with what is the same for trials that need not both be run."""
        for trial in (self.request(), self.response(), self.problem()):
            if trial is not None:
                yield trial

    def request(self, watches: Sequence[Watch] | None = None) -> tuple[object, Trial] | None:
        """Return the trial of requests; None where they are the same at both ends.

        Args:
            watches: What to watch; by default the functions that are the endpoint's own.
        """
        road, owned = self.road, self.road.owners("request")
        parts = [part for part in PARTS if owned or part in road.touches or self._differs(part)]
        if not parts:
            return None
        source = self._messages.request(road.way.at, road.way.key, parts)
        target = self._messages.request(road.way.to, road.target_key, parts)
        signature = ("request", source.canonical(), target.canonical(), road.revisions, owned)
        if watches is None:
            watches = tuple(watches_of_requests(road, parts))
        return signature, self._trial("requests", source, Forward(road, watches).judge, watches)

    def response(self, watches: Sequence[Watch] | None = None) -> tuple[object, Trial] | None:
        """Return the trial of answers, as `request`; None where they are the same at both ends."""
        road, owned = self.road, self.road.owners("response")
        statuses = road.older.status, road.newer.status
        source = self._messages.response(road.way.to, road.target_key)
        target = self._messages.response(road.way.at, road.way.key)
        is_same = statuses[0] == statuses[1] and (road.newer.response is None or source == target)
        if is_same and not owned and "response" not in road.touches:
            return None
        signature = ("response", source.canonical(), target.canonical(), road.revisions, owned, statuses)
        if self.is_answer_unknown:
            return None
        if watches is None:
            watches = tuple(watches_of_answers(road))
        return signature, self._trial("answers", source, Backward(road, "response", watches).judge, watches)

    def problem(self) -> tuple[object, Trial] | None:
        """Return the trial of problems; None where they pass untouched."""
        if "problem" not in self.road.touches:
            return None
        signature = ("problem", self.road.revisions, self.road.owners("problem"))
        return signature, self._trial("problems", PROBLEM_TYPE, Backward(self.road, "problem").judge)

    @property
    def is_answer_unknown(self) -> bool:
        """Whether an older client was promised a type of answer, and nothing says what the newer version answers."""
        road = self.road
        is_lost = road.older.response is not None and road.newer.response is None
        return is_lost and not road.owners("response") and road.newer.status != 204

    def _trial(self, what: str, gtype: GType, judge: Judge, watches: Sequence[Watch] = ()) -> Trial:
        names, losses = frozenset({self.road.way.key, self.road.target_key}), tuple(each.losses for each in watches)
        return Trial(f"{what} {self._told}", gtype, judge, frozenset(self.road.revisions), names, losses)

    def _differs(self, part: str) -> bool:
        before, after = node_of(self.road.older, part), node_of(self.road.newer, part)
        if before is None or after is None:
            return after is not None
        way = self.road.way
        return self._messages.gtype(before, way.at) != self._messages.gtype(after, way.to)
