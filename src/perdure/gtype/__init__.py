"""Types as data: nodes, extraction, JSON Schema, validation, generation."""

from perdure.gtype.annotations import resolve_hints
from perdure.gtype.json_schema_export import JsonSchema, node_to_json_schema, to_json_schema
from perdure.gtype.json_schema_import import from_json_schema
from perdure.gtype.markers import Marker, Masked, Unique
from perdure.gtype.native import is_native
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
    Scalar,
    String,
    Time,
    Tuple,
    Union,
    Uuid,
)
from perdure.gtype.registry import TypeRegistry, gtype_of

__all__ = [
    "AnyValue", "Array", "Boolean", "Bytes", "Date", "DateTime", "Decimal", "Duration", "Enum", "Field", "GType",
    "Integer", "Intersection", "JsonSchema", "Literal", "Marker", "Masked", "Node", "Null", "Number", "Object",
    "Record", "Ref", "Scalar", "String", "Time", "Tuple", "TypeRegistry", "Union", "Unique", "Uuid",
    "from_json_schema", "gtype_of", "is_native", "node_to_json_schema", "resolve_hints", "to_json_schema",
]  # fmt: skip
