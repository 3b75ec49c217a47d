"""From handlers and revisions to one plan per endpoint and version.

For each endpoint that exists at a version, the handler that serves its clients is found: the newest one the version's
chain leads to, or an older one that still runs. Versions of an endpoint that differ in nothing share one plan, so
hundreds of untouched versions cost a list entry each.

Source: SPEC 3.5; DESIGN "Timescape is Alembic for an API"; properties 16 and 17.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from itertools import pairwise
from typing import final

from msgspec import Struct

from perdure.config import Config
from perdure.context.local import HandlerFacts
from perdure.errors import DuplicateRouteError
from perdure.gtype.codec import Codec
from perdure.gtype.nodes import GType, Node, Object
from perdure.gtype.traversal import reachable
from perdure.lifecycle.bodies import BodyLimits, OpenBody, open_any, open_bytes, open_form, open_stream, open_text
from perdure.lifecycle.hooks import PlannedHook
from perdure.lifecycle.older_reader import Arrival, OlderReader
from perdure.lifecycle.older_writer import OlderWriter
from perdure.lifecycle.plan import Plan, stages_of
from perdure.lifecycle.reader import Codecs, NewestReader, Reader
from perdure.lifecycle.writer import NewestWriter, Writer
from perdure.manifest.records import Api, Endpoint, endpoint_key
from perdure.policy.base import AuthMode, RoutePolicy
from perdure.policy.gate import Gate
from perdure.routing.definition import BodyMode
from perdure.routing.endpoint import CodecCache, CodeEndpoint
from perdure.routing.shapes import shape_changes
from perdure.routing.templates import PathTemplate
from perdure.timescape.chain import Chain, Removed
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape

__all__ = ["GateOf", "GlobalHooks", "Planner", "Span"]


GateOf = Callable[[str, RoutePolicy], Gate | None]
"""Returns the gate of the handler with this id and policy; for equal ones the same."""


@final
class GlobalHooks(Struct, frozen=True, kw_only=True):
    """The hooks every request passes, in order of registration."""

    before: tuple[PlannedHook, ...] = ()
    after: tuple[PlannedHook, ...] = ()
    catch: tuple[PlannedHook, ...] = ()


@final
class Span(Struct, frozen=True, kw_only=True):
    """A handler and the versions it serves without any chain: from *start* on, until a newer handler takes over."""

    code: CodeEndpoint
    start: int
    speaks: int
    """Index of the version whose shapes the handler reads and answers."""


@final
class Planner:
    """Plans all endpoints of an app.

    Args:
        types: The definitions of the code's types.
        code: Every endpoint of the code.
        auth: What is asked of clients where a route says nothing.
    Raises:
        DuplicateRouteError: Two handlers serve one method and path at one version.
    """

    def __init__(
        self, config: Config, timescape: Timescape, types: Mapping[str, Node], code: Sequence[CodeEndpoint],
        codecs: CodecCache, hooks: GlobalHooks, gates: GateOf, auth: AuthMode,
    ) -> None:  # fmt: skip
        self._gates = gates
        self._auth = auth
        self._config = config
        self._timescape = timescape
        self._timeline = Timeline(timescape)
        self._types = dict(types)
        self._codecs = codecs
        self._hooks = hooks
        self._recorded = any(version.revision is not None for version in timescape.versions)
        self._spans = _spans(code, timescape)
        self._plans: dict[object, Plan] = {}
        self._origins: dict[int, tuple[CodeEndpoint, Chain | None]] = {}
        self._templates = {span.code.definition.declaration.template.key: span.code.definition.declaration.template
                           for spans in self._spans.values() for span in spans}  # fmt: skip

    def timelines(self) -> Iterable[tuple[PathTemplate, str, list[Plan | None]]]:
        """Yield template, method and plans by version for every endpoint there is or was.

        A key comes once for each template: of two endpoints that are called the same at different versions, one may
        take what the other does not.
        """
        keys = dict.fromkeys(self._spans)
        for version in self._timescape.versions:
            keys |= dict.fromkeys(self._timeline.endpoints_at(version.index))
        changes = shape_changes(self._timescape)
        for key in keys:
            method, _, path = key.partition(" ")
            plans = self._plans_of(key, changes.get(key, frozenset()))
            for template, part in _by_template(plans, self._spans.get(key, ()), self._templates.get(path), path):
                yield template, method, part

    def unserved(self, key: str, plans: Sequence[Plan | None]) -> tuple[str, ...]:
        """Return the names of the versions that have the endpoint *key* in their record, but no plan for it."""
        return tuple(
            version.name
            for version in self._timescape.versions
            if plans[version.index] is None and key in self._timeline.endpoints_at(version.index)
        )

    def is_stated_gone(self, key: str, index: int) -> bool:
        """Tell whether a revision says that the endpoint that version *index* calls *key* is gone for good."""
        return self._timeline.stated_end(key, index) is not None

    def identity(self, key: str, index: int) -> str | None:
        """Return what the endpoint that version *index* calls *key* is called now; None if a revision removed it.

        Two endpoints may have the same key at different versions, but not the same identity.
        """
        return self._timeline.name_at(key, index, self._timescape.head)

    def drafts(self, code: Sequence[CodeEndpoint]) -> tuple[CodeEndpoint, ...]:
        """Return those of *code* that serve nobody yet: what they are is not recorded, and another serves till then."""
        serving = {id(span.code) for spans in self._spans.values() for span in spans}
        return tuple(each for each in code if id(each) not in serving)

    def transformers(self, key: str) -> tuple[str, ...]:
        """Return the revisions that transform the endpoint *key* on its way from the oldest version to the newest."""
        found: dict[str, None] = {}
        timeline, head = self._timeline, self._timescape.head
        names = timeline.origins(key)
        for version in self._timescape.versions:
            index = version.index
            for name in names:
                if name in timeline.endpoints_at(index) and timeline.name_at(name, index, head) == key:
                    chain = timeline.chain(name, index, head)
                    found |= dict.fromkeys(chain.revisions if isinstance(chain, Chain) else ())
        return tuple(found)

    def origin(self, facts: HandlerFacts) -> tuple[CodeEndpoint, Chain | None] | None:
        """Return what the plan with *facts*, or others with the same stages, runs; None if there is no such plan."""
        return self._origins.get(id(facts.stages))

    def _plans_of(self, key: str, changes: AbstractSet[int]) -> list[Plan | None]:
        """Return the plan of each version; one in which nothing happens to the endpoint has that of the one before."""
        boundaries = {index for span in self._spans.get(key, ()) for index in (span.start, span.speaks)}
        plans: list[Plan | None] = []
        previous: object = None
        for version in self._timescape.versions:
            index = version.index
            way = self._way(key, index)
            if plans and way is previous and index not in changes and index not in boundaries:
                plans.append(plans[-1])
            else:
                plans.append(self._serve(key, index))
            previous = way
        return plans

    def _way(self, key: str, index: int) -> object:
        """Return what carries the endpoint from version *index* to the newest; only its identity means something."""
        if key not in self._timeline.endpoints_at(index):
            return self
        return self._timeline.chain(key, index, self._timescape.head)

    def _serve(self, key: str, index: int) -> Plan | None:
        """Return the plan for the clients of version *index*, or None where the endpoint does not exist for them."""
        is_recorded = key in self._timeline.endpoints_at(index)
        here = self._covering(key, index, is_recorded=is_recorded)
        plan = self._plan(key, index, here, None, None) if here is not None else None
        if not is_recorded:
            return plan
        passed = 0
        for span in self._later(key, index):
            chain = self._timeline.chain(key, index, span.speaks)
            if isinstance(chain, Removed):
                break
            hops = 0 if chain is None else len(chain.revisions)
            if plan is not None and hops == passed:
                break
            plan, passed = self._plan(key, index, span, chain, plan), hops
        return plan

    def _covering(self, key: str, index: int, *, is_recorded: bool) -> Span | None:
        """Return the handler that speaks the client's own version, or one older that nothing has replaced."""
        spans = [span for span in self._spans.get(key, ()) if span.start <= index]
        if not spans:
            return None
        span = spans[-1]
        at_head = index == self._timescape.head
        if self._recorded and not is_recorded and not at_head and not _is_explicit(span):
            return None
        if not self._recorded:
            return span
        if span.speaks > index:
            return None
        # What is called so since a revision removed or moved it is another endpoint.
        is_known = key in self._timeline.endpoints_at(span.speaks)
        return None if is_known and self._timeline.name_at(key, span.speaks, index) != key else span

    def _later(self, key: str, index: int) -> list[Span]:
        """Return the handlers of newer versions that the endpoint's clients can be led to, oldest first."""
        spans = [
            span
            for name in self._timeline.names_since(key, index)
            for span in self._spans.get(name, ())
            if span.speaks > index and self._timeline.name_at(key, index, span.speaks) == name
        ]
        return sorted(spans, key=lambda span: span.speaks)

    def _plan(self, key: str, index: int, span: Span, chain: Chain | None, fallback: Plan | None) -> Plan:
        api = self._timescape.api_at(index)
        older = api.endpoints.get(key) if index != span.speaks else None
        parts = _Parts(self._types, span.code.endpoint, api, older)
        identity = (id(span.code), id(chain), key, parts.fingerprint, id(fallback))
        plan = self._plans.get(identity)
        if plan is None:
            plan = self._plans[identity] = self._compile(key, span.code, chain, parts, fallback)
            self._origins[id(plan.facts.stages)] = span.code, chain
        return plan

    def _compile(
        self, key: str, code: CodeEndpoint, chain: Chain | None, parts: "_Parts", fallback: Plan | None
    ) -> Plan:
        definition, config = code.definition, self._config
        declaration, options = definition.declaration, definition.declaration.options
        transforms = chain is not None or parts.request_differs or parts.response_differs
        hooks = self._hooks
        before = (*hooks.before, *declaration.before)
        after = (*reversed(declaration.after), *reversed(hooks.after))
        reader, writer = self._reader(code, chain, parts), self._writer(code, chain, parts)
        facts = HandlerFacts(
            handler=definition.id, route=key.partition(" ")[2], flags=frozenset({"transformed"} if transforms else ()),
            timeout_s=options.timeout_s or config.request_timeout_s, cancel_on_disconnect=options.cancel_on_disconnect,
            stages=stages_of(reader, before, after, writer), secrets=frozenset(options.secrets),
        )  # fmt: skip
        limit_bytes = config.body_limit_bytes if options.body_limit_bytes is None else options.body_limit_bytes
        upload_bytes = config.upload_limit_bytes if options.body_limit_bytes is None else options.body_limit_bytes
        limits = BodyLimits(memory_bytes=limit_bytes, upload_bytes=upload_bytes)
        return Plan(
            facts=facts, status=definition.status, callback=declaration.callback, before=before, after=after,
            catch=(*reversed(declaration.catch), *reversed(hooks.catch)),
            reads_body=definition.body_mode is BodyMode.DATA, body_limit_bytes=limit_bytes,
            open_body=_opener(definition.body_mode, limits, self._codecs),
            may_lack_body=definition.body_mode is BodyMode.ANY,
            reader=reader, writer=writer,
            chain=chain if chain is not None and "problem" in chain.touches else None, fallback=fallback,
            gate=self._gates(definition.id, options.policy), looks=options.policy.mode(self._auth) != "off",
            may_look=options.policy.auth != "off", priority=options.priority, cors=options.cors,
        )  # fmt: skip

    def _reader(self, code: CodeEndpoint, chain: Chain | None, parts: "_Parts") -> Reader:
        touches = chain is not None and chain.touches_request
        if not touches and not parts.request_differs:
            return self._newest_reader(code.codecs, code.endpoint)
        older = parts.older or code.endpoint
        codecs = Codecs(
            params=self._recorded_codec(parts.old("params")), query=self._recorded_codec(parts.old("query")),
            headers=self._recorded_codec(parts.old("headers")), body=self._recorded_codec(parts.old("body")),
            body_form=code.codecs.body_form, body_optional=code.codecs.body_optional,
        )  # fmt: skip
        revisions = chain.revisions if chain is not None else ()
        arrival = Arrival(
            codecs=code.codecs, query_names=_names(code.endpoint.query), header_names=_names(code.endpoint.headers)
        )
        return OlderReader(self._newest_reader(codecs, older), arrival, chain, revisions)

    def _newest_reader(self, codecs: Codecs, endpoint: Endpoint) -> NewestReader:
        query, keys = endpoint.query, self._config.auth.api_keys
        ours = {self._config.version_query, None if keys is None else keys.query} - {None, *_names(query)}
        # A type that takes what it does not know costs nothing more: only one that refuses has to be kept from it.
        refused = {name for name in ours if name is not None} if query is not None and query.closed else ()
        return NewestReader(codecs, _names(endpoint.headers), ours=frozenset(refused))

    def _writer(self, code: CodeEndpoint, chain: Chain | None, parts: "_Parts") -> Writer:
        check, untyped = self._config.check_responses, self._codecs.untyped
        newest = NewestWriter(code.definition.id, code.response, untyped, check=check, nullable=code.nullable)
        touches = chain is not None and "response" in chain.touches
        if not touches and not parts.response_differs:
            return newest
        older = self._recorded_codec(parts.old("response"))
        return OlderWriter(newest, older, untyped, chain if touches else None, check=check)

    def _recorded_codec(self, gtype: GType | None) -> Codec | None:
        return None if gtype is None else self._codecs.of_record(gtype)


_REQUEST_PARTS = ("params", "query", "headers", "body")


@final
class _Parts:
    """The parts of an endpoint as the client's version has them, and which of them differ from the handler's."""

    def __init__(self, types: dict[str, Node], newest: Endpoint, api: Api, older: Endpoint | None) -> None:
        self.older = older
        self._types = types if older is None else api.types
        self._endpoint = newest if older is None else older
        differs = {
            name: older is not None and _gtype(getattr(newest, name), types) != _gtype(getattr(older, name), api.types)
            for name in (*_REQUEST_PARTS, "response")
        }
        self.request_differs = any(differs[name] for name in _REQUEST_PARTS)
        self.response_differs = differs["response"]
        different = (name for name, is_different in differs.items() if is_different)
        self.fingerprint = tuple((name, gtype.fingerprint if (gtype := self.old(name)) else "") for name in different)

    def old(self, name: str) -> GType | None:
        """Return the type of part *name* at the client's version."""
        return _gtype(getattr(self._endpoint, name), self._types)


def _gtype(node: Node | None, types: Mapping[str, Node]) -> GType | None:
    return None if node is None else GType(node, reachable(node, types))


def _names(members: Object | None) -> tuple[str, ...]:
    return tuple(field.name for field in members.fields) if members is not None else ()


def _opener(mode: BodyMode, limits: BodyLimits, codecs: CodecCache) -> OpenBody | None:
    match mode:
        case BodyMode.NONE | BodyMode.DATA:
            return None
        case BodyMode.FORM | BodyMode.FORM_DATA:
            return open_form(limits)
        case BodyMode.BYTES:
            return open_bytes(limits)
        case BodyMode.TEXT:
            return open_text(limits)
        case BodyMode.STREAM:
            return open_stream(limits)
        case BodyMode.ANY:
            return open_any(limits, codecs.untyped)


def _by_template(
    plans: list[Plan | None], spans: Sequence[Span], beside: PathTemplate | None, path: str
) -> Iterable[tuple[PathTemplate, list[Plan | None]]]:
    """Yield each template by which some of *plans* are found, and these.

    Args:
        spans: The handlers that are called so themselves.
        beside: The template of *path* for another method; what was moved away goes by it, if nothing took its place.
    """
    own = {id(span.code.definition.declaration.callback): span.code.definition.declaration.template for span in spans}
    bare = PathTemplate.parse(path) if spans or beside is None else beside
    templates = [None if plan is None else own.get(id(plan.callback), bare) for plan in plans]
    different = {template.text: template for template in templates if template is not None} or {bare.text: bare}
    for text, template in different.items():
        if len(different) == 1:
            yield template, plans
        else:
            pairs = zip(plans, templates, strict=True)
            yield template, [plan if each is not None and each.text == text else None for plan, each in pairs]


def _is_explicit(span: Span) -> bool:
    return span.code.definition.declaration.options.version is not None


def _spans(code: Sequence[CodeEndpoint], timescape: Timescape) -> dict[str, list[Span]]:
    """Return the handlers of each endpoint that serve somebody, the one of the oldest version first."""
    by_key: dict[str, list[CodeEndpoint]] = {}
    for each in code:
        declaration = each.definition.declaration
        for method in declaration.methods:
            by_key.setdefault(endpoint_key(method, declaration.template.key), []).append(each)
    return {key: _ordered(key, _without_draft(those, timescape), timescape) for key, those in by_key.items()}


def _without_draft(endpoints: list[CodeEndpoint], timescape: Timescape) -> list[CodeEndpoint]:
    """Return *endpoints* without the one that has no version, where another serves the newest recorded one.

    It is what comes next: the code's API has it, and it serves from the revision on that records it.
    """
    versions = [each.definition.declaration.options.version for each in endpoints]
    is_served = any(version is not None and timescape.resolve(version) == timescape.head for version in versions)
    if not is_served or timescape.versions[timescape.head].revision is None:
        return endpoints
    return [each for each, version in zip(endpoints, versions, strict=True) if version is not None]


def _ordered(key: str, endpoints: list[CodeEndpoint], timescape: Timescape) -> list[Span]:
    spans: list[Span] = []
    for code in endpoints:
        version = code.definition.declaration.options.version
        speaks = timescape.head if version is None else timescape.resolve(version)
        start = speaks if version is not None or len(endpoints) > 1 else 0
        spans.append(Span(code=code, start=start, speaks=speaks))
    spans.sort(key=lambda span: span.speaks)
    for first, second in pairwise(spans):
        if first.speaks == second.speaks:
            name = timescape.versions[first.speaks].name
            raise DuplicateRouteError(
                f"{key} at version {name} is served twice: by {first.code.definition.declaration.where} "
                f"and by {second.code.definition.declaration.where}; give each a version of its own"
            )
    return spans
