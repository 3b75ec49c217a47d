"""Schemas as other people write them."""

from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

NAMES = ("a", "b", "c/d")
COMPONENTS = ("One", "Two", "Three")

_NUMBERS: SearchStrategy[Any] = st.integers(-5, 5) | st.sampled_from(
    (0.5, 2.5, 2**53 + 1, 2**63, 2**64 - 1, 10**25, 1e300)
)
_COUNTS = st.integers(0, 3)
_CONSTANTS: SearchStrategy[Any] = st.sampled_from(("x", "y", "", 1, 2.0, -1, True, False, None, [], {"a": 1}))
_PATTERNS = st.sampled_from(("^[a-z]+$", "x", "^y?$", "(?=x)x", "[unclosed", r"^\p{L}+$"))
_KINDS = ("null", "boolean", "number", "integer", "string", "array", "object")
_TYPES: SearchStrategy[Any] = st.sampled_from(_KINDS) | st.lists(st.sampled_from(_KINDS), min_size=1, unique=True)


def keyword_values(inner: SearchStrategy[Any]) -> dict[str, SearchStrategy[Any]]:
    """What each keyword of JSON Schema 2020-12 may hold."""
    schemas = st.lists(inner, min_size=1, max_size=2)
    members = st.dictionaries(st.sampled_from(NAMES), inner, max_size=2)
    return {
        "type": _TYPES, "enum": st.lists(_CONSTANTS, min_size=1, max_size=3), "const": _CONSTANTS,
        "minimum": _NUMBERS, "maximum": _NUMBERS, "exclusiveMinimum": _NUMBERS, "exclusiveMaximum": _NUMBERS,
        "multipleOf": st.sampled_from((1, 2, 0.5, 1e300, 10**25)), "minLength": _COUNTS, "maxLength": _COUNTS,
        "pattern": _PATTERNS, "format": st.sampled_from(("int64", "email", "binary", "double")),
        "items": inner, "prefixItems": schemas, "uniqueItems": st.booleans(), "minItems": _COUNTS, "maxItems": _COUNTS,
        "properties": members, "required": st.lists(st.sampled_from(NAMES), max_size=2, unique=True),
        "additionalProperties": inner, "propertyNames": inner,
        "patternProperties": st.dictionaries(st.sampled_from(("^a", "b", "c")), inner, max_size=2),
        "minProperties": _COUNTS, "maxProperties": _COUNTS, "allOf": schemas, "anyOf": schemas, "oneOf": schemas,
        "not": inner, "if": inner, "then": inner, "else": inner, "contains": inner, "minContains": _COUNTS,
        "dependentRequired": st.just({"a": ["b"]}), "unevaluatedProperties": inner, "unevaluatedItems": inner,
        "$ref": st.sampled_from(COMPONENTS).map(lambda name: f"#/components/schemas/{name}"),
        "default": _CONSTANTS, "description": st.just("Said."), "deprecated": st.booleans(), "title": st.just("T"),
        "examples": st.just([1]), "x-anything": st.just({"$ref": "nowhere"}), "discriminator": st.just({}),
    }  # fmt: skip


def _level(inner: SearchStrategy[Any]) -> SearchStrategy[Any]:
    known = keyword_values(inner)
    chosen = st.lists(st.sampled_from(sorted(known)), max_size=4, unique=True)
    return chosen.flatmap(lambda keywords: st.fixed_dictionaries({keyword: known[keyword] for keyword in keywords}))


SCHEMAS: SearchStrategy[Any] = st.recursive(
    st.booleans() | _level(st.booleans() | st.just({})), lambda inner: _level(inner), max_leaves=6
)
"""Schemas of JSON Schema 2020-12, with keywords that no GType can express among them."""


def document(schemas: dict[str, Any], version: str = "3.1.0", **parts: Any) -> dict[str, Any]:
    """Return a document with *schemas* as its components."""
    components = {"schemas": schemas, **parts.pop("components", {})}
    return {"openapi": version, "info": {"title": "t", "version": "1"}, "paths": {}, "components": components, **parts}
