"""One step between neighbouring versions of one endpoint.

What a step touches is known as soon as it is planned, from the types the endpoint mentions; the functions that do it
are compiled when a chain is prepared. A hundred revisions that all change one type used by a thousand endpoints make a
hundred thousand steps, of which clients take few.
"""

from collections import ChainMap
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from threading import RLock
from typing import Literal, NamedTuple, final

from msgspec import structs

from perdure.gtype.nodes import Node, Object
from perdure.gtype.traversal import references
from perdure.manifest.records import Endpoint
from perdure.timescape.guards import Step, guard_parts, guard_step, guard_value
from perdure.timescape.kinds import Shapes
from perdure.timescape.occurrences import Occurrences, Visit
from perdure.timescape.parts import RequestParts, ResponseParts
from perdure.timescape.recorded import RecordedRevision, targeted_types
from perdure.timescape.reuse import Strays
from perdure.timescape.revision import Direction, Transformer

__all__ = ["Hop", "HopPlanner", "Mentioned", "Part", "Steps", "mentioned_by"]

Part = Literal["path", "query", "headers", "body", "response", "problem"]
"""What a step can touch: the four parts of a request, an answer, a problem."""

Mentioned = Mapping[Part, frozenset[str]]
"""For each part of an endpoint, the types it mentions; parts without any are left out."""

_REQUEST_PARTS: frozenset[Part] = frozenset({"path", "query", "headers", "body"})
_NAMED_PARTS: tuple[Part, ...] = ("query", "headers")
_NO_STRAYS = Strays()


class Steps(NamedTuple):
    """What carries a request forward, an answer back and a problem back, in place; None for what is left alone."""

    request: Callable[[RequestParts], None] | None
    response: Callable[[ResponseParts], None] | None
    bare_response: Callable[[ResponseParts], None] | None
    """For an answer that has no data, unless a transformer gives it some."""
    problem: Callable[[ResponseParts], None] | None


@final
class Hop:
    """What one revision does to one endpoint."""

    __slots__ = ("_planner", "_steps", "key", "touches")

    def __init__(self, planner: "HopPlanner", key: str, touches: frozenset[Part]) -> None:
        self._planner = planner
        self._steps: Steps | None = None
        self.key = key
        self.touches = touches

    @property
    def revision(self) -> str:
        """Name of the revision."""
        return self._planner.revision.name

    def steps(self) -> Steps:
        """Return what does it; compiled at the first call."""
        if self._steps is None:
            self._steps = self._planner.compile(self.key)
        return self._steps


@final
class HopPlanner:
    """Plan what one revision does to the endpoints before it.

    Args:
        revision: The revision.
        reaching: For some types, returns these and all types before the revision that mention them.
        strays: What is dropped, as the version that the revision makes does not know it.
    """

    def __init__(
        self, revision: RecordedRevision, reaching: Callable[[Iterable[str]], AbstractSet[str]],
        strays: Strays = _NO_STRAYS,
    ) -> None:  # fmt: skip
        self.revision = revision
        self._lock = RLock()
        self._own: dict[tuple[Direction, str], list[Step]] = {}
        forward: dict[str, list[Visit]] = {}
        back: dict[str, list[Visit]] = {}
        for transformer in revision.transformers:
            self._declare(transformer, forward if transformer.direction == "request" else back)
        self._is_for_all = ("problem", "") in self._own
        self._forward_types, self._back_types = reaching(forward), reaching(back)
        before, after = revision.before.types, revision.after.types
        now = Shapes(ChainMap(after, before), before.keys() - after.keys())
        self._forward = Occurrences(before, forward, self._forward_types, Shapes(before), is_forward=True)
        self._back = Occurrences(before, back, self._back_types, now, is_forward=False)
        self._strays = strays
        dropping = {name: (_without(names),) for name, names in strays.types.items()}
        # Both before the way back and after the way forward, values look as they do after the revision.
        self._strip = Occurrences(after, dropping, strays.reached, Shapes(after), is_forward=False)
        self._moves = {move.old: move.new for move in revision.moves}

    @property
    def types(self) -> AbstractSet[str]:
        """The types whose values change, in either direction."""
        return self._forward_types | self._back_types

    @property
    def endpoints(self) -> AbstractSet[str]:
        """The endpoints with functions of their own, and those of which something is dropped.

        All, if there is a function for the problems of all.
        """
        known = self.revision.before.endpoints
        if self._is_for_all:
            return set(known)
        stripped = {key for key in known if self._stripped(key)} if self._strays.types or self._strays.parts else set()
        return stripped | {target for _, target in self._own}

    def hop(self, key: str, mentioned: Mentioned) -> Hop | None:
        """Return what the revision does to the endpoint *key*; None if nothing.

        Args:
            key: An endpoint of the API before the revision.
            mentioned: What it mentions.
        """
        touches: set[Part] = set()
        for part, types in mentioned.items():
            if not types.isdisjoint(self._back_types if part == "response" else self._forward_types):
                touches.add(part)
        if ("request", key) in self._own:
            touches |= _REQUEST_PARTS
        if ("response", key) in self._own:
            touches.add("response")
        if self._is_for_all or ("problem", key) in self._own:
            touches.add("problem")
        touches |= self._stripped(key)
        return Hop(self, key, frozenset(touches)) if touches else None

    def compile(self, key: str) -> Steps:
        """Return what carries requests to and answers of the endpoint *key* over the revision."""
        endpoint = self.revision.before.endpoints[key]
        name = self.revision.name
        with self._lock:
            strip_request, strip = self._strips(key)
            request = [*_visits(self._forward, endpoint), *self._own.get(("request", key), ()), *strip_request]
            own = self._own.get(("response", key), ())
            visit = self._back.visit(endpoint.response)
        declared = [each for each in reversed(self.revision.transformers) if each.direction == "problem"]
        problem = [guard_parts(name, each) for each in declared if each.target in {"", key}]
        return Steps(
            guard_step(name, key, "request", request),
            guard_step(name, key, "response", [*_body_visit(strip), *own, *_body_visit(visit)]),
            guard_step(
                name,
                key,
                "response",
                [*_body_visit(_unless_absent(strip)), *own, *_body_visit(_unless_absent(visit))],
            ),
            guard_step(name, key, "problem", problem),
        )

    def _declare(self, transformer: Transformer, by_type: dict[str, list[Visit]]) -> None:
        """File *transformer* where it runs: requests in order of declaration, answers and problems in reverse."""
        direction, target = transformer.direction, transformer.target
        place = None if direction == "request" else 0
        types = () if direction == "problem" else targeted_types(target, self.revision.before)
        for name in types:
            visits = by_type.setdefault(name, [])
            visits.insert(len(visits) if place is None else place, guard_value(self.revision.name, transformer))
        if not types:
            steps = self._own.setdefault((direction, target), [])
            steps.insert(len(steps) if place is None else place, guard_parts(self.revision.name, transformer))

    def _stripped(self, key: str) -> set[Part]:
        """Return the parts of which something is dropped."""
        successor = self._moves.get(key, key)
        endpoint = self.revision.after.endpoints.get(successor)
        strays = self._strays
        if endpoint is None or not (strays.types or strays.parts):
            return set()
        mentioning: set[Part] = {
            part for part, types in mentioned_by(endpoint).items() if not types.isdisjoint(strays.reached)
        }
        return mentioning | {part for part in _NAMED_PARTS if (successor, part) in strays.parts}

    def _strips(self, key: str) -> tuple[list[Step], Visit | None]:
        """Return what drops the strays from a request, and from the data of an answer."""
        if not self._stripped(key):
            return [], None
        successor = self._moves.get(key, key)
        endpoint = self.revision.after.endpoints[successor]
        steps = list(_visits(self._strip, endpoint))
        for part in _NAMED_PARTS:
            names = self._strays.parts.get((successor, part))
            if names is not None:
                steps.append(_part_visit(part, _without(names)))
        return steps, self._strip.visit(endpoint.response)


def mentioned_by(endpoint: Endpoint) -> Mentioned:
    """Return the types *endpoint* mentions, part by part."""
    nodes: list[tuple[Part, Node | None]] = [*_request_nodes(endpoint), ("response", endpoint.response)]
    found = {part: frozenset(references(node)) for part, node in nodes if node is not None}
    return {part: types for part, types in found.items() if types}


def _visits(occurrences: Occurrences, endpoint: Endpoint) -> Iterable[Step]:
    """Yield what visits the parts of a request."""
    for part, node in _request_nodes(endpoint):
        visit = occurrences.visit(_lowered(node) if part == "headers" else node)
        if visit is not None:
            yield from _body_visit(visit) if part == "body" else (_part_visit(part, visit),)


def _without(names: frozenset[str]) -> Visit:
    """Return what drops the members *names* of an object."""

    def visit(value: object) -> object:
        if isinstance(value, dict):
            for name in names:
                value.pop(name, None)
        return value

    return visit


def _request_nodes(endpoint: Endpoint) -> list[tuple[Part, Node | None]]:
    return [
        ("path", endpoint.params),
        ("query", endpoint.query),
        ("headers", endpoint.headers),
        ("body", endpoint.body),
    ]


def _lowered(headers: Node | None) -> Node | None:
    """Name *headers* as `RequestParts` does."""
    if not isinstance(headers, Object):
        return headers
    return structs.replace(
        headers, fields=tuple(structs.replace(each, name=each.name.lower()) for each in headers.fields)
    )


def _body_visit(visit: Visit | None) -> Sequence[Step]:
    if visit is None:
        return ()

    def carry(parts: RequestParts | ResponseParts) -> None:
        parts.body = visit(parts.body)

    return (carry,)


def _unless_absent(visit: Visit | None) -> Visit | None:
    """Return *visit* for a body that may be missing: types have nothing to say of it then."""
    return None if visit is None else lambda body: None if body is None else visit(body)


def _part_visit(part: Part, visit: Visit) -> Step:
    """Visit the members of *part*, which is an object and so changes in place."""

    def carry(parts: RequestParts | ResponseParts) -> None:
        visit(getattr(parts, part))

    return carry
