"""Two JSON Schemas, compared as they are."""

from typing import Any

import pytest

from perdure.diff.rules import Flow
from perdure.errors import TypeDefinitionError
from tests.diff.edits import diff_schemas

OLD: dict[str, Any] = {
    "type": "object",
    "properties": {"lines": {"type": "array", "items": {"$ref": "#/$defs/Line"}}, "note": {"type": "string"}},
    "required": ["lines"],
    "$defs": {"Line": {"type": "object", "properties": {"sku": {"type": "string"}, "quantity": {"minimum": 1}}}},
}


def edited(*path: str, **keywords: object) -> dict[str, Any]:
    """`OLD` with *keywords* set in the schema at *path*; those that are None, dropped."""

    def visit(schema: dict[str, Any], rest: tuple[str, ...]) -> dict[str, Any]:
        if rest:
            return {**schema, rest[0]: visit(schema[rest[0]], rest[1:])}
        return {key: value for key, value in {**schema, **keywords}.items() if value is not None}

    return visit(OLD, path)


@pytest.mark.parametrize(
    ("direction", "new", "expected"),
    [
        ("request", edited("$defs", "Line", "properties", "quantity", minimum=2),
         ("request-minimum-raised", "breaking", "/lines/*/quantity")),
        ("response", edited("$defs", "Line", "properties", "quantity", minimum=2),
         ("response-minimum-raised", "compatible", "/lines/*/quantity")),
        ("request", edited(required=["lines", "note"]), ("request-property-became-required", "breaking", "/note")),
        ("response", edited(required=None), ("response-property-became-optional", "breaking", "/lines")),
        ("request", edited(additionalProperties=False), ("request-object-closed", "breaking", "")),
        ("request", edited("properties", "lines", maxItems=5), ("request-max-items-set", "breaking", "/lines")),
        ("request", edited("properties", "lines", uniqueItems=True),
         ("request-unique-items-set", "breaking", "/lines")),
        ("response", edited("properties", "note", type=["string", "null"]),
         ("response-became-nullable", "breaking", "/note")),
        ("response", edited("properties", "note", type=None, oneOf=[{"type": "string"}, {"type": "null"}]),
         ("response-became-nullable", "breaking", "/note")),
        ("response", edited("properties", "note", deprecated=True), ("response-deprecated", "compatible", "/note")),
        ("request", edited("properties", "note", enum=["a", "b"]), ("request-enum-set", "breaking", "/note")),
        ("request", edited("properties", "note", description="Anything.", title="Note"), None),
    ],
)  # fmt: skip
def test_one_keyword_edited_is_one_finding(
    direction: Flow, new: dict[str, Any], expected: tuple[str, str, str] | None
) -> None:
    found = [(each.rule, each.level, each.pointer) for each in diff_schemas(OLD, new, direction)]
    assert found == ([] if expected is None else [expected])


def test_whole_enum_dropped_breaks_responses_and_no_request() -> None:
    old, new = {"type": "string", "enum": ["a", "b"]}, {"type": "string"}
    assert [each.level for each in diff_schemas(old, new, "response")] == ["breaking"]
    assert [each.level for each in diff_schemas(old, new, "request")] == ["compatible"]


def test_date_that_became_a_date_time_breaks_both() -> None:
    old, new = ({"type": "string", "format": form} for form in ("date", "date-time"))
    for direction in ("request", "response"):
        found = diff_schemas(old, new, "request" if direction == "request" else "response")
        assert [each.level for each in found] == ["breaking"]


def test_member_added_to_any_of_breaks_responses() -> None:
    old = {"anyOf": [{"type": "string"}, {"type": "integer"}]}
    new = {"anyOf": [*old["anyOf"], {"type": "boolean"}]}
    assert [each.level for each in diff_schemas(old, new, "response")] == ["breaking"]


def test_renamed_property_is_told_as_such_where_hinted() -> None:
    new = edited("$defs", "Line", properties={"sku": {"type": "string"}, "count": {"minimum": 1}})
    found = diff_schemas(OLD, new, "request", renames={("Line", "quantity"): "count"})
    assert [(each.rule, each.type) for each in found] == [("request-property-renamed", "Line")]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (OLD, {"not": {}}, "JSON Schema at #/not: the keyword 'not' is not supported"),
        ({"if": True}, OLD, "JSON Schema at #/if: "),
        (OLD, {"$ref": "other.json"}, "leads out of the document"),
        (OLD, {"type": "strin"}, "'strin' is no type"),
    ],
)
def test_what_cannot_be_compared_is_refused_with_its_place(old: object, new: object, message: str) -> None:
    with pytest.raises(TypeDefinitionError, match=message.replace("(", r"\(")):
        diff_schemas(old, new, "request")
