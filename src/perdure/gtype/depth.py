"""How deeply a document nests, found without parsing it.

The C decoders recurse with the document, and on a small thread stack a deep one ends the process rather than raising.
So depth is checked on the bytes, before any decoder sees them. Nearly every document passes on two counts of single
bytes; only one with many brackets is looked at more closely, still by operations that run over whole buffers in C.

Rejected: parsing in Python (100 times slower than the decoder it guards) and trusting ``RecursionError`` (the limit
is the interpreter's to change, and threads with small stacks crash before it is reached).
"""

from itertools import accumulate

from perdure.errors import MalformedValueError

__all__ = ["MAX_DEPTH", "check_depth", "check_utf8"]

MAX_DEPTH = 128
"""How many arrays and objects may lie within each other."""

_BRACKETS = b"[]{}"
_NOT_BRACKETS = bytes(code for code in range(256) if code not in _BRACKETS)
_CHUNK_BYTES = 65536
_STEPS = [1 if code in b"[{" else -1 for code in range(256)]


def check_depth(raw: bytes, limit: int = MAX_DEPTH) -> None:
    """Refuse JSON that nests more than *limit* arrays and objects; what else is wrong with *raw* is not looked at.

    Costs two counts for a body with fewer brackets than *limit*, and less than a decode for any other.

    Raises:
        MalformedValueError: *raw* nests too deeply.
    """
    if raw.count(b"[") + raw.count(b"{") <= limit:
        return
    structure = _outside_strings(raw).translate(None, _NOT_BRACKETS)
    if _surely_within(structure, limit):
        return
    depth = 0
    for start in range(0, len(structure), _CHUNK_BYTES):
        chunk = structure[start : start + _CHUNK_BYTES]
        if max(accumulate(map(_STEPS.__getitem__, chunk), initial=depth)) > limit:
            raise MalformedValueError(f"the document nests more than {limit} levels of arrays and objects")
        depth += 2 * (chunk.count(b"[") + chunk.count(b"{")) - len(chunk)


def check_utf8(raw: bytes) -> None:
    """Refuse text that is not UTF-8; decoders skip over what they do not need without looking.

    Raises:
        MalformedValueError: *raw* is not UTF-8.
    """
    if raw.isascii():
        return
    try:
        str(raw, "utf-8")
    except UnicodeDecodeError as error:
        raise MalformedValueError(f"the text is not valid UTF-8 (byte {error.start})") from None


def _outside_strings(raw: bytes) -> bytes:
    """Return what stands outside string literals, up to the first place where *raw* stops being JSON."""
    if b"\\" in raw:
        raw = raw.replace(b"\\\\", b"").replace(b'\\"', b"")
    return b"".join(raw.split(b'"')[::2])


def _surely_within(structure: bytes, limit: int) -> bool:
    """Tell whether removing a few of the innermost levels leaves too few brackets for more than *limit* levels."""
    for removed in range(0, 12, 2):
        if structure.count(b"[") + structure.count(b"{") + removed <= limit:
            return True
        structure = structure.replace(b"[]", b"").replace(b"{}", b"")
    return False
