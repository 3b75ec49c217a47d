"""Where a user's type holds a union that msgspec must not be given, and how those that hold none are compiled.

See `perdure.gtype.unsafe_unions` for which those are.

The walk follows what msgspec compiles: it opens aliases, new types and the bounds of type variables, and looks into
every class but Pydantic's models, which msgspec leaves to others.
"""

import types
import typing
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Annotated, Any, Final, cast, final

import msgspec
import typing_extensions
from msgspec import Struct

from perdure.gtype.generics import class_of, substitute
from perdure.gtype.members import class_kind, shape_of, strip_qualifiers
from perdure.gtype.unsafe_unions import bare, holds_items, is_fixed_tuple, is_unsafe

__all__ = ["alternatives", "compile_safely", "holds_unsafe_union", "identity", "safe_parts"]

_ALIASES: Final = (typing_extensions.TypeAliasType, getattr(typing, "TypeAliasType", typing_extensions.TypeAliasType))


@final
class _Found(Struct, frozen=True):
    """What is in a type."""

    is_unsafe: bool
    classes: tuple[object, ...]
    """Those with members; none where it is unsafe."""


def holds_unsafe_union(tp: object) -> bool:
    """Return whether *tp*, or a type in it, is a union that msgspec must not be given.

    Raises:
        TypeDefinitionError: The members of a class cannot be read.
    """
    return _found(tp).is_unsafe


def compile_safely(tp: Any, hook: Callable[[Any, object], object] | None = None) -> "msgspec.json.Decoder[Any]":
    """Return msgspec's decoder of *tp*, which holds no unsafe union.

    All classes in it are compiled first. When one fails, msgspec keeps what it has already compiled of others, with a
    hole where the one that failed should be: they would compile from then on, and decoding falls into the hole. The
    one that failed goes on failing, and so does all that holds it.

    Args:
        tp: The type.
        hook: As msgspec's ``dec_hook``.
    Raises:
        TypeError, ValueError, NotImplementedError: msgspec cannot decode it.
        TypeDefinitionError: The members of a class cannot be read.
    """
    for cls in _found(tp).classes:
        msgspec.json.Decoder(cast("Any", cls), dec_hook=hook)
    return msgspec.json.Decoder(tp, dec_hook=hook)


def _found(tp: object) -> _Found:
    return _known(tp) if identity(tp) is tp else _look_through(tp)


@lru_cache(maxsize=256)
def _known(tp: object) -> _Found:
    return _look_through(tp)


def _look_through(tp: object) -> _Found:
    waiting, met, classes = [tp], _Met(), _Met()
    while waiting:
        part = waiting.pop()
        if met.before(part):
            continue
        found = alternatives(part)
        if is_unsafe(found):
            return _Found(is_unsafe=True, classes=())
        for each in map(bare, found):
            if not (_has_members(each) and classes.before(each)):
                waiting.extend(_inner_types(each))
    return _Found(is_unsafe=False, classes=classes.types)


def safe_parts(tp: object) -> Iterator[object]:
    """Yield the largest parts of *tp* that msgspec may be given; *tp* itself if it may be.

    Raises:
        TypeDefinitionError: As `holds_unsafe_union`.
    """
    waiting, met = [tp], _Met()
    while waiting:
        part = waiting.pop()
        if met.before(part):
            continue
        if not holds_unsafe_union(part):
            yield part
            continue
        found = alternatives(part)
        waiting.extend(found if len(found) > 1 else _inner_types(bare(found[0])))


def alternatives(tp: object) -> list[object]:
    """Return what *tp* may be, through aliases and unions: each a class, a container or ``Annotated`` of one."""
    tp = strip_qualifiers(tp)
    origin, arguments = typing.get_origin(tp), typing.get_args(tp)
    if origin is Annotated:
        subscriptable = cast("Any", Annotated)
        return [subscriptable[(each, *arguments[1:])] for each in alternatives(arguments[0])]
    if origin is typing.Union or origin is types.UnionType:
        return [each for argument in arguments for each in alternatives(argument)]
    if isinstance(tp, typing.NewType):
        return alternatives(tp.__supertype__)
    if isinstance(origin or tp, _ALIASES):
        return alternatives(_alias_value(tp))
    if isinstance(tp, typing.TypeVar):
        return [Any] if tp.__bound__ is None else alternatives(tp.__bound__)
    return [tp]


def identity(tp: object) -> object:
    """Return *tp*, to be used as a key; where its metadata cannot be hashed, its address, good as long as it lives."""
    try:
        hash(tp)
    except TypeError:
        return id(tp)
    return tp


@final
class _Met:
    """Remembers types, and keeps them, so that no other one has the same address meanwhile."""

    def __init__(self) -> None:
        self._met: dict[object, object] = {}

    @property
    def types(self) -> tuple[object, ...]:
        """What was met, in order."""
        return tuple(self._met.values())

    def before(self, tp: object) -> bool:
        """Return whether *tp* was met before; from now on it was."""
        key = identity(tp)
        if key in self._met:
            return True
        self._met[key] = tp
        return False


def _inner_types(alternative: object) -> Iterator[object]:
    """Yield the types of the items, values and members of *alternative*."""
    if holds_items(alternative) or is_fixed_tuple(alternative):
        yield from (argument for argument in typing.get_args(alternative) if argument is not Ellipsis)
    elif _has_members(alternative):
        yield from (member.hint for member in shape_of(alternative).members)


def _has_members(alternative: object) -> bool:
    """Return whether *alternative* is a class whose members msgspec looks at."""
    cls = class_of(alternative)
    kind = None if cls is None else class_kind(cls)
    return kind not in {None, "enum"} and not (kind == "pydantic" and hasattr(cls, "model_validate"))


def _alias_value(tp: object) -> object:
    alias = cast("typing_extensions.TypeAliasType", typing.get_origin(tp) or tp)
    return substitute(alias.__value__, dict(zip(alias.__type_params__, typing.get_args(tp), strict=False)))
