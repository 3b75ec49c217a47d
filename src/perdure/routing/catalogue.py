"""Everything an app serves, compiled: endpoints, versions, plans, manifests.

Source: SPEC 3.1, 3.4, 3.5.
"""

import inspect
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import final

import msgspec
from msgspec import Struct

from perdure.config import Config
from perdure.context.local import HandlerFacts
from perdure.errors import DuplicateRouteError, TypeDefinitionError
from perdure.gtype.nodes import Node
from perdure.gtype.registry import TypeRegistry
from perdure.gtype.traversal import reachable
from perdure.lifecycle.hooks import PlannedHook
from perdure.lifecycle.plan import Plan
from perdure.lifecycle.socket_run import SocketPlan
from perdure.manifest.records import Api, Endpoint, HandlerManifest, HookRecord, endpoint_key
from perdure.policy.base import AuthMode
from perdure.routing.declaration import Declaration, RouteOptions
from perdure.routing.definition import UNDECLARED, Definition, define, define_socket
from perdure.routing.endpoint import CodecCache, CodeEndpoint, code_endpoint
from perdure.routing.manager import RouteManager
from perdure.routing.plan_compiler import GateOf, GlobalHooks, PlanCompiler
from perdure.routing.planner import Planner
from perdure.routing.published import Published, publish
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.timescape import Timescape

__all__ = ["Catalogue", "RouteInfo"]


@final
class RouteInfo(Struct, frozen=True, kw_only=True):
    """One line of `perdure routes`."""

    method: str
    path: str
    handler: str
    """Id of the handler that serves it at the newest version it exists at."""
    function: str
    file: str
    line: int
    versions: tuple[str, ...]
    """Names of the versions it exists at, oldest first."""
    access: str
    """Who may call it: ``everyone``, ``who is known``, ``role clerk or customer``, ``closed``."""
    summary: str = ""


@final
class Catalogue:
    """All handlers of an app, compiled against its revisions.

    Args:
        auth: What is asked of clients where a route says nothing; ``off`` where nobody could show who they are.
    Raises:
        DefinitionError: Something about a handler, a type or a revision is wrong; the message says what and where.
    """

    def __init__(
        self, config: Config, declarations: Sequence[Declaration], revisions: Sequence[RecordedRevision],
        hooks: GlobalHooks, modules: tuple[str, ...], gates: GateOf, auth: AuthMode,
    ) -> None:  # fmt: skip
        http = [each for each in declarations if not each.is_socket]
        _refuse_twins(http)
        ids = _handler_ids(declarations)
        definitions = [define(each, ids[index]) for index, each in enumerate(declarations) if not each.is_socket]
        extra = dict.fromkeys(each.options.version for each in http if each.options.version is not None)
        self.timescape = Timescape(
            revisions, tuple(extra), config.tags, config.default_version, config.version_header.lower()
        )
        # Looked up before anything is decided at run time: a version may be hidden later.
        self._declared = {text: self.timescape.resolve(text) for text in extra}
        self.registry = _collect(definitions)
        codecs = CodecCache(self.registry)
        self._auth, self._deny_by_default = auth, config.auth.deny_by_default
        self._code = tuple(
            code_endpoint(each, self.registry, codecs, auth, deny_by_default=self._deny_by_default)
            for each in definitions
        )
        self._hooks = hooks
        self._modules = modules
        compiler = PlanCompiler(config, codecs, hooks, gates, auth)
        self._planner = Planner(self.timescape, self.registry.definitions, self._code, compiler)
        drafts = self._planner.drafts(self._code)
        self._serving = tuple(each for each in self._code if not any(each is draft for draft in drafts))
        self.drafts = tuple(each.definition.declaration.where for each in drafts)
        """Where the handlers stand that serve nobody before their revision is recorded."""
        self.routes = RouteManager(self.timescape)
        self._timelines = tuple(self._planner.timelines())
        for template, method, timeline in self._timelines:
            self.routes.add(template, method, timeline)
        self._sockets = [
            (each, _socket_plan(each, ids[index], hooks, gates, auth))
            for index, each in enumerate(declarations)
            if each.is_socket
        ]
        for declaration, plan in self._sockets:
            self.routes.add_socket(declaration.template, plan, declaration.where)

    @property
    def unserved(self) -> tuple[tuple[str, str], ...]:
        """(Version, endpoint) pairs that are recorded but that no handler serves any more."""
        by_key: dict[str, list[Plan | None]] = {}
        for template, method, plans in self._timelines:
            known = by_key.setdefault(endpoint_key(method, template.key), plans)
            by_key[endpoint_key(method, template.key)] = [one or other for one, other in zip(known, plans, strict=True)]
        return tuple((version, key) for key, plans in by_key.items() for version in self._planner.unserved(key, plans))

    @property
    def forgotten(self) -> tuple[tuple[str, str], ...]:
        """Those of `unserved` of which no revision says that they are gone for good."""
        indices = {version.name: version.index for version in self.timescape.versions}
        return tuple(each for each in self.unserved if not self._planner.is_stated_gone(each[1], indices[each[0]]))

    def api(self) -> Api:
        """Return the API as the code has it now: what the next revision would record."""
        types = self.registry.definitions
        endpoints: dict[str, Endpoint] = {}
        newest: dict[str, tuple[int, bool]] = {}
        for each in self._code:
            declaration = each.definition.declaration
            # Beside one for the newest version, a handler without a version is what comes next.
            rank = self._speaks(each), declaration.options.version is None
            for method in declaration.methods:
                key = endpoint_key(method, declaration.template.key)
                if key not in newest or newest[key] <= rank:
                    newest[key] = rank
                    endpoints[key] = each.endpoint
        return Api(types=_needed(endpoints.values(), types), endpoints=endpoints)

    def published(self, index: int) -> Published:
        """Return the API as the clients of version *index* see it, and what is said about it."""
        return publish(index, self.timescape, self._code, self.registry.definitions, self._timelines, self._declared)

    def transformers(self, handler_id: str) -> tuple[str, ...]:
        """Return the revisions that transform requests or answers of a handler, oldest first; for `gctx.timescape`."""
        found: dict[str, None] = {}
        for each in self._code:
            if each.definition.id == handler_id:
                for method in each.definition.declaration.methods:
                    key = endpoint_key(method, each.definition.declaration.template.key)
                    found |= dict.fromkeys(self._planner.transformers(key))
        return tuple(found)

    def route_infos(self) -> tuple[RouteInfo, ...]:
        """Return every endpoint there is or was, by path and method; of those of one name, the newer first."""
        names = [version.name for version in self.timescape.versions]
        declarations = (each.definition.declaration for each in self._serving)
        by_callback = {id(each.callback): each for each in declarations}
        found: list[RouteInfo] = []
        for template, method, timeline in self._timelines:
            key = endpoint_key(method, template.key)
            served: dict[str | None, list[tuple[str, Plan]]] = {}
            for index, plan in reversed(tuple(enumerate(timeline))):
                if plan is not None:
                    served.setdefault(self._planner.identity(key, index), []).append((names[index], plan))
            for at in served.values():
                newest = at[0][1]
                versions = tuple(name for name, _ in reversed(at))
                place = (method, template.text, newest.facts.handler)
                found.append(self._info(place, by_callback[id(newest.callback)], versions))
        for declaration, socket in self._sockets:
            place = ("WEBSOCKET", declaration.template.text, socket.facts.handler)
            found.append(self._info(place, declaration, tuple(names)))
        return tuple(sorted(found, key=lambda info: (info.path, info.method)))

    def manifests(self) -> tuple[HandlerManifest, ...]:
        """Return a manifest for each handler of the code that serves somebody, by id and version."""
        return tuple(sorted((self._manifest(each) for each in self._serving), key=lambda each: (each.id, each.version)))

    def description(self, facts: HandlerFacts) -> tuple[str, tuple[str, ...]]:
        """Return the hash of the manifest of the handler that a plan with *facts* runs, and its transformers.

        Returns:
            The hash, empty for WebSockets; the names of the revisions that carry requests of the plan's versions to the
            handler, or its answers back, oldest first.
        """
        origin = self._planner.origin(facts)
        if origin is None:
            return "", ()
        code, chain = origin
        return self._manifest(code).fingerprint, () if chain is None else chain.revisions

    def _speaks(self, code: CodeEndpoint) -> int:
        """Return the index of the version whose shapes a handler knows."""
        version = code.definition.declaration.options.version
        return self.timescape.head if version is None else self._declared[version]

    def _manifest(self, code: CodeEndpoint) -> HandlerManifest:
        declaration, options = code.definition.declaration, code.definition.declaration.options
        timescape = self.timescape
        index = self._speaks(code)
        return HandlerManifest(
            id=code.definition.id, version=timescape.tsv(code.definition.id, index),
            name=_function_name(declaration), path=declaration.template.text, methods=declaration.methods,
            endpoint=code.endpoint, types=_needed((code.endpoint,), self.registry.definitions),
            hooks=_hook_records(declaration, self._hooks), policies=self._policies(options), modules=self._modules,
            is_async=declaration.callback.is_async, timeout_s=options.timeout_s, summary=_summary(declaration),
            deprecated=options.deprecated,
        )  # fmt: skip

    def _policies(self, options: RouteOptions) -> dict[str, object]:
        is_closed = options.policy.is_closed(self._deny_by_default)
        return {**_said(options), **({"closed": True} if is_closed else {})}

    def _info(self, place: tuple[str, str, str], declaration: Declaration, versions: tuple[str, ...]) -> RouteInfo:
        """Return the line of the handler *declaration*; *place* is its method, path and id."""
        method, path, handler = place
        code = getattr(inspect.unwrap(_function(declaration)), "__code__", None)
        policy = declaration.options.policy
        return RouteInfo(
            method=method, path=path, handler=handler, function=_function_name(declaration),
            file=code.co_filename if code else "", line=code.co_firstlineno if code else 0, versions=versions,
            access=policy.access(self._auth, deny_by_default=self._deny_by_default), summary=_summary(declaration),
        )  # fmt: skip


def _refuse_twins(declarations: Sequence[Declaration]) -> None:
    """Refuse handlers of different routers that no request could tell apart."""
    seen: dict[object, Declaration] = {}
    for each in declarations:
        for method in each.methods:
            other = seen.setdefault((method, each.template.parts, each.options.version), each)
            if other is not each:
                raise DuplicateRouteError(
                    f"{method} {each.template.text} is served twice: by {other.where} and by {each.where}; give each a "
                    "version of its own"
                )


def _socket_plan(
    declaration: Declaration, handler_id: str, hooks: GlobalHooks, gates: GateOf, auth: AuthMode
) -> SocketPlan:
    options = declaration.options
    facts = HandlerFacts(
        handler=handler_id, route=declaration.template.key, timeout_s=float("inf"), secrets=frozenset(options.secrets)
    )
    return SocketPlan(
        facts=facts, callback=declaration.callback, before=(*hooks.before, *declaration.before),
        after=(*reversed(declaration.after), *reversed(hooks.after)),
        catch=(*reversed(declaration.catch), *reversed(hooks.catch)), incoming=define_socket(declaration),
        gate=gates(handler_id, options.policy), looks=options.policy.mode(auth) != "off",
    )  # fmt: skip


def _collect(definitions: Sequence[Definition]) -> TypeRegistry:
    """Read all types before any is named, so that names do not depend on the order of registration."""
    registry = TypeRegistry()
    for each in definitions:
        parts = (each.body, each.params, each.query, each.headers, each.response)
        readable = [part for part in parts if part is not UNDECLARED and not _is_raw(each, part)]
        try:
            registry.collect(*readable, localns=each.declaration.local_names)
        except TypeDefinitionError as error:
            raise TypeDefinitionError(f"{each.declaration.where}: {error}") from error
    return registry


def _is_raw(definition: Definition, part: object) -> bool:
    """Return whether *part* is the type of a body that is not data."""
    return part is definition.body and not definition.has_data_body


def _handler_ids(declarations: Sequence[Declaration]) -> list[str]:
    """Return an id for each: its own, else the function's name, with as much of its endpoint as tells it from others.

    Handlers of one endpoint at several versions share theirs.
    """
    ids = [""] * len(declarations)
    for spell in (_plain_id, _id_with_path, _id_with_methods, _id_in_full):
        endpoints: dict[str, set[object]] = {}
        for each in declarations:
            endpoints.setdefault(spell(each), set()).add((each.template.key, each.methods))
        ids = [
            known or (spell(each) if len(endpoints[spell(each)]) == 1 else "")
            for known, each in zip(ids, declarations, strict=True)
        ]
    return ids


def _plain_id(declaration: Declaration) -> str:
    fn = _function(declaration)
    return declaration.options.id or str(getattr(fn, "__name__", type(fn).__name__))


def _id_with_path(declaration: Declaration) -> str:
    path = declaration.template.key.strip("/").replace("/", ".").translate({ord("{"): None, ord("}"): None})
    return f"{_plain_id(declaration)}.{path or 'root'}"


def _id_with_methods(declaration: Declaration) -> str:
    return f"{_id_with_path(declaration)}.{'+'.join(declaration.methods).lower()}"


def _id_in_full(declaration: Declaration) -> str:
    return f"{_plain_id(declaration)} {'+'.join(declaration.methods)} {declaration.template.key}"


def _function(declaration: Declaration) -> Callable[..., object]:
    """Return the handler, or what it is a part of."""
    fn = declaration.callback.fn
    return fn.func if isinstance(fn, partial) else fn


def _needed(endpoints: Iterable[Endpoint], types: dict[str, Node]) -> dict[str, Node]:
    """Return those *types* the endpoints reach."""
    found: dict[str, Node] = {}
    for endpoint in endpoints:
        for node in (endpoint.params, endpoint.query, endpoint.headers, endpoint.body, endpoint.response):
            if node is not None:
                found |= reachable(node, types)
    return dict(sorted(found.items()))


def _said(options: RouteOptions) -> dict[str, object]:
    """Return what holds for the requests of a route, where it says so itself."""
    policy = options.policy
    said = {
        "body_limit_bytes": options.body_limit_bytes, "auth": policy.auth, "public": policy.public or None,
        "roles": sorted(policy.roles), "all_roles": sorted(policy.all_roles), "scopes": sorted(policy.scopes),
        "rate_limits": [str(each) for each in policy.rate_limits], "concurrency": policy.concurrency,
        "priority": None if policy.priority == "normal" else policy.priority, "secrets": sorted(options.secrets),
        "cors": None if options.cors is None else msgspec.to_builtins(options.cors),
    }  # fmt: skip
    kept = {name: value for name, value in said.items() if value is not None and value != []}
    return {"cancel_on_disconnect": options.cancel_on_disconnect, **kept}


def _hook_records(declaration: Declaration, hooks: GlobalHooks) -> tuple[HookRecord, ...]:
    levels = (
        ("before", "global", hooks.before), ("before", "route", declaration.before), ("after", "global", hooks.after),
        ("after", "route", declaration.after), ("catch", "global", hooks.catch), ("catch", "route", declaration.catch),
    )  # fmt: skip
    return tuple(_hook_record(hook, order) for *_, planned in levels for order, hook in enumerate(planned))


def _hook_record(hook: PlannedHook, order: int) -> HookRecord:
    kind, _, level = hook.stage.level.partition(":")
    return HookRecord(
        name=hook.stage.name, kind=kind, level=level, order=order, is_async=hook.callback.is_async,  # type: ignore[arg-type]
        timeout_s=hook.hook.timeout_s, retries=hook.hook.retries,
    )  # fmt: skip


def _function_name(declaration: Declaration) -> str:
    fn = _function(declaration)
    return f"{getattr(fn, '__module__', '')}.{getattr(fn, '__qualname__', type(fn).__qualname__)}"


def _summary(declaration: Declaration) -> str:
    return declaration.options.summary or (inspect.getdoc(_function(declaration)) or "").partition("\n")[0]
