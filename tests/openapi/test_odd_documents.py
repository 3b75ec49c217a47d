"""However odd a document is, it is read or refused in words."""

from collections.abc import Iterator
from typing import Any

import pytest
from msgspec import json

from perdure.errors import DocumentError
from perdure.openapi.reading import read_openapi_with_warnings
from tests.openapi.schemas import document

ODDITIES: list[Any] = [
    None, True, False, -1, 1.5, 10**400, float("nan"), "", "x", [], {}, [1], ["x"], [{}], {"a": 1}, {"$ref": 1},
    {"$ref": "#/components/schemas/A"}, {"$ref": "#/nowhere"}, {"$ref": "#/components/parameters/P"},
]  # fmt: skip
SCHEMA: dict[str, Any] = {
    "type": ["object", "null"], "required": ["a"], "nullable": True, "readOnly": True, "enum": [None, 1], "const": None,
    "properties": {"a": {"type": "string", "minLength": 1, "pattern": "x", "format": "byte", "default": "x"}},
    "additionalProperties": {"type": "integer", "minimum": 1, "exclusiveMaximum": True, "format": "int32"},
    "patternProperties": {"x": {}}, "propertyNames": {"maxLength": 3}, "minProperties": 1, "items": {"multipleOf": 2},
    "prefixItems": [{}], "uniqueItems": True, "maxItems": 3, "allOf": [{"$ref": "#/components/schemas/B"}],
    "anyOf": [{}, False], "oneOf": [True], "not": {}, "x-name": "Other", "x-enum-names": ["A", "B"], "x-secret": True,
    "description": "D", "deprecated": True, "x-min-bytes": 1, "x-format": "date", "contentEncoding": "base64",
}  # fmt: skip
CONTENT = {"application/json": {"schema": {"$ref": "#/components/schemas/A"}}}
OPERATION: dict[str, Any] = {
    "operationId": "o", "parameters": [{"$ref": "#/components/parameters/P"}], "deprecated": True,
    "requestBody": {"required": False, "content": CONTENT}, "security": [{"key": ["scope"]}],
    "responses": {"200": {"content": CONTENT}, "default": {"$ref": "#/components/responses/R"}}, "callbacks": {"c": {}},
    "x-handler": "h", "x-parameters": {"query": {"additionalProperties": False, "description": "D"}},
    "x-body-media": ["text/plain"], "x-body-limit-bytes": 5,
}  # fmt: skip
PARAMETER = {"name": "p", "in": "header", "style": "simple", "schema": {"type": "string"}, "x-name": "P", "required": 1}
BASE = document(
    {"A": SCHEMA, "B": {"type": "object", "properties": {"a": {"$ref": "#/components/schemas/A"}}}},
    paths={"/p": {"parameters": [PARAMETER], "get": OPERATION, "post": {**OPERATION, "requestBody": None}}},
    components={
        "parameters": {"P": {"name": "q", "in": "query", "content": CONTENT}},
        "responses": {"R": {"description": "", "content": CONTENT, "x-runtime": True}},
    },
    security=[{}],
    webhooks={"w": {}},
)


def places(value: Any, steps: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the way to each value in *value*."""
    yield steps
    for step, inner in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        yield from places(inner, (*steps, step))


def changed(value: Any, steps: tuple[Any, ...], oddity: Any) -> Any:
    """Return *value* with *oddity* where *steps* lead."""
    if not steps:
        return oddity
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[steps[0]] = changed(value[steps[0]], steps[1:], oddity)
    return copy


@pytest.mark.parametrize("oddity", ODDITIES, ids=lambda oddity: repr(oddity)[:30])
def test_any_value_in_any_place_is_read_or_refused(oddity: Any) -> None:
    refused = 0
    for number, steps in enumerate(places(BASE)):
        source = changed({**BASE, "openapi": ("3.0.3", "3.1.0")[number % 2]}, steps, oddity)
        try:
            reading = read_openapi_with_warnings(source)
        except DocumentError:
            refused += 1
        else:
            assert json.encode(reading.api)
    assert 0 < refused < 150


def test_the_document_itself_is_read() -> None:
    assert {"GET /p", "POST /p"} == read_openapi_with_warnings(BASE).api.endpoints.keys()
