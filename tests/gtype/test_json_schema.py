"""JSON Schema means what the GType means, there and back."""

import json
from typing import Any

import jsonschema_rs
import pytest
from msgspec import UNSET

from perdure.errors import TypeDefinitionError
from perdure.gtype import nodes
from perdure.gtype.json_schema_export import node_to_json_schema, to_json_schema
from perdure.gtype.json_schema_import import from_json_schema
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Bytes,
    DateTime,
    Field,
    GType,
    Integer,
    Intersection,
    Node,
    Null,
    Number,
    Object,
    Record,
    Ref,
    String,
    Time,
    Tuple,
    Union,
)
from perdure.gtype.validator import compile_validator

ANY = AnyValue()
INT = Integer()
STR = String()
UUID = "12345678-1234-5678-1234-567812345678"

VALUES: list[Any] = [
    None,
    True,
    False,
    0,
    1,
    -1,
    2,
    3,
    4,
    62.0,
    1.5,
    0.3,
    -2.5,
    10**20,
    "",
    "a",
    "ab",
    "abc",
    "abcd",
    "1",
    "12",
    "😀😀",
    "red",
    "2020-02-29",
    "2020-13-01",
    "2020-01-01T10:00:00Z",
    "2020-01-01T10:00:00.5+02:00",
    "2020-01-01T10:00:00",
    "10:00:00",
    "10:00:00Z",
    "25:00:00",
    "P1D",
    "PT1.5S",
    "-P1DT2H3M4S",
    "P1Y",
    "PT",
    UUID,
    "1.50",
    "1e5",
    "NaN",
    "YQ==",
    "YWI=",
    "YWJj",
    "YWJjZA==",
    "YW",
    [],
    [1],
    [1, 2],
    [1, "a"],
    [1, "a", 2],
    [1, 1],
    [1, 1.0],
    [True, 1],
    ["a", "b"],
    [None],
    [[1], [1]],
    [{"a": 1}],
    {},
    {"a": 1},
    {"a": "x"},
    {"a": 1, "b": "x"},
    {"b": "x"},
    {"a": 1, "c": None},
    {"1": 1},
    {"1": "a", "2": "b"},
    {"kind": "a"},
    {"kind": "b", "x": 1},
    {"kind": "c"},
    {"a": {"a": {"a": 1}}},
    {"next": {"next": None}},
    {"next": {"next": 3}},
    {"next": None},
]
"""What every type is tried with."""

NODES: list[Node] = [
    ANY,
    STR,
    INT,
    Number(),
    nodes.Boolean(),
    Null(),
    nodes.Date(),
    Time(),
    Time(tz=True),
    Time(tz=False),
    DateTime(),
    DateTime(tz=True),
    DateTime(tz=False),
    nodes.Duration(),
    nodes.Uuid(),
    nodes.Decimal(),
    Bytes(),
    *(Bytes(min_length=low, max_length=high) for low in (None, 0, 1, 2, 3, 4) for high in (None, 0, 1, 2, 3, 4)),
    String(min_length=2, max_length=3),
    String(pattern="^a"),
    String(format="email"),
    String(format="uuid"),
    Integer(ge=1, le=3),
    Integer(gt=1, lt=4),
    Integer(multiple_of=2),
    Number(ge=0.5, le=2.5),
    Number(gt=1.0, lt=4.0),
    Number(multiple_of=0.1),
    nodes.Literal(values=("a", 1, None)),
    nodes.Literal(values=(True,)),
    nodes.Literal(values=("a",)),
    nodes.Enum(members=(("RED", "red"), ("ONE", 1))),
    nodes.Enum(members=(("A", "a"),)),
    Array(items=INT),
    Array(items=ANY, min_items=1, max_items=2),
    Array(items=ANY, unique=True),
    Tuple(items=()),
    Tuple(items=(INT, STR)),
    Record(values=ANY),
    Record(values=INT),
    Record(values=ANY, keys=String(pattern="^[0-9]+$")),
    Record(values=STR, min_size=1, max_size=1),
    Object(),
    Object(closed=True),
    Object(fields=(Field(name="a", node=INT), Field(name="b", node=STR, required=False))),
    Object(fields=(Field(name="a", node=INT, required=False, default=3),), closed=True),
    Union(members=(INT, STR, Null())),
    Intersection(members=(Integer(ge=1), Number(le=2.5))),
    Intersection(members=(Object(fields=(Field(name="a", node=ANY),)), Record(values=ANY, max_size=1))),
    Union(
        discriminator="kind",
        members=(
            Object(fields=(Field(name="kind", node=nodes.Literal(values=("a",))),)),
            Object(fields=(Field(name="kind", node=nodes.Literal(values=("b",))), Field(name="x", node=INT))),
        ),
    ),
    Array(items=Union(members=(Array(items=INT), nodes.Boolean())), description="D", deprecated=True, secret=True),
]

RECURSIVE = GType(
    root=Ref(name="A/B ~[C]", description="D"),
    definitions={
        "A/B ~[C]": Object(
            fields=(Field(name="next", node=Union(members=(Ref(name="A/B ~[C]"), Null())), default=None),)
        )
    },
)
GTYPES = [*(GType(root=node) for node in NODES), RECURSIVE]


def oracle(schema: dict[str, object]) -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(schema, validate_formats=True)


@pytest.mark.parametrize("gtype", GTYPES, ids=lambda gtype: repr(gtype.canonical())[:70])
def test_exported_schema_is_valid_and_means_the_same(gtype: GType) -> None:
    schema = to_json_schema(gtype)
    jsonschema_rs.meta.validate(schema)
    validator, judge = compile_validator(gtype), oracle(schema)
    if "email" not in repr(gtype):  # an annotation for a GType, an assertion for the oracle as it is used here
        assert [(value, judge.is_valid(value)) for value in VALUES] == [
            (value, validator.is_valid(value)) for value in VALUES
        ]
    assert json.loads(json.dumps(schema)) == schema


@pytest.mark.parametrize("gtype", GTYPES, ids=lambda gtype: repr(gtype.canonical())[:70])
def test_exported_schema_comes_back_as_it_was(gtype: GType) -> None:
    assert from_json_schema(to_json_schema(gtype)).canonical() == gtype.canonical()


def test_ref_template_says_where_definitions_are() -> None:
    schema = to_json_schema(RECURSIVE, ref_template="#/components/schemas/{name}")
    assert schema["$ref"] == "#/components/schemas/A~1B%20~0%5BC%5D"
    assert "$defs" not in schema
    assert node_to_json_schema(Ref(name="X"), ref_template="types.json#/{name}") == {"$ref": "types.json#/X"}


IMPORTED: list[dict[str, Any]] = [
    {},
    {"type": "string"},
    {"type": ["string", "null"]},
    {"type": ["integer", "number"]},
    {"type": ["integer", "string"]},
    {"minimum": 2},
    {"type": "string", "minimum": 2},
    {"minLength": 2},
    {"pattern": "^a"},
    {"minItems": 2},
    {"required": ["a"]},
    {"minimum": 1, "minLength": 2, "maxProperties": 1},
    {"uniqueItems": True},
    {"multipleOf": 2},
    {"multipleOf": 0.5},
    {"type": "integer", "minimum": 1.5, "maximum": 3.5},
    {"type": "integer", "exclusiveMinimum": 0.5, "exclusiveMaximum": 2.5},
    {"type": "integer", "multipleOf": 1.5},
    {"type": "integer", "multipleOf": 0.5},
    {"type": "number", "minimum": 2, "exclusiveMaximum": 4},
    {"type": "string", "minLength": 2.0, "maxLength": 3},
    {"format": "uuid"},
    {"type": "string", "format": "date-time"},
    {"type": "string", "format": "date", "minLength": 11},
    {"format": "duration", "type": ["string", "null"]},
    {"type": "object"},
    {"type": "object", "properties": {}},
    {"type": "object", "additionalProperties": True},
    {"type": "object", "additionalProperties": {"type": "integer"}},
    {"type": "object", "additionalProperties": False},
    {"properties": {"a": {"type": "integer"}}},
    {"type": "object", "properties": {"a": True}, "required": ["a", "b"]},
    {"type": "object", "properties": {"a": {"type": "integer"}}, "maxProperties": 1},
    {"type": "object", "properties": {"a": {}}, "propertyNames": {"maxLength": 1}, "additionalProperties": False},
    {"propertyNames": {"pattern": "^[0-9]"}},
    {"type": "object", "minProperties": 1, "maxProperties": 1},
    {"type": "array"},
    {"type": "array", "items": {"type": "integer"}},
    {"items": {"type": "integer"}},
    {"items": False},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
    {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False, "minItems": 1},
    {"type": "array", "prefixItems": [{"type": "integer"}, {}], "items": False, "uniqueItems": True},
    {"prefixItems": [{}], "maxItems": 1},
    {"enum": ["a", 1, None]},
    {"const": 1},
    {"type": "integer", "enum": [1, "a", 2]},
    {"type": "string", "const": "a", "maxLength": 3},
    {"enum": ["a", "abcd"], "maxLength": 2},
    {"enum": [1, 1.5, 62], "type": "integer"},
    {"enum": ["a", "b"], "const": "a"},
    {"allOf": [{"type": "string"}, {"minLength": 2}]},
    {"allOf": [{"minimum": 1}], "maximum": 3},
    {"anyOf": [{"type": "integer"}, {"minLength": 3}]},
    {"oneOf": [{"type": "integer"}, {"type": "string"}]},
    {"type": "string", "anyOf": [{"maxLength": 1}, {"pattern": "^1"}]},
    {"anyOf": [{"type": "null"}, {"type": "object"}], "oneOf": [{"required": ["a"]}]},
    {"$ref": "#/$defs/A", "$defs": {"A": {"type": "integer"}}},
    {"$ref": "#/$defs/A", "minimum": 2, "$defs": {"A": {"type": "integer"}}},
    {"$ref": "#/definitions/A%20~0B", "definitions": {"A ~B": {"type": "integer"}}},
    {"type": "object", "properties": {"next": {"anyOf": [{"$ref": "#"}, {"type": "null"}]}}},
    {"properties": {"a": {"type": "integer"}, "b": {"$ref": "#/properties/a"}}, "type": "object"},
    {
        "$defs": {
            "A": {"anyOf": [{"$ref": "#/$defs/B"}, {"type": "null"}]},
            "B": {"properties": {"a": {"$ref": "#/$defs/A"}}, "type": "object"},
        },
        "$ref": "#/$defs/A",
    },
    {
        "$id": "https://example.org/a",
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "T",
        "x-mine": 1,
        "$comment": "c",
    },
    {"pattern": r"^\d$"},
    {"pattern": r"^\w+$"},
    {"pattern": "b"},
    {"pattern": r"\.5"},
]


@pytest.mark.parametrize("schema", IMPORTED, ids=lambda schema: json.dumps(schema)[:70])
def test_imported_schema_means_the_same(schema: dict[str, Any]) -> None:
    gtype = from_json_schema(schema)
    validator, judge = compile_validator(gtype), oracle(schema)
    # The format allows years, of no fixed length, and no fractions or signs, which Python writes.
    other = ("P1Y", "PT1.5S", "-P1DT2H3M4S") if schema.get("format") == "duration" else ()
    values = [value for value in VALUES if not (isinstance(value, str) and value in other)]
    assert [(value, judge.is_valid(value)) for value in values] == [
        (value, validator.is_valid(value)) for value in values
    ]
    again = oracle(to_json_schema(gtype))
    assert [(value, again.is_valid(value)) for value in values] == [(value, judge.is_valid(value)) for value in values]


def test_imported_schema_keeps_names_descriptions_defaults_and_order() -> None:
    gtype = from_json_schema(
        {
            "$ref": "#/$defs/Order",
            "$defs": {
                "Order": {
                    "description": "An order.",
                    "deprecated": True,
                    "type": "object",
                    "properties": {
                        "status": {"$ref": "#/$defs/Status", "default": "done", "description": "Where it is."},
                        "code": {"type": "string", "x-secret": True, "default": None},
                        "pin": {"type": "string", "format": "password", "writeOnly": True},
                    },
                    "required": ["code", "more"],
                },
                "Status": {"enum": ["done", "open"], "x-enum-names": ["DONE", "OPEN"]},
                "Unused": {"type": "string"},
            },
        }
    )
    assert gtype == GType(
        root=Ref(name="Order"),
        definitions={
            "Order": Object(
                description="An order.",
                deprecated=True,
                fields=(
                    Field(
                        name="status",
                        node=Ref(name="Status", description="Where it is."),
                        required=False,
                        default="done",
                    ),
                    Field(name="code", node=String(secret=True), default=None),
                    Field(name="pin", node=String(format="password", secret=True), required=False, default=UNSET),
                    Field(name="more", node=ANY),
                ),
            ),
            "Status": nodes.Enum(members=(("DONE", "done"), ("OPEN", "open"))),
        },
    )


def test_imported_union_of_tagged_objects_is_discriminated() -> None:
    member = {"type": "object", "required": ["kind"]}
    gtype = from_json_schema(
        {
            "oneOf": [{"type": "null"}, *({**member, "properties": {"kind": {"const": tag}}} for tag in "ab")],
            "discriminator": {"propertyName": "kind"},
        }
    )
    assert isinstance(gtype.root, Union)
    assert isinstance(gtype.root.members[1], Union)
    assert gtype.root.members[1].discriminator == "kind"


REFUSED: list[tuple[Any, str]] = [
    ({"not": {"type": "string"}}, "#/not: the keyword 'not' is not supported"),
    ({"properties": {"a": {"if": {}, "then": {}}}}, "#/properties/a/if"),
    ({"items": {"contains": {}}}, "#/items/contains"),
    ({"anyOf": [{}, {"patternProperties": {}}]}, "#/anyOf/1/patternProperties"),
    ({"dependentRequired": {}}, "dependentRequired"),
    ({"dependentSchemas": {}}, "dependentSchemas"),
    ({"unevaluatedProperties": False}, "unevaluatedProperties"),
    ({"unevaluatedItems": False}, "unevaluatedItems"),
    ({"$dynamicRef": "#a"}, r"\$dynamicRef"),
    ({"minContains": 1}, "minContains"),
    ({"nullable": True}, 'write "null" as one of the types'),
    ({"minlength": 3}, "#/minlength"),
    ({"additionalItems": False}, "additionalItems"),
    ({"properties": {"a/b~": {"else": {}}}}, "#/properties/a~1b~0/else"),
    ({"properties": {"a": {"$id": "b"}}}, r"put the schema under \$defs"),
    ({"$ref": "other.json"}, "leads out of the document"),
    ({"$ref": "#anchor"}, "leads out of the document"),
    ({"$ref": "#/$defs/A"}, r"leads to #/\$defs/A, where nothing is"),
    ({"$ref": "#/x-a/5", "x-a": [{}]}, "where nothing is"),
    ({"$ref": "#"}, "refers only to itself"),
    ({"$ref": "#/$defs/A", "$defs": {"A": {"anyOf": [{"$ref": "#/$defs/A"}, {}]}}}, "'A' refers only to itself"),
    (False, "false allows nothing"),
    ([], "is no schema"),
    ({"properties": {"a": False}}, "#/properties/a: false allows nothing"),
    ({"items": [{}]}, "called prefixItems"),
    ({"type": "array", "prefixItems": [{}]}, "items: false"),
    ({"type": "array", "prefixItems": [{}, {}], "items": {"type": "string"}}, "items: false"),
    ({"type": "array", "items": False, "minItems": 1}, "arrays of 1 to 0"),
    (
        {"type": "object", "properties": {"a": {}}, "additionalProperties": {"type": "string"}},
        "#/additionalProperties: an object with named",
    ),
    (
        {"type": "object", "required": ["a"], "additionalProperties": False},
        "'a' is required, but additionalProperties forbids it",
    ),
    ({"enum": [[1]]}, "is no plain value"),
    ({"type": "string", "enum": [1]}, "no value is left"),
    ({"enum": "a"}, "must be a list"),
    ({"type": "text"}, "'text' is no type"),
    ({"type": []}, "is no type"),
    ({"type": "string", "minLength": -1}, "-1 is no count"),
    ({"type": "string", "pattern": "("}, "#/pattern: the pattern"),
    ({"type": "string", "pattern": 1}, "must be text"),
    ({"minimum": "1"}, "'1' is no number"),
    ({"multipleOf": 0}, "more than 0"),
    ({"minimum": 10**400}, "cannot bound numbers exactly"),
    ({"type": "number", "minimum": 2**53 + 1}, "cannot bound"),
    ({"allOf": []}, "must be a list of schemas"),
    ({"anyOf": {}}, "must be a list of schemas"),
    ({"uniqueItems": 1}, "neither true nor false"),
    ({"properties": []}, "must be an object"),
    ({"required": "a"}, "must be a list of names"),
]


@pytest.mark.parametrize(("schema", "message"), REFUSED, ids=lambda value: json.dumps(value)[:60])
def test_schema_no_gtype_can_express_is_refused_with_its_place(schema: Any, message: str) -> None:
    with pytest.raises(TypeDefinitionError, match=message):
        from_json_schema(schema)
