"""What a request or response holds, by media type."""

from collections.abc import Mapping
from typing import final

from msgspec import Struct

from perdure.gtype.json_schema_pointers import append
from perdure.gtype.nodes import Node
from perdure.openapi.dialect_level import Direction
from perdure.openapi.runtime import RUNTIME
from perdure.openapi.schemas import Schemas
from perdure.openapi.source import JsonObject, Source
from perdure.openapi.wire import choose_media

__all__ = ["Content", "read_content"]


@final
class Content(Struct, frozen=True, kw_only=True):
    """What a body holds."""

    node: Node | None = None
    """Of the media type that is compared first; None where nothing is said of it."""
    media: str | None = None
    """That media type; None where there is none."""
    others: dict[str, Node | None] = {}
    """By the other media types, what bodies of these hold."""

    def differing(self) -> dict[str, Node | None]:
        """Return those of *others* that are not *node*."""
        return {media: node for media, node in self.others.items() if node != self.node}


def read_content(source: Source, schemas: Schemas, content: JsonObject, pointer: str, direction: Direction) -> Content:
    """Return what *content*, a map of media types at *pointer*, says."""
    chosen = choose_media(content)
    if chosen is None:
        return Content()
    node = _node(source, schemas, (content, chosen), pointer, direction)
    others = {
        media: node
        if _schema(content[media]) == _schema(content[chosen])
        else _node(source, schemas, (content, media), pointer, direction)
        for media in content
        if media != chosen
    }  # fmt: skip
    return Content(node=node, media=chosen, others=others)


def _schema(described: object) -> object:
    if not isinstance(described, Mapping):
        return described
    return described.get("schema"), described.get(RUNTIME)


def _node(
    source: Source, schemas: Schemas, at: tuple[JsonObject, str], pointer: str, direction: Direction
) -> Node | None:
    """Return the type of what one media type of a map holds; None if it says nothing of it."""
    content, media = at
    place = append(pointer, media)
    described = source.mapping(content[media], place)
    if described.get("schema") is None or described.get(RUNTIME) is True:
        return None
    return schemas.node(described["schema"], append(place, "schema"), direction)
