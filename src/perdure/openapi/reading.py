"""OpenAPI 3.0 and 3.1, read into an `Api`.

What an `Api` has no word for is left out, with a warning: callbacks and webhooks, how parameters are spelt in a URL. Of
several media types the one that is JSON, or like it, leads; what the others hold is kept beside it. What Perdure itself
adds to the documents it writes (the version header, the problems every handler may answer) is left out without one.

`load_document` reads the file, `read_openapi` what is in it::

    api = read_openapi(load_document(Path("openapi.yaml")))
"""

from typing import Final, final

from msgspec import Struct

from perdure.errors import DocumentError
from perdure.gtype.json_schema_pointers import append
from perdure.manifest.records import Api, Endpoint, endpoint_key
from perdure.openapi.loading import load_document
from perdure.openapi.operations import OperationReader
from perdure.openapi.schemas import Schemas
from perdure.openapi.source import JsonObject, Source

__all__ = ["Reading", "load_document", "read_openapi", "read_openapi_with_warnings"]

METHODS: Final = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


@final
class Reading(Struct, frozen=True):
    """An `Api` as a document describes it, and what of the document it does not hold."""

    api: Api
    warnings: tuple[str, ...] = ()
    """Sentences that begin with a JSON Pointer, in order of discovery, each once."""


def read_openapi(document: object) -> Api:
    """Return the API that an OpenAPI 3.0 or 3.1 document describes; see `read_openapi_with_warnings`."""
    return read_openapi_with_warnings(document).api


def read_openapi_with_warnings(document: object) -> Reading:
    """Return the API that an OpenAPI 3.0 or 3.1 document describes, and what could not be read.

    Args:
        document: As `load_document` returns it.
    Returns:
        The schemas of ``components`` are its types, under their names; where something in one is read-only or
        write-only, what requests send is a type of its own, ``Order (request)``. The lowest 2xx is the `status` of an
        endpoint, all others are in its `responses`.
    Raises:
        DocumentError: It is no such document, is malformed, or refers to another document or to nothing.
    """
    try:
        return _read(Source(document))
    except RecursionError:
        raise DocumentError("the document is nested too deeply") from None


def _read(source: Source) -> Reading:
    schemas = Schemas(source)
    _endpoints(source, schemas)
    schemas.read()
    endpoints = _endpoints(source, schemas)
    for name in ("webhooks", "x-webhooks"):
        if source.document.get(name):
            schemas.warn(append("", name), "what the API sends to its clients by itself is not compared")
    return Reading(Api(types=schemas.types, endpoints=endpoints), tuple(schemas.warnings))


def _endpoints(source: Source, schemas: Schemas) -> dict[str, Endpoint]:
    paths, place = source.part(source.document, "paths", "")
    reader = OperationReader(source, schemas)
    endpoints: dict[str, Endpoint] = {}
    for path, item in paths.items():
        if path.startswith("x-"):
            continue
        if not path.startswith("/"):
            raise DocumentError("a path begins with a slash", append(place, path))
        for method, operation, pointer, shared in _operations(source, item, append(place, path)):
            endpoints[endpoint_key(method, path)] = reader.read((method, path), operation, pointer, shared)
    return endpoints


def _operations(
    source: Source, item: object, pointer: str
) -> list[tuple[str, JsonObject, str, list[tuple[object, str]]]]:
    """Return method, operation, its place and the path's own parameters, for each of a path's operations."""
    own = source.mapping(item, pointer)
    found, place = source.follow(item, pointer)
    shared = source.sequence(own if "parameters" in own else found, "parameters", place if own is found else pointer)
    operations = []
    for method in METHODS:
        holder, base = (own, pointer) if method in own else (found, place)
        if method in holder:
            where = append(base, method)
            operations.append((method.upper(), source.mapping(holder[method], where), where, shared))
    return operations
