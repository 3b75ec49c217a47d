"""How deeply a msgpack document nests, found without a recursive decoder.

msgpack has no brackets to count: containers announce how many items follow, and any byte may also be part of a string.
Documents with few bytes that could begin a container pass at once; others are walked, runs of small items in one step.
"""

import re
from typing import Final

from perdure.errors import MalformedValueError
from perdure.gtype.depth import MAX_DEPTH

__all__ = ["check_msgpack_depth"]

_CONTAINERS: Final = bytes((*range(0x81, 0x90), *range(0x91, 0xA0), 0xDC, 0xDD, 0xDE, 0xDF))
_OTHERS: Final = bytes(code for code in range(256) if code not in _CONTAINERS)
_SMALL: Final = re.compile(rb"[\x00-\x7f\xc0-\xc3\xe0-\xff]+")
_SIZES: Final = bytes(
    1 if code < 0x80 or code in range(0xC0, 0xC4) or code >= 0xE0
    else 1 + code - 0xA0 if code in range(0xA0, 0xC0)
    else {0xCA: 5, 0xCB: 9, 0xCC: 2, 0xCD: 3, 0xCE: 5, 0xCF: 9, 0xD0: 2, 0xD1: 3, 0xD2: 5, 0xD3: 9, 0xD4: 3, 0xD5: 4,
          0xD6: 6, 0xD7: 10, 0xD8: 18}.get(code, 0)
    for code in range(256)
)  # fmt: skip
"""How many bytes an item has, by its first byte; 0 where that alone does not say."""

_LENGTHS: Final = {
    0xC4: (1, 0), 0xC5: (2, 0), 0xC6: (4, 0), 0xC7: (1, 1), 0xC8: (2, 1), 0xC9: (4, 1), 0xD9: (1, 0), 0xDA: (2, 0),
    0xDB: (4, 0),
}  # fmt: skip
"""How many bytes the length of an item takes, and how many follow besides the length's own, by its first byte."""


def check_msgpack_depth(raw: bytes, limit: int = MAX_DEPTH) -> None:
    """Refuse msgpack that nests more than *limit* arrays and maps; what else is wrong with *raw* is not looked at.

    Costs one pass in C for a body with few containers, and a walk of about 0.1 µs for each item for others.

    Raises:
        MalformedValueError: *raw* nests too deeply.
    """
    if len(raw) > limit and len(raw.translate(None, _OTHERS)) > limit and _exceeds(raw, limit):
        raise MalformedValueError(f"the document nests more than {limit} levels of arrays and objects")


def _exceeds(raw: bytes, limit: int) -> bool:
    """Walk over *raw*, keeping how many items each open container still expects."""
    outer: list[int] = []
    wanted = 1
    position, end = 0, len(raw)
    while position < end:
        size = _SIZES[raw[position]]
        if size == 1 and wanted > 8:
            run = _SMALL.match(raw, position, position + wanted)
            size = count = run.end() - position if run else 1
            wanted -= count
        elif size:
            wanted -= 1
        else:
            size, inside = _header(raw, position)
            wanted -= 1
            if inside:
                outer.append(wanted)
                if len(outer) > limit:
                    return True
                wanted = inside
        position += size
        while not wanted:
            if not outer:
                return False
            wanted = outer.pop()
    return False


def _header(raw: bytes, position: int) -> tuple[int, int]:
    """Return how many bytes to go on from *position*, and how many items lie inside what begins there."""
    code = raw[position]
    if code in _LENGTHS:
        width, more = _LENGTHS[code]
        return 1 + width + more + int.from_bytes(raw[position + 1 : position + 1 + width]), 0
    if code < 0xA0:
        return 1, (code & 15) * (2 if code < 0x90 else 1)
    width = 2 if code in {0xDC, 0xDE} else 4
    inside = int.from_bytes(raw[position + 1 : position + 1 + width])
    return 1 + width, inside * (2 if code >= 0xDE else 1)
