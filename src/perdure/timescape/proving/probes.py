"""Every transformer of a type by itself: an API is made in which each type is a whole message.

Values of a type alone are small, so more of them are tried, and what fails is easy to read. What such a value must
become is only certain where the type of that name is on the same side of messages before the revision and after it:
a type may be replaced by one of another name, which only the endpoints tell.
"""

from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import NamedTuple, final

from msgspec import structs

from perdure.gtype.nodes import AnyValue, GType, Node, Object, Ref
from perdure.gtype.traversal import reachable
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.parts import ResponseParts
from perdure.timescape.proving.blame import carried_types, declared, mentioned
from perdure.timescape.proving.cuts import Cuts
from perdure.timescape.proving.flaws import Guilty, Losses, Trial, Watch
from perdure.timescape.proving.journeys import Journey
from perdure.timescape.proving.losses import MemberLosses, Shared, shared_members
from perdure.timescape.proving.messages import Messages
from perdure.timescape.proving.naming import naming, successor
from perdure.timescape.proving.roads import Way, World
from perdure.timescape.proving.runs import Runner
from perdure.timescape.recorded import RecordedRevision, targeted_types
from perdure.timescape.revision import Direction, Lossless, Transformer, is_endpoint_key
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape

__all__ = ["Probe", "Sides", "probe", "probed_types"]


class Sides(NamedTuple):
    """The types in requests and the types in answers, of one API."""

    request: AbstractSet[str]
    response: AbstractSet[str]

    @classmethod
    def of(cls, api: Api) -> "Sides":
        """Return those of *api*, at any depth."""
        asked = [each for end in api.endpoints.values() for each in (end.params, end.query, end.headers, end.body)]
        told = [end.response for end in api.endpoints.values()]
        return cls(*(_reached(nodes, api) for nodes in (asked, told)))


def _reached(nodes: Iterable[Node | None], api: Api) -> set[str]:
    found: set[str] = set()
    for node in nodes:
        if node is not None:
            found |= reachable(node, api.types).keys()
    return found


@final
class Probe:
    """One type before a revision, carried over that revision and nothing else.

    Args:
        world: The API that was made for it.
        name: The type.
        revision: The revision of that API.
        whole: The revision it is made of.
        sides: Of the APIs before and after the latter.
    """

    def __init__(
        self, world: World, name: str, revision: RecordedRevision, whole: RecordedRevision, sides: tuple[Sides, Sides]
    ) -> None:  # fmt: skip
        self._sides = sides
        self._whole = whole
        self.name = name
        self.revision = revision
        self.world = world
        self.key = f"POST /{name}"
        self.journey = Journey(world, Way(self.key, 0, 1), f"of {name} by itself, over {revision.name}")

    @property
    def before(self) -> GType:
        """The type before the revision."""
        return _named(self.name, self.revision.before)

    @property
    def after(self) -> GType | None:
        """The same type after it, which may have another name; None where nothing is known of it."""
        name = successor(self.revision, self.name)
        return None if name is None else _named(name, self.revision.after)

    @property
    def is_asked(self) -> bool:
        """Whether older clients send it."""
        return self.name in self._sides[0].request

    @property
    def is_told(self) -> bool:
        """Whether answers have it on both sides of the revision."""
        return self.name in self._sides[0].response and successor(self.revision, self.name) in self._sides[1].response

    def declares(self, direction: Direction) -> bool:
        """Tell whether the revision has functions of its own for the type in *direction*."""
        return any(declared(self.revision, direction, self.name))

    def trials(self) -> Iterator[Trial]:
        """Yield what there is to try of the type by itself."""
        asked = self.journey.request(self._watches("request", "body"))
        told = self.journey.response(self._watches("response", ""))
        if asked is not None and self.is_asked and (self.declares("request") or self._is_forgotten("request")):
            yield asked[1]._replace(names=frozenset({self.name}))
        if told is not None and self.is_told and (self.declares("response") or self._is_forgotten("response")):
            yield told[1]._replace(names=frozenset({self.name}))

    def is_left_alone(self, direction: Direction) -> bool:
        """Tell whether no function of the revision sees values of the type in *direction*, not even within others."""
        return not any(
            each.direction == direction and self.name in _seen_by(each, self._whole)
            for each in self._whole.transformers
        )

    def _is_forgotten(self, direction: Direction) -> bool:
        """Tell whether members are called otherwise since, and nothing carries them over."""
        return self.name in self.revision.renames.members and self.is_left_alone(direction)

    def _watches(self, direction: Direction, part: str) -> tuple[Watch, ...]:
        """Return what watches the type, unless the revision says that something of it may get lost."""
        functions = list(declared(self.revision, direction, self.name))
        is_missing = not functions
        if any(each.keeps == "nothing" for each in self.promises()):
            return ()
        if is_missing and not self._is_forgotten(direction):
            return ()
        place = self.revision.place if is_missing else functions[0].place
        guilty = Guilty(self.revision.name, place, direction, self.name, is_missing)
        losses: list[Losses] = [MemberLosses({part: self._shared(direction)}, guilty)]
        if self.after is not None and not is_missing:
            types = (self.before, self.after) if direction == "request" else (self.after, self.before)
            losses.append(Cuts(*types, carried_types(self.revision, direction), guilty, part))
        return tuple(Watch(each, 0, 1) for each in losses)

    def _shared(self, direction: Direction) -> dict[str, Shared]:
        """Return the members that values of the type have on both sides."""
        nodes, types = (self.before.root, self.after and self.after.root), (self.before, self.after)
        ends = tuple({} if each is None else each.definitions for each in types)
        named = naming(self.revision, self.name, direction)
        if direction == "request":
            return shared_members(nodes, ends[0], ends[1], named)
        return shared_members((nodes[1], nodes[0]), ends[1], ends[0], named)

    def promises(self) -> tuple[Lossless, ...]:
        """Return what the revision promises of the type."""
        return tuple(
            each for each in self.revision.promises if self.name in targeted_types(each.target, self.revision.before)
        )

    def forward(self, value: object) -> object:
        """Return *value*, of the type before the revision, carried forward."""
        carried = self.journey.forward.carry({"body": value})
        return carried.get("body") if isinstance(carried, dict) else None

    def back(self, value: object) -> object:
        """Return *value*, of the type after the revision, carried back."""
        parts = ResponseParts(body=value)
        if self.journey.road.chain is not None:
            self.journey.road.chain.response(parts)
        return parts.body


def probed_types(revision: RecordedRevision) -> tuple[str, ...]:
    """Return the types that *revision* has functions, promises or new names for: those made of fewer others first.

    What fails in one then is told by the smallest value there is, and only mentioned where the others fail by it.
    """
    targets = [each.target for each in revision.transformers if each.target and not is_endpoint_key(each.target)]
    targets += [promise.target for promise in revision.promises]
    targets += [name for name in revision.renames.members if isinstance(revision.before.types.get(name), Object)]
    found = dict.fromkeys(name for target in targets for name in targeted_types(target, revision.before))
    types = revision.before.types
    return tuple(sorted(found, key=lambda name: len(reachable(types[name], types))))


def probe(
    revision: RecordedRevision, sides: tuple[Sides, Sides], runner: Runner,
    transformers: Iterable[Transformer] | None = None,
) -> Iterator[Probe]:  # fmt: skip
    """Yield a probe for each type that *revision* has functions or promises for.

    Args:
        revision: The revision.
        sides: Of the APIs before and after it.
        runner: What runs the functions.
        transformers: Which of its functions to run, in which order; by default all of those for types, as declared.
    """
    names = probed_types(revision)
    if not names:
        return
    chosen = [each for each in revision.transformers if each.target and not is_endpoint_key(each.target)]
    run = tuple(chosen if transformers is None else transformers)
    # Before it, the type is on both sides whatever the API says: a promise goes both ways.
    both = {f"POST /{name}": Endpoint(handler="probe", body=Ref(name=name), response=Ref(name=name)) for name in names}
    before = Api(types=revision.before.types, endpoints=both)
    after = Api(
        types=revision.after.types, endpoints={f"POST /{name}": _after(name, revision, sides) for name in names}
    )
    first = RecordedRevision(name="", seconds=revision.seconds - 1, before=Api(), after=before)
    second = structs.replace(revision, before=before, after=after, transformers=run, moves=(), label=None)
    timescape = Timescape((first, second))
    world = World(
        timescape, Timeline(timescape), Messages(timescape), runner, (f"the API before {revision.name}", revision.name)
    )
    for name in names:
        yield Probe(world, name, second, revision, sides)


def _after(name: str, revision: RecordedRevision, sides: tuple[Sides, Sides]) -> Endpoint:
    """Return the message after *revision*; where nothing certain is known of it, it may be anything."""
    before, after = sides
    now = successor(revision, name)
    if now is None:
        return Endpoint(handler="probe", body=AnyValue(), response=AnyValue())
    asked = Ref(name=now) if name in before.request and now in after.request else AnyValue()
    return Endpoint(handler="probe", body=asked, response=Ref(name=now))


def _seen_by(transformer: Transformer, revision: RecordedRevision) -> set[str]:
    """Return the types of whose values *transformer* gets some."""
    types, target = revision.before.types, transformer.target
    if is_endpoint_key(target):
        return mentioned(revision.before.endpoints.get(target), transformer.direction, types)
    return {held for name in targeted_types(target, revision.before) for held in (name, *reachable(types[name], types))}


def _named(name: str, api: Api) -> GType:
    node = Ref(name=name)
    return GType(node, reachable(node, api.types))
