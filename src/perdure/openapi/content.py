"""What a request or response holds, by media type."""

from perdure.gtype.json_schema_pointers import append
from perdure.gtype.nodes import Node
from perdure.openapi.dialect_level import Direction
from perdure.openapi.runtime import RUNTIME
from perdure.openapi.schemas import Schemas
from perdure.openapi.source import JsonObject, Source
from perdure.openapi.wire import choose_media

__all__ = ["read_content"]


def read_content(
    source: Source, schemas: Schemas, content: JsonObject, pointer: str, direction: Direction
) -> Node | None:
    """Return the type of what *content*, a map of media types at *pointer*, holds; None if it says nothing of it."""
    media = choose_media(content)
    if media is None:
        return None
    place = append(pointer, media)
    described = source.mapping(content[media], place)
    if described.get("schema") is None or described.get(RUNTIME) is True:
        return None
    return schemas.node(described["schema"], append(place, "schema"), direction)
