"""Functions that are an endpoint's own: their order, and what becomes of what was sent when it is answered.

As for the functions of types, but with whole requests. Where a handler may answer with what it was sent, an older
client that sends again what it was told must not change anything by that.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Final, NamedTuple, final

from perdure.gtype.traversal import reachable
from perdure.timescape.proving.blame import carried_types, mentioned
from perdure.timescape.proving.drifting import Drifting, came_otherwise
from perdure.timescape.proving.flaws import Flaw, Guilty, Trial
from perdure.timescape.proving.floating import held_by_floats
from perdure.timescape.proving.parameters import parameter_trials
from perdure.timescape.proving.plain import brief, equal, fresh, is_tidy
from perdure.timescape.proving.runs import Runner
from perdure.timescape.proving.stations import Station, new_key, own_functions
from perdure.timescape.recorded import RecordedRevision, targeted_types
from perdure.timescape.revision import Transformer

__all__ = ["endpoint_trials"]

_NO_CONTENT: Final = 204


def endpoint_trials(revision: RecordedRevision, runner: Runner, drifting: Drifting) -> Iterator[Trial]:
    """Yield what there is to try of every endpoint that *revision* has functions of its own for, by itself.

    Args:
        revision: The revision.
        runner: What runs its functions.
        drifting: The types that are known to drift over it.
    """
    for key in revision.before.endpoints:
        functions = own_functions(revision, key)
        if not functions or new_key(revision, key) is None:
            continue
        declared = Station(revision, key, functions, runner)
        about = frozenset({revision.name}), frozenset({key})
        for first, second in combinations(functions, 2):
            if first.direction == second.direction:
                yield from _order(declared, (revision, key), (first, second), runner)
        if _may_get_lost(revision, key):
            continue
        if declared.is_echo and declared.newer.status != _NO_CONTENT:
            bare = None if _shares_work(revision, key) else Station(revision, key, (), runner)
            judge = _Echo((declared, bare), _at_fault(revision, functions), runner, drifting).judge
            yield Trial(f"{key} answered with what was sent, over {revision.name}", declared.request, judge, *about)
        yield from parameter_trials(declared, revision, functions, runner)


def _may_get_lost(revision: RecordedRevision, key: str) -> bool:
    """Tell whether it is said that something of the endpoint, or of what it is sent, may get lost."""
    body, api = revision.before.endpoints[key].body, revision.before
    held = {} if body is None else reachable(body, api.types)
    return any(
        each.keeps == "nothing" and (each.target == key or not held.keys().isdisjoint(targeted_types(each.target, api)))
        for each in revision.promises
    )


def _shares_work(revision: RecordedRevision, key: str) -> bool:
    """Tell whether a type in the body has functions for one direction only: the endpoint's own may be the others."""
    held = mentioned(revision.before.endpoints[key], "request", revision.before.types)
    return carried_types(revision, "request") & held != carried_types(revision, "response") & held


class _Fault(NamedTuple):
    """Who is to blame for what comes back otherwise, and in what way."""

    guilty: Guilty
    what: str


def _at_fault(revision: RecordedRevision, functions: Sequence[Transformer]) -> _Fault:
    asking, telling = ([each for each in functions if each.direction == way] for way in ("request", "response"))
    one = (telling or asking)[0]
    guilty = Guilty(revision.name, one.place, one.direction, one.target)
    if asking and telling:
        return _Fault(guilty, f"is no inverse of the function at {asking[0].place}")
    return _Fault(guilty, f"has no counterpart for {'answers' if asking else 'requests'}")


class _Round(NamedTuple):
    """A body that was sent, answered with, and sent again: as the newer version has it, or the older one."""

    first: object
    told: object
    second: object


@final
class _Echo:
    """Sends again what was told.

    Args:
        stations: The endpoint with its own functions, and without: what drifts there is no fault of theirs; None where
            it may be.
        fault: Whose fault it is otherwise.
        runner: What runs the functions.
        drifting: The types that are known to drift by themselves.
    """

    def __init__(
        self, stations: tuple[Station, Station | None], fault: _Fault, runner: Runner, drifting: Drifting
    ) -> None:  # fmt: skip
        self._declared, self._bare = stations
        self._fault = fault
        self._runner = runner
        self._drifting = drifting

    def judge(self, value: object) -> Flaw | None:
        """Return what is wrong if the request *value* is another one when what it is answered is sent again."""
        gtype = self._declared.request
        sent = held_by_floats(self._declared.messages.reader(gtype).read(value), gtype)
        if not is_tidy(sent) or not isinstance(sent, dict):
            return None
        seen = self._round(self._declared, sent)
        if seen is None or equal(seen.first, seen.second):
            return None
        without = None if self._bare is None else self._round(self._bare, sent)
        if without is not None and not equal(without.first, without.second):
            return None
        guilty, what = self._fault
        message = f"{what}: {came_otherwise('the body that was sent', seen.first, seen.told, seen.second)}"
        cure = (
            "make the functions for requests and for answers inverses; if it is meant, say "
            f"revision.lossless({guilty.target!r}, keeps='nothing')"
        )
        node = self._declared.newer.body
        inner = node and self._drifting.within(node, seen.first, seen.second)
        return Flaw("drift", inner or guilty, message, cure, seen.second)

    def _round(self, station: Station, sent: dict[str, object]) -> _Round | None:
        """Return what becomes of the body of *sent*; None if that is not possible, which is told elsewhere."""
        first = self._arrived(station, sent)
        if first is None:
            return None
        back = self._runner.once(station.back, fresh(first["body"]), "response")
        told = None if back.flaw is not None else station.told(back.result)
        second = None if told is None else self._arrived(station, {**sent, "body": told})
        return None if second is None else _Round(first["body"], told, second["body"])

    def _arrived(self, station: Station, sent: dict[str, object]) -> dict[str, object] | None:
        ran = self._runner.once(station.forward, fresh(sent), "request")
        return None if ran.flaw is not None else station.arrived(ran.result)


def _order(
    declared: Station, at: tuple[RecordedRevision, str], pair: tuple[Transformer, Transformer], runner: Runner
) -> Iterator[Trial]:
    """Yield the trial of the order of *pair*, two functions of an endpoint for one direction."""
    (revision, key), (first, second) = at, pair
    functions = [
        second if each is first else first if each is second else each for each in own_functions(revision, key)
    ]
    other = Station(revision, key, functions, runner)
    is_request = first.direction == "request"
    gtype = declared.request if is_request or declared.is_echo else declared.answers[1]
    if gtype is not None:
        judge = _Order(declared, other, pair, (revision.name, key), runner)
        subject = f"the order of the functions at {first.place} and {second.place}, on {key}"
        run = judge.of_requests if is_request else judge.of_answers
        yield Trial(subject, gtype, run, frozenset({revision.name}), frozenset({key}))


@final
class _Order:
    """Compares what comes out in the declared order and in another."""

    def __init__(
        self, declared: Station, other: Station, pair: tuple[Transformer, Transformer], names: tuple[str, str],
        runner: Runner,
    ) -> None:  # fmt: skip
        self._declared = declared
        self._other = other
        self._pair = pair
        self._names = names
        self._runner = runner

    def of_requests(self, value: object) -> Flaw | None:
        """Return what is wrong with a request if both orders are valid, and no way back tells which one is meant."""
        sent = self._declared.messages.reader(self._declared.request).read(value)
        made = [self._request(each, sent) for each in (self._declared, self._other)]
        if made[0] is None or made[1] is None or equal(made[0], made[1]):
            return None
        if self._declared.is_echo and isinstance(sent, dict) and not equal(made[0].get("body"), made[1].get("body")):
            told = self._answer(self._declared, made[0].get("body"))
            if told is not None and equal(told, sent.get("body")):
                return None
        return self._flaw(made[0], made[1])

    def of_answers(self, value: object) -> Flaw | None:
        """Return the same of the body of an answer; of *value*, a request, where it may be answered with its body."""
        sent, body = None, value
        if self._declared.is_echo:
            request = self._declared.messages.reader(self._declared.request).read(value)
            arrived = self._request(self._declared, request)
            if arrived is None or not isinstance(request, dict):
                return None
            sent, body = request["body"], arrived["body"]
        made = [self._answer(each, body) for each in (self._declared, self._other)]
        if made[0] is None or made[1] is None or equal(made[0], made[1]):
            return None
        return None if sent is not None and equal(made[0], sent) else self._flaw(made[0], made[1])

    def _request(self, station: Station, sent: object) -> dict[str, object] | None:
        ran = self._runner.once(station.forward, fresh(sent), "request")
        return None if ran.flaw is not None else station.arrived(ran.result)

    def _answer(self, station: Station, body: object) -> object:
        ran = self._runner.once(station.back, fresh(body), "response")
        return None if ran.flaw is not None else station.told(ran.result)

    def _flaw(self, usual: object, other: object) -> Flaw:
        first, second = self._pair
        guilty = Guilty(self._names[0], second.place, second.direction, self._names[1])
        if isinstance(other, dict) and isinstance(usual, dict) and other.keys() == usual.keys() == {"body"}:
            usual, other = usual["body"], other["body"]
        message = f"in the other order, this function and the one at {first.place} make {brief(other)}, as valid"
        return Flaw("order", guilty, message, "make one function of both", usual)
