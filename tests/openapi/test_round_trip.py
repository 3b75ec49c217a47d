"""What is written, read again, is the same API."""

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from msgspec import json
from msgspec.structs import replace
from openapi_spec_validator import OpenAPIV31SpecValidator
from openapi_spec_validator.schemas import schema_v31
from shop.app import app as shop

from perdure.diff.apis import diff_apis
from perdure.gtype.json_schema_export import to_json_schema
from perdure.gtype.json_schema_import import from_json_schema
from perdure.gtype.naming import rename
from perdure.gtype.nodes import AnyValue, Field, GType, Node, Null, Object, Ref, String, Union
from perdure.manifest.records import Api, Endpoint, endpoint_key
from perdure.openapi.description import Description
from perdure.openapi.reading import read_openapi_with_warnings
from perdure.openapi.writing import write_openapi
from tests.gtype.strategies import ALL_GTYPES
from tests.gtype.test_json_schema import GTYPES

ABOUT = Description(title="An API", version="v1")
OFFICIAL = jsonschema_rs.validator_for(dict(schema_v31))
"""Of the OpenAPI Initiative."""
TYPE_NAMES = {"A": "Page[Order]", "B": "Page[Order | None]", "C": "Problem"}


def canonical(api: Api) -> dict[str, Any]:
    """Return *api* as plain data, in which 1 and True differ."""
    found: dict[str, Any] = json.decode(json.encode(api, order="sorted"))
    for endpoint in found.get("endpoints", {}).values():
        # Whether a default is left out hangs on which of two equal objects it is.
        endpoint.setdefault("body_media", ["application/json", "application/msgpack"])
        endpoint.setdefault("response_media", "application/json")
    return found


def round_trip(api: Api) -> Api:
    reading = read_openapi_with_warnings(write_openapi(api, ABOUT))
    assert reading.warnings == ()
    return reading.api


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_shop_comes_back_and_is_valid(version: str) -> None:
    document = shop.openapi(version)
    OpenAPIV31SpecValidator(document).validate()
    api = read_openapi_with_warnings(document).api
    if version == "v3":
        assert canonical(shop.api()) == canonical(api)
    assert canonical(api) == canonical(round_trip(api))


@pytest.mark.parametrize(("older", "newer"), [("v1", "v2"), ("v2", "v3"), ("v1", "v3")])
def test_documents_differ_in_what_the_versions_differ_in(older: str, newer: str) -> None:
    timescape = shop._compiled().catalogue.timescape
    recorded = [timescape.api_at(timescape.resolve(version)) for version in (older, newer)]
    described = [read_openapi_with_warnings(shop.openapi(version)).api for version in (older, newer)]
    findings = diff_apis(*recorded)
    assert findings
    assert findings == diff_apis(*described)


@pytest.mark.parametrize("gtype", GTYPES, ids=lambda gtype: repr(gtype.canonical())[:70])
def test_every_kind_of_type_comes_back(gtype: GType) -> None:
    endpoint = Endpoint(handler="h", body=Union(members=(gtype.root, Null())), response=gtype.root)
    api = Api(types=gtype.definitions, endpoints={"POST /": replace(endpoint, responses={"404": gtype.root})})
    expected = replace(api, endpoints={"POST /": replace(api.endpoints["POST /"], body=_normal(endpoint.body, gtype))})
    assert canonical(expected) == canonical(round_trip(api))


def _normal(node: Node | None, gtype: GType) -> Node | None:
    """Return *node* as it is spelt after it was JSON Schema."""
    return None if node is None else from_json_schema(to_json_schema(GType(node, gtype.definitions))).root


@st.composite
def members(draw: DrawFn, nodes: SearchStrategy[Node], names: tuple[str, ...]) -> Object | None:
    """The members of a query, path or headers."""
    chosen = draw(st.lists(st.sampled_from(names), unique=True, max_size=2))
    fields = [
        draw(st.builds(Field, name=st.just(name), node=nodes, required=st.booleans()) | st.just(
            Field(name=name, node=String(), required=False, default="x")
        ))
        for name in chosen
    ]  # fmt: skip
    found = Object(
        fields=tuple(fields), closed=draw(st.booleans()), description=draw(st.sampled_from((None, "About.")))
    )
    return draw(st.sampled_from((found, None)))


SECURITY = (
    (), (("key",),), (("oauth:read", "oauth:write", "key"), ()), ((), ("principal",)), (("nobody",),)
)  # fmt: skip
"""What endpoints say of who may call."""


@st.composite
def apis(draw: DrawFn) -> Api:
    """APIs of all shapes, whose types are called as generics are."""
    gtype = draw(ALL_GTYPES)
    rename_to = TYPE_NAMES.__getitem__
    types = {TYPE_NAMES[name]: rename(node, rename_to) for name, node in gtype.definitions.items()}
    root = rename(gtype.root, rename_to)
    nodes = st.sampled_from((root, String(description="Said.", deprecated=True), Ref(name="Problem"), AnyValue()))
    maybe = nodes | st.none()
    endpoints: dict[str, Endpoint] = {}
    for method, path in (("POST", "/a/{id}"), ("DELETE", "/b")):
        fields = tuple(Field(name="id", node=draw(nodes)) for _ in "1" if "{" in path)
        body, response = draw(maybe), draw(maybe)
        endpoints[endpoint_key(method, path)] = Endpoint(
            handler=draw(st.sampled_from(("one", "two"))), params=Object(fields=fields) if fields else None,
            query=draw(members(nodes, ("limit", "Cursor", "a b"))),
            headers=draw(members(nodes, ("x_tenant", "X-Odd_One", "range"))),
            cookies=draw(members(nodes, ("sid", "Of Mine"))),
            body=body, body_media=draw(_media(has_type=body is not None)), response=response,
            response_media="application/json" if response is not None else draw(st.sampled_from(("*/*", "text/csv"))),
            status=draw(st.sampled_from((200, 201, 203))), deprecated=draw(st.booleans()),
            responses=draw(st.dictionaries(st.sampled_from(("404", "4XX", "default", "302")), maybe, max_size=2)),
            body_limit_bytes=draw(st.none() | st.integers(0, 100)),
            security=draw(st.sampled_from(SECURITY)),
        )  # fmt: skip
        if draw(st.booleans()):
            endpoints[endpoint_key(method, path)] = draw(_with_more(endpoints[endpoint_key(method, path)], maybe))
    return Api(types=types, endpoints=endpoints)


@st.composite
def _with_more(draw: DrawFn, endpoint: Endpoint, maybe: SearchStrategy[Node | None]) -> Endpoint:
    """Draw *endpoint* with what only documents of others say."""
    if endpoint.response is None or endpoint.body_media != ("application/json", "application/msgpack"):
        return endpoint
    other = draw(maybe.filter(lambda node: node != endpoint.body))
    status = draw(st.sampled_from((str(endpoint.status), *endpoint.responses)))
    header = Field(name="x-rate", node=draw(maybe) or String(), required=draw(st.booleans()))
    more = replace(
        endpoint, response_types={str(endpoint.status): {"text/csv": draw(maybe)}},
        response_headers={status: Object(fields=(header,))},
    )  # fmt: skip
    return more if endpoint.body is None else replace(more, body_types={"application/msgpack": other})


def _media(*, has_type: bool) -> SearchStrategy[tuple[str, ...]]:
    data = (("application/json", "application/msgpack"), ("multipart/form-data",))
    return st.sampled_from(data if has_type else ((), ("*/*",), ("text/plain",), *data))


def normal(api: Api) -> Api:
    """Return *api* as it is once all its types were JSON Schema; a body that may be absent is null."""
    parts: list[Node] = [Ref(name=name) for name in api.types]
    gtype = from_json_schema(to_json_schema(GType(Object(fields=tuple(
        Field(name=str(index), node=node) for index, node in enumerate([*parts, *_parts(api)])
    )), api.types)))  # fmt: skip
    assert isinstance(gtype.root, Object)
    nodes = iter([field.node for field in gtype.root.fields][len(parts) :])
    return _with_parts(Api(types=gtype.definitions, endpoints=api.endpoints), nodes)


def _parts(api: Api) -> list[Node]:
    found: list[Node] = []
    _with_parts(api, None, found)
    return found


def _with_parts(api: Api, nodes: Any, seen: list[Node] | None = None) -> Api:
    def each(node: Any) -> Any:
        if node is None:
            return None
        if seen is not None:
            seen.append(node)
            return node
        return next(nodes)

    def fields(node: Any) -> Any:
        if node is None:
            return None
        return replace(node, fields=tuple(replace(field, node=each(field.node)) for field in node.fields))

    return replace(api, endpoints={
        key: replace(
            endpoint, params=fields(endpoint.params), query=fields(endpoint.query), headers=fields(endpoint.headers),
            cookies=fields(endpoint.cookies), body=each(endpoint.body), response=each(endpoint.response),
            responses={status: each(node) for status, node in endpoint.responses.items()},
            body_types={media: each(node) for media, node in endpoint.body_types.items()},
            response_types={
                status: {media: each(node) for media, node in types.items()}
                for status, types in endpoint.response_types.items()
            },
            response_headers={status: fields(each) for status, each in endpoint.response_headers.items()},
        )
        for key, endpoint in api.endpoints.items()
    })  # fmt: skip


@settings(max_examples=50, deadline=None)
@given(api=apis())
def test_any_api_comes_back_from_a_valid_document(api: Api) -> None:
    OFFICIAL.validate(write_openapi(api, ABOUT))
    assert canonical(normal(api)) == canonical(round_trip(api))
