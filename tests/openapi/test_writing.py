"""An `Api`, written as an OpenAPI document."""

import json
from typing import Any

from openapi_spec_validator import OpenAPIV31SpecValidator

from perdure.gtype.nodes import AnyValue, Field, Integer, Node, Null, Object, Ref, String, Union
from perdure.manifest.records import Api, Endpoint
from perdure.openapi.description import Description, OperationText
from perdure.openapi.reading import read_openapi
from perdure.openapi.writing import write_openapi

ABOUT = Description(title="An API", version="v1")
ORDER = Object(fields=(Field(name="id", node=String()),))


def write(endpoints: dict[str, Endpoint], about: Description = ABOUT, *, types: dict[str, Node] | None = None) -> Any:
    """Return the document, which is checked to be valid and JSON."""
    document = write_openapi(Api(types=types or {}, endpoints=endpoints), about)
    OpenAPIV31SpecValidator(document).validate()
    assert json.loads(json.dumps(document)) == document
    return document


def operation(endpoint: Endpoint, key: str = "POST /x/{id}", **types: Node) -> Any:
    method, _, path = key.partition(" ")
    return write({key: endpoint}, types=types)["paths"][path][method.lower()]


def test_document_says_what_it_is_about() -> None:
    about = Description(
        title="Shop", version="v1.0.0", description="Sold out.", servers=("https://a.example", "/b"),
        operations={"GET /": OperationText(summary="All.", description="Of it.", tags=("shop",))},
    )  # fmt: skip
    document = write({"GET /": Endpoint(handler="all", body_media=())}, about)
    assert "3.1.0" == document["openapi"]
    assert {"title": "Shop", "version": "v1.0.0", "description": "Sold out."} == document["info"]
    assert [{"url": "https://a.example"}, {"url": "/b"}] == document["servers"]
    told = document["paths"]["/"]["get"]
    assert ("All.", "Of it.", ["shop"]) == (told["summary"], told["description"], told["tags"])


def test_document_is_the_same_whatever_the_order() -> None:
    endpoints = {key: Endpoint(handler="h", response=Ref(name="B")) for key in ("GET /b", "PUT /a", "GET /a")}
    types: dict[str, Node] = {"B": Object(fields=(Field(name="a", node=Ref(name="A")),)), "A": ORDER}
    one = write(endpoints, types=types)
    other = write(dict(reversed(endpoints.items())), types=dict(reversed(types.items())))
    assert json.dumps(one) == json.dumps(other)
    assert ["/a", "/b"] == list(one["paths"])


def test_type_with_other_letters_is_found_under_a_name_without_them() -> None:
    endpoint = Endpoint(handler="h", response=Ref(name="Page[Order]"))
    document = write({"GET /": endpoint}, types={"Page[Order]": ORDER})
    assert "Page[Order]" == document["components"]["schemas"]["Page-Order"]["x-name"]
    schema = document["paths"]["/"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
    assert {"$ref": "#/components/schemas/Page-Order"} == schema


def test_type_of_the_app_called_problem_keeps_its_name() -> None:
    document = write({"GET /": Endpoint(handler="h", response=Ref(name="Problem"))}, types={"Problem": ORDER})
    schemas = document["components"]["schemas"]
    assert ("id", "instance") == (next(iter(schemas["Problem"]["properties"])), schemas["Problem_"]["required"][-1])
    assert {"Problem"} == read_openapi(document).types.keys()


def test_handler_of_several_endpoints_gives_each_operation_an_id_of_its_own() -> None:
    keys = ("GET /a", "GET /b", "PUT /a", "PUT /a/c", "PUT /b", "PUT /c/c")
    document = write({key: Endpoint(handler="h", body_media=()) for key in keys})
    ids = [each["operationId"] for path in document["paths"].values() for each in path.values()]
    assert ["h", "h.put", "h.put.a.c", "h.get", "h.put.b", "h.put.c.c"] == ids
    assert {"h"} == {endpoint.handler for endpoint in read_openapi(document).endpoints.values()}


def test_parameters_are_named_as_in_http() -> None:
    found = operation(
        Endpoint(
            handler="h", body_media=(),
            params=Object(fields=(Field(name="id", node=Integer(description="Which.")),)),
            query=Object(
                fields=(Field(name="q", node=String(deprecated=True), required=False, default="x"),), closed=True
            ),
            headers=Object(fields=(Field(name="x_tenant", node=String()), Field(name="X_Odd", node=String()))),
        )
    )  # fmt: skip
    assert [
        {"name": "id", "in": "path", "required": True, "description": "Which.", "schema": {"type": "integer"}},
        {"name": "q", "in": "query", "deprecated": True, "schema": {"type": "string", "default": "x"}},
        {"name": "x-tenant", "in": "header", "required": True, "schema": {"type": "string"}},
        {"name": "x-odd", "in": "header", "x-name": "X_Odd", "required": True, "schema": {"type": "string"}},
        {"$ref": "#/components/parameters/Version"},
    ] == found["parameters"]
    assert {"query": {"additionalProperties": False}} == found["x-parameters"]


def test_parameter_of_the_path_that_no_type_names_is_a_text() -> None:
    found = operation(Endpoint(handler="h", body_media=()))
    undeclared = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}, "x-runtime": True}
    assert undeclared == found["parameters"][0]


def test_body_is_required_unless_its_type_allows_null() -> None:
    body = operation(Endpoint(handler="h", body=Ref(name="O")), O=ORDER)["requestBody"]
    assert body["required"]
    assert ["application/json", "application/msgpack"] == list(body["content"])
    for node in (Union(members=(String(), Null())), AnyValue(), Ref(name="Maybe")):
        assert "required" not in operation(Endpoint(handler="h", body=node), Maybe=Null())["requestBody"]


def test_body_without_a_type_is_offered_where_a_method_has_one() -> None:
    found = operation(Endpoint(handler="h", body_media=("text/plain",)))
    assert {"text/plain": {"schema": {"type": "string"}, "x-runtime": True}} == found["requestBody"]["content"]
    assert "requestBody" not in operation(Endpoint(handler="h", body_media=("*/*",)), "GET /x")
    assert "requestBody" not in operation(Endpoint(handler="h", body_media=()))


def test_answers_are_those_of_the_handler_and_problems() -> None:
    found = operation(Endpoint(handler="h", status=201, response=String(), responses={"404": None, "409": String()}))
    assert ["201", "400", "404", "409", "413", "415", "default"] == list(found["responses"])
    assert {"description": "Not Found"} == found["responses"]["404"]
    assert {"$ref": "#/components/responses/InvalidRequest"} == found["responses"]["400"]
    without = operation(Endpoint(handler="h", body_media=(), response_media="*/*"), "GET /x")["responses"]
    assert ["200", "400", "default"] == list(without)
    assert "content" not in without["200"]


def test_security_names_schemes_that_are_described() -> None:
    scheme = {"type": "apiKey", "in": "header", "name": "X-Key"}
    endpoints = {"GET /": Endpoint(handler="h", security=(("oauth:a", "oauth:b"), ("key",)))}
    document = write(endpoints, Description(title="t", version="1", security={"key": scheme, "unused": {}}))
    assert [{"oauth": ["a", "b"]}, {"key": []}] == document["paths"]["/"]["get"]["security"]
    assert {"key": scheme, "oauth": {"type": "http", "scheme": "bearer"}} == document["components"]["securitySchemes"]


def test_optional_security_is_told_as_an_alternative_to_none() -> None:
    optional = {"GET /": Endpoint(handler="h", body_media=(), security=((), ("principal",)))}
    scheme = {"type": "http", "scheme": "basic"}
    document = write(optional, Description(title="t", version="1", security={"staff": scheme}))
    assert [{}, {"staff": []}] == document["paths"]["/"]["get"]["security"]
    assert {"staff": scheme} == document["components"]["securitySchemes"]
    assert ["200", "400", "401", "default"] == list(document["paths"]["/"]["get"]["responses"])
    assert optional == read_openapi(document).endpoints


def test_optional_security_by_schemes_nobody_described_makes_up_none() -> None:
    optional = {"GET /": Endpoint(handler="h", body_media=(), security=((), ("principal",)))}
    document = write(optional)
    assert [{}] == document["paths"]["/"]["get"]["security"]
    assert "securitySchemes" not in document["components"]
    assert optional == read_openapi(document).endpoints


def test_closed_endpoint_needs_what_nobody_has() -> None:
    closed = {"GET /": Endpoint(handler="h", body_media=(), security=(("nobody",),))}
    scheme = {"type": "http", "scheme": "basic"}
    document = write(closed, Description(title="t", version="1", security={"staff": scheme}))
    assert [{"nobody": []}] == document["paths"]["/"]["get"]["security"]
    assert ["nobody"] == list(document["components"]["securitySchemes"])
    assert ["200", "400", "403", "default"] == list(document["paths"]["/"]["get"]["responses"])
    assert closed == read_openapi(document).endpoints


def test_document_of_an_api_without_versions_does_not_mention_them() -> None:
    document = write({"GET /": Endpoint(handler="h")}, Description(title="t", version="1", version_header=None))
    assert "parameters" not in document["components"]
    assert "parameters" not in document["paths"]["/"]["get"]
    assert "headers" not in document["paths"]["/"]["get"]["responses"]["200"]
