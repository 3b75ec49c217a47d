"""The members of a path, a query and headers, as parameters."""

from collections.abc import Callable, Sequence

from msgspec import UNSET

from perdure.gtype.nodes import Field, Node, Object
from perdure.manifest.records import Endpoint
from perdure.openapi.runtime import RUNTIME
from perdure.openapi.wire import PLACES, header_member, header_name

__all__ = ["JsonObject", "write_parameter", "write_parameters"]

JsonObject = dict[str, object]
"""A part of a document."""


def write_parameters(
    endpoint: Endpoint, path_names: Sequence[str], schema_of: Callable[[Node], JsonObject]
) -> tuple[list[JsonObject], JsonObject]:
    """Return the Parameter Objects of *endpoint*, and what they cannot say of the types they are members of, by part.

    Args:
        endpoint: The endpoint.
        path_names: The parameters of its path, in order. Those its type does not name are texts.
        schema_of: Writes the schema of a node.
    """
    parameters: list[JsonObject] = []
    notes: JsonObject = {}
    for where, part in PLACES.items():
        members: Object | None = getattr(endpoint, part)
        fields = members.fields if members is not None else ()
        if where == "path":
            fields = tuple(field for field in fields if field.name in path_names)
        parameters += [write_parameter(field, where, schema_of(field.node)) for field in fields]
        if where == "path":
            known = {field.name for field in fields}
            parameters += [_undeclared(name) for name in path_names if name not in known]
        about = _about(members)
        if members is not None and (about or not fields):
            notes[part] = about
    return parameters, notes


def write_parameter(field: Field, where: str, schema: JsonObject) -> JsonObject:
    """Return the Parameter Object of *field* in the place *where*; what *schema* says of it moves into it."""
    name = header_name(field.name) if where == "header" else field.name
    parameter: JsonObject = {"name": name, "in": where}
    if where == "header" and header_member(name) != field.name:
        parameter["x-name"] = field.name
    if where == "path" or field.required:
        parameter["required"] = True
    for note in ("description", "deprecated"):
        if note in schema:
            parameter[note] = schema.pop(note)
    if field.default is not UNSET:
        schema["default"] = field.default
    return {**parameter, "schema": schema}


def _undeclared(name: str) -> JsonObject:
    return {"name": name, "in": "path", "required": True, "schema": {"type": "string"}, RUNTIME: True}


def _about(members: Object | None) -> JsonObject:
    if members is None:
        return {}
    about: JsonObject = {}
    if members.description is not None:
        about["description"] = members.description
    if members.closed:
        about["additionalProperties"] = False
    if members.deprecated:
        about["deprecated"] = True
    if members.secret:
        about["x-secret"] = True
    return about
