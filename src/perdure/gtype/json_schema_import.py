"""JSON Schema 2020-12, read into GTypes.

A keyword constrains only values of the type it is about: ``{"minLength": 3}`` allows every number. So a schema is read
as what it allows of each of JSON's six types, and these are joined; where it says ``type``, only those remain. What a
GType cannot say is refused with its place. Nothing is dropped but annotations.

``oneOf`` is read as ``anyOf``: the two differ only for values that fit two members at once, which APIs do not intend.
``format`` is read as an assertion for dates, times, durations and UUIDs, as is ``contentEncoding: base64``; other
formats are annotations. Schemas must not refer to other documents.
"""

from collections.abc import Mapping, Sequence
from typing import Final, cast, final

import msgspec
from msgspec.structs import replace

from perdure.errors import TypeDefinitionError
from perdure.gtype.discriminators import discriminate
from perdure.gtype.json_schema_export import node_to_json_schema
from perdure.gtype.json_schema_kinds import ALL_KINDS, KEYWORDS, Schema, intersect, is_of, node_of_kind
from perdure.gtype.json_schema_pointers import append, definition_name, locate, pointer_of, refuse
from perdure.gtype.json_schema_texts import ASSERTED_FORMATS, TEXT_KINDS
from perdure.gtype.nodes import AnyValue, Bytes, Enum, GType, Literal, Node, Ref, Scalar, Union
from perdure.gtype.traversal import endless, reachable

__all__ = ["from_json_schema"]

_ANNOTATIONS: Final = frozenset({
    "$schema", "$comment", "$defs", "definitions", "title", "description", "default", "examples", "example",
    "deprecated", "readOnly", "writeOnly", "contentMediaType", "contentSchema", "discriminator", "externalDocs", "xml",
})  # fmt: skip
_COMBINED: Final = frozenset({"type", "enum", "const", "$ref", "allOf", "anyOf", "oneOf"})
_KNOWN: Final = _ANNOTATIONS | _COMBINED | frozenset(keyword for group in KEYWORDS.values() for keyword in group)
_HINTS: Final = {"nullable": 'write "null" as one of the types', "$id": "put the schema under $defs"}


def from_json_schema(schema: Mapping[str, object] | bool) -> GType:
    """Return the type a JSON Schema document describes; its definitions keep their names.

    Args:
        schema: The document, as Python data. Types written by `to_json_schema` come back as they were.
    Raises:
        TypeDefinitionError: The document has a keyword no GType can express (``not``, ``if``, ``patternProperties``,
            ``contains``, …), refers elsewhere, or is no valid JSON Schema. The error says where.
    Source: SPEC 3.2.
    """
    reader = _Reader(schema)
    root = reader.read(schema, "")
    definitions = reader.read_definitions()
    circular = endless(definitions)
    if circular is not None:
        raise TypeDefinitionError(f"JSON Schema: the definition {circular!r} refers only to itself")

    def resolve(node: Node) -> Node:
        while isinstance(node, Ref):
            node = definitions[node.name]
        return node

    return GType(
        root=discriminate(root, resolve),
        definitions={name: discriminate(node, resolve) for name, node in reachable(root, definitions).items()},
    )


@final
class _Reader:
    """Reads the schemas of one document."""

    def __init__(self, document: object) -> None:
        self._document = document
        self._names: dict[str, str] = {}
        self._taken: set[str] = set()
        self._waiting: list[tuple[str, object, str]] = []
        self._texts = {_text(node_to_json_schema(node)): node for node in TEXT_KINDS}

    def read_definitions(self) -> dict[str, Node]:
        """Return the definitions that what was read refers to, and those that these do.

        One after the other, rather than each where it is first met: thousands may refer to each other in a row.
        """
        found: dict[str, Node] = {}
        while self._waiting:
            name, schema, pointer = self._waiting.pop()
            found[name] = self.read(schema, pointer)
        return found

    def read(self, schema: object, pointer: str) -> Node:
        """Return the node of the schema at *pointer*."""
        if schema is True:
            return AnyValue()
        if not isinstance(schema, Mapping):
            raise refuse(pointer, "false allows nothing" if schema is False else f"{schema!r} is no schema")
        for keyword in schema:
            if keyword not in _KNOWN and not keyword.startswith("x-") and not (keyword == "$id" and not pointer):
                hint = _HINTS.get(keyword, "a GType cannot express it")
                raise refuse(append(pointer, keyword), f"the keyword {keyword!r} is not supported: {hint}")
        node = self._text_kind(schema)
        if node is None:
            node = intersect(list(self._conjuncts(schema, pointer)))
        return _annotated(node, schema)

    def _text_kind(self, schema: Schema) -> Node | None:
        """Return the kind whose own spelling *schema* is, as `to_json_schema` writes it."""
        plain = {name: value for name, value in schema.items() if name not in _ANNOTATIONS and name != "x-secret"}
        low, high = plain.get("x-min-bytes"), plain.get("x-max-bytes")
        if isinstance(low, int) or isinstance(high, int):
            node = Bytes(min_length=cast("int | None", low), max_length=cast("int | None", high))
            return node if _text(node_to_json_schema(node)) == _text(plain) else None
        return self._texts.get(_text(plain)) if plain else None

    def _conjuncts(self, schema: Schema, pointer: str) -> list[Node]:
        """Return all that a value has to fit at once."""
        kinds = _kinds(schema, pointer)
        constrained = any(_is_about(kind, schema) for kind in kinds or ALL_KINDS)
        given = "enum" in schema or "const" in schema
        found: list[Node] = []
        if given:
            found.append(_values(schema, kinds, pointer))
        if constrained or (kinds is not None and not given):
            found.append(_any_of([node_of_kind(kind, schema, pointer, self.read) for kind in kinds or ALL_KINDS]))
        if "$ref" in schema:
            found.append(self._reference(schema["$ref"], append(pointer, "$ref")))
        found += self._list(schema, "allOf", pointer)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                found.append(_any_of(self._list(schema, keyword, pointer)))
        return found

    def _list(self, schema: Schema, keyword: str, pointer: str) -> list[Node]:
        members = schema.get(keyword, [])
        if not isinstance(members, Sequence) or isinstance(members, str) or (keyword in schema and not members):
            raise refuse(append(pointer, keyword), "it must be a list of schemas")
        return [self.read(member, append(pointer, keyword, index)) for index, member in enumerate(members)]

    def _reference(self, reference: object, pointer: str) -> Ref:
        """Return a reference to the definition a ``$ref`` means, which is to be read if it is new."""
        target = pointer_of(reference, pointer)
        name = self._names.get(target)
        if name is None:
            schema = locate(self._document, target, pointer)
            name = definition_name(self._document, target)
            if name in self._taken:
                name = f"#{target}"
            self._names[target] = name
            self._taken.add(name)
            self._waiting.append((name, schema, target))
        return Ref(name=name)


def _kinds(schema: Schema, pointer: str) -> list[str] | None:
    """Return the types *schema* names, or None where it names none."""
    if "type" not in schema:
        return None
    given = schema["type"]
    kinds = [given] if isinstance(given, str) else given
    if not isinstance(kinds, Sequence) or not kinds or any(kind not in (*ALL_KINDS, "integer") for kind in kinds):
        raise refuse(append(pointer, "type"), f"{given!r} is no type")
    found = list(dict.fromkeys(cast("Sequence[str]", kinds)))
    return [kind for kind in found if kind != "integer"] if "number" in found else found


def _is_about(kind: str, schema: Schema) -> bool:
    """Tell whether *schema* constrains values of *kind*; most formats and encodings only describe."""
    for keyword in KEYWORDS.get("number" if kind == "integer" else kind, ()):
        if keyword not in schema:
            continue
        value = schema[keyword]
        if keyword == "format" and not (isinstance(value, str) and value in ASSERTED_FORMATS):
            continue
        if keyword != "contentEncoding" or value == "base64":
            return True
    return False


def _any_of(members: Sequence[Node]) -> Node:
    return members[0] if len(members) == 1 else Union(members=tuple(members))


def _values(schema: Schema, kinds: list[str] | None, pointer: str) -> Node:
    """Return the values ``enum`` and ``const`` leave, those of other types than *kinds* taken out."""
    given = schema.get("enum", [schema.get("const")])
    if not isinstance(given, Sequence) or isinstance(given, str):
        raise refuse(append(pointer, "enum"), "it must be a list of values")
    if "const" in schema:
        given = [value for value in given if _text(value) == _text(schema["const"])]
    for value in given:
        if not (value is None or isinstance(value, str | int | float)):
            raise refuse(append(pointer, "enum"), f"{value!r} is no plain value: describe its members instead")
    kept = [value for value in given if kinds is None or is_of(value, kinds)]
    values = tuple(cast("Scalar", value) for value in kept)
    if not values:
        raise refuse(pointer, "no value is left by const, enum and type")
    names = schema.get("x-enum-names")
    if isinstance(names, Sequence) and len(names) == len(given) == len(values):
        return Enum(members=tuple((str(name), value) for name, value in zip(names, values, strict=True)))
    return Literal(values=values)


def _annotated(node: Node, schema: Schema) -> Node:
    """Return *node* with what *schema* says about it."""
    notes: dict[str, object] = {}
    if isinstance(schema.get("description"), str):
        notes["description"] = schema["description"]
    if schema.get("deprecated") is True:
        notes["deprecated"] = True
    if schema.get("x-secret") is True or (schema.get("writeOnly") is True and schema.get("format") == "password"):
        notes["secret"] = True
    return replace(node, **notes) if notes else node


def _text(schema: object) -> bytes:
    return msgspec.json.encode(schema, order="sorted")
