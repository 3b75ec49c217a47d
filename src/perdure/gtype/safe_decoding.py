"""Values of types that hold a union msgspec must not be given, made part by part: see `perdure.gtype.unsafe_unions`.

Every part that is safe is still left to msgspec. What lies around an unsafe union is taken apart here: each alternative
of the union is tried on its own, which is safe, and the classes on the way to it are called with their members.

Rejected: refusing such types (``Tag | list[Tag]`` is a sensible thing to write); keeping every decoder for the life of
the process (a tuple beside bounds breaks decoders in use, and what fails to compile is freed at once); and taking
constraints out of classes' annotations (the user's own decoders would no longer hold to them).
"""

import collections.abc
import typing
from collections.abc import Callable, Iterable
from functools import lru_cache, partial
from typing import Annotated, Any, Final, cast, final

import msgspec
from msgspec import ValidationError

from perdure.gtype.defaults import completion
from perdure.gtype.generics import class_of
from perdure.gtype.members import shape_of
from perdure.gtype.safe_classes import ClassBuilder, Convert, build, convert_at, steps_to
from perdure.gtype.unsafe_outlines import refuse_ambiguous
from perdure.gtype.unsafe_types import alternatives, compile_safely, holds_unsafe_union, identity
from perdure.gtype.unsafe_unions import bare, holds_items, is_fixed_tuple

__all__ = ["Hook", "converter_of", "json_decoder"]

Hook = Callable[[Any, object], object]
"""What msgspec asks for values of classes it does not know: ``dec_hook``."""

_SETS: Final = frozenset({set, collections.abc.Set, collections.abc.MutableSet})
_MAPS: Final = frozenset({dict, collections.abc.Mapping, collections.abc.MutableMapping})


def converter_of(tp: object, hook: Hook | None = None) -> Convert:
    """Return what makes values of *tp* of JSON-compatible data, and raises msgspec.ValidationError as msgspec does.

    Args:
        tp: A type with a GType.
        hook: For classes msgspec does not know.
    Raises:
        TypeError, ValueError, NotImplementedError: A part of *tp* cannot be decoded.
        TypeDefinitionError: The members of a class cannot be read.
    """
    return _Converters(hook).of(tp)


def json_decoder(tp: Any) -> Callable[[bytes], object]:
    """Return what makes values of *tp* of JSON documents: msgspec's own decoder wherever that is safe.

    Raises:
        TypeError, ValueError, NotImplementedError, TypeDefinitionError: As `converter_of`.
    """
    return _kept_decoder(tp) if identity(tp) is tp else _new_decoder(tp)


@lru_cache(maxsize=256)
def _kept_decoder(tp: Any) -> Callable[[bytes], object]:
    return _new_decoder(tp)


def _new_decoder(tp: Any) -> Callable[[bytes], object]:
    if not holds_unsafe_union(tp):
        return compile_safely(tp).decode
    convert = converter_of(tp)
    return lambda raw: convert(msgspec.json.decode(raw))


@final
class _Converters:
    """Makes converters; a type that is a part of itself gets the one in the making."""

    def __init__(self, hook: Hook | None) -> None:
        self._hook = hook
        self._made: dict[object, Convert | None] = {}
        self._types: list[object] = []
        """Keeps the types, whose addresses may be keys."""

    def of(self, tp: object) -> Convert:
        """Return what makes values of *tp*."""
        key = identity(tp)
        if key in self._made:
            return self._made[key] or partial(self._convert_later, key)
        self._types.append(tp)
        self._made[key] = None
        converter = self._made[key] = self._make(tp)
        return converter

    def _convert_later(self, key: object, data: object) -> object:
        return cast("Convert", self._made[key])(data)

    def _make(self, tp: object) -> Convert:
        if not holds_unsafe_union(tp):
            return self._by_msgspec(tp)
        found = alternatives(tp)
        if len(found) > 1:
            refuse_ambiguous(found)
            # What is of floats takes whole numbers too, which are to stay whole where they may be.
            return partial(_first_of, tuple(map(self.of, sorted(found, key=lambda each: bare(each) is float))))
        base = bare(found[0])
        extras = typing.get_args(found[0])[1:] if base is not found[0] else ()
        if is_fixed_tuple(base):
            return self._fixed_tuple(typing.get_args(base))
        if holds_items(base):
            return self._map(base, extras) if class_of(base) in _MAPS else self._items(base, extras)
        return self._class(base)

    def _by_msgspec(self, tp: Any) -> Convert:
        compile_safely(tp, self._hook)  # tells now what it cannot decode
        convert: Convert = partial(msgspec.convert, type=tp, str_keys=True, dec_hook=self._hook)
        complete = completion(tp)
        return convert if complete is None else lambda data: complete(convert(data))

    def _fixed_tuple(self, arguments: tuple[object, ...]) -> Convert:
        members = tuple(map(self.of, arguments))
        read = self._by_msgspec(_generic(tuple, *(Any for _ in members)))

        def convert(data: object) -> object:
            pairs = zip(members, cast("tuple[object, ...]", read(data)), strict=True)
            return tuple(convert_at(f"[{index}]", member, each) for index, (member, each) in enumerate(pairs))

        return convert

    def _items(self, base: object, extras: Iterable[object]) -> Convert:
        read, item = self._by_msgspec(_annotated(list[Any], extras)), self.of(typing.get_args(base)[0])
        kind = class_of(base)
        make: Any = set if kind in _SETS else kind if kind in {frozenset, tuple} else list

        def convert(data: object) -> object:
            given = enumerate(cast("list[object]", read(data)))
            return build(make, [convert_at(f"[{index}]", item, each) for index, each in given])

        return convert

    def _map(self, base: object, extras: Iterable[object]) -> Convert:
        keys, values = typing.get_args(base)
        if holds_unsafe_union(keys):
            raise TypeError(f"{keys!r} cannot be the type of keys")
        read, value = self._by_msgspec(_annotated(_generic(dict, keys, Any), extras)), self.of(values)

        def convert(data: object) -> object:
            given = cast("dict[object, object]", read(data))
            return {key: convert_at("[...]", value, each) for key, each in given.items()}

        return convert

    def _class(self, tp: Any) -> Convert:
        cls: Any = class_of(tp)
        if "__pydantic_fields__" in vars(cls):
            import pydantic

            return partial(build, pydantic.TypeAdapter(tp).validate_python)
        shape = shape_of(tp)
        return ClassBuilder(cls, shape, tuple(self.of(member.hint) for member in shape.members)).build


def _first_of(options: tuple[Convert, ...], data: object) -> object:
    """Return what the first of *options* that takes *data* makes of it; else what the one that got furthest says."""
    refusals: list[ValidationError] = []
    for convert in options:
        try:
            return convert(data)
        except ValidationError as error:
            refusals.append(error)
    raise max(refusals, key=lambda error: (error.__cause__ is not None, steps_to(error)))


def _annotated(base: object, extras: Iterable[object]) -> object:
    return _generic(Annotated, base, *extras) if extras else base


def _generic(base: Any, *arguments: object) -> object:
    return base[arguments]
