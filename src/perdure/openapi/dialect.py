"""Schemas of an OpenAPI document, rewritten into the JSON Schema 2020-12 that GTypes are read from.

A document of somebody else's is not refused for what a GType cannot say. Each such keyword is left out, so that what is
read allows *more* values than the document does, never fewer, and a warning names its place.

``nullable`` is taken for what authors mean by it: null is allowed besides, also where there is an ``enum`` without it,
or a ``$ref``, for which the letter of OpenAPI 3.0.3 would ignore it.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Final, Literal, final
from urllib.parse import quote

from perdure.errors import DocumentError
from perdure.gtype.json_schema_pointers import append
from perdure.openapi.dialect_containers import clean_array, clean_object
from perdure.openapi.dialect_level import Clean, Direction, Level, Warn
from perdure.openapi.dialect_scalars import clean_kinds, clean_number, clean_text, clean_values
from perdure.openapi.references import is_anchor, target_of

__all__ = ["Cleaner", "definition_ref"]

Refer = Callable[[str, str, Direction], str]
"""Return the name of the definition for the schema at a pointer, which a ``$ref`` at a second one leads to."""

_ANNOTATIONS: Final = ("description", "deprecated", "default", "x-secret")
_KEPT: Final = ("x-kind", "x-enum-names", "x-format", "x-min-bytes", "x-max-bytes", "writeOnly")
_SILENT: Final = frozenset({
    *_ANNOTATIONS, *_KEPT, "title", "example", "examples", "externalDocs", "xml", "discriminator", "readOnly",
    "$schema", "$comment", "$id", "$anchor", "$defs", "definitions", "contentMediaType", "contentSchema",
})  # fmt: skip
_READ: Final = frozenset({
    "type", "enum", "const", "$ref", "allOf", "anyOf", "oneOf", "minimum", "maximum", "exclusiveMinimum",
    "exclusiveMaximum", "multipleOf", "minLength", "maxLength", "pattern", "format", "contentEncoding", "items",
    "prefixItems", "uniqueItems", "minItems", "maxItems", "properties", "required", "additionalProperties",
    "patternProperties", "propertyNames", "minProperties", "maxProperties",
})  # fmt: skip
_COMBINED: Final = ("$ref", "allOf", "anyOf", "oneOf")


def definition_ref(name: str) -> str:
    """Return the ``$ref`` to the definition called *name*."""
    return "#/$defs/" + quote(name.replace("~", "~0").replace("/", "~1"), safe="~")


@final
class Cleaner:
    """Rewrites schemas.

    Args:
        version: Of OpenAPI: 3.0 has ``nullable`` and no siblings of ``$ref``.
        refer: Names definitions.
        warn: Takes the place of what is left out, and why.
    """

    def __init__(self, version: Literal["3.0", "3.1"], refer: Refer, warn: Warn) -> None:
        self._is_older = version == "3.0"
        self._refer = refer
        self._warn = warn

    def clean(self, schema: object, pointer: str, direction: Direction) -> Clean:
        """Return the schema at *pointer* as JSON Schema; its references lead to ``#/$defs``.

        Raises:
            DocumentError: It is no schema, or refers to another document or to nothing.
        """
        if schema is True:
            return {}
        if schema is False:
            self._warn(pointer, "a schema that allows nothing is read as one that allows anything")
            return {}
        if not isinstance(schema, Mapping):
            raise DocumentError(f"there must be a schema here, not {schema!r:.40}", pointer)
        if "$ref" in schema and self._is_older:
            return self._reference(schema, pointer, direction)
        level = Level(
            schema, pointer, direction,
            clean=lambda member, *steps: self.clean(member, append(pointer, *steps), direction), warn=self._warn,
        )  # fmt: skip
        self._annotate(level)
        self._fill(level)
        if "$ref" in schema:
            level.out |= self._reference(schema, pointer, direction)
        for keyword in schema:
            if keyword not in _READ and keyword not in _SILENT and not str(keyword).startswith("x-"):
                self._refuse(level, keyword)
        return self._nullable(level) if self._is_older and schema.get("nullable") is True else level.out

    def _annotate(self, level: Level) -> None:
        for keyword in (*_ANNOTATIONS, *_KEPT):
            if keyword in level.raw:
                level.out[keyword] = level.raw[keyword]

    def _fill(self, level: Level) -> None:
        kinds = clean_kinds(level)
        clean_values(level, kinds)
        if kinds is None or "number" in kinds or "integer" in kinds:
            clean_number(level, kinds)
        if kinds is None or "string" in kinds:
            clean_text(level, kinds)
        if kinds is None or "array" in kinds:
            clean_array(level)
        if kinds is None or "object" in kinds:
            clean_object(level)
        for keyword in ("allOf", "anyOf", "oneOf"):
            if keyword in level.raw:
                self._combine(level, keyword)

    def _combine(self, level: Level, keyword: str) -> None:
        members = level.raw[keyword]
        if not isinstance(members, Sequence) or isinstance(members, str) or not members:
            level.drop(keyword, "it must be a list of schemas")
            return
        possible = [
            level.clean(member, keyword, index)
            for index, member in enumerate(members)
            if member is not False or keyword == "allOf"
        ]
        if possible:
            level.out[keyword] = possible
        else:
            level.drop(keyword, "none of its members allows anything")

    def _reference(self, schema: Mapping[str, object], pointer: str, direction: Direction) -> Clean:
        place = append(pointer, "$ref")
        reference = schema["$ref"]
        if is_anchor(reference):
            self._warn(place, f"{reference} names an anchor, which is not followed: anything is allowed here")
            return {}
        return {"$ref": definition_ref(self._refer(target_of(reference, place), place, direction))}

    def _refuse(self, level: Level, keyword: str) -> None:
        if keyword == "nullable":
            if not self._is_older and level.raw[keyword] is True:
                level.drop(keyword, "since OpenAPI 3.1 it means nothing; write null as one of the types")
        elif keyword not in {"then", "else"} or "if" not in level.raw:
            level.drop(keyword, "what it says cannot be compared")

    def _nullable(self, level: Level) -> Clean:
        """Return what was read with null allowed besides."""
        out = level.out
        given = out.get("enum")
        if isinstance(given, list) and None not in given:
            out["enum"] = [*given, None]
        if not any(keyword in out for keyword in _COMBINED) and "const" not in out:
            kinds = out.get("type")
            if isinstance(kinds, str):
                out["type"] = [kinds, "null"] if kinds != "null" else kinds
            elif isinstance(kinds, list) and "null" not in kinds:
                out["type"] = [*kinds, "null"]
            return out
        notes: Clean = {keyword: out.pop(keyword) for keyword in _ANNOTATIONS if keyword in out}
        return {"anyOf": [out, {"type": "null"}], **notes} if out else notes
