"""The kinds that are text on the wire, as JSON Schema.

Each has one spelling that is recognised when it comes back. A plain ``format`` is used where RFC and GType agree; where
a client told only ``format`` would be misled (a time without offset, ``PT1.5S``) a pattern says it, and ``x-kind`` its
name.

What ``format`` promises is what every client may send. A few texts more are read than that (a space for the ``T`` in an
instant, a UUID without hyphens) or less (the leap second ``23:59:60``, the year 0, more days than Python counts).
"""

from collections.abc import Mapping
from typing import Final

from perdure.gtype.nodes import Bytes, Date, DateTime, Decimal, Duration, Node, Time, Uuid

__all__ = ["ASSERTED_FORMATS", "TEXT_KINDS", "text_schema"]

_DATE: Final = "[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])"
_TIME: Final = r"(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?"
_WHOLE: Final = "[0-9]+"
_PARTS: Final = r"[0-9]+(?:\.[0-9]+)?"
_DURATION: Final = (
    f"^[+-]?[Pp](?:{_PARTS}[Dd]|(?:{_WHOLE}[Dd])?[Tt](?:(?:{_WHOLE}[Hh])?(?:{_WHOLE}[Mm])?{_PARTS}[Ss]"
    f"|(?:{_WHOLE}[Hh])?{_PARTS}[Mm]|{_PARTS}[Hh]))$"
)
_DECIMAL: Final = r"^[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?$"
_GROUP: Final = "[A-Za-z0-9+/]"
_BASE64: Final = f"^(?:{_GROUP}{{4}})*(?:{_GROUP}{{2}}==|{_GROUP}{{3}}=)?$"

ASSERTED_FORMATS: Final[Mapping[str, Node]] = {
    "date": Date(), "time": Time(tz=True), "date-time": DateTime(tz=True), "duration": Duration(),
    "uuid": Uuid(),
}  # fmt: skip
"""The formats that are read as kinds of their own; all others are annotations of a string."""

TEXT_KINDS: Final[tuple[Node, ...]] = (
    Date(), Time(), Time(tz=True), Time(tz=False), DateTime(), DateTime(tz=True), DateTime(tz=False), Duration(),
    Uuid(),
    Decimal(), Bytes(),
)  # fmt: skip


def text_schema(node: Date | Time | DateTime | Duration | Uuid | Decimal | Bytes) -> dict[str, object]:
    """Return the JSON Schema of *node*, without its description."""
    match node:
        case Date():
            return {"type": "string", "format": "date"}
        case Uuid():
            return {"type": "string", "format": "uuid"}
        case Time(tz=tz):
            return _with_offset("time", _TIME, tz=tz)
        case DateTime(tz=tz):
            return _with_offset("date-time", f"{_DATE}[Tt]{_TIME}", tz=tz)
        case Duration():
            return {"type": "string", "x-kind": "duration", "pattern": _DURATION}
        case Decimal():
            return {"type": ["string", "number"], "x-kind": "decimal", "pattern": _DECIMAL}
        case Bytes():
            return _bytes(node)


def _with_offset(name: str, local: str, *, tz: bool | None) -> dict[str, object]:
    """Return the schema of a time; RFC 3339, and so ``format``, knows only times with an offset."""
    without: dict[str, object] = {"pattern": f"^{local}$"}
    if tz is None:
        return {"type": "string", "x-kind": name, "anyOf": [{"format": name}, without]}
    return {"type": "string", "format": name} if tz else {"type": "string", "x-kind": f"{name}-local", **without}


def _bytes(node: Bytes) -> dict[str, object]:
    """Return the schema of base64; lengths count bytes, so they bound the groups of four letters for each ending."""
    schema: dict[str, object] = {"type": "string", "contentEncoding": "base64"}
    low, high = node.min_length or 0, node.max_length
    if node.min_length is None and high is None:
        return {**schema, "pattern": _BASE64}
    endings = ((0, ""), (1, f"{_GROUP}{{2}}=="), (2, f"{_GROUP}{{3}}="))
    ways: list[dict[str, object]] = []
    for rest, ending in endings:
        way: dict[str, object] = {"pattern": f"^(?:{_GROUP}{{4}})*{ending}$"}
        padded = 4 if rest else 0
        if low > rest:
            way["minLength"] = 4 * -((rest - low) // 3) + padded
        if high is not None:
            if high < rest:
                continue
            way["maxLength"] = 4 * ((high - rest) // 3) + padded
        ways.append(way)
    bounds = {"x-min-bytes": node.min_length, "x-max-bytes": high}
    return {**schema, **{key: value for key, value in bounds.items() if value is not None}, "anyOf": ways}
