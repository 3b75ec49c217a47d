"""The members of a class: one view of msgspec Structs, dataclasses, TypedDicts, NamedTuples, attrs and Pydantic models.

Wire names and which members count follow what msgspec does when it decodes and encodes the class, since it does both.
"""

import dataclasses
import enum
import sys
import typing
from collections.abc import Callable, Mapping
from typing import Literal, cast, final

import msgspec
import typing_extensions
from msgspec import NODEFAULT, UNSET, Struct, UnsetType

from perdure.errors import TypeDefinitionError
from perdure.gtype.annotations import place_of
from perdure.gtype.generics import class_hints, class_of

__all__ = ["ClassKind", "Member", "Shape", "class_kind", "optional_parts", "shape_of", "strip_qualifiers"]

ClassKind = Literal["struct", "dataclass", "typeddict", "namedtuple", "attrs", "pydantic", "enum"]
"""The kinds of classes that have a GType of their own."""

_QUALIFIERS = {
    typing.Final, typing.Required, typing.NotRequired, typing_extensions.ReadOnly, typing_extensions.Required,
    typing_extensions.NotRequired, typing_extensions.Final,
}  # fmt: skip
_EMPTY_FACTORIES = (list, dict, set, frozenset, tuple, str, int, float, bool, bytes, bytearray)


@final
class Member(Struct, frozen=True, kw_only=True):
    """One member of a class."""

    name: str
    """Its name on the wire."""
    hint: object
    required: bool
    default: object = UNSET
    """As JSON, or `UNSET`."""


@final
class Shape(Struct, frozen=True, kw_only=True):
    """What a class looks like on the wire."""

    kind: ClassKind
    members: tuple[Member, ...]
    array: bool = False
    """The members are written as an array, in order, without names."""
    closed: bool = False
    root: bool = False
    """The class is written as its only member is, without an object around it."""
    text_bytes: bool = False
    """``bytes`` are written as the text they hold, not as base64."""
    tag: str | int | None = None
    tag_field: str = ""


def class_kind(cls: type) -> ClassKind | None:
    """Return what kind of class *cls* is, or None where its values have no members."""
    pydantic = sys.modules.get("pydantic")  # a Pydantic model can only exist where this is imported
    if pydantic is not None and (issubclass(cls, pydantic.BaseModel) or "__pydantic_fields__" in vars(cls)):
        return "pydantic"
    if issubclass(cls, enum.Enum):
        return "enum"
    if typing_extensions.is_typeddict(cls):
        return "typeddict"
    if issubclass(cls, Struct) and cls is not Struct:
        return "struct"
    if issubclass(cls, tuple) and hasattr(cls, "_fields"):
        return "namedtuple"
    if hasattr(cls, "__attrs_attrs__"):
        return "attrs"
    return "dataclass" if dataclasses.is_dataclass(cls) else None


def shape_of(tp: object, *, localns: Mapping[str, object] | None = None) -> Shape:
    """Return the members of a class, or of a generic class with arguments.

    Raises:
        TypeDefinitionError: An annotation cannot be resolved, or a member is written in a way the wire cannot show.
    """
    cls = class_of(tp)
    kind = None if cls is None else class_kind(cls)
    if cls is None or kind is None or kind == "enum":
        raise TypeDefinitionError(f"{tp!r} has no members")
    if kind == "pydantic":
        from perdure.gtype.pydantic_models import model_shape

        return model_shape(cls, localns=localns)
    hints = class_hints(tp, localns=localns)
    readers: dict[str, Callable[[type, dict[str, object]], Shape]] = {
        "struct": _struct, "typeddict": _typed_dict, "namedtuple": _named_tuple, "attrs": _attrs,
        "dataclass": _dataclass,
    }  # fmt: skip
    return readers[kind](cls, hints)


def strip_qualifiers(hint: object) -> object:
    """Return *hint* without ``Required``, ``NotRequired``, ``ReadOnly`` and ``Final`` around it."""
    while typing.get_origin(hint) in _QUALIFIERS:
        hint = typing.get_args(hint)[0]
    if typing.get_origin(hint) is typing.Annotated:
        inner, *extras = typing.get_args(hint)
        if typing.get_origin(inner) in _QUALIFIERS:
            return _annotated(strip_qualifiers(inner), extras)
    return hint


def optional_parts(hint: object) -> tuple[object, bool]:
    """Return *hint* without ``msgspec.UnsetType``, and whether it was there.

    Raises:
        TypeDefinitionError: Nothing else is there.
    """
    if typing.get_origin(hint) is typing.Annotated:
        inner, *extras = typing.get_args(hint)
        inner, unset = optional_parts(inner)
        return (_annotated(inner, extras), True) if unset else (hint, False)
    arguments = typing.get_args(hint)
    if UnsetType not in arguments:
        return hint, False
    rest = tuple(argument for argument in arguments if argument is not UnsetType)
    if not rest:
        raise TypeDefinitionError(f"{hint!r} allows no value but UNSET")
    return typing.Union[rest], True  # noqa: UP007  (of a tuple only known now)


def _annotated(inner: object, extras: list[object]) -> object:
    subscriptable = cast("typing.Any", typing.Annotated)
    return subscriptable[(inner, *extras)]


def member(name: str, hint: object, default: object = NODEFAULT, factory: object = NODEFAULT) -> Member:
    """Return a member, required unless it has a *default*, a *factory* or may be ``UNSET``."""
    hint, unset = optional_parts(strip_qualifiers(hint))
    required = default is NODEFAULT and factory is NODEFAULT and not unset
    return Member(name=name, hint=hint, required=required, default=_json_default(default, factory))


def _json_default(default: object, factory: object) -> object:
    """Return the JSON value an absent member stands for, or `UNSET` where that is decided by code."""
    if factory is not NODEFAULT:
        return _factory_default(factory) if isinstance(factory, type) else UNSET
    return UNSET if default is NODEFAULT or default is UNSET else _to_json(default)


def _factory_default(factory: type) -> object:
    """Return what *factory* makes where that is always the same: an empty collection, or a class of static defaults."""
    if factory in _EMPTY_FACTORIES:
        return _to_json(factory())
    if class_kind(factory) not in {"struct", "dataclass"} or hasattr(factory, "__post_init__"):
        return UNSET
    shape = shape_of(factory)
    if shape.array or any(part.required or part.default is UNSET for part in shape.members):
        return UNSET
    tag = {} if shape.tag is None else {shape.tag_field: shape.tag}
    return tag | {part.name: part.default for part in shape.members}


def _to_json(value: object) -> object:
    """Return *value* as JSON, the same in every process, or `UNSET` where there is none."""
    try:
        plain = msgspec.to_builtins(value, str_keys=True, order="deterministic", enc_hook=_dump_model)
        text = msgspec.json.encode(plain, order="deterministic")
        decoded: object = msgspec.json.decode(text)
        return decoded if decoded == _listed(plain) else UNSET  # NaN is written as null
    except (TypeError, ValueError, RecursionError, OverflowError):
        return UNSET


def _listed(plain: object) -> object:
    """Return *plain* with lists for tuples, which are the same in JSON."""
    if isinstance(plain, dict):
        return {name: _listed(each) for name, each in plain.items()}
    return [_listed(each) for each in plain] if isinstance(plain, list | tuple) else plain


def _dump_model(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    if dump is None:
        raise TypeError(f"{value!r} is no JSON value")
    return dump(mode="json", by_alias=True)


def _struct(cls: type, hints: dict[str, object]) -> Shape:
    struct = cast("type[Struct]", cls)
    config = struct.__struct_config__
    names, defaults = struct.__struct_fields__, cast("tuple[object, ...]", cast("typing.Any", cls).__struct_defaults__)
    padded = (NODEFAULT,) * (len(names) - len(defaults)) + defaults
    members = []
    for name, wire, default in zip(names, struct.__struct_encode_fields__, padded, strict=True):
        factory = getattr(default, "factory", NODEFAULT) if type(default).__name__ == "Factory" else NODEFAULT
        members.append(member(wire, hints[name], NODEFAULT if factory is not NODEFAULT else default, factory))
    return Shape(
        kind="struct", members=tuple(members), array=config.array_like, closed=config.forbid_unknown_fields,
        tag=config.tag, tag_field=config.tag_field or "",
    )  # fmt: skip


def _dataclass(cls: type, hints: dict[str, object]) -> Shape:
    members = []
    fields: dict[str, dataclasses.Field[object]] = vars(cls).get("__dataclass_fields__") or {
        field.name: field for field in dataclasses.fields(cast("typing.Any", cls))
    }
    for name, field in fields.items():
        hint = hints[name]
        if hint is typing.ClassVar or typing.get_origin(hint) is typing.ClassVar:
            continue
        if isinstance(hint, dataclasses.InitVar):
            hint = hint.type
        default, factory = (
            NODEFAULT if given is dataclasses.MISSING else given for given in (field.default, field.default_factory)
        )
        members.append(member(name, hint, default, factory))
    return Shape(kind="dataclass", members=tuple(members))


def _typed_dict(cls: type, hints: dict[str, object]) -> Shape:
    if getattr(cls, "__extra_items__", None) not in {None, typing_extensions.NoExtraItems, typing.Never}:
        raise TypeDefinitionError(f"{place_of(cls)}: extra_items have no GType: use a member of type dict for them")
    required: frozenset[str] = cast("typing.Any", cls).__required_keys__
    members = []
    for name, hint in hints.items():
        found = member(name, hint)
        # The class cannot see the qualifiers where annotations are strings, so they are read here.
        qualifiers = _qualifiers(hint)
        needed = name in required
        if typing.NotRequired in qualifiers:
            needed = False
        elif typing.Required in qualifiers:
            needed = True
        members.append(msgspec.structs.replace(found, required=found.required and needed))
    return Shape(kind="typeddict", members=tuple(members), closed=bool(getattr(cls, "__closed__", False)))


def _qualifiers(hint: object) -> set[object]:
    found = set()
    while (origin := typing.get_origin(hint)) in _QUALIFIERS or origin is typing.Annotated:
        found.add(origin)
        hint = typing.get_args(hint)[0]
    return found


def _named_tuple(cls: type, hints: dict[str, object]) -> Shape:
    named = cast("typing.Any", cls)
    defaults: dict[str, object] = named._field_defaults
    members = tuple(member(name, hints.get(name, typing.Any), defaults.get(name, NODEFAULT)) for name in named._fields)
    return Shape(kind="namedtuple", members=members, array=True)


def _attrs(cls: type, hints: dict[str, object]) -> Shape:
    import attrs

    members = []
    for field in attrs.fields(cls):
        default: object = field.default
        factory: object = NODEFAULT
        if default is attrs.NOTHING:
            default = NODEFAULT
        elif isinstance(default, cast("type", attrs.Factory)):
            made = cast("typing.Any", default)
            default, factory = NODEFAULT, None if made.takes_self else made.factory
        hint = hints.get(field.name, typing.Any if field.type is None else field.type)
        members.append(member(field.name, hint, default, factory))
    return Shape(kind="attrs", members=tuple(members))
