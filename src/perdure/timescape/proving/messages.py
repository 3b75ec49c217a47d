"""What goes in and out of an endpoint at one version: as types, and as judges of what a chain made."""

from collections.abc import Mapping, Sequence
from typing import Final, final

import msgspec

from perdure.errors import Fault, InvalidValueError
from perdure.gtype.nodes import Array, Field, GType, Integer, Literal, Node, Null, Object, String
from perdure.gtype.traversal import reachable
from perdure.manifest.records import Endpoint
from perdure.timescape.parts import ResponseParts
from perdure.timescape.proving.plain import oddities
from perdure.timescape.proving.reading import DataReader
from perdure.timescape.timescape import Timescape

__all__ = ["PARTS", "PROBLEM_JSON", "PROBLEM_TYPE", "Messages", "node_of"]

PARTS: Final = ("path", "query", "headers", "body")
"""The parts of a request, as `RequestParts` calls them."""

PROBLEM_JSON: Final = "application/problem+json"
_FEW = 3


def _texts(*names: str) -> tuple[Field, ...]:
    return tuple(Field(name=name, node=String(min_length=1, max_length=40)) for name in names)


_FAULT = Object(fields=_texts("in", "pointer", "code", "expected", "actual", "message"))
PROBLEM_TYPE: Final = GType(
    Object(
        fields=(
            *_texts("type", "title"),
            Field(name="status", node=Literal(values=(404, 400, 401, 403, 409, 422, 429, 500, 502, 503))),
            *(Field(name="detail", node=String(min_length=1, max_length=40), required=False),),
            *_texts("instance"),
            Field(name="errors", node=Array(items=_FAULT, min_items=1, max_items=2), required=False),
            Field(name="known", node=Array(items=String(max_length=20), max_items=2), required=False),
        )
    )
)
"""The problems Perdure answers with."""

_RFC_9457 = GType(
    Object(
        fields=(
            *(Field(name=name, node=String(), required=False) for name in ("type", "title", "detail", "instance")),
            Field(name="status", node=Integer(ge=100, le=599), required=False),
        )
    )
)
"""What any problem must be for a client that knows nothing of this API."""


def node_of(endpoint: Endpoint, part: str) -> Node | None:
    """Return the type of a part of a request."""
    return {
        "path": endpoint.params, "query": endpoint.query, "headers": endpoint.headers, "body": endpoint.body,
    }[part]  # fmt: skip


@final
class Messages:
    """The messages of every version of an API.

    Args:
        timescape: The versions.
    """

    def __init__(self, timescape: Timescape) -> None:
        self._timescape = timescape
        self._readers: dict[bytes, DataReader] = {}
        self._typed: dict[tuple[int, int], tuple[Node, GType]] = {}

    def endpoint(self, index: int, key: str) -> Endpoint | None:
        """Return what is recorded of the endpoint *key* at version *index*."""
        return self._timescape.api_at(index).endpoints.get(key)

    def types(self, index: int) -> Mapping[str, Node]:
        """Return the named types at version *index*."""
        return self._timescape.api_at(index).types

    def gtype(self, node: Node, index: int) -> GType:
        """Return *node* with the definitions it reaches at version *index*."""
        key = (id(node), id(self.types(index)))
        if key not in self._typed:
            self._typed[key] = (node, GType(node, reachable(node, self.types(index))))  # the node must stay alive
        return self._typed[key][1]

    def request(self, index: int, key: str, parts: Sequence[str]) -> GType:
        """Return the type of whole requests: an object of *parts*, as far as these have types."""
        endpoint = self.endpoint(index, key)
        nodes = {} if endpoint is None else {part: node_of(endpoint, part) for part in parts}
        fields = tuple(Field(name=part, node=node) for part, node in nodes.items() if node is not None)
        return self.gtype_of(Object(fields=fields), index)

    def gtype_of(self, node: Node, index: int) -> GType:
        """Return *node*, which was made just now, with the definitions it reaches at version *index*."""
        return GType(node, reachable(node, self.types(index)))

    def response(self, index: int, key: str) -> GType:
        """Return the type of answers; null where none is declared."""
        endpoint = self.endpoint(index, key)
        if endpoint is None or endpoint.response is None:
            return GType(Null())
        return self.gtype(endpoint.response, index)

    def reader(self, gtype: GType) -> DataReader:
        """Return what reads data by *gtype*."""
        key = gtype.canonical()
        if key not in self._readers:
            self._readers[key] = DataReader(gtype)
        return self._readers[key]

    def request_faults(
        self, index: int, key: str, carried: Mapping[str, object], untyped: frozenset[str]
    ) -> tuple[Fault, ...]:
        """Return what the endpoint *key* at version *index* refuses of a request.

        Args:
            carried: The request, by part.
            untyped: Parts that had no type where it comes from, and hold texts.
        """
        endpoint = self.endpoint(index, key)
        faults: list[Fault] = []
        for part in PARTS if endpoint is not None else ():
            node = node_of(endpoint, part) if endpoint is not None else None
            if node is None or part not in carried:
                continue
            reader, data = self.reader(self.gtype(node, index)), carried[part]
            if part == "headers" and isinstance(node, Object) and isinstance(data, dict):
                data = _spelled(data, node)
            if part in untyped and isinstance(data, dict):
                found = _refused(reader, data)
            else:
                found = reader.validator.faults(data)
            faults.extend(msgspec.structs.replace(each, pointer=f"/{part}{each.pointer}") for each in found)
        return tuple(faults)

    def response_faults(self, index: int, key: str, parts: ResponseParts) -> tuple[Fault, ...]:
        """Return what clients of the endpoint *key* at version *index* were not promised of an answer."""
        endpoint = self.endpoint(index, key)
        if endpoint is None:
            return ()
        faults: list[Fault] = []
        if parts.status != endpoint.status:
            faults.append(
                Fault(
                    pointer="", code="status", expected=str(endpoint.status), actual=str(parts.status),
                    message=f"the status is {parts.status} where {endpoint.status} is recorded",
                )
            )  # fmt: skip
        if endpoint.response is not None and 200 <= parts.status < 300:
            faults.extend(self.reader(self.gtype(endpoint.response, index)).validator.faults(parts.body))
        return tuple(faults)

    def problem_faults(self, parts: ResponseParts) -> tuple[Fault, ...]:
        """Return why an answer is no problem, where it still says that it is one."""
        if parts.status < 400:
            return (_fault("status", "400 to 599", str(parts.status), "an error became no error"),)
        if PROBLEM_JSON not in parts.headers.get("content-type", PROBLEM_JSON):
            return ()
        faults = self.reader(_RFC_9457).validator.faults(parts.body)
        told = parts.body.get("status", parts.status) if isinstance(parts.body, dict) else parts.status
        if not faults and told != parts.status:
            return (_fault("status", str(parts.status), str(told), "the body tells another status than is sent"),)
        return faults

    def oddities(self, value: object) -> tuple[Fault, ...]:
        """Return what in *value* has no form in JSON."""
        return tuple(
            Fault(pointer=pointer, code="not-json", expected="JSON", actual=what, message=f"is {what}")
            for pointer, what in oddities(value)
        )[:_FEW]


def _fault(code: str, expected: str, actual: str, message: str) -> Fault:
    return Fault(pointer=f"/{code}", code=code, expected=expected, actual=actual, message=message)


def _spelled(headers: Mapping[str, object], node: Object) -> dict[str, object]:
    """Return *headers* under the names of their type, as the reader of requests looks them up."""
    names: dict[str, str] = {}
    for field in node.fields:
        names[field.name.replace("_", "-").lower()] = field.name
        names[field.name.lower()] = field.name
    return {names.get(name, name): value for name, value in headers.items()}


def _refused(reader: DataReader, texts: Mapping[str, object]) -> tuple[Fault, ...]:
    try:
        reader.read_texts({name: _as_texts(value) for name, value in texts.items()})
    except InvalidValueError as error:
        return error.faults
    return ()


def _as_texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, list | tuple):
        return [text for each in value for text in _as_texts(each)]
    return [] if value is None else [msgspec.json.encode(value).decode()]
