"""The responses of an operation."""

import re
from collections.abc import Mapping
from typing import Final, NamedTuple, final

from msgspec import Struct

from perdure.errors import DocumentError
from perdure.gtype.json_schema_pointers import append
from perdure.gtype.nodes import Field, Node, Object
from perdure.openapi.content import Content, read_content
from perdure.openapi.members import read_member
from perdure.openapi.runtime import RUNTIME
from perdure.openapi.schemas import Schemas
from perdure.openapi.source import JsonObject, Source

__all__ = ["Answers", "ResponseReader"]

_STATUS: Final = re.compile(r"[1-5](?:[0-9]{2}|XX)")


@final
class Answers(Struct, frozen=True, kw_only=True):
    """What an operation answers: normally, and else."""

    status: int = 200
    response: Node | None = None
    media: str = "*/*"
    others: dict[str, Node | None] = {}
    types: dict[str, dict[str, Node | None]] = {}
    headers: dict[str, Object] = {}


class _Answer(NamedTuple):
    """What one response holds."""

    content: Content
    headers: Object | None


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
        found: dict[str, _Answer] = {}
        for status, response in given.items():
            if not status.startswith("x-"):
                answer = self._answer(status.upper(), response, append(place, status))
                if answer is not None:
                    found["default" if status == "default" else status.upper()] = answer
        chosen = _normal(found)
        normal = _Answer(Content(), None) if chosen is None else found.pop(chosen)
        code = int(chosen.replace("X", "0")) if chosen is not None and chosen != "default" else 200
        every = {**found, **({} if chosen is None else {str(code): normal})}
        return Answers(
            status=code, response=normal.content.node, media=normal.content.media or "*/*",
            others={status: answer.content.node for status, answer in found.items()},
            types={status: answer.content.others for status, answer in every.items() if answer.content.others},
            headers={status: answer.headers for status, answer in every.items() if answer.headers is not None},
        )  # fmt: skip

    def _answer(self, status: str, response: object, pointer: str) -> _Answer | None:
        """Return what one response holds; None for one that every handler may answer."""
        if status != "DEFAULT" and not _STATUS.fullmatch(status):
            raise DocumentError("a response has a status like 200 or 4XX, or is the 'default'", pointer)
        found, place = self._source.follow(response, pointer)
        if found.get(RUNTIME) is True:
            return None
        content, where = self._source.part(found, "content", place)
        read = read_content(self._source, self._schemas, content, where, "response")
        return _Answer(read, self._headers(found, place))

    def _headers(self, response: JsonObject, pointer: str) -> Object | None:
        given, place = self._source.part(response, "headers", pointer)
        fields: list[Field] = []
        for name, header in given.items():
            about, where = self._source.follow(header, append(place, name))
            if about.get(RUNTIME) is not True and name.lower() != "content-type":
                fields.append(read_member(self._source, self._schemas, (name.lower(), about), where, "response"))
        return Object(fields=tuple(fields)) if fields else None


def _normal(found: Mapping[str, _Answer]) -> str | None:
    """Return the status of the normal answer."""
    for first in "23":
        statuses = sorted(status for status in found if status[0] == first)
        if statuses:
            return statuses[0]
    return "default" if "default" in found else None
