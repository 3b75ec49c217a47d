"""Bytes to JSON-compatible data, with a clear word about bytes that are no document.

This is the slow road, taken once a decoder has refused something: it may look at everything twice.
"""

import json
import re
from typing import Final

import msgspec

from perdure.errors import MalformedValueError
from perdure.gtype.depth import check_depth, check_utf8
from perdure.gtype.depth_msgpack import check_msgpack_depth

__all__ = ["parse_json", "parse_msgpack"]

_BYTE_ORDER_MARKS: Final = (b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")
_JSON: Final = msgspec.json.Decoder()
_MSGPACK: Final = msgspec.msgpack.Decoder()
_BYTE: Final = re.compile(r"\(byte (\d+)\)$")


def parse_json(raw: bytes) -> object:
    """Return what the JSON document *raw* says; of equal keys in one object the last counts.

    Raises:
        MalformedValueError: *raw* is no JSON document in UTF-8, nests too deeply, or holds a number no double can hold.
    """
    if raw.startswith(_BYTE_ORDER_MARKS):
        raise MalformedValueError("the document starts with a byte order mark: JSON is UTF-8 without one")
    check_depth(raw)
    check_utf8(raw)
    try:
        return _JSON.decode(raw)
    except msgspec.ValidationError:
        raise MalformedValueError("the document holds a number that is too large") from None
    except msgspec.DecodeError as error:
        raise MalformedValueError(_json_complaint(raw, str(error))) from None


def parse_msgpack(raw: bytes) -> object:
    """Return what the msgpack document *raw* says, in JSON's terms: bytes as base64, times and keys as text.

    Raises:
        MalformedValueError: *raw* is no msgpack document, nests too deeply, or holds what JSON has no word for.
    """
    check_msgpack_depth(raw)
    try:
        return msgspec.to_builtins(_MSGPACK.decode(raw), str_keys=True)
    except UnicodeDecodeError:
        raise MalformedValueError("the document holds a string that is not valid UTF-8") from None
    except msgspec.DecodeError as error:
        text = str(error)
        early = f"the document ends too early (byte {len(raw)})"
        raise MalformedValueError(early if "truncated" in text else text) from None
    except TypeError:
        raise MalformedValueError("the document holds an extension or a key that is neither text nor number") from None


def _json_complaint(raw: bytes, text: str) -> str:
    """Return what is wrong with *raw*, of which msgspec says *text*."""
    if "truncated" in text:
        return _truncation(raw)
    found = _BYTE.search(text)
    if found is not None:
        start = int(found[1])
        near = raw[max(start - 1, 0) : start + 8]
        if b"NaN" in near or b"Infinity" in raw[max(start - 1, 0) : start + 9]:
            return f"NaN and Infinity are no JSON numbers (byte {start})"
    return text


def _truncation(raw: bytes) -> str:
    """Return why msgspec found *raw* to end too early; it says so of half a surrogate pair, too."""
    if not raw.strip():
        return "the document is empty"
    try:
        json.loads(raw)
    except ValueError:
        return f"the document ends too early (byte {len(raw)})"
    return "the document holds an escape that is one half of a surrogate pair"
