"""Pairs of functions whose order makes a difference that nobody declared.

Two functions for one type run one after the other; one for a type and one for a type within it run inside out (outside
in for answers). If the other order would give another value that is just as valid, nothing will ever complain: it is
told, unless a way back shows that the order is the one that was meant.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple, final

from perdure.gtype.nodes import GType
from perdure.gtype.traversal import reachable
from perdure.timescape.proving.flaws import Flaw, Guilty, Trial
from perdure.timescape.proving.plain import brief, equal, fresh
from perdure.timescape.proving.probes import Probe, Sides, probe
from perdure.timescape.proving.runs import Carry, Ran, Runner
from perdure.timescape.recorded import RecordedRevision, targeted_types
from perdure.timescape.revision import Transformer, is_endpoint_key

__all__ = ["order_trials"]


def order_trials(revision: RecordedRevision, sides: tuple[Sides, Sides], runner: Runner) -> Iterator[Trial]:
    """Yield a trial for each pair of functions of *revision* for one type, and for each whose type holds others."""
    impossible = {each.place for each in revision.impossibilities}
    functions = [
        each for each in revision.transformers
        if each.direction != "problem" and each.target and not is_endpoint_key(each.target)
        and each.place not in impossible
    ]  # fmt: skip
    meeting = _Meeting(revision, sides, runner, functions)
    for first, second in combinations(functions, 2):
        if first.direction == second.direction:
            for name in sorted(_types(first, revision) & _types(second, revision)):
                yield from meeting.beside(name, first, second)
    for outer in functions:
        within = {name for each in functions if each.direction == outer.direction for name in _types(each, revision)}
        for name in sorted(_types(outer, revision)):
            if within & reachable(revision.before.types[name], revision.before.types).keys() - {name}:
                yield from meeting.within(name, outer)


def _types(transformer: Transformer, revision: RecordedRevision) -> set[str]:
    return set(targeted_types(transformer.target, revision.before))


@final
class _Meeting:
    """Functions of one revision that meet in the values of one type."""

    def __init__(
        self, revision: RecordedRevision, sides: tuple[Sides, Sides], runner: Runner, functions: Sequence[Transformer]
    ) -> None:  # fmt: skip
        self._revision = revision
        self._sides = sides
        self._runner = runner
        self._functions = functions

    def beside(self, name: str, first: Transformer, second: Transformer) -> Iterator[Trial]:
        """Yield the trial of two functions for the type *name*."""
        others = [second if each is first else first if each is second else each for each in self._functions]
        declared, other = self._probe(name, self._functions), self._probe(name, others)
        if declared is not None and other is not None:
            carry = other.forward if first.direction == "request" else other.back
            told = f"in the other order, this function and the one at {first.place} make"
            yield from self._trial(declared, second, _Other(carry, lambda _: told))

    def within(self, name: str, outer: Transformer) -> Iterator[Trial]:
        """Yield the trial of *outer*, for the type *name*, and of the functions for types in it.

        To look for a member that is there or not is what makes a function depend on the order; where it finds the same
        in both, a difference is none of its making.
        """
        is_request, log = outer.direction == "request", set[str]()
        rest = [_watched(each, log) for each in self._functions if each is not outer]
        declared, usual = self._probe(name, self._functions), self._probe(name, [_watched(each, log) for each in
                                                                                 self._functions])  # fmt: skip
        alone, others = self._probe(name, [_watched(outer, log)]), self._probe(name, rest)
        if declared is None or usual is None or alone is None or others is None:
            return
        turns = (alone, others) if is_request else (others, alone)

        def other(value: object) -> object:
            for turn in turns:
                value = (turn.forward if is_request else turn.back)(_Watched.of(value, log))
            return fresh(value)

        def missed(value: object) -> str:
            looked: list[set[str]] = []
            for carry in (usual.forward if is_request else usual.back, other):
                log.clear()
                self._runner.once(carry, _Watched.of(fresh(value), log), outer.direction)
                looked.append(set(log))
            names = ", ".join(sorted(looked[0] - looked[1]))
            when = "by then types within are carried over already" if is_request else "types within are not yet carried"
            return f"looks for {names}, which it does not find as {when}; else it would make" if names else ""

        yield from self._trial(declared, outer, _Other(other, missed))

    def _probe(self, name: str, transformers: Sequence[Transformer]) -> Probe | None:
        found = probe(self._revision, self._sides, self._runner, transformers)
        return next((each for each in found if each.name == name), None)

    def _trial(self, declared: Probe, guilty: Transformer, other: "_Other") -> Iterator[Trial]:
        is_request = guilty.direction == "request"
        ends = (declared.before, declared.after) if is_request else (declared.after, declared.before)
        if ends[0] is None or not (declared.is_asked if is_request else declared.is_told):
            return
        subject = f"the order of the function at {guilty.place} and others, on {declared.name}"
        judge = _OrderJudge(declared, (ends[0], ends[1]), guilty, other, self._runner).judge
        yield Trial(subject, ends[0], judge, frozenset({self._revision.name}), frozenset({declared.name}))


class _Other(NamedTuple):
    """Another order."""

    carry: Carry
    complaint: Callable[[object], str]
    """Begins the sentence for a value that comes out otherwise; "" if nothing is wrong with that."""


@final
class _OrderJudge:
    """Compares what comes out in the declared order and in another."""

    def __init__(
        self, declared: Probe, ends: tuple[GType, GType | None], guilty: Transformer, other: _Other, runner: Runner
    ) -> None:
        is_request = guilty.direction == "request"
        self._messages = declared.world.messages
        self._source, self._target = ends
        self._carry, self._back = (declared.forward, declared.back) if is_request else (declared.back, declared.forward)
        self._name = declared.name
        self._revision = declared.revision.name
        self._is_inverted = declared.declares("response" if is_request else "request")
        self._guilty = guilty
        self._other = other
        self._runner = runner

    def judge(self, value: object) -> Flaw | None:
        """Return what is wrong if both are valid, differ, and no way back tells that the declared one is meant."""
        direction = self._guilty.direction
        given = self._messages.reader(self._source).read(value) if direction == "request" else value
        usual, other = (self._runner.once(run, fresh(given), direction) for run in (self._carry, self._other.carry))
        if not (self._is_fine(usual) and self._is_fine(other)) or equal(usual.result, other.result):
            return None
        returned = self._runner.once(self._back, fresh(usual.result), direction)
        if returned.flaw is None and (equal(returned.result, given) or self._is_meant(usual.result, returned.result)):
            return None
        complaint = self._other.complaint(given)
        if not complaint:
            return None
        guilty = Guilty(self._revision, self._guilty.place, direction, self._name)
        cure = "make one function of both, or let neither look at what the other changes"
        return Flaw("order", guilty, f"{complaint} {brief(other.result)}, as valid", cure, usual.result)

    def _is_meant(self, made: object, again: object) -> bool:
        """Tell whether *again*, which the way back made of *made*, becomes that once more, or the same either way."""
        direction = self._guilty.direction
        if not self._is_inverted:
            return False
        usual, other = (self._runner.once(run, fresh(again), direction) for run in (self._carry, self._other.carry))
        return self._is_fine(usual) and (equal(usual.result, made) or equal(usual.result, other.result))

    def _is_fine(self, ran: Ran) -> bool:
        if ran.flaw is not None or self._messages.oddities(ran.result):
            return False
        return self._target is None or self._messages.reader(self._target).validator.is_valid(ran.result)


class _Watched(dict[str, object]):
    """An object that notes the names it is asked for and does not have."""

    log: set[str]

    @classmethod
    def of(cls, value: object, log: set[str]) -> object:
        """Return *value* with every object in it watched."""
        if isinstance(value, dict):
            watched = cls({name: cls.of(each, log) for name, each in value.items()})
            watched.log = log
            return watched
        return [cls.of(each, log) for each in value] if isinstance(value, list) else value

    def __missing__(self, name: str) -> object:
        self.log.add(name)
        raise KeyError(name)

    def __contains__(self, name: object) -> bool:
        return self._note(name)

    def get(self, name: str, default: object = None) -> object:
        """Return the member *name*, or *default*."""
        return super().get(name, default) if self._note(name) else default

    def pop(self, name: str, *default: object) -> object:
        """Take the member *name* out and return it."""
        self._note(name)
        return super().pop(name, *default)

    def _note(self, name: object) -> bool:
        is_there = super().__contains__(name)
        if not is_there:
            self.log.add(str(name))
        return is_there


def _watched(transformer: Transformer, log: set[str]) -> Transformer:
    """Return *transformer* such that what it returns is watched."""
    function = transformer.function
    return transformer._replace(function=lambda value: _Watched.of(function(value), log))
