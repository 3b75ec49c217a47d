"""One endpoint between two versions: the chain the running app uses, what it passes, and who is to blame on it."""

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple, final

from msgspec import structs

from perdure.errors import Fault
from perdure.gtype.nodes import Node
from perdure.manifest.records import Endpoint
from perdure.timescape.chain import Chain, Removed
from perdure.timescape.hop import Hop
from perdure.timescape.proving.blame import blame_output
from perdure.timescape.proving.flaws import Flaw, Guilty
from perdure.timescape.proving.messages import Messages, node_of
from perdure.timescape.proving.plain import fresh
from perdure.timescape.proving.report import Kind
from perdure.timescape.proving.runs import Carry, Runner
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.revision import Direction
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape

__all__ = ["Road", "Stage", "Way", "World"]

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
        return tuple(
            f"{hop.revision} {hop.key}"
            for hop, revision in self._hops()
            if any(each.direction == direction and each.target == hop.key for each in revision.transformers)
        )

    def sole_owner(self, direction: Direction) -> Guilty | None:
        """Return the function on the way that is an endpoint's own in *direction*, if there is just one."""
        found = [
            Guilty(revision.name, each.place, direction, hop.key)
            for hop, revision in self._hops()
            for each in revision.transformers
            if each.direction == direction and each.target == hop.key
        ]
        return found[0] if len(found) == 1 else None

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
        self, carry_to: Callable[[int], Carry], value: object, first: object, direction: Direction
    ) -> Flaw | None:
        """Return what is wrong if *value* is not carried to *first* once more.

        Args:
            carry_to: For a version on the way, what carries as far as that.
        """
        runner, way = self.world.runner, self.way
        end = way.to if direction == "request" else way.at
        flaw = runner.settles(carry_to(end), fresh(value), first, direction)
        if flaw is None or flaw.guilty.revision:
            return flaw
        passed = range(way.at + 1, way.to + 1) if direction == "request" else range(way.to - 1, way.at - 1, -1)
        for version in passed:
            ran = runner.once(carry_to(version), fresh(value), direction)
            again = None if ran.flaw else runner.settles(carry_to(version), fresh(value), ran.result, direction)
            if again is not None and again.faults:
                faults, came = again.faults, ran.result
                if direction != "request" and isinstance(came, dict):
                    fault = structs.replace(faults[0], pointer=faults[0].pointer.removeprefix("/body"))
                    faults, came = (fault,), came["body"]
                stage = Stage(version, self.name_at(version), True, faults, came)
                return flaw._replace(guilty=self.accuse(stage, direction).guilty._replace(is_missing=False), faults=())
        return flaw._replace(guilty=Guilty("", "", direction, way.key), faults=())

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

    def _hops(self) -> Iterator[tuple[Hop, RecordedRevision]]:
        passed = map(self.world.timescape.revision_at, range(self.way.at + 1, self.way.to + 1))
        by_name = {revision.name: revision for revision in passed if revision is not None}
        chain = self.chain
        while chain is not None:
            if chain.hop is not None:
                yield chain.hop, by_name[chain.hop.revision]
            chain = chain.rest


def _cure(guilty: Guilty) -> str:
    if guilty.is_missing and guilty.direction != "problem":
        return (
            f"declare @revision.{guilty.direction}({guilty.target!r}), or say that nothing can carry it over: "
            f"revision.impossible({guilty.target!r}, {guilty.direction!r}, reason=…)"
        )
    return "mend the function for the value that is given"
