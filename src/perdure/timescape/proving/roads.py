"""One endpoint between two versions: the chain the running app uses, what it passes, and who is to blame on it."""

from collections.abc import Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol, final

from msgspec import structs

from perdure.errors import Fault
from perdure.gtype.nodes import Node
from perdure.manifest.records import Endpoint
from perdure.timescape.chain import Chain, Removed
from perdure.timescape.hop import Hop
from perdure.timescape.proving.blame import blame_output
from perdure.timescape.proving.flaws import Flaw, Guilty
from perdure.timescape.proving.messages import Messages, node_of
from perdure.timescape.proving.plain import difference, fresh, pointer_to
from perdure.timescape.proving.report import Kind
from perdure.timescape.proving.runs import Carry, Runner
from perdure.timescape.proving.traces import Trace
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.revision import Direction
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape

__all__ = ["Passage", "Road", "Stage", "Step", "Way", "World"]

_SHOWN_FAULTS = 3


class World(NamedTuple):
    """Versions, the chains between them, what is said at each, and what runs them."""

    timescape: Timescape
    timeline: Timeline
    messages: Messages
    runner: Runner
    names: Sequence[str]
    """What people call each version."""


class Way(NamedTuple):
    """From which endpoint at which version to which version."""

    key: str
    at: int
    to: int


class Stage(NamedTuple):
    """A result somewhere on the way, and what is wrong with it there."""

    version: int
    """The version it has reached, by its index."""
    key: str
    """What the endpoint is called there."""
    is_json: bool
    faults: tuple[Fault, ...]
    came: object
    """A request by part, or the body of an answer."""


class Step(NamedTuple):
    """A revision that does something on the way."""

    version: int
    """The version it makes, by its index."""
    hop: Hop
    revision: RecordedRevision


class Passage(Protocol):
    """Carries a value over a road."""

    def __call__(self, value: object, *, trace: Trace | None = None, until: int | None = None) -> object:
        """Return *value* carried to the end, or to the version *until*; *trace* takes note of every version."""


@final
class Road:
    """A way, with what lies on it.

    Args:
        world: Where it is.
        way: From where to where; the endpoint must not be removed on it.
    """

    def __init__(self, world: World, way: Way) -> None:
        self.world = world
        self.way = way
        self.chain = self.chain_to(way.key, way.at, way.to)
        self.target_key = way.key if self.chain is None else self.chain.target_key
        self.touches = frozenset[str]() if self.chain is None else self.chain.touches
        self.revisions = () if self.chain is None else self.chain.revisions
        self.steps = tuple(self._steps())

    @property
    def older(self) -> Endpoint:
        """The endpoint as the client knows it."""
        return self.world.timescape.api_at(self.way.at).endpoints[self.way.key]

    @property
    def newer(self) -> Endpoint:
        """The endpoint as the handler knows it."""
        return self.world.timescape.api_at(self.way.to).endpoints[self.target_key]

    def chain_to(self, key: str, at: int, to: int) -> Chain | None:
        """Return the chain of a part of the way."""
        planned = self.world.timeline.chain(key, at, to)
        assert not isinstance(planned, Removed)  # noqa: S101 - no part of a way that goes on is removed
        return planned

    def name_at(self, index: int) -> str:
        """Return what the endpoint is called at version *index*."""
        chain = self.chain_to(self.way.key, self.way.at, index)
        return self.way.key if chain is None else chain.target_key

    def owners(self, direction: Direction) -> tuple[str, ...]:
        """Return the endpoints on the way that have functions of their own in *direction*: no two are tried as one."""
        return tuple(f"{step.revision.name} {step.hop.key}" for step in self.steps if self.owner(step, direction))

    def owner(self, step: Step, direction: Direction) -> Guilty | None:
        """Return the function that is the endpoint's own in *direction* at *step*; None where it has none."""
        functions = [
            each for each in step.revision.transformers if each.direction == direction and each.target == step.hop.key
        ]
        return Guilty(step.revision.name, functions[0].place, direction, step.hop.key) if functions else None

    def accuse(self, stage: Stage, direction: Direction) -> Flaw:
        """Return the flaw of *stage*, the first on the way that is wrong."""
        made_at = stage.version if direction == "request" else stage.version + 1
        revision = self.world.timescape.revision_at(made_at)
        if revision is None:
            guilty = Guilty("", "", direction, stage.key, is_missing=True)
        else:
            guilty = self._guilty(revision, stage, self.name_at(made_at - 1), direction)
        came, faults = stage.came, stage.faults[:_SHOWN_FAULTS]
        if direction == "request" and isinstance(came, dict) and came.keys() == {"body"}:
            came = came["body"]
            faults = tuple(structs.replace(each, pointer=each.pointer.removeprefix("/body")) for each in faults)
        told = "; ".join(f"{each.pointer or 'the whole'}: {each.message}" for each in faults)
        name = self.world.names[stage.version]
        what = "is missing: what comes out is" if guilty.is_missing else "makes what is"
        message = f"{what} not allowed by {name}: {told}" if stage.is_json else f"makes what JSON does not have: {told}"
        kind: Kind = "invalid" if stage.is_json else "not-json"
        return Flaw(kind, guilty, message, _cure(guilty), fresh(came) if stage.is_json else None, faults)

    def settle(
        self, carry: Passage, value: object, first: object, trace: Trace, direction: Direction
    ) -> Flaw | None:  # fmt: skip
        """Return what is wrong if *value* is not carried to *first* once more.

        Args:
            carry: What carries it.
            value: What was carried.
            first: What it became.
            trace: How.
            direction: Which way.
        """
        again = Trace(self.way.at if direction == "request" else self.way.to, value)
        flaw = self.world.runner.settles(partial(carry, trace=again), fresh(value), first, direction)
        if flaw is None or flaw.kind == "hang":
            return flaw
        end = self.way.to if direction == "request" else self.way.at
        parting = again.parts_from(trace, end)
        if parting is not None:
            return flaw._replace(guilty=self._unsteady(parting, trace.at(parting), again.at(parting), direction))
        if flaw.guilty.revision:
            return flaw
        # The same object twice is no difference: only another look at each version shows where it comes from.
        for version in trace.versions(end):
            shared = self._shared(partial(carry, until=version), value, direction)
            if shared is not None:
                pointer, came = shared
                return flaw._replace(guilty=self._maker(version, pointer, came, direction), faults=())
        return flaw._replace(guilty=Guilty("", "", direction, self.way.key), faults=())

    def _unsteady(self, version: int, one: object, other: object, direction: Direction) -> Guilty:
        return self._maker(version, pointer_to(difference(one, other)), other, direction)

    def _shared(self, carry: Carry, value: object, direction: Direction) -> tuple[str, object] | None:
        ran = self.world.runner.once(carry, fresh(value), direction)
        if ran.flaw is not None:
            return None
        again = self.world.runner.settles(carry, fresh(value), ran.result, direction)
        return (again.faults[0].pointer, ran.result) if again is not None and again.faults else None

    def _maker(self, version: int, pointer: str, came: object, direction: Direction) -> Guilty:
        """Return whose function made what lies at *pointer* in *came*, at *version*."""
        if direction != "request" and isinstance(came, dict):
            pointer, came = pointer.removeprefix("/body"), came["body"]
        fault = Fault(pointer=pointer, code="unstable", expected="the same", actual="another", message="")
        stage = Stage(version, self.name_at(version), True, (fault,), came)
        return self.accuse(stage, direction).guilty._replace(is_missing=False)

    def _guilty(self, revision: RecordedRevision, stage: Stage, before: str, direction: Direction) -> Guilty:
        fault = stage.faults[0]
        endpoint = self.world.messages.endpoint(stage.version, stage.key)
        node: Node | None = None
        came, pointer = stage.came, fault.pointer
        if direction == "request" and endpoint is not None and isinstance(came, dict):
            part, _, rest = pointer[1:].partition("/")
            node, came, pointer = node_of(endpoint, part), came.get(part), f"/{rest}" if rest else ""
        elif direction == "response" and endpoint is not None and fault.code != "status":
            node = endpoint.response
        return blame_output(revision, direction, before, None if node is None else (node, came), pointer)

    def _steps(self) -> Iterator[Step]:
        revisions = {version: self.world.timescape.revision_at(version) for version in self._passed()}
        by_name = {each.name: (version, each) for version, each in revisions.items() if each is not None}
        chain = self.chain
        while chain is not None:
            if chain.hop is not None:
                version, revision = by_name[chain.hop.revision]
                yield Step(version, chain.hop, revision)
            chain = chain.rest

    def _passed(self) -> range:
        return range(self.way.at + 1, self.way.to + 1)


def _cure(guilty: Guilty) -> str:
    if guilty.is_missing and guilty.direction != "problem":
        return (
            f"declare @revision.{guilty.direction}({guilty.target!r}), or say that nothing can carry it over: "
            f"revision.impossible({guilty.target!r}, {guilty.direction!r}, reason=…)"
        )
    return "mend the function for the value that is given"
