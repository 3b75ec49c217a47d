"""Bytes to values and back, by a GType.

Every codec has a fast road and a slow one. The fast one is a decoder in C, made such that what it takes is valid;
it may refuse a valid document, and says little about an invalid one. The slow one decodes to plain data, asks the
validator, and either builds the value after all or tells every fault. Which parts make up the fast road is decided
once, from the type.

There are two sorts. A codec for a Python type makes instances of it. A codec for a bare GType, as a recorded
version has, makes JSON-compatible data, without unknown members and with the recorded defaults filled in.
"""

from collections.abc import Callable
from typing import Final, final

import msgspec

from perdure.gtype.codec_documents import parse_json, parse_msgpack
from perdure.gtype.codec_parts import DECODE_ERRORS, DataParts, Parts, TypeParts
from perdure.gtype.codec_types import encode_other
from perdure.gtype.nodes import GType
from perdure.gtype.strings import DecodeStrings, compile_strings
from perdure.gtype.validator import Validator

__all__ = ["DECODE_ERRORS", "NO_TYPE", "Codec", "compile_codec"]

NO_TYPE: Final = object()
"""Stands for the Python type of a codec that makes plain data."""

_ENCODE_JSON: Final = msgspec.json.Encoder(enc_hook=encode_other).encode
_ENCODE_MSGPACK: Final = msgspec.msgpack.Encoder(enc_hook=encode_other).encode


@final
class Codec:
    """Decodes, checks and encodes values of one type; made by `compile_codec`.

    Its functions are plain attributes, so that calling one costs no more than what it does.

    Attributes:
        gtype: The type.
        validator: What judges plain data by the type.
        decode_json: JSON document to value, fast. Raises one of `DECODE_ERRORS`, sometimes without need.
        explain_json: JSON document to value, with certainty. Raises `InvalidValueError` with every fault, or
            `MalformedValueError`.
        decode_msgpack: As *decode_json*, for msgpack.
        explain_msgpack: As *explain_json*, for msgpack.
        decode_strings: Texts by member name, as in a query or a form, to value. Raises `InvalidValueError` with every
            fault.
        from_data: JSON-compatible data to value. Raises `InvalidValueError` with every fault.
        to_data: Value to JSON-compatible data, as *encode_json* would print it. Raises TypeError.
        encode_json: Value to JSON document, unchecked. Raises TypeError for what cannot be encoded.
        encode_msgpack: As *encode_json*, for msgpack. Raises OverflowError for whole numbers of more than 64 bits, too.
        check_json: Returns if a JSON document is valid. Raises `InvalidValueError` or `MalformedValueError`.
        check_msgpack: As *check_json*, for msgpack.
        probe_json: Does the same, fast, or is None where it cannot be done fast. Raises one of `DECODE_ERRORS`,
            sometimes without need.
        probe_msgpack: As *probe_json*, for msgpack.
    """

    __slots__ = (
        "check_json", "check_msgpack", "decode_json", "decode_msgpack", "decode_strings", "encode_json",
        "encode_msgpack", "explain_json", "explain_msgpack", "from_data", "gtype", "probe_json", "probe_msgpack",
        "to_data", "validator",
    )  # fmt: skip

    def __init__(self, parts: Parts) -> None:
        self.gtype: GType = parts.gtype
        self.validator: Validator = parts.validator
        self.decode_json: Callable[[bytes], object] = parts.decode_json()
        self.decode_msgpack: Callable[[bytes], object] = parts.decode_msgpack()
        self.explain_json: Callable[[bytes], object] = parts.explain(parse_json)
        self.explain_msgpack: Callable[[bytes], object] = parts.explain(parse_msgpack)
        self.from_data: Callable[[object], object] = parts.from_data()
        self.decode_strings: DecodeStrings = compile_strings(parts.gtype, parts.validator, self.from_data)
        self.to_data: Callable[[object], object] = _to_data
        self.encode_json: Callable[[object], bytes] = _ENCODE_JSON
        self.encode_msgpack: Callable[[object], bytes] = _ENCODE_MSGPACK
        self.check_json: Callable[[bytes], None] = parts.check_json()
        self.check_msgpack: Callable[[bytes], None] = parts.check_msgpack()
        self.probe_json: Callable[[bytes], object] | None = parts.mirror_json if parts.exact else None
        self.probe_msgpack: Callable[[bytes], object] | None = parts.mirror_msgpack if parts.exact_beyond_json else None


def compile_codec(gtype: GType, python_type: object = NO_TYPE, *, native: bool = False) -> Codec:
    """Return the codec of *gtype*.

    Args:
        gtype: The type on the wire.
        python_type: What values are instances of, and *gtype* was read from; by default they are plain data.
        native: msgspec's decoder for *python_type* takes only what *gtype* allows; ask
            `perdure.gtype.native.is_native`.
    Raises:
        TypeDefinitionError: *gtype* cannot be compiled, or *python_type* cannot be decoded.
    Source: SPEC 3.2.
    """
    if python_type is NO_TYPE:
        return Codec(DataParts(gtype))
    return Codec(TypeParts(gtype, python_type, native=native))


def _to_data(value: object) -> object:
    data: object = msgspec.to_builtins(value, str_keys=True, enc_hook=encode_other)
    return data
