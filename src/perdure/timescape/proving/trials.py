"""What there is to try of an API, in the order in which failures are easiest to read: small values first."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import final

from perdure.timescape.chain import Removed
from perdure.timescape.proving.choice import Choice
from perdure.timescape.proving.drifting import Drifting
from perdure.timescape.proving.endings import endpoint_trials
from perdure.timescape.proving.flaws import Trial
from perdure.timescape.proving.journeys import Journey
from perdure.timescape.proving.orders import order_trials
from perdure.timescape.proving.probes import Sides, probe
from perdure.timescape.proving.report import Remark
from perdure.timescape.proving.returns import Returning
from perdure.timescape.proving.roads import Way, World
from perdure.timescape.proving.words import word_trials
from perdure.timescape.recorded import RecordedRevision

__all__ = ["Trials"]


@final
class Trials:
    """All trials of an API.

    Args:
        world: Its versions.
        live: Indices of those whose clients count, oldest first.
        speaks: For endpoints with handlers of their own for older versions: the versions these speak.
        choice: What is looked at.
    """

    def __init__(
        self, world: World, live: Sequence[int], speaks: Mapping[str, frozenset[int]], choice: Choice
    ) -> None:  # fmt: skip
        self._world = world
        self._live = live
        self._speaks = speaks
        self._choice = choice
        self.remarks: dict[Remark, None] = {}
        """What cannot be tried; complete when all trials were taken."""

    def __iter__(self) -> Iterator[Trial]:
        """Yield every transformer by itself, then every way of every endpoint."""
        yield from filter(self._choice.has_trial, self._of_types())
        yield from self._of_ways()

    def _of_types(self) -> Iterator[Trial]:
        timescape, runner = self._world.timescape, self._world.runner
        sides: dict[int, Sides] = {}
        # Nobody's requests pass the older ones any more.
        for revision in self._revisions(range(self._live[0] + 1, timescape.head + 1)):
            for api in (revision.before, revision.after):
                sides.setdefault(id(api), Sides.of(api))
            around = sides[id(revision.before)], sides[id(revision.after)]
            drifting = Drifting(revision)
            for one in probe(revision, around, runner):
                yield from one.trials()
                yield from Returning(one, runner, drifting).trials()
                yield from word_trials(one, runner)
            yield from order_trials(revision, around, runner)
            yield from endpoint_trials(revision, runner, drifting)

    def _revisions(self, indices: Iterable[int]) -> Iterator[RecordedRevision]:
        for index in indices:
            revision = self._world.timescape.revision_at(index)
            if revision is not None:
                yield revision

    def _of_ways(self) -> Iterator[Trial]:
        """Yield the trials of every endpoint from every live version on, but for those that are the same."""
        seen: set[object] = set()
        for journey in self._journeys():
            for signature, trial in journey.trials():
                if signature not in seen and self._choice.has_trial(trial):
                    seen.add(signature)
                    yield trial

    def _ends(self, key: str, at: int) -> list[int]:
        """Return the versions that handlers speak to which the endpoint that version *at* calls *key* may lead."""
        timeline, head = self._world.timeline, self._world.timescape.head
        found = {
            to
            for name in timeline.names_since(key, at)
            for to in self._speaks.get(name, frozenset())
            if to > at and timeline.name_at(key, at, to) == name
        }
        return sorted(found | ({head} if head > at else set()))

    def _journeys(self) -> Iterator[Journey]:
        timeline = self._world.timeline
        for at in self._live:
            for key in timeline.endpoints_at(at):
                for to in self._ends(key, at):
                    if isinstance(timeline.chain(key, at, to), Removed):
                        continue
                    journey = Journey(self._world, Way(key, at, to))
                    if journey.is_answer_unknown:
                        name = self._world.names[at]
                        message = (
                            f"answers of {key} to clients of {name} are not tried: nothing says any more what they are"
                        )
                        self.remarks[Remark(message=message)] = None
                    yield journey
