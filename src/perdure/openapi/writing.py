"""An `Api`, written as an OpenAPI 3.1 document.

The document says all that the `Api` does, so that reading it gives the same `Api` again. What OpenAPI has no word for
stands in ``x-`` members: ``x-name`` (of a type, a header), ``x-handler``, ``x-parameters``, ``x-body-media``,
``x-body-limit-bytes``, ``x-security`` (roles and scopes, by whatever scheme they are shown), ``x-rate-limits``. What
every handler may answer besides is marked with ``x-runtime``.
"""

import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Final, final

from perdure.gtype.json_schema_export import node_to_json_schema
from perdure.gtype.naming import rename
from perdure.gtype.nodes import Node
from perdure.manifest.records import NOBODY, Api, Endpoint
from perdure.openapi.absence import accepts_null
from perdure.openapi.description import Description, OperationText
from perdure.openapi.names import component_names, free_name
from perdure.openapi.parameters import JsonObject, write_parameter, write_parameters
from perdure.openapi.problems import PROBLEM, PROBLEM_RESPONSES, problem_statuses, write_problem_responses
from perdure.openapi.runtime import RUNTIME

__all__ = ["write_openapi"]

_VERSION_COMPONENT: Final = "Version"
_BODILESS_METHODS: Final = frozenset({"GET", "HEAD", "DELETE", "TRACE"})
_PARAMETER: Final = re.compile(r"\{([^{}]+)\}")


def write_openapi(api: Api, description: Description) -> JsonObject:
    """Return the OpenAPI 3.1 document of *api*, as plain data; equal input gives equal output, in the same order.

    Types are called as they are recorded, and keep their names from version to version; see
    `perdure.openapi.names` for those that need other letters.
    """
    return _Writer(api, description).document()


_BEARER: Final[JsonObject] = {"type": "http", "scheme": "bearer"}
_CLOSED: Final[JsonObject] = {"type": "http", "scheme": NOBODY, "description": "Closed: no credentials are enough."}


@final
class _Writer:
    """Writes one document."""

    def __init__(self, api: Api, description: Description) -> None:
        self._api = api
        self._description = description
        self._names = component_names(api.types)
        self._problem = free_name("Problem", self._names.values())
        self._handlers: set[str] = set()
        self._schemes: dict[str, object] = {}

    def document(self) -> JsonObject:
        about = self._description
        info: JsonObject = {"title": about.title, "version": about.version}
        if about.description:
            info["description"] = about.description
        paths: dict[str, JsonObject] = {}
        for key, endpoint in sorted(self._api.endpoints.items(), key=lambda item: _by_path(item[0])):
            method, _, path = key.partition(" ")
            paths.setdefault(path, {})[method.lower()] = self._operation(key, endpoint)
        return {
            "openapi": "3.1.0",
            "info": info,
            **({"servers": [{"url": url} for url in about.servers]} if about.servers else {}),
            "paths": paths,
            "components": self._components(),
        }

    def _components(self) -> JsonObject:
        schemas = {self._names[name]: self._type(name, node) for name, node in sorted(self._api.types.items())}
        found: JsonObject = {
            "schemas": {**schemas, self._problem: PROBLEM},
            "responses": write_problem_responses(f"#/components/schemas/{self._problem}"),
        }
        if self._description.version_header is not None:
            found |= _version_components(self._description)
        if self._schemes:
            found["securitySchemes"] = dict(sorted(self._schemes.items()))
        return found

    def _type(self, name: str, node: Node) -> JsonObject:
        schema = self._schema(node)
        return schema if self._names[name] == name else {**schema, "x-name": name}

    def _schema(self, node: Node) -> JsonObject:
        renamed = rename(node, self._names.__getitem__)
        return node_to_json_schema(renamed, ref_template="#/components/schemas/{name}")

    def _operation(self, key: str, endpoint: Endpoint) -> JsonObject:
        method, _, path = key.partition(" ")
        operation = _told(self._description.operations.get(key, OperationText()))
        operation |= self._identity(endpoint.handler, key)
        parameters, notes = write_parameters(endpoint, _PARAMETER.findall(path), self._schema)
        if self._description.version_header is not None:
            parameters.append({"$ref": f"#/components/parameters/{_VERSION_COMPONENT}"})
        if parameters:
            operation["parameters"] = parameters
        if notes:
            operation["x-parameters"] = notes
        operation |= self._body(method, endpoint)
        operation["responses"] = self._responses(endpoint)
        if endpoint.deprecated:
            operation["deprecated"] = True
        if endpoint.body_limit_bytes is not None:
            operation["x-body-limit-bytes"] = endpoint.body_limit_bytes
        if endpoint.security:
            operation["security"] = self._security(endpoint.security)
            if any(_is_ours(way) for way in endpoint.security):
                operation["x-security"] = [list(way) for way in endpoint.security]
        if endpoint.rate_limits:
            operation["x-rate-limits"] = list(endpoint.rate_limits)
        return operation

    def _identity(self, handler: str, key: str) -> JsonObject:
        """Return the id of the operation: the handler's, and something more where that serves several endpoints."""
        if handler not in self._handlers:
            self._handlers.add(handler)
            return {"operationId": handler}
        method, _, path = key.partition(" ")
        unique = free_name(f"{handler}.{method.lower()}", self._handlers)
        if unique.endswith("_"):
            unique = free_name(f"{handler}.{method.lower()}.{path.strip('/').replace('/', '.')}", self._handlers)
        self._handlers.add(unique)
        return {"operationId": unique, "x-handler": handler}

    def _body(self, method: str, endpoint: Endpoint) -> JsonObject:
        media = endpoint.body_media
        if endpoint.body is None:
            if not media:
                return {}
            if method in _BODILESS_METHODS:
                return {"x-body-media": list(media)}
            return {"requestBody": {"content": {each: _raw(each) for each in media}}}
        schema = self._schema(endpoint.body)
        further = {each: self._content(node) for each, node in endpoint.body_types.items()}
        body: JsonObject = {"content": {each: further.get(each, {"schema": schema}) for each in media}}
        is_optional = endpoint.body_optional
        if not (accepts_null(endpoint.body, self._api.types) if is_optional is None else is_optional):
            body["required"] = True
        return {"requestBody": body}

    def _responses(self, endpoint: Endpoint) -> JsonObject:
        found: JsonObject = {str(endpoint.status): self._response(endpoint)}
        for status, node in endpoint.responses.items():
            content: JsonObject = {} if node is None else {"application/json": self._content(node)}
            content |= self._further(endpoint, status)
            headers = self._headers(endpoint, status)
            found[status] = {
                "description": _phrase(status),
                **({"headers": headers} if headers else {}), **({"content": content} if content else {}),
            }  # fmt: skip
        for status in problem_statuses(endpoint):
            found.setdefault(status, {"$ref": f"#/components/responses/{PROBLEM_RESPONSES[status]}"})
        return dict(sorted(found.items()))

    def _response(self, endpoint: Endpoint) -> JsonObject:
        response: JsonObject = {"description": _phrase(str(endpoint.status))}
        headers = self._headers(endpoint, str(endpoint.status))
        header = self._description.version_header
        if header is not None:
            headers[header] = {"$ref": f"#/components/headers/{_VERSION_COMPONENT}"}
        if headers:
            response["headers"] = headers
        content: JsonObject = {}
        if endpoint.response is not None or endpoint.response_media != "*/*":
            content[endpoint.response_media] = self._content(endpoint.response)
        content |= self._further(endpoint, str(endpoint.status))
        if content:
            response["content"] = content
        return response

    def _content(self, node: Node | None) -> JsonObject:
        """Return the Media Type Object of what *node* is."""
        return {} if node is None else {"schema": self._schema(node)}

    def _further(self, endpoint: Endpoint, status: str) -> JsonObject:
        types = endpoint.response_types.get(status, {})
        return {media: self._content(node) for media, node in types.items()}

    def _headers(self, endpoint: Endpoint, status: str) -> JsonObject:
        """Return the Header Objects of the answers of one status."""
        found: JsonObject = {}
        for field in getattr(endpoint.response_headers.get(status), "fields", ()):
            told = write_parameter(field, "header", self._schema(field.node))
            found[field.name] = {key: value for key, value in told.items() if key not in {"name", "in", "x-name"}}
        return found

    def _security(self, ways: tuple[tuple[str, ...], ...]) -> list[JsonObject]:
        """Return the Security Requirement Objects for *ways*; no scheme is made up for who needs none."""
        is_told = bool(self._description.security) or () not in ways
        return [each for way in ways if is_told or not _is_ours(way) for each in self._requirements(way)]

    def _requirements(self, way: tuple[str, ...]) -> list[JsonObject]:
        """Return the Security Requirement Objects for *way*: one per scheme where it leaves open by which."""
        if not _is_ours(way):
            return [self._requirement(way)]
        needed = [each.partition(":")[2] for each in way if each != "principal"]
        schemes: Mapping[str, object] = self._description.security or {"principal": _BEARER}
        self._schemes |= schemes
        return [{scheme: needed} for scheme in schemes]

    def _requirement(self, way: tuple[str, ...]) -> JsonObject:
        """Return the Security Requirement Object that asks for all that *way* names."""
        found: dict[str, object] = {}
        for each in way:
            scheme, _, scope = each.partition(":")
            scopes = found.setdefault(scheme, [])
            if scope and isinstance(scopes, list):
                scopes.append(scope)
            given = self._description.security.get(scheme)
            self._schemes[scheme] = given if given is not None else _CLOSED if scheme == NOBODY else _BEARER
        return found


def _is_ours(way: tuple[str, ...]) -> bool:
    """Return whether *way* says what is needed, but not by which scheme that is shown."""
    return bool(way) and all(each == "principal" or each.partition(":")[0] in {"role", "scope"} for each in way)


def _by_path(key: str) -> tuple[str, str]:
    method, _, path = key.partition(" ")
    return path, method


def _told(text: OperationText) -> JsonObject:
    told: JsonObject = {"summary": text.summary, "description": text.description, "tags": list(text.tags)}
    return {name: value for name, value in told.items() if value}


def _raw(media: str) -> JsonObject:
    """Return the Media Type Object of a body that is no data, so that documentation offers to send some."""
    schema: JsonObject = {"type": "string"} if media.startswith("text/") else {}
    return {"schema": schema, RUNTIME: True}


def _phrase(status: str) -> str:
    """Return a description for *status*, which must have one."""
    try:
        return HTTPStatus(int(status)).phrase
    except ValueError:
        return "Any other answer" if status == "default" else f"Any answer with a status of {status}"


def _version_components(description: Description) -> JsonObject:
    header = description.version_header
    name = description.version_name or description.version
    about = f"The version of the API to speak; this document describes `{name}`."
    schema = {"type": "string"}
    return {
        "parameters": {
            _VERSION_COMPONENT: {
                "name": header, "in": "header", "description": about, "schema": schema, "example": name, RUNTIME: True,
            }
        },
        "headers": {
            _VERSION_COMPONENT: {"description": "The version that was served.", "schema": schema, RUNTIME: True}
        },
    }  # fmt: skip
