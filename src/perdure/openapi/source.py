"""An OpenAPI document, and ways through it that end in an error with a place rather than in a `KeyError`."""

import re
from collections.abc import Mapping, Sequence
from typing import Final, Literal, cast, final

from perdure.errors import DocumentError
from perdure.gtype.json_schema_pointers import append
from perdure.openapi.references import find, target_of

__all__ = ["JsonObject", "Source"]

JsonObject = Mapping[str, object]
"""A JSON object."""

_VERSION: Final = re.compile(r"3\.([01])(?:\.[0-9]+)?(?:-.*)?")


@final
class Source:
    """A document that says it is OpenAPI 3.0 or 3.1.

    Args:
        document: It, as plain data; see `load_document`.
    Raises:
        DocumentError: It is something else.
    """

    def __init__(self, document: object) -> None:
        root = self.document = self.mapping(document, "")
        given = root.get("openapi")
        found = _VERSION.fullmatch(given) if isinstance(given, str) else None
        if found is None:
            raise DocumentError(_refusal(root, given), "" if given is None else "/openapi")
        self.version: Literal["3.0", "3.1"] = "3.0" if found[1] == "0" else "3.1"

    def mapping(self, value: object, pointer: str) -> JsonObject:
        """Return *value*, which lies at *pointer* and must be an object.

        Raises:
            DocumentError: It is none, or has a key that is no text.
        """
        if not isinstance(value, Mapping):
            raise DocumentError(f"there must be an object here, not {_show(value)}", pointer)
        for key in value:
            if not isinstance(key, str):
                raise DocumentError(f"the key {_show(key)} must be a text", pointer)
        return cast("JsonObject", value)

    def part(self, parent: JsonObject, name: str, pointer: str) -> tuple[JsonObject, str]:
        """Return the object *name* of *parent*, which lies at *pointer*, and its place; empty if it is not there.

        Raises:
            DocumentError: It is there, but no object.
        """
        place = append(pointer, name)
        value = parent.get(name)
        return ({} if value is None else self.mapping(value, place)), place

    def sequence(self, parent: JsonObject, name: str, pointer: str) -> list[tuple[object, str]]:
        """Return what the list *name* of *parent* holds, each with its place; nothing if it is not there.

        Raises:
            DocumentError: It is there, but no list.
        """
        place = append(pointer, name)
        value = parent.get(name)
        if value is None:
            return []
        if not isinstance(value, Sequence) or isinstance(value, str):
            raise DocumentError(f"there must be a list here, not {_show(value)}", place)
        return [(item, append(place, index)) for index, item in enumerate(value)]

    def follow(self, value: object, pointer: str) -> tuple[JsonObject, str]:
        """Return the object at *pointer*, or what it refers to, through any number of references, and its place.

        Raises:
            DocumentError: It is no object, or refers to another document, to nothing or round in a circle.
        """
        seen = {pointer}
        found = self.mapping(value, pointer)
        while "$ref" in found:
            place = append(pointer, "$ref")
            pointer = target_of(found["$ref"], place)
            found = self.mapping(find(self.document, pointer, place), pointer)
            if pointer in seen:
                raise DocumentError("this $ref leads back to itself", place)
            seen.add(pointer)
        return found, pointer


def _refusal(root: JsonObject, given: object) -> str:
    if given is not None:
        return f"OpenAPI 3.0 and 3.1 are understood, not {_show(given)}"
    if "swagger" in root:
        return "this is Swagger 2.0; convert it to OpenAPI 3 first"
    return "this is no OpenAPI document: it has no member 'openapi'"


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
