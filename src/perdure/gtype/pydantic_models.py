"""Pydantic models, as the wire sees them. Imported only where Pydantic is in use."""

import sys
from collections.abc import Mapping
from typing import Annotated, Any, cast

import pydantic
from msgspec import NODEFAULT
from msgspec.structs import replace
from pydantic import BaseModel, RootModel, TypeAdapter
from pydantic.dataclasses import rebuild_dataclass
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from perdure.errors import TypeDefinitionError
from perdure.gtype.annotations import place_of
from perdure.gtype.guarded_imports import import_guarded
from perdure.gtype.json_schema_import import from_json_schema
from perdure.gtype.members import Member, Shape, member
from perdure.gtype.nodes import Node

__all__ = ["leaf_node", "model_shape"]


def model_shape(cls: type, *, localns: Mapping[str, object] | None = None) -> Shape:
    """Return the members of a Pydantic model or dataclass, under the names it takes in a request.

    Computed fields are left out: they are answered, never asked for, and an open object may have them.

    Raises:
        TypeDefinitionError: A forward reference cannot be resolved, or a member has no single name.
    """
    model = cast("Any", cls)
    if not model.__pydantic_complete__:
        _complete(cls, localns)
    fields: dict[str, FieldInfo] = model.__pydantic_fields__
    config: Mapping[str, object] = (
        getattr(model, "model_config", None) or getattr(model, "__pydantic_config__", None) or {}
    )
    return Shape(
        kind="pydantic", members=tuple(_member(cls, name, info) for name, info in fields.items()),
        closed=config.get("extra") == "forbid", root=issubclass(cls, RootModel), text_bytes=True,
    )  # fmt: skip


def leaf_node(tp: object, where: str) -> Node:
    """Return the node of a type only Pydantic knows, such as ``HttpUrl`` or ``SecretStr``, by the JSON Schema it gives.

    Raises:
        TypeDefinitionError: Pydantic does not know *tp* either, or its schema has no GType.
    """
    try:
        found = from_json_schema(TypeAdapter(cast("Any", tp)).json_schema())
    except (pydantic.errors.PydanticUserError, TypeDefinitionError) as error:
        raise TypeDefinitionError(f"{where}: {tp!r} has no GType: {error}") from None
    if found.definitions:
        raise TypeDefinitionError(f"{where}: {tp!r} has no GType: its JSON Schema has definitions of its own")
    return found.root


def _member(cls: type, name: str, info: FieldInfo) -> Member:
    default = NODEFAULT if info.default is PydanticUndefined else info.default
    if isinstance(default, bytes):  # Pydantic writes bytes as text, or as a base64 of its own
        default = default.decode(errors="replace")
    factory = NODEFAULT if info.default_factory is None else info.default_factory
    found = member(_wire_name(cls, name, info), Annotated[info.annotation, info], default, factory)
    return replace(found, required=found.required and not info.exclude)


def _wire_name(cls: type, name: str, info: FieldInfo) -> str:
    """Return the one name a member has in requests and answers."""
    taken = info.validation_alias
    if isinstance(taken, pydantic.AliasChoices):
        taken = taken.choices[0]
    if isinstance(taken, pydantic.AliasPath):
        raise TypeDefinitionError(f"{place_of(cls)}: {name} is read from {taken.path}: a GType needs a plain alias")
    wire = taken or info.alias or name
    if info.serialization_alias not in (None, wire):
        raise TypeDefinitionError(
            f"{place_of(cls)}: {name} is read as {wire!r} but written as {info.serialization_alias!r}: "
            "give it one alias"
        )
    return wire


def _complete(cls: type, localns: Mapping[str, object] | None) -> None:
    """Resolve the forward references of *cls*, as Pydantic could not when it was defined."""
    namespace = dict(localns or {})
    while True:
        try:
            if issubclass(cls, BaseModel):
                cls.model_rebuild(_types_namespace={**vars(sys.modules[cls.__module__]), **namespace})
            else:
                rebuild_dataclass(cast("Any", cls), _types_namespace={**vars(sys.modules[cls.__module__]), **namespace})
            return
        except pydantic.errors.PydanticUndefinedAnnotation as error:
            name = str(error.name)
            try:
                if name in namespace:
                    raise LookupError(name)
                namespace[name] = import_guarded(sys.modules[cls.__module__], name)
            except (LookupError, ImportError):
                raise TypeDefinitionError(
                    f"{place_of(cls)}: a member needs {name!r}, which is not defined in {cls.__module__}: "
                    f"add an import of {name}"
                ) from None
