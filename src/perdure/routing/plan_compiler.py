"""From a handler, and the chain that leads older clients to it, to the plan by which their requests are served.

Source: SPEC 3.5; properties 16 and 17.
"""

from collections.abc import Callable, Mapping
from typing import final

from msgspec import Struct

from perdure.config import Config
from perdure.context.local import HandlerFacts
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
from perdure.manifest.records import Api, Endpoint
from perdure.policy.base import AuthMode, RoutePolicy
from perdure.policy.gate import Gate
from perdure.routing.definition import BodyMode
from perdure.routing.endpoint import CodecCache, CodeEndpoint
from perdure.timescape.chain import Chain

__all__ = ["EndpointParts", "GateOf", "GlobalHooks", "PlanCompiler"]

GateOf = Callable[[str, RoutePolicy], Gate | None]
"""Returns the gate of the handler with this id and policy; for equal ones the same."""


@final
class GlobalHooks(Struct, frozen=True, kw_only=True):
    """The hooks every request passes, in order of registration."""

    before: tuple[PlannedHook, ...] = ()
    after: tuple[PlannedHook, ...] = ()
    catch: tuple[PlannedHook, ...] = ()


_REQUEST_PARTS = ("params", "query", "headers", "body")


@final
class EndpointParts:
    """The parts of an endpoint as the client's version has them, and which of them differ from the handler's."""

    def __init__(self, types: Mapping[str, Node], newest: Endpoint, api: Api, older: Endpoint | None) -> None:
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


@final
class PlanCompiler:
    """Compiles the plans of an app.

    Args:
        hooks: Those of all handlers.
        gates: Knows the gate of each handler.
        auth: What is asked of clients where a route says nothing.
    """

    def __init__(self, config: Config, codecs: CodecCache, hooks: GlobalHooks, gates: GateOf, auth: AuthMode) -> None:
        self._config = config
        self._codecs = codecs
        self._hooks = hooks
        self._gates = gates
        self._auth = auth

    def compile(
        self, key: str, code: CodeEndpoint, chain: Chain | None, parts: EndpointParts, fallback: Plan | None
    ) -> Plan:
        """Return the plan by which *code* serves those who call it *key*.

        Args:
            chain: Leads from their version to the one the handler speaks, and back; None where nothing is in between.
            parts: Of the endpoint, as they know them.
            fallback: Serves those of their requests that the chain cannot translate.
        """
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

    def _reader(self, code: CodeEndpoint, chain: Chain | None, parts: EndpointParts) -> Reader:
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

    def _writer(self, code: CodeEndpoint, chain: Chain | None, parts: EndpointParts) -> Writer:
        check, untyped = self._config.check_responses, self._codecs.untyped
        newest = NewestWriter(code.definition.id, code.response, untyped, check=check, nullable=code.nullable)
        touches = chain is not None and "response" in chain.touches
        if not touches and not parts.response_differs:
            return newest
        older = self._recorded_codec(parts.old("response"))
        return OlderWriter(newest, older, untyped, chain if touches else None, check=check)

    def _recorded_codec(self, gtype: GType | None) -> Codec | None:
        return None if gtype is None else self._codecs.of_record(gtype)


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
