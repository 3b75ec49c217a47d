"""A Parameter Object or a Header Object, read as a member of an object."""

from collections.abc import Mapping

from msgspec import UNSET
from msgspec.structs import replace

from perdure.gtype.json_schema_pointers import append
from perdure.gtype.nodes import Field
from perdure.openapi.dialect_level import Direction
from perdure.openapi.schemas import Schemas
from perdure.openapi.source import JsonObject, Source
from perdure.openapi.wire import choose_media

__all__ = ["read_member"]


def read_member(
    source: Source, schemas: Schemas, told: tuple[str, JsonObject], pointer: str, direction: Direction
) -> Field:
    """Return the member that a parameter or a header is.

    Args:
        source: The document.
        schemas: Reads its schemas.
        told: The name, and what is said of it.
        pointer: Where that stands.
        direction: Whether it is sent to the API or by it.
    """
    name, about = told
    schema, place = about.get("schema", True), append(pointer, "schema")
    if "content" in about:
        content, place = source.part(about, "content", pointer)
        media = choose_media(content)
        if media is not None:
            place = append(place, media)
            schema = source.mapping(content[media], place).get("schema", True)
            place = append(place, "schema")
    node = schemas.node(schema, place, direction)
    description = about.get("description")
    if isinstance(description, str) and node.description is None:
        node = replace(node, description=description)
    if about.get("deprecated") is True:
        node = replace(node, deprecated=True)
    default = schema.get("default", UNSET) if isinstance(schema, Mapping) else UNSET
    return Field(name=name, node=node, required=about.get("required") is True, default=default)
