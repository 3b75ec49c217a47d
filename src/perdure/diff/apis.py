"""What changed between two APIs, endpoint by endpoint.

Everything is said in the words of a client of the old API: its path, its names of path parameters. Pointers lead into
the message the client sends or reads: ``/path/order_id``, ``/query/limit``, ``/headers/x-tenant``,
``/cookies/session`` and ``/body/lines/*/quantity`` into requests, ``/body/lines/*/quantity`` and ``/headers/etag`` into
answers, ``/responses/404/body/title`` into those of a further status; ``""`` is the endpoint itself. Names of headers
are written small.

Most endpoints do not change. So what their types reach is compared once for the whole API, and only what reaches a
difference is looked at.

Source: SPEC 3.5.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import final

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from perdure.diff.contents import TypePair, answer_pairs, body_pairs, has_other_media
from perdure.diff.endpoint_rules import ENDPOINT_RULES
from perdure.diff.facts import Note, compare_facts
from perdure.diff.findings import Finding, Profile
from perdure.diff.pairing import Pair, pair_endpoints, parameter_names
from perdure.diff.parameters import as_sent, compare_parameters
from perdure.diff.rules import Flow
from perdure.diff.statuses import AnswerPair, compare_statuses
from perdure.diff.types import TypeComparison
from perdure.gtype.nodes import AnyValue, GType, Literal, Node, Null, Object, Union
from perdure.gtype.traversal import references
from perdure.manifest.records import Api, Endpoint

__all__ = ["diff_apis"]


def diff_apis(
    old: Api, new: Api, *, renames: Mapping[tuple[str, str], str] = {}, moves: Mapping[str, str] = {},
    profile: Profile = "json",
) -> tuple[Finding, ...]:  # fmt: skip
    """Return what changed from *old* to *new*, by path and method.

    An edit in a type is a finding at each endpoint that carries it, in each direction.

    Args:
        old: The API clients know.
        new: The API they will meet.
        renames: What members were renamed to, as for `perdure.diff.types.diff_types`; the owner of a parameter or a
            header is the key of the old endpoint: ``{("GET /orders", "state"): "status"}``.
        moves: For keys of old endpoints, what they are called now: ``{"DELETE /orders/{id}": "POST /cancel/{id}"}``.
        profile: How clients read.
    Raises:
        KeyError: An endpoint of one API refers to a type it does not define.
    Source: SPEC 3.5.
    """
    comparison = _Comparison(old, new, renames, profile)
    return tuple(
        finding for pair in pair_endpoints(old.endpoints, new.endpoints, moves) for finding in comparison.findings(pair)
    )


@final
class _Comparison:
    """Two APIs, and what was found out about their types so far."""

    def __init__(self, old: Api, new: Api, renames: Mapping[tuple[str, str], str], profile: Profile) -> None:
        self._old = old
        self._new = new
        self._renames = renames
        self._types = TypeComparison(old.types, new.types, renames=renames, profile=profile)
        self._headers = self._types
        if profile != "json":  # nobody refuses headers that he does not know
            self._headers = TypeComparison(old.types, new.types, renames=renames)
        self._profile = profile
        self._changed = _changed_types(old.types, new.types, {owner.partition("/")[0] for owner, _ in renames})
        self._known: dict[tuple[Flow, bytes, bytes], tuple[Finding, ...]] = {}

    def findings(self, pair: Pair) -> Iterator[Finding]:
        """Yield what changed about one endpoint."""
        method, _, path = (pair.old or pair.new or "").partition(" ")
        for each in self._changes(pair):
            if isinstance(each, Note):
                rule = ENDPOINT_RULES[each.rule]
                if rule.strict_only and self._profile != "strict":
                    continue
                yield Finding(
                    rule=each.rule, level=rule.level, pointer=each.pointer, message=each.message,
                    direction=rule.direction, method=method, path=path,
                )  # fmt: skip
            else:
                yield replace(each, method=method, path=path)

    def _changes(self, pair: Pair) -> Iterator[Note | Finding]:
        if pair.new is None:
            yield Note("endpoint-removed", "the endpoint was there and is gone")
        elif pair.old is None:
            yield Note("endpoint-added", "the endpoint is new")
        else:
            if pair.is_moved:
                yield Note("endpoint-moved", f"the endpoint was {pair.old} and is now {pair.new}")
            yield from self._inner(pair.old, pair.new)

    def _inner(self, old_key: str, new_key: str) -> Iterator[Note | Finding]:
        old, new = self._old.endpoints[old_key], self._new.endpoints[new_key]
        is_called_alike = parameter_names(old_key) == parameter_names(new_key)
        if is_called_alike and _is_same(old, new) and not self._reaches_change(old.nodes()):
            return
        yield from compare_facts(old, new)
        renames = {name: after for (owner, name), after in self._renames.items() if owner == old_key}
        for each in compare_parameters((old_key, new_key), (old, new), renames):
            yield from (each,) if isinstance(each, Note) else self._inside(*each, "request")
        yield from self._request_body(old, new)
        for answer in compare_statuses(old, new):
            yield from (answer,) if isinstance(answer, Note) else self._answer(answer, old, new)

    def _request_body(self, old: Endpoint, new: Endpoint) -> Iterator[Note | Finding]:
        if old.body is not None and new.body is not None:
            yield from self._presence(old, new)
            yield from self._typed("/body", body_pairs(old, new), "request")
        elif new.body is not None and not old.body_media:
            if self._is_optional(new, self._new):
                yield Note("request-optional-body-added", "no body was read; an optional one is now", "/body")
            else:
                yield Note("request-required-body-added", "no body was read; one is required now", "/body")
        elif old.body is not None and not new.body_media:
            yield Note("request-body-removed", "a body was read and no longer is", "/body")

    def _presence(self, old: Endpoint, new: Endpoint) -> Iterator[Note]:
        """Yield whether a body must be sent, where null, which stands for none, does not tell it."""
        if old.body_optional is new.body_optional is None:
            return
        before, after = self._is_optional(old, self._old), self._is_optional(new, self._new)
        if before and not after:
            yield Note("request-body-became-required", "the body could be left out and is now required", "/body")
        elif after and not before:
            yield Note("request-body-became-optional", "the body was required and may be left out now", "/body")

    def _is_optional(self, endpoint: Endpoint, api: Api) -> bool:
        if endpoint.body_optional is not None:
            return endpoint.body_optional
        return endpoint.body is None or _allows_null(endpoint.body, api.types)

    def _answer(self, pair: AnswerPair, old: Endpoint, new: Endpoint) -> Iterator[Note | Finding]:
        before, after = old.response_headers.get(pair.was), new.response_headers.get(pair.status)
        if before is not None or after is not None:
            place, sent = f"{pair.pointer}/headers", (as_sent(before) or Object(), as_sent(after) or Object())
            for each in self._headers.diff(*sent, "response"):
                yield replace(each, pointer=place + each.pointer)
        place, main = f"{pair.pointer}/body", TypePair(pair.old, pair.new)
        pairs = answer_pairs(main, (old, pair.was), (new, pair.status))
        yield from self._typed(place, pairs, "response")
        is_normal = pair.was == str(old.status) and pair.status == str(new.status)
        if is_normal and has_other_media(old, new):
            return  # the body is there on both sides, and its media type is a finding of its own
        if pairs[0].old is not None and pairs[0].new is None:
            yield Note("response-body-removed", "the answer's body was described and no longer is", place)
        elif pairs[0].old is None and pairs[0].new is not None:
            yield Note("response-body-added", "the answer's body was not described and now is", place)

    def _typed(self, place: str, pairs: Iterable[TypePair], way: Flow) -> Iterator[Finding]:
        """Yield what differs in the types of *pairs*, each edit once."""
        told: set[tuple[str, str, str]] = set()
        for old, new, media in pairs:
            for each in self._inside(place, old, new, way) if old is not None and new is not None else ():
                key = (each.rule, each.pointer, each.message)
                if key not in told:
                    told.add(key)
                    yield replace(each, message=f"{each.message}, as {media}") if media else each

    def _inside(self, place: str, old: Node, new: Node, way: Flow) -> Iterator[Finding]:
        if _is_same(old, new) and not self._reaches_change((old,)):
            return
        key = (way, msgspec.json.encode(old), msgspec.json.encode(new))
        found = self._known.get(key)
        if found is None:
            found = self._known[key] = self._types.diff(old, new, way)
        for each in found:
            yield replace(each, pointer=place + each.pointer)

    def _reaches_change(self, nodes: Iterable[Node]) -> bool:
        if not self._changed:
            return False
        return any(name in self._changed for node in nodes for name in references(node))


def _changed_types(old: Mapping[str, Node], new: Mapping[str, Node], renamed: Collection[str]) -> frozenset[str]:
    """Return the types that differ, names in which were *renamed*, or which lead to one of these."""
    changed = {
        name
        for name in old.keys() | new.keys()
        if name not in old or name not in new or name in renamed or not _is_same(old[name], new[name])
    }
    if not changed:
        return frozenset()
    users: dict[str, list[str]] = {}
    for name, node in [*old.items(), *((name, new[name]) for name in changed if name in new)]:
        for target in references(node):
            users.setdefault(target, []).append(name)
    waiting = list(changed)
    while waiting:
        for user in users.get(waiting.pop(), ()):
            if user not in changed:
                changed.add(user)
                waiting.append(user)
    return frozenset(changed)


def _is_same(old: Struct, new: Struct) -> bool:
    """Tell whether two records are written alike; for Python, 1 and True are equal."""
    return old is new or (old == new and msgspec.json.encode(old) == msgspec.json.encode(new))


def _allows_null(node: Node, types: dict[str, Node]) -> bool:
    match GType(node, types).resolve(node):
        case Union(members=members):
            return any(_allows_null(member, types) for member in members)
        case Literal(values=values):
            return None in values
        case other:
            return isinstance(other, Null | AnyValue)
