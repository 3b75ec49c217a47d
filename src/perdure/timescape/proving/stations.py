"""One endpoint over one revision: an API is made that has nothing else.

So functions that are an endpoint's own can be run in another order, or left out, and what is answered with what was
sent can be followed there and back.
"""

from collections.abc import Iterable
from typing import final

from msgspec import structs

from perdure.gtype.nodes import GType, Node
from perdure.manifest.records import Api
from perdure.timescape.parts import ResponseParts
from perdure.timescape.proving.forward import Forward
from perdure.timescape.proving.messages import PARTS, Messages, node_of
from perdure.timescape.proving.roads import Road, Way, World
from perdure.timescape.proving.runs import Runner
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.revision import Transformer, is_endpoint_key
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape

__all__ = ["Station", "new_key", "own_functions"]


def own_functions(revision: RecordedRevision, key: str) -> tuple[Transformer, ...]:
    """Return the functions of *revision* that are the own ones of the endpoint *key*, but for those of problems.

    None where it says that nothing can be carried over.
    """
    own = [each for each in revision.transformers if each.target == key and each.direction != "problem"]
    stated = {each.place for each in revision.impossibilities}
    return () if any(each.place in stated for each in own) else tuple(own)


def new_key(revision: RecordedRevision, key: str) -> str | None:
    """Return what the endpoint *key* of before *revision* is called after it; None where it is gone."""
    moved = next((each.new for each in revision.moves if each.old == key), key)
    return moved if moved in revision.after.endpoints else None


@final
class Station:
    """One endpoint before a revision, carried over that revision and nothing else.

    Args:
        revision: The revision, after which the endpoint is still there.
        key: The endpoint.
        functions: Its own functions, in the order in which they are declared.
        runner: What runs them.
    """

    def __init__(
        self, revision: RecordedRevision, key: str, functions: Iterable[Transformer], runner: Runner
    ) -> None:  # fmt: skip
        now = new_key(revision, key)
        assert now is not None  # noqa: S101 - the caller has looked
        self.older, self.newer = revision.before.endpoints[key], revision.after.endpoints[now]
        before = Api(types=revision.before.types, endpoints={key: self.older})
        after = Api(types=revision.after.types, endpoints={now: self.newer})
        types = [each for each in revision.transformers if each.target and not is_endpoint_key(each.target)]
        first = RecordedRevision(name="", seconds=revision.seconds - 1, before=Api(), after=before)
        second = structs.replace(
            revision, before=before, after=after, transformers=(*types, *functions), label=None,
            moves=tuple(each for each in revision.moves if each.old == key),
        )  # fmt: skip
        timescape = Timescape((first, second))
        self.messages = Messages(timescape)
        names = (f"the API before {revision.name}", revision.name)
        self._road = Road(World(timescape, Timeline(timescape), self.messages, runner, names), Way(key, 0, 1))
        self._forward = Forward(self._road)
        self._keys = key, now

    @property
    def request(self) -> GType:
        """The type of whole requests before the revision."""
        return self.messages.request(0, self._keys[0], PARTS)

    @property
    def answers(self) -> tuple[GType | None, GType | None]:
        """The types of answers before and after it; None where there is none."""
        return self._typed(0, self.older.response), self._typed(1, self.newer.response)

    @property
    def is_echo(self) -> bool:
        """Whether a handler may answer with what it was sent, on both sides."""
        pairs = (self.older.body, self.older.response), (self.newer.body, self.newer.response)
        return all(asked is not None and asked == told for asked, told in pairs)

    def forward(self, value: object) -> object:
        """Return the request *value*, an object by part, carried forward."""
        return self._forward.carry(value)

    def back(self, value: object) -> object:
        """Return *value*, the body of an answer after the revision, carried back."""
        parts = ResponseParts(status=self.newer.status, body=value)
        if self._road.chain is not None:
            self._road.chain.response(parts)
        return parts.body

    def arrived(self, request: object) -> dict[str, object] | None:
        """Return *request* as the newer version reads it; None if it refuses it."""
        if not isinstance(request, dict) or self.messages.oddities(request):
            return None
        if self.messages.request_faults(1, self._keys[1], request, frozenset()):
            return None
        return {part: self._read(part, request[part]) for part in PARTS if part in request}

    def told(self, body: object) -> object:
        """Return *body* as the older version reads it; None if that was not promised."""
        gtype = self.answers[0]
        if gtype is None or self.messages.oddities(body) or not self.messages.reader(gtype).validator.is_valid(body):
            return None
        return self.messages.reader(gtype).read(body)

    def _read(self, part: str, data: object) -> object:
        gtype = None if part == "headers" else self._typed(1, node_of(self.newer, part))
        return data if gtype is None else self.messages.reader(gtype).read(data)

    def _typed(self, index: int, node: Node | None) -> GType | None:
        return None if node is None else self.messages.gtype(node, index)
