"""The responses of an operation."""

import re
from typing import Final, final

from msgspec import Struct

from perdure.errors import DocumentError
from perdure.gtype.json_schema_pointers import append
from perdure.gtype.nodes import Node
from perdure.openapi.content import read_content
from perdure.openapi.runtime import RUNTIME
from perdure.openapi.schemas import Schemas
from perdure.openapi.source import JsonObject, Source
from perdure.openapi.wire import choose_media

__all__ = ["Answers", "ResponseReader"]

_STATUS: Final = re.compile(r"[1-5](?:[0-9]{2}|XX)")


@final
class Answers(Struct, frozen=True, kw_only=True):
    """What an operation answers: normally, and else."""

    status: int = 200
    response: Node | None = None
    media: str = "*/*"
    others: dict[str, Node | None] = {}


@final
class ResponseReader:
    """Reads the responses of operations of *source*."""

    def __init__(self, source: Source, schemas: Schemas) -> None:
        self._source = source
        self._schemas = schemas

    def read(self, operation: JsonObject, pointer: str) -> Answers:
        """Return the answers of *operation*, which lies at *pointer*.

        The normal one is the lowest 2xx, else the lowest below it or of 3xx, else ``default``.

        Raises:
            DocumentError: Something in them is malformed.
        """
        given, place = self._source.part(operation, "responses", pointer)
        found: dict[str, tuple[Node | None, str]] = {}
        for status, response in given.items():
            if not status.startswith("x-"):
                answer = self._answer(status.upper(), response, append(place, status))
                if answer is not None:
                    found["default" if status == "default" else status.upper()] = answer
        normal = _normal(found)
        if normal is None:
            return Answers(others={status: node for status, (node, _) in found.items()})
        node, media = found.pop(normal)
        status_code = int(normal.replace("X", "0")) if normal != "default" else 200
        others = {status: node for status, (node, _) in found.items()}
        return Answers(status=status_code, response=node, media=media, others=others)

    def _answer(self, status: str, response: object, pointer: str) -> tuple[Node | None, str] | None:
        """Return the type and the media type of one response; None for one that every handler may answer."""
        if status != "DEFAULT" and not _STATUS.fullmatch(status):
            raise DocumentError("a response has a status like 200 or 4XX, or is the 'default'", pointer)
        found, place = self._source.follow(response, pointer)
        if found.get(RUNTIME) is True:
            return None
        content, where = self._source.part(found, "content", place)
        node = read_content(self._source, self._schemas, content, where, "response")
        return node, choose_media(content) or "*/*"


def _normal(found: dict[str, tuple[Node | None, str]]) -> str | None:
    """Return the status of the normal answer."""
    for first in "23":
        statuses = sorted(status for status in found if status[0] == first)
        if statuses:
            return statuses[0]
    return "default" if "default" in found else None
