"""Path and query parameters that have no say in what arrives.

A filter that a function forgets to carry over is simply not there, and the handler answers something else than was
asked. So a parameter is changed, and nothing else: what arrives must be another request.
"""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import pairwise
from typing import Final, NamedTuple, final

from perdure.gtype.nodes import Enum, Field, Literal, Node, Object
from perdure.timescape.proving.flaws import Declined, Flaw, Guilty, Trial
from perdure.timescape.proving.losses import varies
from perdure.timescape.proving.messages import node_of
from perdure.timescape.proving.naming import Naming, naming
from perdure.timescape.proving.plain import brief, equal, fresh, size
from perdure.timescape.proving.report import Failure
from perdure.timescape.proving.runs import Runner
from perdure.timescape.proving.stations import Station, new_key
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.revision import Transformer

__all__ = ["dropped_parameters", "parameter_trials"]

_PLACES: Final = ("path", "query")
_SAMPLES = 12
_VALUES = 6
_ENOUGH_PAIRS = 3
_AS_IT_WAS: Final = Naming()


def parameter_trials(
    station: Station, revision: RecordedRevision, functions: Sequence[Transformer], runner: Runner
) -> Iterator[Trial]:
    """Yield the trial of the parameters that *functions*, those of the endpoint at *station*, must carry over."""
    asking = next((each for each in functions if each.direction == "request"), None)
    if asking is None:
        return
    named = naming(revision, asking.target, "request")
    watched = [each for part in _PLACES for each in _watched(station, part, named)]
    if watched:
        guilty = Guilty(revision.name, asking.place, "request", asking.target)
        influence = _Influence(station, watched, guilty, runner)
        subject = f"the parameters of {asking.target}, over {revision.name}"
        about = frozenset({revision.name}), frozenset({asking.target})
        yield Trial(subject, station.request, influence.judge, *about, (influence,))


def dropped_parameters(revision: RecordedRevision) -> Iterator[Failure]:
    """Yield the parameters that *revision* calls otherwise, of endpoints that have no function which could do so.

    One that must be there is refused, which is found by trying.
    """
    for key, names in revision.renames.members.items():
        now = new_key(revision, key) if key in revision.before.endpoints else None
        is_seen = any(each.target == key and each.direction == "request" for each in revision.transformers)
        is_meant = any(each.target == key for each in revision.promises)
        if now is None or is_seen or is_meant:
            continue
        for part in ("query", "headers"):
            older, newer = (
                _fields(node_of(api.endpoints[name], part))
                for api, name in ((revision.before, key), (revision.after, now))
            )
            for old, new in names.items():
                if old in older and new in newer and not newer[new].required and varies(older[old].node):
                    yield Failure(
                        kind="lost", place=revision.place, revision=revision.name, direction="request", target=key,
                        message=f"is missing: {old!r} is called {new!r} since, and nothing carries it over",
                        cure=f"declare @revision.request({key!r}); if it is meant, say "
                        f"revision.lossless({key!r}, keeps='nothing')",
                    )  # fmt: skip


class _Parameter(NamedTuple):
    part: str
    name: str
    now: str
    """What it is called since, or what it may be called."""
    is_certain: bool
    """It is that, and no other one."""


def _watched(station: Station, part: str, named: Naming) -> Iterator[_Parameter]:
    """Yield the parameters that are there on both sides, but for those that stay the same but for their names."""
    older, newer = (_fields(node_of(each, part)) for each in (station.older, station.newer))
    taken = {named.members.get(name, name) for name in older}
    free = [name for name, field in newer.items() if name not in taken and not _is_listed(field.node)]
    for name, field in older.items():
        now = named.members.get(name, name)
        if not varies(field.node):
            continue
        if now in newer:
            is_same = named.called(field.node) == _AS_IT_WAS.called(newer[now].node)
            if not is_same and varies(newer[now].node):
                yield _Parameter(part, name, now, is_certain=True)
        elif part == "path" and free:
            yield _Parameter(part, name, free[0], is_certain=True)
        else:
            alike = [each for each in free if named.called(field.node) == _AS_IT_WAS.called(newer[each].node)]
            yield from (_Parameter(part, name, each, is_certain=False) for each in alike[:1])


def _fields(node: Node | None) -> dict[str, Field]:
    return {field.name: field for field in node.fields} if isinstance(node, Object) else {}


def _is_listed(node: Node) -> bool:
    return isinstance(node, Enum | Literal)


@final
class _Influence:
    """Gathers requests, and tells which parameters of them may be anything; a `Losses`."""

    def __init__(
        self, station: Station, watched: Sequence[_Parameter], guilty: Guilty, runner: Runner
    ) -> None:  # fmt: skip
        self._station = station
        self._watched = watched
        self._guilty = guilty
        self._runner = runner
        self._requests: list[dict[str, object]] = []

    def judge(self, value: object) -> None:
        """Take note of the request *value*; raises nothing."""
        self.observe(value, self._station.messages.reader(self._station.request).read(value), None)

    def observe(self, given: object, went_in: object, came: object) -> None:  # noqa: ARG002 - a `Losses`
        """Take note of *went_in*."""
        if isinstance(went_in, dict):
            self._requests.append(went_in)

    def conclude(self) -> Iterator[tuple[object, Flaw]]:
        """Yield the parameters without any influence, each with a request that shows it."""
        for each in self._watched:
            values = self._values(each)[:_VALUES]
            shown = [request for request in self._requests if each.part in request][:_SAMPLES]
            pairs = [
                (_with(request, each, one), _with(request, each, other))
                for request in shown
                for one, other in pairwise(values)
            ]
            alike = [self._is_alike(one, other) for one, other in pairs]
            if False in alike or alike.count(True) < _ENOUGH_PAIRS:
                continue
            yield pairs[alike.index(True)][0], self._flaw(each, values)

    def _values(self, parameter: _Parameter) -> list[object]:
        """Return the different values that were seen, the plain ones first."""
        found: list[object] = []
        for request in self._requests:
            part = request.get(parameter.part)
            if isinstance(part, dict) and parameter.name in part:
                value = part[parameter.name]
                if value is not None and not any(equal(value, each) for each in found):
                    found.append(value)
        return sorted(found, key=size)

    def _is_alike(self, one: dict[str, object], other: dict[str, object]) -> bool | None:
        """Tell whether two requests are the same when they arrive; None if that is not known."""
        arrived: list[dict[str, object] | None] = []
        with suppress(Declined):
            for each in (one, other):
                ran = self._runner.once(self._station.forward, fresh(each), "request")
                arrived.append(None if ran.flaw is not None else self._station.arrived(ran.result))
        return equal(*arrived) if len(arrived) == 2 and None not in arrived else None

    def _flaw(self, parameter: _Parameter, values: Sequence[object]) -> Flaw:
        part, name, now, is_certain = parameter
        there = "" if name == now else f", though there is {now!r}" if is_certain else f", though {now!r} may be it"
        message = f"drops the {part} parameter {name!r}{there}: for {_told(values)} the same request arrives"
        cure = f"carry it over; if it is meant, say revision.lossless({self._guilty.target!r}, keeps='nothing')"
        return Flaw("lost" if is_certain else "cut", self._guilty, message, cure, about=f"{part} {name}")


def _told(values: Sequence[object]) -> str:
    return " and ".join(brief(each, 40) for each in values[:2])


def _with(request: dict[str, object], parameter: _Parameter, value: object) -> dict[str, object]:
    part = request[parameter.part]
    return {**request, parameter.part: {**(part if isinstance(part, dict) else {}), parameter.name: value}}
