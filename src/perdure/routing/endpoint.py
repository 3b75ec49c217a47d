"""Endpoints of the code: their types as nodes, their codecs.

Source: SPEC 3.2, 3.4.
"""

from collections.abc import Callable
from datetime import date
from functools import partial
from typing import Any, TypedDict, final
from uuid import UUID

import msgspec
from msgspec import Struct

from perdure.errors import RouteDefinitionError, TypeDefinitionError
from perdure.gtype.codec import Codec, compile_codec
from perdure.gtype.codec_types import refuse_undecodable
from perdure.gtype.native import is_native
from perdure.gtype.nodes import Date, Field, GType, Integer, Node, Number, Object, String, Uuid
from perdure.gtype.registry import TypeRegistry
from perdure.lifecycle.reader import Codecs
from perdure.manifest.records import Endpoint
from perdure.policy.base import AuthMode
from perdure.routing.definition import UNDECLARED, BodyMode, Definition
from perdure.routing.templates import PathTemplate

__all__ = ["CodeEndpoint", "CodecCache", "code_endpoint"]

_CONVERTED: dict[str, tuple[Any, Node]] = {
    "int": (int, Integer()), "float": (float, Number()), "uuid": (UUID, Uuid()), "date": (date, Date())
}  # fmt: skip
"""What the standard converters' text becomes where a handler declares no type for its parameters."""

_READERS: dict[str, Callable[[str], object]] = {
    "int": int, "float": float, "date": date.fromisoformat, "uuid": partial(msgspec.convert, type=UUID)
}  # fmt: skip
ParamReaders = tuple[tuple[str, Callable[[str], object]], ...]

FORM_MEDIA = ("application/x-www-form-urlencoded", "multipart/form-data")
DATA_MEDIA = ("application/json", "application/msgpack")
_MEDIA = {
    BodyMode.NONE: (), BodyMode.DATA: DATA_MEDIA, BodyMode.FORM: FORM_MEDIA, BodyMode.FORM_DATA: FORM_MEDIA,
    BodyMode.BYTES: ("application/octet-stream",), BodyMode.TEXT: ("text/plain",),
    BodyMode.STREAM: ("application/octet-stream",), BodyMode.ANY: ("*/*",),
}  # fmt: skip


@final
class CodecCache:
    """Compiles codecs, one for each type."""

    def __init__(self, registry: TypeRegistry) -> None:
        self._registry = registry
        self._typed: dict[Any, Codec] = {}
        self._recorded: dict[str, Codec] = {}
        self.untyped = compile_codec(registry.gtype(Any), Any, native=True)
        """For values of no declared type."""

    def of_type(self, python_type: Any) -> Codec:
        """Return the codec whose values are instances of *python_type*, which the registry has read."""
        try:
            codec = self._typed.get(python_type)
        except TypeError:  # an Annotated type with metadata that cannot be hashed
            return self._compile(python_type)
        if codec is None:
            codec = self._typed[python_type] = self._compile(python_type)
        return codec

    def of_record(self, gtype: GType) -> Codec:
        """Return the codec of a recorded type; its values are JSON-compatible builtins."""
        codec = self._recorded.get(gtype.fingerprint)
        if codec is None:
            codec = self._recorded[gtype.fingerprint] = compile_codec(gtype)
        return codec

    def _compile(self, python_type: Any) -> Codec:
        return compile_codec(self._registry.gtype(python_type), python_type, native=is_native(python_type))


@final
class CodeEndpoint(Struct, frozen=True, kw_only=True):
    """One handler's endpoint: as recorded in manifests, and with the codecs of its Python types."""

    definition: Definition
    endpoint: Endpoint
    codecs: Codecs
    response: Codec | None
    nullable: bool
    """The response may be null."""


def code_endpoint(
    definition: Definition, registry: TypeRegistry, cache: CodecCache, auth: AuthMode, *, deny_by_default: bool
) -> CodeEndpoint:
    """Extract the types of *definition* and compile their codecs.

    Args:
        auth: What is asked of clients where a route says nothing.
        deny_by_default: A route that says nothing is closed.
    Raises:
        TypeDefinitionError: A type has no GType; the message names the handler.
        RouteDefinitionError: The declared parameters are not those of the path.
    """
    declaration = definition.declaration
    try:
        security = definition.declaration.options.policy.ways(auth, deny_by_default=deny_by_default)
        return _extract(definition, registry, cache, security)
    except TypeDefinitionError as error:
        raise TypeDefinitionError(f"{declaration.where}: {error}") from error


def _extract(
    definition: Definition, registry: TypeRegistry, cache: CodecCache, security: tuple[tuple[str, ...], ...]
) -> CodeEndpoint:
    def declared(python_type: Any) -> tuple[Node, Codec] | tuple[None, None]:
        if python_type is UNDECLARED:
            return None, None
        return registry.node(python_type), cache.of_type(python_type)

    def read(python_type: Any) -> tuple[Node, Codec] | tuple[None, None]:
        found = declared(python_type)
        refuse_undecodable(python_type)
        return found

    mode, policy = definition.body_mode, definition.declaration.options.policy
    has_body = mode in {BodyMode.DATA, BodyMode.FORM}
    params_node, params, param_readers = _params(definition, registry, cache)
    query_node, query = read(definition.query)
    headers_node, headers = read(definition.headers)
    body_node, body = read(definition.body) if has_body else (None, None)
    response_node, response = declared(definition.response)
    endpoint = Endpoint(
        handler=definition.id, params=params_node, query=_members("query", query_node, registry),
        headers=_members("headers", headers_node, registry), body=body_node, body_media=_MEDIA[mode],
        response=response_node, response_media=definition.response_media,
        status=definition.status, deprecated=definition.declaration.options.deprecated,
        body_limit_bytes=definition.declaration.options.body_limit_bytes, security=security,
        rate_limits=tuple(sorted(map(str, policy.rate_limits))),
    )  # fmt: skip
    codecs = Codecs(
        params=params, param_readers=param_readers, query=query, headers=headers, body=body,
        body_form=mode is BodyMode.FORM, body_optional=body is not None and body.validator.is_valid(None),
    )  # fmt: skip
    nullable = response is not None and response.validator.is_valid(None)
    return CodeEndpoint(definition=definition, endpoint=endpoint, codecs=codecs, response=response, nullable=nullable)


def _members(part: str, node: Node | None, registry: TypeRegistry) -> Object | None:
    """Return the object a query or header type stands for."""
    if node is None:
        return None
    resolved = GType(node, registry.definitions).resolve(node)
    if not isinstance(resolved, Object):
        raise TypeDefinitionError(f"the type of {part} must have named members, as a Struct or a TypedDict has")
    return resolved


def _params(
    definition: Definition, registry: TypeRegistry, cache: CodecCache
) -> tuple[Object | None, Codec | None, ParamReaders]:
    template = definition.declaration.template
    if definition.params is not UNDECLARED:
        declared = _members("params", registry.node(definition.params), registry)
        _check_params(definition, template, declared)
        refuse_undecodable(definition.params)
        return declared, cache.of_type(definition.params), ()
    if not template.parameters:
        return None, None, ()
    kinds = [(each.name, *_CONVERTED.get(each.converter.name, (str, String()))) for each in template.parameters]
    node = Object(fields=tuple(Field(name=name, node=kind) for name, _, kind in kinds))
    if all(python_type is str for _, python_type, _ in kinds):
        return node, None, ()
    build: Any = TypedDict
    python_type = build(f"{definition.id}_params", {name: python_type for name, python_type, _ in kinds})
    return node, compile_codec(GType(node), python_type, native=True), _param_readers(template)


def _param_readers(template: PathTemplate) -> ParamReaders:
    """Return what turns the text of a path's parameters into values; what is admitted converts, but for odd dates."""
    return tuple((each.name, _READERS.get(each.converter.name, str)) for each in template.parameters)


def _check_params(definition: Definition, template: PathTemplate, declared: Object | None) -> None:
    names = {field.name for field in declared.fields if field.required} if declared is not None else set()
    if names != set(template.names):
        raise RouteDefinitionError(
            f"{definition.declaration.where}: the path {template.text} has the parameters "
            f"{', '.join(template.names) or 'none'}, but their type declares {', '.join(sorted(names)) or 'none'}"
        )
