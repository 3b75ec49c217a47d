"""What becomes of each endpoint from version to version, and the chains between them.

Most revisions touch few endpoints. So for each endpoint only the versions at which something happens to it are kept,
and everything in between shares one answer: the chain from the next such version on.
"""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import TypeVar, final

from perdure.gtype.traversal import references
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.chain import Chain, Removed
from perdure.timescape.graph import endpoint_references, reaching
from perdure.timescape.hop import Hop, HopPlanner, Mentioned, mentioned_by
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.reuse import Strays, find_strays
from perdure.timescape.revision import Impossibility
from perdure.timescape.timescape import Timescape

__all__ = ["Timeline"]

_T = TypeVar("_T")


@final
class Timeline:
    """Plan chains between the versions of a `Timescape`; each is compiled when first asked for, then kept.

    Args:
        timescape: The versions and their revisions.
    """

    def __init__(self, timescape: Timescape) -> None:
        self._timescape = timescape
        self._successors: dict[int, dict[str, str | None]] = {}
        """For a version: what the endpoints that are called otherwise since are called now, None for removed ones."""
        self._departures: dict[str, list[int]] = {}
        """For an endpoint: the versions since which it is called otherwise, or gone; others may be called so then."""
        self._origins: dict[str, set[str]] = {}
        """For an endpoint: what those that were moved to it were called."""
        self._planners: dict[int, HopPlanner] = {}
        self._events: dict[str, list[int]] = {}
        """For an endpoint: the versions at which something happens to it."""
        self._mentioned: dict[int, Mentioned] = {}
        """By identity of the `Endpoint`, which the revisions keep alive."""
        self._planned: dict[tuple[str, int], dict[int, Chain | Removed | None]] = {}
        """By endpoint and newer version: for each event of it, the way from before that."""
        self._recorded: set[str] = set()
        mentions = _Mentions()
        made = [(version.index, timescape.revision_at(version.index)) for version in timescape.versions]
        revisions = [(index, revision) for index, revision in made if revision is not None]
        strays = find_strays([revision for _, revision in revisions])
        for index, revision in revisions:
            self._add(index, revision, mentions, strays.get(revision.name))

    def endpoints_at(self, index: int) -> Mapping[str, Endpoint]:
        """Return the endpoints recorded at version *index*, by key."""
        return self._timescape.api_at(index).endpoints

    def name_at(self, key: str, at: int, to: int) -> str | None:
        """Return what the endpoint that version *at* calls *key* is called at version *to*; None if it was removed.

        A name may be used again: the endpoint that is called *key* at *to* need not be the same.
        """
        name, event = key, _first_after(self._departures.get(key, ()), at, to)
        while event is not None:
            successor = self._successors[event][name]
            if successor is None:
                return None
            name, event = successor, _first_after(self._departures.get(successor, ()), event, to)
        return name

    def names_since(self, key: str, at: int) -> tuple[str, ...]:
        """Return all that the endpoint that version *at* calls *key* was called from then on, in order."""
        head = self._timescape.head
        found, event = {key: None}, _first_after(self._departures.get(key, ()), at, head)
        while event is not None:
            successor = self._successors[event][key]
            if successor is None:
                break
            found[successor] = None
            key, event = successor, _first_after(self._departures.get(successor, ()), event, head)
        return tuple(found)

    def origins(self, key: str) -> tuple[str, ...]:
        """Return *key* and all that endpoints that are, or once were, called so may have been called before."""
        found = {key: None}
        waiting = [key]
        while waiting:
            for origin in sorted(self._origins.get(waiting.pop(), set()) - found.keys()):
                found[origin] = None
                waiting.append(origin)
        return tuple(found)

    def chain(self, key: str, at: int, to: int) -> Chain | Removed | None:
        """Return what carries requests to the endpoint *key* from version *at* to version *to*, and answers back.

        Args:
            key: The endpoint as version *at* calls it. One that no revision ever recorded never changes.
            at: Index of the version the client speaks.
            to: Index of the version that runs, not older.
        Returns:
            None where nothing applies: values are the same and the key is. The same object for all versions between
            two at which something happens to the endpoint.
        Raises:
            KeyError: There is no such endpoint at *at*, though there is at other versions.
            ValueError: *to* is older than *at*.
        """
        if to < at:
            raise ValueError(f"a request is carried forward: version {to} is older than {at}")
        if key in self._recorded and key not in self.endpoints_at(at):
            raise KeyError(key)
        event = self._next_event(key, at, to)
        if event is None:
            return None
        planned = self._planned_to(key, to)
        if event not in planned:
            self._plan(key, event, to)
        return planned[event]

    def stated_end(self, key: str, at: int) -> Impossibility | None:
        """Return what the revision that took an endpoint away says of that; None if none did, or it says nothing.

        Args:
            key: The endpoint as version *at* calls it.
            at: Index of a version that has it.
        """
        planned = self.chain(key, at, self._timescape.head)
        if not isinstance(planned, Removed):
            return None
        made = (self._timescape.revision_at(version.index) for version in self._timescape.versions)
        stated = (
            each for one in made if one is not None and one.name == planned.revision for each in one.impossibilities
        )
        return next((each for each in stated if each.target == planned.key), None)

    def _add(
        self, index: int, revision: RecordedRevision, mentions: "_Mentions", strays: Strays | None
    ) -> None:  # fmt: skip
        before, after = revision.before.endpoints, revision.after.endpoints
        self._recorded |= after.keys() - before.keys()
        successors: dict[str, str | None] = dict.fromkeys(before.keys() - after.keys())
        successors.update((move.old, move.new) for move in revision.moves)
        self._successors[index] = successors
        for key in successors:
            self._departures.setdefault(key, []).append(index)
        for move in revision.moves:
            self._origins.setdefault(move.new, set()).add(move.old)
        touched: set[str] = set(successors)
        if revision.transformers or strays is not None:
            planner = HopPlanner(revision, mentions.reaching, strays or Strays())
            self._planners[index] = planner
            touched |= planner.endpoints | mentions.endpoints(planner.types)
        for key in touched:
            self._events.setdefault(key, []).append(index)
        mentions.advance(revision.after)

    def _next_event(self, key: str, at: int, to: int) -> int | None:
        return _first_after(self._events.get(key, ()), at, to)

    def _plan(self, key: str, event: int, to: int) -> None:
        """Follow the endpoint to *to*, or to where the way on is planned already; then plan it from there backwards."""
        way: list[tuple[str, int, str]] = []
        planned: Chain | Removed | None = None
        upcoming: int | None = event
        while upcoming is not None:
            known = self._planned_to(key, to)
            successor = self._successors[upcoming].get(key, key)
            if upcoming not in known and successor is None:
                known[upcoming] = Removed(key, self._timescape.versions[upcoming].revision or "")
            if upcoming in known or successor is None:
                planned = known[upcoming]
                break
            way.append((key, upcoming, successor))
            key, upcoming = successor, self._next_event(successor, upcoming, to)
        for here, at, successor in reversed(way):
            planned = _before(self._hop(here, at), here, successor, planned)
            self._planned_to(here, to)[at] = planned

    def _planned_to(self, key: str, to: int) -> dict[int, Chain | Removed | None]:
        return self._planned.setdefault((key, to), {})

    def _hop(self, key: str, event: int) -> Hop | None:
        planner = self._planners.get(event)
        if planner is None:
            return None
        endpoint = planner.revision.before.endpoints[key]
        mentioned = self._mentioned.get(id(endpoint))
        if mentioned is None:
            mentioned = self._mentioned[id(endpoint)] = mentioned_by(endpoint)
        return planner.hop(key, mentioned)


def _first_after(events: Sequence[int], at: int, to: int) -> int | None:
    """Return the first of *events*, which are in order, after *at* and not after *to*."""
    place = bisect_right(events, at)
    return events[place] if place < len(events) and events[place] <= to else None


def _before(hop: Hop | None, key: str, successor: str, rest: Chain | Removed | None) -> Chain | Removed | None:
    """Return *rest* with *hop*, after which *key* is called *successor*, before it."""
    if isinstance(rest, Removed) or (hop is None and key == successor):
        return rest
    return Chain(successor if rest is None else rest.target_key, hop, rest)


@final
class _Mentions:
    """Which types and endpoints mention a type, kept true from one revision to the next."""

    def __init__(self) -> None:
        self._api = Api()
        self._types: dict[str, set[str]] = {}
        self._endpoints: dict[str, set[str]] = {}

    def reaching(self, targets: Iterable[str]) -> AbstractSet[str]:
        """Return *targets* and all types that mention them, directly or through others."""
        return reaching(targets, self._types)

    def endpoints(self, types: Iterable[str]) -> set[str]:
        """Return the endpoints that mention one of *types* directly."""
        return set().union(*(self._endpoints.get(name, ()) for name in types))

    def advance(self, api: Api) -> None:
        """Go on to *api*; only what differs is looked at."""
        _reindex(self._types, self._api.types, api.types, references)
        _reindex(self._endpoints, self._api.endpoints, api.endpoints, endpoint_references)
        self._api = api


def _reindex(
    index: dict[str, set[str]], old: Mapping[str, _T], new: Mapping[str, _T], mentioned: Callable[[_T], Iterable[str]]
) -> None:
    for name, entry in old.items():
        if new.get(name) is not entry:
            for target in mentioned(entry):
                index[target].discard(name)
    for name, entry in new.items():
        if old.get(name) is not entry:
            for target in mentioned(entry):
                index.setdefault(target, set()).add(name)
