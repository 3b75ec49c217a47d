"""What a schema says of types, plain values, numbers and texts, as far as a GType can say it."""

import math
from collections.abc import Sequence
from fractions import Fraction
from typing import Final

import msgspec

from perdure.errors import TypeDefinitionError
from perdure.gtype.json_schema_kinds import ALL_KINDS, is_of
from perdure.gtype.validator_patterns import compile_pattern
from perdure.openapi.dialect_level import Level

__all__ = ["clean_kinds", "clean_number", "clean_text", "clean_values"]

Kinds = Sequence[str] | None
"""The types a schema allows; None for all of them."""

_INT32: Final = (-(2**31), 2**31 - 1)
_INT64: Final = 2**63
_EXACT: Final = 2**53
_LOWER: Final = ("minimum", "exclusiveMinimum")
_UPPER: Final = ("maximum", "exclusiveMaximum")


def clean_kinds(level: Level) -> Kinds:
    """Keep ``type``, and return what it says."""
    if "type" not in level.raw:
        return None
    given = level.raw["type"]
    kinds = [given] if isinstance(given, str) else given
    if not isinstance(kinds, Sequence) or not kinds or any(kind not in (*ALL_KINDS, "integer") for kind in kinds):
        level.drop("type", f"{given!r:.40} is no type")
        return None
    level.out["type"] = given if isinstance(given, str) else list(kinds)
    return kinds


def clean_values(level: Level, kinds: Kinds) -> None:
    """Keep ``enum`` and ``const``, if they hold plain values, at least one of which is of *kinds*."""
    plain = _enum(level)
    if "const" in level.raw:
        const = level.raw["const"]
        if not _is_plain(const):
            level.drop("const", "only texts, numbers, booleans and null can be compared")
        elif plain is not None and not any(_same(value, const) for value in plain):
            level.drop("const", "it is none of the values of enum")
        else:
            level.out["const"] = const
            plain = [const]
    if plain is not None and kinds is not None and not any(is_of(value, kinds) for value in plain):
        level.drop("type", "no value of enum or const is of this type")
        del level.out["type"]


def _enum(level: Level) -> list[object] | None:
    if "enum" not in level.raw:
        return None
    given = level.raw["enum"]
    if not isinstance(given, Sequence) or isinstance(given, str) or not given:
        level.drop("enum", "it must be a list of values")
        return None
    if not all(_is_plain(value) for value in given):
        level.drop("enum", "only texts, numbers, booleans and null can be compared")
        return None
    level.out["enum"] = [*given]
    return [*given]


def clean_number(level: Level, kinds: Kinds) -> None:
    """Keep the bounds of numbers, rounded outwards to what a GType can hold; ``int32`` has bounds of its own."""
    whole = kinds is not None and "number" not in kinds
    raw = dict(level.raw)
    if raw.get("format") == "int32" and whole:
        lowest, highest = _number(raw.get("minimum")), _number(raw.get("maximum"))
        raw["minimum"] = _INT32[0] if lowest is None else max(lowest, _INT32[0])
        raw["maximum"] = _INT32[1] if highest is None else min(highest, _INT32[1])
    for inclusive, exclusive in (_LOWER, _UPPER):
        if isinstance(raw.get(exclusive), bool):  # as OpenAPI 3.0 has it
            is_exclusive = raw.pop(exclusive)
            if is_exclusive and inclusive in raw:
                raw[exclusive] = raw.pop(inclusive)
        for keyword in (inclusive, exclusive):
            if keyword in raw:
                _keep_bound(level, keyword, raw[keyword], whole=whole)
    if "multipleOf" in raw:
        step = _number(raw["multipleOf"])
        if step is not None and 0 < step < _INT64 and (whole or _round(step, upwards=True) == step):
            level.out["multipleOf"] = step
        else:
            level.drop("multipleOf", f"{raw['multipleOf']!r:.40} is no step")


def _keep_bound(level: Level, keyword: str, value: object, *, whole: bool) -> None:
    number = _number(value)
    kept: float | None = None
    if number is None:
        pass
    elif whole:
        kept = number if -_INT64 <= number < 2 * _INT64 else None
    elif isinstance(number, int) and abs(number) <= _EXACT:
        kept = number
    else:
        kept = _round(number, upwards=keyword in _UPPER)
    if kept is None:
        level.drop(keyword, f"{value!r:.40} is no number that can bound others")
    else:
        level.out[keyword] = kept


def clean_text(level: Level, kinds: Kinds) -> None:
    """Keep what bounds texts; ``format: byte`` is base64."""
    for keyword in ("minLength", "maxLength"):
        level.count(keyword)
    if "pattern" in level.raw:
        _keep_pattern(level)
    form, encoding = level.raw.get("format"), level.raw.get("contentEncoding")
    if form == "byte" and kinds is not None and "string" in kinds:
        level.out["contentEncoding"] = "base64"
    elif isinstance(form, str):
        level.out["format"] = form
    elif form is not None:
        level.drop("format", f"{form!r:.40} is no text")
    if isinstance(encoding, str):
        level.out["contentEncoding"] = encoding


def _keep_pattern(level: Level) -> None:
    pattern = level.raw["pattern"]
    if not isinstance(pattern, str):
        level.drop("pattern", f"{pattern!r:.40} is no text")
        return
    try:
        compile_pattern(pattern)
    except (TypeDefinitionError, RecursionError) as error:
        level.drop("pattern", str(error))
        return
    level.out["pattern"] = pattern


def _round(value: float, *, upwards: bool) -> float | None:
    """Return the nearest float that is, as it is spelt, not less than *value*, or not more; None if it is infinite."""
    wanted = Fraction(repr(value)) if isinstance(value, float) else Fraction(value)
    try:
        found = float(wanted)
    except OverflowError:
        return None
    while found != wanted and math.isfinite(found):
        spelt = Fraction(repr(found))
        if spelt == wanted or (spelt > wanted) is upwards:
            break
        found = math.nextafter(found, math.inf if upwards else -math.inf)
    return found if math.isfinite(found) else None


def _number(value: object) -> float | None:
    """Return *value* if it is a finite number."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if isinstance(value, int) or math.isfinite(value) else None


def _is_plain(value: object) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return -_INT64 <= value < _INT64
    return value is None or isinstance(value, str | bool)


def _same(one: object, other: object) -> bool:
    return msgspec.json.encode(one) == msgspec.json.encode(other)
