"""Names that a type gives up and a later version of it takes again, for another member.

What a newer version calls so must not reach an older one that means something else by it, nor the other way round. The
version between knows nobody of that name: so there, and only there, what bears it is dropped on its way.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, final

from msgspec import Struct

from perdure.gtype.nodes import Array, Intersection, Node, Object, Record, Ref, Tuple, Union
from perdure.gtype.traversal import children, references
from perdure.manifest.records import Api
from perdure.timescape.graph import reaching
from perdure.timescape.recorded import RecordedRevision

__all__ = ["Strays", "find_strays"]

_Part = Literal["", "query", "headers"]
_Owner = tuple[str, _Part]
"""A type's name and ""; or an endpoint's key, and which part of its requests."""

_Lost = dict[str, set[tuple[int, _Owner]]]
"""For names that were given up: at which revisions, by what these left."""


@final
class Strays(Struct, frozen=True, kw_only=True):
    """What the version that a revision makes does not know, though older and newer ones do."""

    types: Mapping[str, frozenset[str]] = {}
    """By type of the API after the revision: names of members."""
    parts: Mapping[tuple[str, str], frozenset[str]] = {}
    """By endpoint of the API after it, and ``query`` or ``headers``: names; those of headers in lower case."""
    reached: frozenset[str] = frozenset()
    """*types*, and all that mention them, directly or through others."""


def find_strays(revisions: Sequence[RecordedRevision]) -> dict[str, Strays]:
    """Return for the names of *revisions*, which are in order, what is lost there and taken again later.

    Revisions at which nothing is are left out. Only what a revision changes is looked at.
    """
    lost: dict[_Owner, _Lost] = {}
    found: dict[int, dict[_Owner, set[str]]] = {}
    for number, revision in enumerate(revisions):
        _follow(number, revision, lost, found)
    strays = {revisions[number].name: _strays(names, revisions[number].after) for number, names in found.items()}
    return {name: each for name, each in strays.items() if each.types or each.parts}


def _follow(
    number: int, revision: RecordedRevision, lost: dict[_Owner, _Lost], found: dict[int, dict[_Owner, set[str]]]
) -> None:
    """Go on over *revision*: note in *found* what is taken again there, and in *lost* what is given up."""
    arrived: dict[_Owner, _Lost] = {}
    for older, newer in _successions(revision):
        ours, theirs = _names(older, revision.before), _names(newer, revision.after)
        if ours is None or theirs is None:
            continue
        kept = arrived.setdefault(newer, {})
        for name, places in lost.get(older, {}).items():
            if name not in theirs:
                kept.setdefault(name, set()).update(places)
                continue
            for place, owner in places:
                found.setdefault(place, {}).setdefault(owner, set()).add(name)
        for name in ours - theirs:
            kept.setdefault(name, set()).add((number, newer))
    lost.update(arrived)


def _successions(revision: RecordedRevision) -> dict[tuple[_Owner, _Owner], None]:
    """Return what *revision* changed with names in it, each with what takes its place."""
    before, after, renames = revision.before, revision.after, revision.renames.types
    pairs: dict[tuple[_Owner, _Owner], None] = {}
    for name, node in before.types.items() if before.types is not after.types else ():
        successor = renames.get(name, name)
        changed = after.types.get(successor)
        if changed is not None and changed is not node:
            pairs[(name, ""), (successor, "")] = None
            pairs |= dict.fromkeys(_replaced(node, changed))
    moves = {move.old: move.new for move in revision.moves}
    for key, endpoint in before.endpoints.items() if before.endpoints is not after.endpoints else ():
        successor = moves.get(key, key)
        now = after.endpoints.get(successor)
        if now is not None and (now is not endpoint or successor != key):
            pairs[(key, "query"), (successor, "query")] = pairs[(key, "headers"), (successor, "headers")] = None
            for older, newer in ((endpoint.body, now.body), (endpoint.response, now.response)):
                if older is not None and newer is not None:
                    pairs |= dict.fromkeys(_replaced(older, newer))
    gone = renames.keys() | moves.keys()
    # What something else becomes, and that was there before, comes from both.
    unchanged = ((newer, newer) for _, newer in tuple(pairs) if newer[0] not in gone)
    return pairs | dict.fromkeys(pair for pair in unchanged if _names(pair[0], before) is not None)


def _replaced(older: Node, newer: Node) -> Iterator[tuple[_Owner, _Owner]]:
    """Yield the types that *older* mentions, each with the other type that *newer* has in the same place."""
    match older, newer:
        case Ref(), Ref():
            if older.name != newer.name:
                yield (older.name, ""), (newer.name, "")
        case Object(), Object():
            now = {field.name: field.node for field in newer.fields}
            for field in older.fields:
                if field.name in now:
                    yield from _replaced(field.node, now[field.name])
        case (Union(), _) | (_, Union()):
            ours, theirs = _alternatives(older), _alternatives(newer)
            for one in ours:
                for other in theirs:
                    if one not in theirs and other not in ours:
                        yield from _replaced(one, other)
        case (Array(), Array()) | (Record(), Record()) | (Tuple(), Tuple()):
            for one, other in zip(children(older), children(newer), strict=False):
                yield from _replaced(one, other)


def _alternatives(node: Node) -> tuple[Node, ...]:
    return node.members if isinstance(node, Union) else (node,)


def _names(owner: _Owner, api: Api) -> frozenset[str] | None:
    """Return the names of the members of *owner*; None where it is not there, or not an object."""
    name, part = owner
    if not part:
        return _members(api.types.get(name), api)
    endpoint = api.endpoints.get(name)
    if endpoint is None:
        return None
    if part == "query":
        return _members(endpoint.query, api)
    names = _members(endpoint.headers, api)
    return None if names is None else frozenset(name.lower() for name in names)


def _members(node: Node | None, api: Api) -> frozenset[str] | None:
    match node:
        case Object():
            return frozenset(field.name for field in node.fields)
        case Ref():
            return _members(api.types.get(node.name), api)
        case Intersection():
            each = [_members(member, api) for member in node.members]
            known = [names for names in each if names is not None]
            return frozenset().union(*known) if len(known) == len(each) else None
        case _:
            return None


def _strays(names: Mapping[_Owner, set[str]], api: Api) -> Strays:
    """Return *names* without those that a value may rightly have, as it is of another type at the same time."""
    others = _others(api, {name for name, part in names if not part})
    types = {name: frozenset(found - others.get(name, set())) for (name, part), found in names.items() if not part}
    types = {name: found for name, found in types.items() if found}
    users: dict[str, set[str]] = {}
    for name, node in api.types.items() if types else ():
        for target in references(node):
            users.setdefault(target, set()).add(name)
    parts = {(key, str(part)): frozenset(found) for (key, part), found in names.items() if part}
    return Strays(types=types, parts=parts, reached=frozenset(reaching(types, users)))


def _others(api: Api, types: set[str]) -> dict[str, set[str]]:
    """Return for each of *types* what the types know that stand beside it where a value may be of several."""
    found: dict[str, set[str]] = {}
    nodes = (*api.types.values(), *(node for endpoint in api.endpoints.values() for node in endpoint.nodes()))
    for node in _mixtures(nodes):
        for member in node.members:
            if isinstance(member, Ref) and member.name in types:
                beside = (_members(each, api) for each in node.members if each is not member)
                found.setdefault(member.name, set()).update(name for names in beside for name in names or ())
    return found


def _mixtures(nodes: Iterable[Node]) -> Iterator[Intersection | Union]:
    waiting = list(nodes)
    while waiting:
        node = waiting.pop()
        waiting.extend(children(node))
        if isinstance(node, Intersection) or (isinstance(node, Union) and node.discriminator is None):
            yield node
