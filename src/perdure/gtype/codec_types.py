"""Values of a Python type, built by msgspec and, where there are Pydantic models, with their own validators.

Pydantic is never imported here: a model can only arrive where the user has imported it.
"""

import collections.abc
import sys
from collections.abc import Callable, Mapping
from typing import Any, Final, final

import msgspec

from perdure.errors import Fault, InvalidValueError, TypeDefinitionError
from perdure.gtype.defaults import completion, custom_types
from perdure.gtype.nodes import GType
from perdure.gtype.safe_classes import Convert
from perdure.gtype.safe_decoding import converter_of
from perdure.gtype.unsafe_types import compile_safely, holds_unsafe_union
from perdure.gtype.validator_faults import MASK, Path, Secrets, brief, pointer

__all__ = ["TypeBuilder", "encode_other", "refuse_undecodable"]

_NOTHING: Final = object()


def encode_other(value: object) -> Any:
    """Return a Pydantic model as JSON-compatible data, for msgspec's encoders.

    Raises:
        TypeError: *value* is of a type that cannot be encoded.
    """
    dump = getattr(value, "model_dump", None)
    if dump is not None:
        return dump(mode="json", by_alias=True)
    adapter = _pydantic_adapter(type(value))
    if adapter is not None:
        return adapter.dump_python(value, mode="json", by_alias=True)
    raise TypeError(f"a value of type {type(value).__qualname__} cannot be encoded")


@final
class TypeBuilder:
    """Makes values of one Python type.

    Attributes:
        decode_json: From a JSON document; where msgspec knows the type, its decoder's own method.
        decode_msgpack: The same for msgpack.
    """

    __slots__ = ("_adapter", "_by_parts", "_complete", "_gtype", "_python_type", "decode_json", "decode_msgpack")

    def __init__(self, python_type: object, gtype: GType) -> None:
        """Prepare decoders for *python_type*.

        Raises:
            TypeDefinitionError: Neither msgspec nor Pydantic can decode it.
        """
        self._python_type: Any = python_type
        self._gtype = gtype
        self._by_parts = None
        self._adapter = _pydantic_adapter(python_type)
        if self._adapter is None:
            self._by_parts, self._adapter = _other_ways(python_type)
        self.decode_json: Callable[[bytes], object]
        self.decode_msgpack: Callable[[bytes], object]
        by_msgspec = self._adapter is None and self._by_parts is None
        self._complete = completion(python_type) if by_msgspec else None
        if by_msgspec:
            decode_json = msgspec.json.Decoder(self._python_type, dec_hook=_decode_other).decode
            decode_msgpack = msgspec.msgpack.Decoder(self._python_type, dec_hook=_decode_other).decode
            self.decode_json = _completed(decode_json, self._complete)
            self.decode_msgpack = _completed(decode_msgpack, self._complete)
        else:
            self.decode_json = self._decode_json_otherwise
            self.decode_msgpack = self._decode_msgpack_otherwise

    def convert(self, data: object) -> object:
        """Return the value that *data* stands for; as fast as can be.

        Raises:
            msgspec.ValidationError: The type refuses *data*.
            InvalidValueError: A Pydantic model refuses it.
        """
        if self._adapter is not None:
            return self._by_adapter(data)
        if self._by_parts is not None:
            return self._by_parts(data)
        value: object = msgspec.convert(data, self._python_type, str_keys=True, dec_hook=_decode_other)
        return value if self._complete is None else self._complete(value)

    def build(self, data: object) -> object:
        """Return the value that valid *data* stands for.

        Raises:
            InvalidValueError: The type has rules of its own (``__post_init__``, Pydantic's validators), and *data*
                breaks them.
        """
        try:
            return self.convert(data)
        except msgspec.ValidationError as error:
            raise InvalidValueError(_refusal_faults(error, data, masked=self._masked())) from error

    def _masked(self) -> bool:
        return Secrets(self._gtype).reaches(self._gtype.root)

    def _decode_json_otherwise(self, raw: bytes) -> object:
        return self.convert(msgspec.json.decode(raw))

    def _decode_msgpack_otherwise(self, raw: bytes) -> object:
        return self.convert(msgspec.to_builtins(msgspec.msgpack.decode(raw), str_keys=True))

    def _by_adapter(self, data: object) -> object:
        try:
            value: object = self._adapter.validate_python(data)
            return value
        except ValueError as error:
            found = _pydantic_faults(error, (), data, masked=self._masked())
            raise InvalidValueError(found) from error


def refuse_undecodable(python_type: object) -> None:
    """Refuse a type that could be answered but not asked for: no decoder makes values of it.

    Raises:
        TypeDefinitionError: Such a type is in *python_type*.
    """
    for cls in custom_types(python_type):
        if cls is not object and not hasattr(cls, "model_validate"):
            hint = ": use list" if cls is collections.abc.Iterable else ""
            raise TypeDefinitionError(f"{python_type!r} cannot be decoded: no decoder makes {cls.__qualname__}{hint}")


def _completed(
    decode: Callable[[bytes], object], complete: Callable[[object], object] | None
) -> Callable[[bytes], object]:
    if complete is None:
        return decode
    return lambda raw: complete(decode(raw))


def _other_ways(python_type: Any) -> tuple[Convert | None, Any]:
    """Return how else than by msgspec's decoders values are made, if they have to be: part by part, or by Pydantic.

    Raises:
        TypeDefinitionError: There is no way at all.
    """
    try:
        if holds_unsafe_union(python_type):
            return converter_of(python_type, _decode_other), None
        compile_safely(python_type, _decode_other)
    except (TypeError, ValueError, NotImplementedError) as error:
        pydantic = sys.modules.get("pydantic")
        if pydantic is not None:
            try:
                return None, pydantic.TypeAdapter(python_type)
            except pydantic.errors.PydanticUserError:
                pass
        raise TypeDefinitionError(f"{python_type!r} cannot be decoded: {error}") from None
    return None, None


def _pydantic_adapter(python_type: Any) -> Any:
    """Return an adapter for a Pydantic dataclass, which msgspec takes for a plain one."""
    if "__pydantic_fields__" not in getattr(python_type, "__dict__", {}) or hasattr(python_type, "model_validate"):
        return None
    import pydantic

    return pydantic.TypeAdapter(python_type)


def _decode_other(wanted: Any, data: object) -> object:
    """Return *data* as a Pydantic model, or as it is where anything will do, for msgspec's decoders."""
    if wanted is object:
        return data
    validate = getattr(wanted, "model_validate", None)
    if validate is None:
        raise TypeDefinitionError(f"{wanted!r} cannot be decoded: it is neither known to msgspec nor a Pydantic model")
    value: object = validate(data)
    return value


def _refusal_faults(error: msgspec.ValidationError, data: object, *, masked: bool) -> tuple[Fault, ...]:
    """Return what a type's own rules found wrong with valid *data*."""
    text, _, place = str(error).rpartition(" - at `")
    path = _path_of(place)
    cause = error.__cause__
    if cause is not None and callable(getattr(cause, "errors", None)) and isinstance(cause, ValueError):
        return _pydantic_faults(cause, path, data, masked=masked)
    return (_refused(path, data, text or str(error), masked=masked),)


def _path_of(place: str) -> Path:
    """Return the path msgspec writes as ``$.lines[0].sku``, up to where it leaves out the name: ``$[...]``."""
    path: list[str | int] = []
    for step in place.rstrip("`").removeprefix("$").replace("[", ".[").split(".")[1:]:
        if step.startswith("["):
            if not step[1:-1].isdigit():
                break
            path.append(int(step[1:-1]))
        else:
            path.append(step)
    return tuple(path)


def _pydantic_faults(error: ValueError, path: Path, data: object, *, masked: bool) -> tuple[Fault, ...]:
    """Return one fault for each error of a ``pydantic.ValidationError``."""
    details: list[Mapping[str, Any]] = getattr(error, "errors", list)()
    if not details:
        return (_refused(path, data, str(error), masked=masked),)
    return tuple(
        _refused((*path, *_data_path(detail["loc"], _at(path, data))), data, detail["msg"], masked=masked)
        for detail in details
    )


def _data_path(loc: tuple[str | int, ...], data: object) -> Path:
    """Return *loc* without the names of types and functions that Pydantic puts between those of members."""
    path: list[str | int] = []
    for step in loc:
        inside = _member(data, step)
        if inside is not _NOTHING:
            path.append(step)
            data = inside
    return tuple(path)


def _refused(path: Path, data: object, message: str, *, masked: bool) -> Fault:
    actual = MASK if masked else brief(_at(path, data))
    return Fault(
        pointer=pointer(path), code="refused", expected="a value its rules allow", actual=actual, message=message
    )


def _at(path: Path, data: object) -> object:
    """Return what is at *path* of *data*, as far as it goes."""
    for step in path:
        inside = _member(data, step)
        data = data if inside is _NOTHING else inside
    return data


def _member(data: object, step: str | int) -> object:
    """Return the member of *data* called *step*, or `_NOTHING`."""
    if isinstance(data, dict):
        return data.get(step, _NOTHING)
    if isinstance(data, list) and isinstance(step, int) and 0 <= step < len(data):
        return data[step]
    return _NOTHING
