"""What became of what: the types and endpoints of two APIs, paired.

The way of a value over a revision is that of the types before it, children before their parents going forward. So what
a transformer is given is a type of before in which every type that lives on has its shape of after: `Sides.carried`
says so, and is what conversions start from, in both directions.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import final

from perdure.diff.pairing import pair_endpoints
from perdure.gtype.naming import rename
from perdure.gtype.nodes import Array, Node, Null, Object, Record, Ref, Tuple, Union
from perdure.gtype.traversal import reachable
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.authoring.hints import Hints

__all__ = ["Sides", "pair"]


@final
class Sides:
    """Two APIs, and which type and endpoint of the one is which of the other.

    Args:
        before: The API as last recorded.
        after: The API as the code has it.
        hints: What a person said.
    """

    def __init__(self, before: Api, after: Api, hints: Hints) -> None:
        self.before = before
        self.after = after
        self.hints = hints
        self.endpoints: dict[str, str | None] = _pair_endpoints(before, after, hints.moves)
        """For each endpoint of before, its key after; None where it is gone."""
        self.types: dict[str, str | None] = self._pair_types()
        """For each type of before, its name after; None where it is gone."""
        gone = {name: self.carried(before.types[name]) for name, successor in self.types.items() if successor is None}
        self.shapes: Mapping[str, Node] = {**gone, **after.types}
        """What the names in carried nodes mean."""

    def carried(self, node: Node) -> Node:
        """Return *node* of before with all types that live on under their names of after."""
        return rename(node, lambda name: self.types.get(name) or name)

    def members(self, old: str) -> Mapping[str, str]:
        """Return the members of the type or endpoint *old* that a person says are called otherwise."""
        return self.hints.members.get(old, {})

    def used_in(self, part: str) -> frozenset[str]:
        """Return the types of before that occur in a request or in an answer (*part*) of an endpoint that lives on."""
        found: set[str] = set()
        for key, endpoint in self.before.endpoints.items():
            if self.endpoints[key] is not None:
                nodes = _request(endpoint) if part == "request" else (endpoint.response,)
                for node in nodes:
                    if node is not None:
                        found |= reachable(node, self.before.types).keys()
        return frozenset(found)

    def _pair_types(self) -> dict[str, str | None]:
        known = self.hints.types
        types = {name: known.get(name) or (name if name in self.after.types else None) for name in self.before.types}
        while True:
            found = self._successors(types)
            if not found:
                return types
            types |= found

    def _successors(self, types: Mapping[str, str | None]) -> dict[str, str | None]:
        """Return types that are gone and always replaced by one new type, which replaces nothing else.

        Names of types are not on the wire: what stands at the same place is the same type, whatever it is called.
        """
        places: Counter[tuple[str, str]] = Counter(self._places(types))
        taken = set(types.values())
        firsts = Counter(old for old, _ in places)
        seconds = Counter(new for _, new in places)
        return {
            old: new
            for old, new in places
            if types[old] is None and new not in self.before.types and new not in taken
            and firsts[old] == 1 and seconds[new] == 1
        }  # fmt: skip

    def _places(self, types: Mapping[str, str | None]) -> Iterator[tuple[str, str]]:
        for old, new in types.items():
            if new is not None:
                yield from self._between(self.before.types[old], self.after.types[new], self.members(old))
        for key, successor in self.endpoints.items():
            if successor is not None:
                ours, theirs = self.before.endpoints[key], self.after.endpoints[successor]
                for one, other in zip(_all_parts(ours), _all_parts(theirs), strict=True):
                    if one is not None and other is not None:
                        yield from self._between(one, other, self.members(key))

    def _between(self, old: Node, new: Node, names: Mapping[str, str]) -> Iterator[tuple[str, str]]:
        match old, new:
            case Ref(name=name), Ref(name=other):
                yield name, other
            case Object(fields=ours), Object(fields=theirs):
                found = {field.name: field.node for field in theirs}
                for field in ours:
                    there = found.get(names.get(field.name, field.name))
                    if there is not None:
                        yield from self._between(field.node, there, {})
            case Array(items=one), Array(items=other):
                yield from self._between(one, other, {})
            case Record(values=one), Record(values=other):
                yield from self._between(one, other, {})
            case (Tuple(items=ones), Tuple(items=others)) | (Union(members=ones), Union(members=others)):
                yield from self._in_turn(ones, others)
            case Union(members=ones), _:
                yield from self._in_turn(ones, (new,))
            case _, Union(members=others):
                yield from self._in_turn((old,), others)
            case _:
                pass

    def _in_turn(self, ones: Iterable[Node], others: Iterable[Node]) -> Iterator[tuple[str, str]]:
        """Pair what is left when null and what is on both sides is taken away, if it is as many."""
        ours = [each for each in ones if not isinstance(each, Null)]
        theirs = [each for each in others if not isinstance(each, Null)]
        left = [each for each in ours if each not in theirs], [each for each in theirs if each not in ours]
        if len(left[0]) == len(left[1]) == 1:
            yield from self._between(left[0][0], left[1][0], {})


def pair(before: Api, after: Api, hints: Hints) -> Sides:
    """Return *before* and *after*, paired."""
    return Sides(before, after, hints)


def _pair_endpoints(before: Api, after: Api, moves: Mapping[str, str]) -> dict[str, str | None]:
    pairs: dict[str, str | None] = {
        each.old: each.new for each in pair_endpoints(before.endpoints, after.endpoints, moves) if each.old is not None
    }
    taken = set(pairs.values())
    gone = [key for key, successor in pairs.items() if successor is None]
    free = [key for key in after.endpoints if key not in taken]
    for spell in (_handler_and_method, _handler):
        for key in [each for each in gone if pairs[each] is None]:
            same = [each for each in free if spell(each, after) == spell(key, before)]
            rivals = [each for each in gone if pairs[each] is None and spell(each, before) == spell(key, before)]
            if len(same) == len(rivals) == 1:
                pairs[key] = same[0]
                free.remove(same[0])
    return pairs


def _handler(key: str, api: Api) -> str:
    return api.endpoints[key].handler


def _handler_and_method(key: str, api: Api) -> str:
    return f"{key.partition(' ')[0]} {api.endpoints[key].handler}"


def _request(endpoint: Endpoint) -> tuple[Node | None, ...]:
    return endpoint.params, endpoint.query, endpoint.headers, endpoint.body


def _all_parts(endpoint: Endpoint) -> tuple[Node | None, ...]:
    return (*_request(endpoint), endpoint.response)
