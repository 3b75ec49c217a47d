"""JSON objects from strangers, read so that no two readers could understand them differently.

msgspec decides what is JSON, the standard library's hook sees the members that msgspec would merge in silence.
"""

import json

import msgspec

from perdure.errors import MalformedValueError
from perdure.gtype.depth import check_depth, check_utf8

__all__ = ["read_object"]

_MAX_DEPTH = 32


def read_object(raw: bytes) -> dict[str, object]:
    """Return the JSON object *raw*.

    Raises:
        MalformedValueError: It is none, nests more than 32 levels, or an object in it has two members of one name. The
            message shows nothing of it.
    """
    check_depth(raw, _MAX_DEPTH)
    check_utf8(raw)
    try:
        value: object = msgspec.json.decode(raw)
        json.loads(raw, object_pairs_hook=_refuse_duplicates)
    except (ValueError, RecursionError) as error:
        # Of what was read, decoders may show a part.
        known = isinstance(error, _DuplicateMemberError)
        raise MalformedValueError(str(error) if known else "no JSON") from None
    if not isinstance(value, dict):
        raise MalformedValueError("no JSON object")
    return value


class _DuplicateMemberError(ValueError):
    pass


def _refuse_duplicates(pairs: list[tuple[str, object]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise _DuplicateMemberError("two members of one name")
