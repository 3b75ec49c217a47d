"""GTypes, written as JSON Schema 2020-12.

Every schema says exactly what the GType means, so that a client may generate types and validators from it. What JSON
Schema has no word for (names of enum members, secrets) is kept in ``x-`` keywords, which validators ignore.
"""

from typing import Final
from urllib.parse import quote

from msgspec import UNSET

from perdure.gtype.json_schema_texts import ASSERTED_FORMATS, text_schema
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    Duration,
    Enum,
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
    Time,
    Tuple,
    Union,
    Uuid,
)

__all__ = ["DIALECT", "JsonSchema", "node_to_json_schema", "to_json_schema"]

JsonSchema = dict[str, object]
"""A JSON Schema that is an object, as Python data."""

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"

_LOCAL_REF: Final = "#/$defs/{name}"
_BOUNDS: Final = {
    "ge": "minimum", "gt": "exclusiveMinimum", "le": "maximum", "lt": "exclusiveMaximum", "multiple_of": "multipleOf",
}  # fmt: skip


def to_json_schema(gtype: GType, *, ref_template: str = _LOCAL_REF) -> JsonSchema:
    """Return *gtype* as a JSON Schema document; its definitions are under ``$defs``.

    Args:
        gtype: The type.
        ref_template: What a reference looks like; ``{name}`` is the definition's name, escaped for a pointer in a URI.
            With a template that points elsewhere, the definitions are left out: `node_to_json_schema` writes each.
    """
    schema: JsonSchema = {"$schema": DIALECT, **node_to_json_schema(gtype.root, ref_template=ref_template)}
    if gtype.definitions and ref_template == _LOCAL_REF:
        schema["$defs"] = {
            name: node_to_json_schema(node, ref_template=ref_template) for name, node in gtype.definitions.items()
        }
    return schema


def node_to_json_schema(node: Node, *, ref_template: str = _LOCAL_REF) -> JsonSchema:
    """Return *node* as a JSON Schema without definitions."""
    schema = _schema(node, ref_template)
    if node.description is not None:
        schema["description"] = node.description
    if node.deprecated:
        schema["deprecated"] = True
    if node.secret:
        schema["x-secret"] = True
    return schema


def _schema(node: Node, template: str) -> JsonSchema:
    match node:
        case Object() | Record() | Array() | Tuple() | Union() | Intersection() | Ref():
            return _structure(node, template)
        case String():
            return _string(node)
        case Integer() | Number():
            kind = "integer" if isinstance(node, Integer) else "number"
            return {"type": kind, **_given({keyword: getattr(node, name) for name, keyword in _BOUNDS.items()})}
        case Boolean():
            return {"type": "boolean"}
        case Null():
            return {"type": "null"}
        case Literal(values=values):
            return {"const": values[0]} if len(values) == 1 else {"enum": list(values)}
        case Enum(members=members):
            return {"enum": [value for _, value in members], "x-enum-names": [name for name, _ in members]}
        case AnyValue():
            return {}
        case Bytes() | Date() | DateTime() | Decimal() | Duration() | Time() | Uuid():
            return text_schema(node)


def _structure(node: Object | Record | Array | Tuple | Union | Intersection | Ref, template: str) -> JsonSchema:
    def inner(child: Node) -> JsonSchema:
        return node_to_json_schema(child, ref_template=template)

    match node:
        case Object():
            return _object(node, template)
        case Record(values=values, keys=keys, min_size=low, max_size=high):
            names = None if keys is None else inner(keys)
            sizes = _given({"propertyNames": names, "minProperties": low, "maxProperties": high})
            return {"type": "object", "additionalProperties": inner(values), **sizes}
        case Array(items=items, min_items=low, max_items=high, unique=unique):
            sizes = _given({"minItems": low, "maxItems": high, "uniqueItems": unique or None})
            return {"type": "array", "items": inner(items), **sizes}
        case Tuple(items=()):
            return {"type": "array", "items": False, "maxItems": 0}
        case Tuple(items=items):
            size = len(items)
            prefix = [inner(item) for item in items]
            return {"type": "array", "prefixItems": prefix, "items": False, "minItems": size, "maxItems": size}
        case Union(members=members, discriminator=name):
            if not members:
                return {"not": {}}
            tag = {} if name is None else {"discriminator": {"propertyName": name}}
            return {"anyOf": [inner(member) for member in members], **tag}
        case Intersection(members=members):
            return {"allOf": [inner(member) for member in members]} if members else {}
        case Ref(name=name):
            pointer = quote(name.replace("~", "~0").replace("/", "~1"), safe="~")
            return {"$ref": template.replace("{name}", pointer)}


def _object(node: Object, template: str) -> JsonSchema:
    properties: dict[str, JsonSchema] = {}
    for field in node.fields:
        properties[field.name] = node_to_json_schema(field.node, ref_template=template)
        if field.default is not UNSET:
            properties[field.name]["default"] = field.default
    schema: JsonSchema = {"type": "object", "properties": properties}
    required = [field.name for field in node.fields if field.required]
    if required:
        schema["required"] = required
    if node.closed:
        schema["additionalProperties"] = False
    return schema


def _string(node: String) -> JsonSchema:
    asserted = node.format in ASSERTED_FORMATS
    notes: JsonSchema = {
        "minLength": node.min_length, "maxLength": node.max_length, "pattern": node.pattern,
        "x-format" if asserted else "format": node.format,
    }  # fmt: skip
    return {"type": "string", **_given(notes)}


def _given(keywords: JsonSchema) -> JsonSchema:
    return {keyword: value for keyword, value in keywords.items() if value is not None}
