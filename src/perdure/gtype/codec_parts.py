"""What codecs are put together from: the fast road and the slow one, for plain data and for Python types."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any, Final, final

import msgspec

from perdure.errors import InvalidValueError, ValueRejectedError
from perdure.gtype.codec_documents import parse_json, parse_msgpack
from perdure.gtype.codec_normal import compile_normaliser
from perdure.gtype.codec_traits import holds, may_hold_nonfinite, prints_as_read
from perdure.gtype.codec_types import TypeBuilder
from perdure.gtype.mirror import mirror_type
from perdure.gtype.nodes import AnyValue, GType
from perdure.gtype.validator import Validator, compile_validator

__all__ = ["DECODE_ERRORS", "DataParts", "Parts", "TypeParts"]

DECODE_ERRORS: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueRejectedError)
"""What the ``decode_*`` functions of a `perdure.gtype.codec.Codec` may raise; ask the ``explain_*`` function then."""

_Read = Callable[[bytes], object]
_Change = Callable[[object], object]
_PARSE_JSON: Final = msgspec.json.Decoder().decode


class Parts(ABC):
    """What both sorts of codecs have in common."""

    def __init__(self, gtype: GType) -> None:
        self.gtype = gtype
        self.validator: Validator = compile_validator(gtype)
        mirror, self.exact = mirror_type(gtype)
        self.mirror: Any = mirror
        self.mirror_json: _Read = msgspec.json.Decoder(self.mirror).decode
        self.mirror_msgpack: _Read = msgspec.msgpack.Decoder(self.mirror).decode
        # msgpack, and data that never was a document, can hold what JSON cannot, which a mirror
        # does not look for in what may be anything.
        self.exact_beyond_json = self.exact and not holds(gtype, AnyValue)

    @abstractmethod
    def build(self, data: object) -> object:
        """Return the value valid *data* stands for."""

    @abstractmethod
    def decode_json(self) -> _Read:
        """Return the fast road from JSON."""

    @abstractmethod
    def decode_msgpack(self) -> _Read:
        """Return the fast road from msgpack."""

    @abstractmethod
    def convert(self) -> _Change | None:
        """Return what makes values of data as fast as can be and refuses what is invalid, if there is such a thing."""

    def judge(self, data: object) -> object:
        """Return the value *data* stands for.

        Raises:
            InvalidValueError: There is none; every fault is told.
        """
        faults = self.validator.faults(data)
        if faults:
            raise InvalidValueError(faults)
        return self.build(data)

    def explain(self, parse: _Read) -> _Read:
        """Return the slow road from what *parse* reads."""
        judge = self.judge
        return lambda raw: judge(parse(raw))

    def from_data(self) -> _Change:
        """Return what makes values of data, and tells every fault of invalid data."""
        convert, judge = self.convert(), self.judge
        if convert is None:
            return judge

        def from_data(data: object) -> object:
            try:
                return convert(data)
            except DECODE_ERRORS:
                return judge(data)

        return from_data

    def check_json(self) -> Callable[[bytes], None]:
        """Return what tells whether a JSON document is valid."""
        return _check(parse_json, self.validator)

    def check_msgpack(self) -> Callable[[bytes], None]:
        """Return what tells whether a msgpack document is valid."""
        return _check(parse_msgpack, self.validator)


def _check(parse: _Read, validator: Validator) -> Callable[[bytes], None]:
    def check(raw: bytes) -> None:
        faults = validator.faults(parse(raw))
        if faults:
            raise InvalidValueError(faults)

    return check


@final
class DataParts(Parts):
    """Parts of a codec that makes plain data."""

    def __init__(self, gtype: GType) -> None:
        super().__init__(gtype)
        self._normalise = compile_normaliser(gtype, prune=True)
        # A mirror's Structs, encoded again, have no unknown members and all defaults, which saves a walk in Python.
        self._reprint = self.exact and prints_as_read(gtype)

    def build(self, data: object) -> object:
        """Return *data* without unknown members and with defaults."""
        return self._normalise(data)

    def decode_json(self) -> _Read:
        """Return the fast road from JSON."""
        mirror, normalise = self.mirror_json, self._normalise
        if self._reprint:
            to_builtins = msgspec.to_builtins
            return lambda raw: to_builtins(mirror(raw), str_keys=True)
        if not self.exact:
            judge = self.judge
            return lambda raw: judge(_PARSE_JSON(raw))

        def decode(raw: bytes) -> object:
            mirror(raw)
            return normalise(_PARSE_JSON(raw))

        return decode

    def decode_msgpack(self) -> _Read:
        """Return the fast road from msgpack."""
        if not (self._reprint and self.exact_beyond_json):
            return self.explain(parse_msgpack)
        mirror, to_builtins = self.mirror_msgpack, msgspec.to_builtins
        return lambda raw: to_builtins(mirror(raw), str_keys=True)

    def convert(self) -> _Change | None:
        """Return a walk in C to the mirror's Structs and back, where that keeps all values as they are."""
        if not (self._reprint and self.exact_beyond_json):
            return None
        mirror, to_builtins, convert = self.mirror, msgspec.to_builtins, msgspec.convert
        return lambda data: to_builtins(convert(data, mirror, str_keys=True), str_keys=True)


@final
class TypeParts(Parts):
    """Parts of a codec that makes instances of a Python type."""

    def __init__(self, gtype: GType, python_type: object, *, native: bool) -> None:
        super().__init__(gtype)
        self._normalise = compile_normaliser(gtype, prune=False)
        self._builder = TypeBuilder(python_type, gtype)
        self._native = native
        self._finite = not may_hold_nonfinite(gtype)

    def build(self, data: object) -> object:
        """Return the instance *data* stands for."""
        return self._builder.build(self._normalise(data))

    def decode_json(self) -> _Read:
        """Return the fast road from JSON; for most types msgspec's own method."""
        decode = self._builder.decode_json
        if self._native:
            return decode
        if self.exact:
            return _after(self.mirror_json, decode)
        return _after(lambda raw: _refuse_invalid(self.validator, _PARSE_JSON(raw)), decode)

    def decode_msgpack(self) -> _Read:
        """Return the fast road from msgpack."""
        if not self.exact_beyond_json:
            return self.explain(parse_msgpack)
        if self._native and self._finite:
            return self._builder.decode_msgpack
        return _after(self.mirror_msgpack, self._builder.decode_msgpack)

    def convert(self) -> _Change | None:
        """Return a conversion in C, after one to the mirror where the type alone takes too much."""
        if not self.exact_beyond_json:
            return None
        build, mirror, convert = self._builder.convert, self.mirror, msgspec.convert
        if self._native and self._finite:
            return build

        def convert_twice(data: object) -> object:
            convert(data, mirror, str_keys=True)
            return build(data)

        return convert_twice


def _after(check: _Read, decode: _Read) -> _Read:
    def checked(raw: bytes) -> object:
        check(raw)
        return decode(raw)

    return checked


def _refuse_invalid(validator: Validator, data: object) -> None:
    faults = validator.faults(data)
    if faults:
        raise InvalidValueError(faults)
