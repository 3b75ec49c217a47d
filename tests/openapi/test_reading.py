"""Documents of other people, read into an `Api`."""

import re
import time
from typing import Any

import pytest
from msgspec import UNSET

from perdure.errors import DocumentError
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Bytes,
    Date,
    DateTime,
    Field,
    GType,
    Integer,
    Intersection,
    Literal,
    Node,
    Null,
    Number,
    Object,
    Record,
    Ref,
    String,
    Tuple,
    Union,
    Uuid,
)
from perdure.gtype.validator import compile_validator
from perdure.manifest.records import Endpoint
from perdure.openapi.reading import read_openapi, read_openapi_with_warnings
from tests.openapi.schemas import document

STR, INT, NULL, ANY = String(), Integer(), Null(), AnyValue()
ABROAD = " leads out of this document; put everything into one document first (a bundler does)"
ANSWER: dict[str, Any] = {"responses": {"200": {"description": "ok"}}}


def read_schema(schema: Any, version: str = "3.1.0", **others: Any) -> tuple[Node, list[str]]:
    """Return the type of the component ``It``, and what was left out."""
    reading = read_openapi_with_warnings(document({"It": schema, **others}, version))
    return reading.api.types["It"], [warning.removeprefix("#/components/schemas/It") for warning in reading.warnings]


def read_operation(operation: dict[str, Any], method: str = "get", **parts: Any) -> Endpoint:
    source = document({}, paths={"/": {method: operation}}, **parts)
    return read_openapi(source).endpoints[f"{method.upper()} /"]


@pytest.mark.parametrize(
    ("schema", "node"),
    [
        ({"type": "string", "nullable": True}, Union(members=(STR, NULL))),
        ({"type": "string", "nullable": False}, STR),
        ({"type": "string", "enum": ["a"], "nullable": True}, Literal(values=("a", None))),
        ({"type": "string", "enum": ["a", None]}, Literal(values=("a",))),
        ({"nullable": True}, ANY),
        ({"type": "array", "items": {"type": "string"}, "nullable": True, "minItems": 1},
         Union(members=(Array(items=STR, min_items=1), NULL))),
        ({"allOf": [{"$ref": "#/components/schemas/Other"}], "nullable": True, "description": "D"},
         Union(members=(Ref(name="Other"), NULL), description="D")),
        ({"$ref": "#/components/schemas/Other", "nullable": True, "description": "D"}, Ref(name="Other")),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": True}, Integer(gt=1)),
        ({"type": "integer", "minimum": 1, "exclusiveMinimum": False}, Integer(ge=1)),
        ({"type": "number", "maximum": 1.5, "exclusiveMaximum": True}, Number(lt=1.5)),
        ({"type": "number", "exclusiveMaximum": True}, Number()),
        ({"type": "integer", "format": "int32"}, Integer(ge=-(2**31), le=2**31 - 1)),
        ({"type": "integer", "format": "int32", "minimum": 0, "maximum": 2**40}, Integer(ge=0, le=2**31 - 1)),
        ({"type": "integer", "format": "int64"}, INT),
        ({"type": "number", "format": "double"}, Number()),
        ({"type": "string", "format": "byte"}, Bytes()),
        ({"type": "string", "format": "binary"}, String(format="binary")),
        ({"type": "string", "format": "date-time"}, DateTime(tz=True)),
        ({"type": "string", "format": "date"}, Date()),
        ({"type": "string", "format": "uuid", "example": "x"}, Uuid()),
        ({"type": "object", "properties": {"a": {"type": "string", "example": 1}}, "example": {}},
         Object(fields=(Field(name="a", node=STR, required=False),))),
    ],
)  # fmt: skip
def test_schema_of_3_0_is_read(schema: Any, node: Node) -> None:
    assert (node, []) == read_schema(schema, "3.0.3", Other=True)


@pytest.mark.parametrize(
    ("schema", "node"),
    [
        ({"type": ["string", "null"], "examples": ["x"]}, Union(members=(STR, NULL))),
        ({"$ref": "#/components/schemas/Other", "description": "D"}, Ref(name="Other", description="D")),
        ({"$ref": "#/components/schemas/Other", "minLength": 1, "type": "string"},
         Intersection(members=(String(min_length=1), Ref(name="Other")))),
        ({"const": None}, Literal(values=(None,))),
        ({"type": "integer", "exclusiveMinimum": 0, "maximum": 2**64 - 1}, Integer(gt=0, le=2**64 - 1)),
        ({"type": "number", "maximum": 2**63 - 1}, Number(le=float(2**63))),
        ({"type": "number", "maximum": 2**53 + 1}, Number(le=float(2**53 + 2))),
        ({"type": "number", "minimum": 2**53 + 3}, Number(ge=float(2**53 + 2))),
        ({"type": "array", "prefixItems": [{"type": "string"}], "items": False, "minItems": 1}, Tuple(items=(STR,))),
        ({"type": "array", "prefixItems": [{"type": "string"}, True], "maxItems": 2, "minItems": 2},
         Tuple(items=(STR, ANY))),
        ({"type": "array", "items": False}, Tuple(items=())),
        ({"type": "object", "patternProperties": {"^x": {"type": "string"}}, "additionalProperties": False},
         Record(keys=String(pattern="^x"), values=STR)),
        ({"type": "object", "required": ["a"], "additionalProperties": False},
         Object(fields=(Field(name="a", node=ANY),), closed=True)),
        ({"type": "object", "properties": {"a": False, "b": True}, "additionalProperties": False},
         Object(fields=(Field(name="b", node=ANY, required=False),), closed=True)),
        ({"type": "object", "properties": {"a": {"type": "integer", "default": 3}}},
         Object(fields=(Field(name="a", node=INT, required=False, default=3),))),
        ({"anyOf": [False, {"type": "boolean"}]}, Boolean()),
        (True, ANY),
    ],
)  # fmt: skip
def test_schema_of_3_1_is_read(schema: Any, node: Node) -> None:
    found, warnings = read_schema(schema, Other={"type": "string"})
    assert (node, []) == (found, warnings)


@pytest.mark.parametrize(
    ("schema", "node", "warning"),
    [
        ({"type": "string", "not": {"const": "x"}}, STR, "/not: left out"),
        ({"if": {}, "then": {}, "else": {}}, ANY, "/if: left out"),
        ({"type": "string", "nullable": True}, STR, "/nullable: left out: since OpenAPI 3.1"),
        ({"type": "file"}, ANY, "/type: left out: 'file' is no type"),
        ({"type": "string", "pattern": "[a"}, STR, "/pattern: left out: the pattern"),
        ({"type": "string", "pattern": 1}, STR, "/pattern: left out: 1 is no text"),
        ({"type": "string", "minLength": -1}, STR, "/minLength: left out: -1 is no count"),
        ({"type": "string", "format": 1}, STR, "/format: left out"),
        ({"type": "integer", "minimum": "1"}, INT, "/minimum: left out: '1' is no number"),
        ({"type": "integer", "maximum": 10**30}, INT, "/maximum: left out"),
        ({"type": "number", "maximum": 10**400}, Number(), "/maximum: left out"),
        ({"type": "number", "multipleOf": 0}, Number(), "/multipleOf: left out: 0 is no step"),
        ({"type": "string", "enum": ["a", {"b": 1}]}, STR, "/enum: left out: only texts"),
        ({"type": "string", "enum": []}, STR, "/enum: left out"),
        ({"type": "string", "enum": [1, 2]}, Literal(values=(1, 2)), "/type: left out: no value of enum"),
        ({"enum": ["a"], "const": "b"}, Literal(values=("a",)), "/const: left out"),
        ({"const": {}}, ANY, "/const: left out"),
        ({"type": "array", "items": [{}]}, Array(items=ANY), "/items: left out: a list of schemas"),
        ({"type": "array", "uniqueItems": "yes"}, Array(items=ANY), "/uniqueItems: left out"),
        ({"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "null"}},
         Array(items=Union(members=(STR, NULL))), "/prefixItems: left out"),
        ({"type": "object", "properties": {"a": True}, "additionalProperties": {"type": "string"}},
         Object(fields=(Field(name="a", node=ANY, required=False),)), "/additionalProperties: left out"),
        ({"type": "object", "patternProperties": {"a": True, "b": True}, "additionalProperties": False},
         Record(values=ANY), "/patternProperties: left out"),
        ({"type": "object", "properties": {"a": False, "b": True}},
         Object(fields=(Field(name="b", node=ANY, required=False),)), "/properties: left out: that there must be no"),
        ({"type": "object", "properties": [1]}, Record(values=ANY), "/properties: left out"),
        ({"type": "object", "properties": {"a": True}, "required": True},
         Object(fields=(Field(name="a", node=ANY, required=False),)), "/required: left out"),
        ({"allOf": {}}, ANY, "/allOf: left out"),
        (False, ANY, ": a schema that allows nothing"),
        ({"oneOf": [False]}, ANY, "/oneOf: left out"),
        ({"$ref": "#thing"}, ANY, "/$ref: #thing names an anchor"),
    ],
)  # fmt: skip
def test_what_no_type_can_say_is_left_out_with_a_warning(schema: Any, node: Node, warning: str) -> None:
    found, warnings = read_schema(schema)
    assert node == found
    assert len(warnings) == 1
    assert warnings[0].startswith(warning)


@pytest.mark.parametrize("names", [("It", "Cat", "Dog"), ("Dog", "Cat", "It")])
def test_definition_by_way_of_itself_is_cut_where_it_only_demands_more(names: tuple[str, ...]) -> None:
    kind = {"type": "object", "required": ["kind"]}
    cat = {"allOf": [{"$ref": "#/components/schemas/It"}, {**kind, "properties": {"kind": {"const": "cat"}}}]}
    dog = {"allOf": [{"$ref": "#/components/schemas/It"}, {**kind, "properties": {"kind": {"const": "dog"}}}]}
    pet = {"oneOf": [{"$ref": "#/components/schemas/Cat"}, {"$ref": "#/components/schemas/Dog"}]}
    schemas = {"It": pet, "Cat": cat, "Dog": dog}
    reading = read_openapi_with_warnings(document({name: schemas[name] for name in names}))
    types = reading.api.types
    assert Object(fields=(Field(name="kind", node=Literal(values=("cat",))),)) == types["Cat"]
    assert Union(members=(Ref(name="Cat"), Ref(name="Dog")), discriminator="kind") == types["It"]
    cut = sorted(warning.partition(":")[0] for warning in reading.warnings)
    assert ["#/components/schemas/Cat", "#/components/schemas/Dog"] == cut


@pytest.mark.parametrize(
    "schema",
    [{"$ref": "#/components/schemas/It"}, {"anyOf": [{"$ref": "#/components/schemas/It"}, {"type": "null"}]}],
)
def test_definition_that_is_only_itself_allows_anything(schema: Any) -> None:
    node, warnings = read_schema(schema)
    assert compile_validator(GType(node)).is_valid({"a": [1]})
    assert [": it is defined by way of itself; the way back is read as anything"] == warnings


def test_what_is_read_only_is_no_part_of_requests() -> None:
    user = {
        "type": "object", "required": ["id", "name", "secret"],
        "properties": {
            "id": {"type": "string", "readOnly": True}, "name": {"type": "string"},
            "secret": {"type": "string", "writeOnly": True},
            "friend": {"$ref": "#/components/schemas/User"}, "plain": {"$ref": "#/components/schemas/Plain"},
        },
    }  # fmt: skip
    users = {"type": "array", "items": {"$ref": "#/components/schemas/User"}}
    page = {"type": "array", "items": {"$ref": "#/components/schemas/Users"}}
    content = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Page"}}}}
    operation = {"requestBody": {**content, "required": True}, "responses": {"200": {"description": "", **content}}}
    schemas = {"Page": page, "Users": users, "User": user, "Plain": {"type": "object"}}
    api = read_openapi(document(schemas, paths={"/": {"put": operation}}))
    endpoint = api.endpoints["PUT /"]
    assert (Ref(name="Page (request)"), Ref(name="Page")) == (endpoint.body, endpoint.response)
    assert Array(items=Ref(name="User (request)")) == api.types["Users (request)"]
    sent, answered = api.types["User (request)"], api.types["User"]
    assert isinstance(sent, Object)
    assert isinstance(answered, Object)
    assert ["name", "secret", "friend", "plain"] == [field.name for field in sent.fields]
    assert ["id", "name", "friend", "plain"] == [field.name for field in answered.fields]
    assert Ref(name="User (request)") == sent.fields[2].node
    assert Ref(name="Plain") == sent.fields[3].node
    both = {"Page", "Users", "User"}
    assert {*both, *(f"{name} (request)" for name in both), "Plain"} == api.types.keys()


def test_reference_to_any_place_of_the_document_is_followed() -> None:
    inner = {"type": "object", "properties": {"a/b": {"type": "string", "minLength": 1}}}
    reference = {"$ref": "#/components/schemas/Other/properties/a~1b"}
    found, _ = read_schema({"type": "array", "items": reference}, Other=inner)
    name = "#/components/schemas/Other/properties/a~1b"
    assert Array(items=Ref(name=name)) == found
    quoted = {"$ref": "#/components/schemas/Page%5BOrder%5D"}
    source = document({"It": quoted, "Page[Order]": {"type": "string"}})
    assert Ref(name="Page[Order]") == read_openapi(source).types["It"]


def test_parameters_of_path_and_operation_are_joined() -> None:
    path = {
        "parameters": [
            {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
            {"name": "limit", "in": "query", "schema": {"type": "integer"}},
        ],
        "get": {
            "parameters": [
                {"$ref": "#/components/parameters/Limit"},
                {"name": "X-Tenant-Id", "in": "header", "required": True, "deprecated": True, "description": "Whose.",
                 "content": {"application/json": {"schema": {"type": "string"}}}},
                {"name": "sid", "in": "cookie", "schema": {"type": "string"}},
            ],
            **ANSWER,
        },
    }  # fmt: skip
    limit = {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 9, "default": 5}, "style": "form"}
    reading = read_openapi_with_warnings(
        document({}, paths={"/x/{id}": path}, components={"parameters": {"Limit": limit}})
    )
    endpoint = reading.api.endpoints["GET /x/{id}"]
    assert Object(fields=(Field(name="id", node=INT),)) == endpoint.params
    assert Object(fields=(Field(name="limit", node=Integer(le=9), required=False, default=5),)) == endpoint.query
    tenant = String(description="Whose.", deprecated=True)
    assert Object(fields=(Field(name="x_tenant_id", node=tenant, default=UNSET),)) == endpoint.headers
    assert Object(fields=(Field(name="sid", node=STR, required=False),)) == endpoint.cookies
    assert () == reading.warnings


def test_path_item_may_be_a_reference() -> None:
    item = {"post": {"operationId": "make", **ANSWER}, "parameters": [{"name": "q", "in": "query"}]}
    source = document({}, paths={"/x": {"$ref": "#/components/pathItems/X"}}, components={"pathItems": {"X": item}})
    endpoint = read_openapi(source).endpoints["POST /x"]
    assert ("make", Object(fields=(Field(name="q", node=ANY, required=False),))) == (endpoint.handler, endpoint.query)


@pytest.mark.parametrize(
    ("responses", "status", "others"),
    [
        ({"201": "A", "200": "B", "404": "C", "default": "D"}, 200, {"201": "A", "404": "C", "default": "D"}),
        ({"default": "A", "2XX": "B", "4xx": "C"}, 200, {"default": "A", "4XX": "C"}),
        ({"204": "A", "302": "B"}, 204, {"302": "B"}),
        ({"302": "A", "400": "B"}, 302, {"400": "B"}),
        ({"default": "A"}, 200, {}),
        ({"404": "A"}, 200, {"404": "A"}),
        ({}, 200, {}),
    ],
)
def test_lowest_success_is_the_answer_and_all_others_are_kept(
    responses: dict[str, str], status: int, others: dict[str, str]
) -> None:
    def answer(word: str) -> dict[str, Any]:
        return {"description": "", "content": {"application/json": {"schema": {"const": word}}}}

    endpoint = read_operation({"responses": {key: answer(word) for key, word in responses.items()}})
    assert status == endpoint.status
    assert {key: Literal(values=(word,)) for key, word in others.items()} == endpoint.responses
    assert (endpoint.response is None) == (len(others) == len(responses))


def test_media_like_json_gives_the_type_and_all_are_kept() -> None:
    content = {
        "text/csv": {"schema": {"type": "string"}},
        "application/vnd.x+json; v=1": {"schema": {"type": "integer"}},
    }
    endpoint = read_operation({
        "requestBody": {"required": True, "content": content},
        "responses": {"200": {"description": "", "content": content}, "204": {"description": ""}},
    }, "post")  # fmt: skip
    assert (INT, tuple(content)) == (endpoint.body, endpoint.body_media)
    assert (INT, "application/vnd.x+json; v=1") == (endpoint.response, endpoint.response_media)
    assert {"204": None} == endpoint.responses


@pytest.mark.parametrize(
    ("required", "schema", "body", "optional"),
    [
        (True, {"type": "string"}, STR, None),
        (False, {"type": "string"}, STR, True),
        (True, {"type": ["string", "null"]}, Union(members=(STR, NULL)), False),
        (False, {"type": ["string", "null"]}, Union(members=(STR, NULL)), None),
        (False, {}, ANY, None),
        (False, {"$ref": "#/components/schemas/Maybe"}, Ref(name="Maybe"), None),
    ],
)
def test_body_may_be_left_out_if_it_is_null_or_the_document_says_otherwise(
    required: bool, schema: Any, body: Node, optional: bool | None
) -> None:
    maybe = {"anyOf": [{"$ref": "#/components/schemas/Rec"}, {"enum": [1, None]}]}
    rec = {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/Maybe"}}}
    operation = {"requestBody": {"required": required, "content": {"application/json": {"schema": schema}}}, **ANSWER}
    source = document({"Maybe": maybe, "Rec": rec}, paths={"/": {"post": operation}})
    endpoint = read_openapi(source).endpoints["POST /"]
    assert (body, optional) == (endpoint.body, endpoint.body_optional)


def test_further_media_types_and_headers_of_answers_are_read() -> None:
    integer, text = {"schema": {"type": "integer"}}, {"schema": {"type": "string"}}
    headers = {
        "X-Rate": {"required": True, **integer}, "ETag": {"$ref": "#/components/headers/Tag"}, "Content-Type": text,
    }  # fmt: skip
    endpoint = read_operation(
        {
            "requestBody": {
                "required": True, "content": {"text/csv": text, "application/json": integer, "x/y": integer},
            },
            "responses": {
                "200": {"description": "", "content": {"application/json": integer, "text/csv": text}},
                "404": {"description": "", "headers": headers, "content": {"text/plain": text, "x/y": {}}},
            },
        },
        "post", components={"headers": {"Tag": {"schema": {"type": "string"}}}},
    )  # fmt: skip
    assert (INT, {"text/csv": STR}) == (endpoint.body, endpoint.body_types)
    assert {"200": {"text/csv": STR}, "404": {"x/y": None}} == endpoint.response_types
    tag = Field(name="etag", node=STR, required=False)
    assert {"404": Object(fields=(Field(name="x-rate", node=INT), tag))} == endpoint.response_headers


def test_security_is_the_operations_or_the_documents() -> None:
    parts: dict[str, Any] = {"security": [{"key": []}]}
    assert (("key",),) == read_operation(ANSWER, **parts).security
    assert () == read_operation({**ANSWER, "security": []}, **parts).security
    several = {**ANSWER, "security": [{"oauth": ["read", "write"], "key": []}, {}]}
    assert (("oauth:read", "oauth:write", "key"), ()) == read_operation(several, **parts).security


def test_operation_says_that_it_is_deprecated_and_what_it_is_called() -> None:
    endpoint = read_operation({**ANSWER, "deprecated": True, "operationId": "it", "callbacks": {}})
    assert (True, "it") == (endpoint.deprecated, endpoint.handler)
    assert "GET /" == read_operation(ANSWER).handler


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ([], "there must be an object here, not []"),
        ("x", "there must be an object here, not 'x'"),
        ({}, "this is no OpenAPI document: it has no member 'openapi'"),
        ({"swagger": "2.0"}, "this is Swagger 2.0; convert it to OpenAPI 3 first"),
        ({"openapi": "2.0"}, "#/openapi: OpenAPI 3.0 and 3.1 are understood, not '2.0'"),
        ({"openapi": 3.1}, "#/openapi: OpenAPI 3.0 and 3.1 are understood, not 3.1"),
        (document({}, paths={"/x": {"get": {"responses": {200: {}}}}}),
         "#/paths/~1x/get/responses: the key 200 must be a text"),
        (document({}, paths=[]), "#/paths: there must be an object here, not []"),
        (document({}, paths={"x": {}}), "#/paths/x: a path begins with a slash"),
        (document({}, paths={"/x": {"get": 1}}), "#/paths/~1x/get: there must be an object here, not 1"),
        (document({}, paths={"/x": {"parameters": {}, "get": {}}}),
         "#/paths/~1x/parameters: there must be a list here, not {}"),
        (document({}, paths={"/x": {"get": {"parameters": [{"name": "a"}]}}}),
         "#/paths/~1x/get/parameters/0: a parameter has a 'name' and an 'in', both texts"),
        (document({}, paths={"/x": {"get": {"responses": {"ok": {}}}}}),
         "#/paths/~1x/get/responses/ok: a response has a status like 200 or 4XX, or is the 'default'"),
        (document({}, paths={"/x": {"get": {"responses": {"200": {"$ref": "#/components/responses/No"}}}}}),
         "#/paths/~1x/get/responses/200/$ref: $ref leads to #/components/responses/No, where nothing is"),
        (document({"A": {"$ref": "other.yaml#/A"}}),
         "#/components/schemas/A/$ref: $ref 'other.yaml#/A'" + ABROAD),
        (document({"A": {"$ref": "https://example.com/a.json"}}),
         "#/components/schemas/A/$ref: $ref 'https://example.com/a.json'" + ABROAD),
        (document({"A": {"properties": {"a": {"$ref": 1}}}}),
         "#/components/schemas/A/properties/a/$ref: $ref must be a text, not 1"),
        (document({"A": {"items": 1}}), "#/components/schemas/A/items: there must be a schema here, not 1"),
        (document({}, components={"parameters": {"A": {"$ref": "#/components/parameters/A"}}},
                  paths={"/x": {"get": {"parameters": [{"$ref": "#/components/parameters/A"}]}}}),
         "#/components/parameters/A/$ref: this $ref leads back to itself"),
    ],
)  # fmt: skip
def test_malformed_document_is_refused_with_its_place(source: object, message: str) -> None:
    with pytest.raises(DocumentError, match=f"^{re.escape(message)}$") as caught:
        read_openapi(source)
    assert caught.value.pointer in str(caught.value)


def test_schema_nested_too_deeply_is_refused() -> None:
    schema: Any = {}
    for _ in range(5000):
        schema = {"items": schema}
    with pytest.raises(DocumentError, match="nested too deeply"):
        read_openapi(document({"A": schema}))


def test_thousands_of_schemas_that_refer_to_each_other_take_seconds() -> None:
    size = 5000
    schemas = {
        f"S{index}": {
            "type": "object",
            "properties": {
                "next": {"$ref": f"#/components/schemas/S{index + 1}"},
                "maybe": {"anyOf": [{"$ref": f"#/components/schemas/S{size - index}"}, {"type": "null"}]},
            },
        }
        for index in range(size + 1)
    }
    schemas[f"S{size}"]["properties"] = {"next": {"$ref": "#/components/schemas/S0"}}
    started = time.perf_counter()
    api = read_openapi(document(schemas))
    assert len(schemas) == len(api.types)
    assert time.perf_counter() - started < 60
