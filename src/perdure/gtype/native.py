"""Whether msgspec alone, decoding into a user's type, enforces all that its GType says.

If so, one call into C parses, validates and builds the value. The answer has to be sound, not complete: a false *yes*
lets bad data in, a false *no* costs a second step. So only what has been seen to agree is let through.

What msgspec takes though the GType does not, and so is never native: repeated items of a set, ``NaN`` as a decimal or
the key of a map, a tagged Struct without its tag where it stands alone, arrays of another length for array-like
Structs and NamedTuples with defaults, patterns that Python reads differently from clients, and all constraints msgspec
does not know. It refuses some values the GType takes (``62.0`` for an int); a refusal has to be looked at again.
"""

import collections.abc
import datetime as dt
import enum
import types
import typing
import uuid
from typing import Final, cast, final

import msgspec
import typing_extensions
from msgspec import Meta

from perdure.errors import TypeDefinitionError
from perdure.gtype.constraints import read_demands, restricts
from perdure.gtype.generics import class_of, substitute
from perdure.gtype.members import Shape, class_kind, shape_of, strip_qualifiers
from perdure.gtype.patterns import ecma_pattern
from perdure.gtype.unsafe_types import compile_safely, holds_unsafe_union
from perdure.gtype.validator_patterns import python_pattern

__all__ = ["is_native"]

_SCALARS: Final = frozenset({
    str, int, float, bool, None, types.NoneType, bytes, bytearray, dt.date, dt.time, dt.datetime,
    dt.timedelta, uuid.UUID, typing.Any, object, msgspec.UnsetType,
})  # fmt: skip
_KEYS: Final = frozenset({
    str, int, bytes, dt.date, dt.time, dt.datetime, dt.timedelta, uuid.UUID, typing.Any,
})  # fmt: skip
_LISTS: Final = frozenset({
    list, tuple, collections.abc.Sequence, collections.abc.MutableSequence, collections.abc.Collection,
})  # fmt: skip
_MAPS: Final = frozenset({dict, collections.abc.Mapping, collections.abc.MutableMapping})
_ALIASES: Final = (typing_extensions.TypeAliasType, getattr(typing, "TypeAliasType", typing_extensions.TypeAliasType))
_UNBUILDABLE: Final = (TypeError, ValueError, NotImplementedError, NameError, AttributeError, RuntimeError, SystemError)
_EXACT_INTEGERS: Final = 2**53
"""From here on a float, which msgspec compares as, no longer tells neighbouring whole numbers apart."""


def is_native(tp: object) -> bool:
    """Tell whether ``msgspec.json.Decoder(tp)`` takes only what the GType of *tp* allows, and makes instances of *tp*.

    Never raises: a type without a GType, or one msgspec cannot build a decoder for, is not native.

    Source: SPEC 3.2, property 9.
    """
    try:
        if not _Walk().agrees(tp) or holds_unsafe_union(tp):
            return False
        compile_safely(tp)
    except (TypeDefinitionError, *_UNBUILDABLE):
        return False
    return True


@final
class _Walk:
    """A walk over a type that ends at the first disagreement."""

    def __init__(self) -> None:
        self._met: list[object] = []

    def agrees(self, tp: object, *, tagged: bool = False) -> bool:
        """Tell whether msgspec and GType agree about *tp*; *tagged* where its tag is sure to be looked at."""
        tp = strip_qualifiers(tp)
        if typing.get_origin(tp) is typing.Annotated:
            inner, *extras = typing.get_args(tp)
            return all(_enforced(extra, inner) for extra in extras) and self.agrees(inner, tagged=tagged)
        if _is_in(tp, _SCALARS):
            return True
        if isinstance(tp, typing.NewType):
            return self.agrees(tp.__supertype__, tagged=tagged)
        if isinstance(typing.get_origin(tp) or tp, _ALIASES):
            return self._is_met(tp) or self.agrees(_alias_value(tp), tagged=tagged)
        if isinstance(tp, typing.TypeVar):
            return not _has_default(tp) and (tp.__bound__ is None or self.agrees(tp.__bound__))
        return self._parts_agree(tp, tagged=tagged)

    def _parts_agree(self, tp: object, *, tagged: bool) -> bool:
        origin, arguments = typing.get_origin(tp) or tp, typing.get_args(tp)
        if origin is typing.Union or origin is types.UnionType:
            structs = [member for member in arguments if _is_struct(member)]
            return all(self.agrees(member, tagged=len(structs) > 1) for member in arguments)
        if origin is typing.Literal:
            return all(value is None or type(value) in {str, int, bool} for value in arguments)
        if _is_in(origin, _LISTS):
            return all(self.agrees(argument) for argument in arguments if argument is not Ellipsis)
        if _is_in(origin, _MAPS):
            return not arguments or (self._key_agrees(arguments[0]) and self.agrees(arguments[1]))
        cls = class_of(tp)
        if cls is None:
            return False
        return self._class_agrees(tp, cls, tagged=tagged)

    def _class_agrees(self, tp: object, cls: type, *, tagged: bool) -> bool:
        kind = class_kind(cls)
        if kind is None or kind == "pydantic":
            return False
        if kind == "enum":
            return _enum_agrees(cast("type[enum.Enum]", cls))
        if kind == "typeddict" and _binds_a_base(cls):
            return False  # msgspec does not follow the arguments of a TypedDict's bases
        shape = shape_of(tp)
        if shape.tag is not None and not tagged:
            return False
        if shape.array and not _has_one_length(shape):
            return False
        if kind == "typeddict" and shape.closed:
            return False
        return self._is_met(tp) or all(self.agrees(member.hint) for member in shape.members)

    def _is_met(self, tp: object) -> bool:
        """Tell whether *tp* is already being looked at; from now on it is."""
        if tp in self._met:
            return True
        self._met.append(tp)
        return False

    def _key_agrees(self, tp: object) -> bool:
        if typing.get_origin(tp) is typing.Annotated:
            inner, *extras = typing.get_args(tp)
            return all(_enforced(extra, inner) for extra in extras) and self._key_agrees(inner)
        if isinstance(tp, typing.NewType):
            return self._key_agrees(tp.__supertype__)
        cls = class_of(tp)
        is_enum = cls is not None and issubclass(cls, enum.Enum)
        return _is_in(tp, _KEYS) or ((typing.get_origin(tp) is typing.Literal or is_enum) and self.agrees(tp))


def _is_in(tp: object, known: frozenset[object]) -> bool:
    try:
        return tp in known
    except TypeError:  # unhashable arguments
        return False


def _enforced(extra: object, inner: object) -> bool:
    """Tell whether msgspec holds values of *inner* to one piece of metadata, or it restricts nothing."""
    if not isinstance(extra, Meta):
        return not restricts(read_demands([extra], repr(inner)))
    if extra.pattern is not None and python_pattern(ecma_pattern(extra.pattern, "")) != extra.pattern:
        return False
    floating = float in _alternatives(inner)
    if floating and extra.multiple_of is not None:
        return False
    bounds = (extra.ge, extra.gt, extra.le, extra.lt)
    return not floating or all(bound is None or abs(bound) < _EXACT_INTEGERS for bound in bounds)


def _alternatives(tp: object) -> list[object]:
    """Return what *tp* may be, through aliases and unions."""
    origin = typing.get_origin(tp)
    if origin is typing.Union or origin is types.UnionType:
        return [part for member in typing.get_args(tp) for part in _alternatives(member)]
    if origin is typing.Annotated:
        return _alternatives(typing.get_args(tp)[0])
    if isinstance(origin or tp, _ALIASES):
        return _alternatives(_alias_value(tp))
    return _alternatives(tp.__supertype__) if isinstance(tp, typing.NewType) else [tp]


def _alias_value(tp: object) -> object:
    alias = cast("typing_extensions.TypeAliasType", typing.get_origin(tp) or tp)
    return substitute(alias.__value__, dict(zip(alias.__type_params__, typing.get_args(tp), strict=False)))


def _is_struct(tp: object) -> bool:
    return any((cls := class_of(part)) is not None and issubclass(cls, msgspec.Struct) for part in _alternatives(tp))


def _has_default(variable: typing.TypeVar) -> bool:
    return getattr(variable, "__default__", typing_extensions.NoDefault) is not typing_extensions.NoDefault


def _enum_agrees(cls: type[enum.Enum]) -> bool:
    """Tell whether *cls* takes just its members: it may be asked about others, and flags combine."""
    asks = getattr(cls._missing_, "__func__", None) is not getattr(enum.Enum._missing_, "__func__", None)
    return not asks and not issubclass(cls, enum.Flag)


def _has_one_length(shape: Shape) -> bool:
    """Tell whether an array-like class takes arrays of one length only, as its GType says."""
    if shape.kind == "struct" and not shape.closed:
        return False
    return all(member.required for member in shape.members)


def _binds_a_base(cls: type) -> bool:
    """Tell whether *cls*, or a class it inherits from, gives arguments to a generic base."""
    for base in cls.__dict__.get("__orig_bases__", ()):
        inherited = class_of(base)
        if (
            inherited is not None
            and inherited is not typing.Generic
            and (typing.get_args(base) or _binds_a_base(inherited))
        ):
            return True
    return False
