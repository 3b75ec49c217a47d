"""One operation of an OpenAPI document, read into an `Endpoint`."""

from collections.abc import Mapping
from typing import Final, TypedDict, final

from msgspec.structs import replace

from perdure.errors import DocumentError
from perdure.gtype.json_schema_pointers import append
from perdure.gtype.nodes import Field, Node, Object
from perdure.manifest.records import Endpoint, endpoint_key
from perdure.openapi.absence import accepts_null
from perdure.openapi.content import read_content
from perdure.openapi.members import read_member
from perdure.openapi.responses import ResponseReader
from perdure.openapi.runtime import RUNTIME
from perdure.openapi.schemas import Schemas
from perdure.openapi.source import JsonObject, Source
from perdure.openapi.wire import PLACES, header_member

__all__ = ["OperationReader"]

_STYLES: Final = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}


class _Body(TypedDict, total=False):
    """What an `Endpoint` says of the body of requests."""

    body: Node | None
    body_media: tuple[str, ...]
    body_types: dict[str, Node | None]
    body_optional: bool | None


@final
class OperationReader:
    """Reads the operations of *source*."""

    def __init__(self, source: Source, schemas: Schemas) -> None:
        self._source = source
        self._schemas = schemas
        self._responses = ResponseReader(source, schemas)

    def read(
        self, at: tuple[str, str], operation: JsonObject, pointer: str, shared: list[tuple[object, str]]
    ) -> Endpoint:
        """Return the endpoint that *operation* describes.

        Args:
            at: Its method and path.
            operation: The operation, which lies at *pointer*.
            shared: The parameters of its path, each with its place.
        Raises:
            DocumentError: Something in it is malformed.
        """
        if "callbacks" in operation:
            self._schemas.warn(append(pointer, "callbacks"), "what the API sends to its clients is not compared")
        answers = self._responses.read(operation, pointer)
        limit = operation.get("x-body-limit-bytes")
        return Endpoint(
            handler=_handler(operation, at), **self._parameters(operation, pointer, shared),
            **self._body(operation, pointer), response=answers.response, response_media=answers.media,
            status=answers.status, responses=answers.others, response_types=answers.types,
            response_headers=answers.headers, deprecated=operation.get("deprecated") is True,
            body_limit_bytes=limit if isinstance(limit, int) and not isinstance(limit, bool) else None,
            security=self._security(operation, pointer),
            rate_limits=tuple(str(each) for each, _ in self._source.sequence(operation, "x-rate-limits", pointer)),
        )  # fmt: skip

    def _parameters(
        self, operation: JsonObject, pointer: str, shared: list[tuple[object, str]]
    ) -> dict[str, Object | None]:
        found: dict[tuple[str, str], tuple[JsonObject, str]] = {}
        for given, place in (*shared, *self._source.sequence(operation, "parameters", pointer)):
            parameter, target = self._source.follow(given, place)
            name, where = parameter.get("name"), parameter.get("in")
            if not isinstance(name, str) or not isinstance(where, str):
                raise DocumentError("a parameter has a 'name' and an 'in', both texts", target)
            found[name, where] = (parameter, target)
        members: dict[str, list[Field]] = {part: [] for part in PLACES.values()}
        for (name, where), (parameter, target) in found.items():
            if parameter.get(RUNTIME) is True:
                continue
            if where not in PLACES:
                self._schemas.warn(target, f"the parameter {name!r} in {where} is not compared")
                continue
            members[PLACES[where]].append(self._field(name, where, parameter, target))
        notes, _ = self._source.part(operation, "x-parameters", pointer)
        return {part: _object(fields, notes.get(part)) for part, fields in members.items()}

    def _field(self, name: str, where: str, parameter: JsonObject, pointer: str) -> Field:
        """Return the member that *parameter* is."""
        if parameter.get("style", _STYLES[where]) != _STYLES[where]:
            self._schemas.warn(append(pointer, "style"), f"how {name!r} is spelt in a request is not compared")
        field = read_member(self._source, self._schemas, (name, parameter), pointer, "request")
        own = parameter.get("x-name")
        if where == "header":
            name = header_member(name)
        is_required = where == "path" or parameter.get("required") is True
        return replace(field, name=own if isinstance(own, str) else name, required=is_required)

    def _body(self, operation: JsonObject, pointer: str) -> _Body:
        """Return what is said of the body."""
        if operation.get("requestBody") is None:
            given = [media for media, _ in self._source.sequence(operation, "x-body-media", pointer)]
            return {"body": None, "body_media": tuple(str(media) for media in given)}
        body, place = self._source.follow(operation["requestBody"], append(pointer, "requestBody"))
        content, where = self._source.part(body, "content", place)
        found = read_content(self._source, self._schemas, content, where, "request")
        is_optional: bool | None = None
        if found.node is not None:
            is_optional = body.get("required") is not True
            if is_optional == accepts_null(found.node, self._schemas.types):
                is_optional = None
        return {
            "body": found.node, "body_media": tuple(content), "body_types": found.differing(),
            "body_optional": is_optional,
        }  # fmt: skip

    def _security(self, operation: JsonObject, pointer: str) -> tuple[tuple[str, ...], ...]:
        ways = []
        for own, place in self._source.sequence(operation, "x-security", pointer):
            ways.append(tuple(str(each) for each, _ in self._source.sequence({"way": own}, "way", place)))
        if ways:
            return tuple(ways)
        holder, base = (operation, pointer) if "security" in operation else (self._source.document, "")
        for given, place in self._source.sequence(holder, "security", base):
            way: list[str] = []
            asked = self._source.mapping(given, place)
            for scheme in asked:
                scopes = [str(scope) for scope, _ in self._source.sequence(asked, scheme, place)]
                way += [f"{scheme}:{scope}" for scope in scopes] or [scheme]
            ways.append(tuple(way))
        return tuple(ways)


def _handler(operation: JsonObject, at: tuple[str, str]) -> str:
    for name in ("x-handler", "operationId"):
        given = operation.get(name)
        if isinstance(given, str) and given:
            return given
    return endpoint_key(*at)


def _object(fields: list[Field], notes: object) -> Object | None:
    """Return the object that has *fields*, with what parameters cannot say of it; None where there is nothing."""
    if not fields and not isinstance(notes, Mapping):
        return None
    found = Object(fields=tuple(fields))
    if isinstance(notes, Mapping):
        description = notes.get("description")
        found = replace(
            found, closed=notes.get("additionalProperties") is False,
            description=description if isinstance(description, str) else None,
            deprecated=notes.get("deprecated") is True, secret=notes.get("x-secret") is True,
        )  # fmt: skip
    return found
