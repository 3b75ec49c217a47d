"""Property 2: a manifest is complete: id, path, methods, GTypes, hooks, policies, fingerprint, modules.

The oracle is the drawn description an app is built from: manifests are compared with it field by field, types by the
members they were given, and the fingerprint with a hash of the document as the standard library writes it.
"""

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure import App, Hook, Request
from perdure.gtype.nodes import Array, Boolean, GType, Integer, Node, Number, Object, String
from perdure.manifest.records import HandlerManifest

MEMBERS: dict[str, tuple[Any, type]] = {
    "int": (int, Integer), "str": (str, String), "float": (float, Number), "bool": (bool, Boolean),
    "list": (list[int], Array),
}  # fmt: skip
METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]


@dataclass(frozen=True)
class HookSpec:
    name: str
    is_async: bool
    timeout_s: float | None
    retries: int

    def build(self) -> Hook:
        async def asynchronous() -> None: ...

        def synchronous() -> None: ...

        fn: Callable[..., object] = asynchronous if self.is_async else synchronous
        fn.__name__ = self.name
        return Hook(fn, self.timeout_s, self.retries)


@dataclass(frozen=True)
class RouteSpec:
    number: int
    id: str | None
    methods: tuple[str, ...]
    params: tuple[str, ...]
    body: tuple[tuple[str, str], ...] | None
    query: tuple[tuple[str, str], ...] | None
    response: tuple[tuple[str, str], ...] | None
    before: tuple[HookSpec, ...]
    after: tuple[HookSpec, ...]
    catch: tuple[HookSpec, ...]
    status: int | None
    timeout_s: float | None
    body_limit_bytes: int | None
    cancel_on_disconnect: bool
    summary: str
    docstring: str
    deprecated: bool
    is_async: bool

    @property
    def path(self) -> str:
        return f"/route{self.number}" + "".join(f"/{{{name}}}" for name in self.params)

    @property
    def expected_id(self) -> str:
        return self.id or f"handle_{self.number}"


@dataclass(frozen=True)
class AppSpec:
    routes: tuple[RouteSpec, ...]
    before: tuple[HookSpec, ...]
    after: tuple[HookSpec, ...]
    catch: tuple[HookSpec, ...]
    modules: tuple[str, ...]


hooks = st.lists(
    st.builds(
        HookSpec, st.from_regex(r"[a-z]{1,8}", fullmatch=True), st.booleans(),
        st.none() | st.sampled_from([0.5, 2.0]), st.integers(0, 3),
    ), max_size=2,
).map(tuple)  # fmt: skip
members = st.lists(
    st.tuples(st.from_regex(r"m_[a-z]{1,5}", fullmatch=True), st.sampled_from(sorted(MEMBERS))),
    min_size=1, max_size=3, unique_by=lambda member: member[0],
).map(tuple)  # fmt: skip


@st.composite
def app_specs(draw: st.DrawFn) -> AppSpec:
    routes = [
        draw(
            st.builds(
                RouteSpec, number=st.just(number), id=st.sampled_from([None, f"own.id-{number}"]),
                methods=st.lists(st.sampled_from(METHODS), min_size=1, max_size=3, unique=True).map(tuple),
                params=st.lists(st.sampled_from(["a", "b_2", "c"]), max_size=2, unique=True).map(tuple),
                body=st.none() | members, query=st.none() | members, response=st.none() | members,
                before=hooks, after=hooks, catch=hooks, status=st.sampled_from([None, 201, 202]),
                timeout_s=st.sampled_from([None, 1.5]), body_limit_bytes=st.sampled_from([None, 0, 4096]),
                cancel_on_disconnect=st.booleans(), summary=st.sampled_from(["", "Written by hand"]),
                docstring=st.sampled_from(["", "First line.\n\nMore."]), deprecated=st.booleans(),
                is_async=st.booleans(),
            )
        )
        for number in range(draw(st.integers(1, 3)))
    ]  # fmt: skip
    names = st.lists(st.sampled_from(["orders", "stock", "mail"]), unique=True, max_size=3).map(tuple)
    return AppSpec(tuple(routes), draw(hooks), draw(hooks), draw(hooks), draw(names))


def struct(name: str, spec: tuple[tuple[str, str], ...] | None) -> Any:
    return msgspec.defstruct(name, [(member, MEMBERS[kind][0]) for member, kind in spec]) if spec is not None else None


def build(spec: AppSpec, order: list[int]) -> App:
    """Return the app, its routes registered in *order*."""
    app = App("drawn")
    for kind, level in (("before", spec.before), ("after", spec.after), ("catch", spec.catch)):
        for hook in level:
            getattr(app, kind)(hook.build())
    for name in spec.modules:
        app.module(name, object())
    for route in (spec.routes[number] for number in order):
        register(app, route)
    return app


def register(app: App, route: RouteSpec) -> None:
    body, query = struct(f"Body{route.number}", route.body), struct(f"Query{route.number}", route.query)

    async def asynchronous(req: Any) -> Any: ...

    def synchronous(req: Any) -> Any: ...

    handler: Any = asynchronous if route.is_async else synchronous
    parts = [body, Any, query] if query is not None else [body]
    handler.__annotations__["req"] = Request[tuple(parts)]  # type: ignore[misc]
    if route.response is not None:
        handler.__annotations__["return"] = struct(f"Answer{route.number}", route.response)
    handler.__name__ = f"handle_{route.number}"
    handler.__doc__ = route.docstring or None
    app.route(
        route.path, route.methods, id=route.id, before=[hook.build() for hook in route.before],
        after=[hook.build() for hook in route.after], catch=[hook.build() for hook in route.catch],
        status=route.status, timeout_s=route.timeout_s, body_limit_bytes=route.body_limit_bytes,
        cancel_on_disconnect=route.cancel_on_disconnect, summary=route.summary, deprecated=route.deprecated,
    )(handler)  # fmt: skip


def shown(manifest: HandlerManifest, node: Node | None) -> dict[str, type] | None:
    """Return the members a type in a manifest has, by name, with the class of each one's node."""
    if node is None:
        return None
    resolved = GType(node, manifest.types).resolve(node)
    assert isinstance(resolved, Object)
    return {field.name: type(field.node) for field in resolved.fields}


def drawn(spec: tuple[tuple[str, str], ...] | None) -> dict[str, type] | None:
    return None if spec is None else {member: MEMBERS[kind][1] for member, kind in spec}


def recorded(spec: AppSpec, route: RouteSpec) -> list[tuple[object, ...]]:
    levels = [
        ("before", "global", spec.before), ("before", "route", route.before), ("after", "global", spec.after),
        ("after", "route", route.after), ("catch", "global", spec.catch), ("catch", "route", route.catch),
    ]  # fmt: skip
    return [
        (kind, level, order, hook.name, hook.is_async, hook.timeout_s, hook.retries)
        for kind, level, each in levels
        for order, hook in enumerate(each)
    ]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spec=app_specs(), data=st.data())
def test_a_manifest_is_complete(spec: AppSpec, data: st.DataObject) -> None:
    numbers = list(range(len(spec.routes)))
    manifests = {manifest.id: manifest for manifest in build(spec, numbers).manifests()}
    assert {route.expected_id for route in spec.routes} == manifests.keys()

    for route in spec.routes:
        manifest = manifests[route.expected_id]
        assert (route.path, set(route.methods)) == (manifest.path, set(manifest.methods))
        assert manifest.version == f"tsv:0-{route.expected_id}-000"
        assert manifest.name.endswith(("asynchronous", "synchronous"))
        assert drawn(route.body) == shown(manifest, manifest.endpoint.body)
        assert drawn(route.query) == shown(manifest, manifest.endpoint.query)
        assert drawn(route.response) == shown(manifest, manifest.endpoint.response)
        params = dict.fromkeys(route.params, String) or None
        assert params == shown(manifest, manifest.endpoint.params)
        assert (route.status or 200) == manifest.endpoint.status
        hooks_of = [
            (each.kind, each.level, each.order, each.name, each.is_async, each.timeout_s, each.retries)
            for each in manifest.hooks
        ]
        assert sorted(recorded(spec, route), key=str) == sorted(hooks_of, key=str)
        policies: dict[str, object] = {"cancel_on_disconnect": route.cancel_on_disconnect}
        if route.body_limit_bytes is not None:
            policies["body_limit_bytes"] = route.body_limit_bytes
        assert policies == manifest.policies
        assert sorted(spec.modules) == sorted(manifest.modules)
        assert (route.timeout_s, route.is_async, route.deprecated) == (
            manifest.timeout_s, manifest.is_async, manifest.deprecated
        )  # fmt: skip
        assert (route.summary or route.docstring.partition("\n")[0]) == manifest.summary
        document = json.loads(manifest.canonical())
        written = json.dumps(document, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
        assert hashlib.sha256(written).hexdigest() == manifest.fingerprint

    other_order = data.draw(st.permutations(numbers))
    others = {manifest.id: manifest.fingerprint for manifest in build(spec, other_order).manifests()}
    assert {manifest.id: manifest.fingerprint for manifest in manifests.values()} == others
