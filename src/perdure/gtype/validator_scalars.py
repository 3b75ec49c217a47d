"""Checks for values without structure.

Dates, times, UUIDs and bytes are what msgspec reads as such: the decoders on the fast path are msgspec's, and the two
must never disagree. Numbers are compared as the decimal literals they were written as, as JSON Schema does.
"""

import datetime as dt
import decimal
import math
import re
import uuid
from collections.abc import Callable
from fractions import Fraction
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from perdure.gtype.depth import MAX_DEPTH
from perdure.gtype.nodes import (
    AnyValue,
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    Duration,
    Enum,
    Integer,
    Literal,
    Null,
    Number,
    String,
    Time,
    Uuid,
)
from perdure.gtype.validator_faults import Check, Path, Rule, Show, Sink, brief, size_rule
from perdure.gtype.validator_patterns import compile_pattern

__all__ = ["DECIMAL_PATTERN", "ScalarNode", "allowed_values", "check_any", "json_key", "scalar_check", "wire_type"]

ScalarNode = (
    String
    | Integer
    | Number
    | Boolean
    | Null
    | Bytes
    | Date
    | Time
    | DateTime
    | Duration
    | Uuid
    | Decimal
    | Literal
    | Enum
)
"""The kinds whose values have no structure."""

DECIMAL_PATTERN: Final = r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?\Z"
"""What a decimal may look like as text: digits, never ``NaN`` or ``Infinity``."""

_Bound = tuple[Callable[[int | float], bool], Rule]


def scalar_check(node: ScalarNode, show: Show) -> Check:
    """Return the check for *node*; offending values are shown by *show*.

    Raises:
        TypeDefinitionError: A pattern cannot be used.
    """
    match node:
        case String():
            return _string(node, show)
        case Integer() | Number():
            return _number(node, show)
        case Boolean():
            return _of_type(bool, Rule("type", "boolean", "must be true or false", show))
        case Null():
            return _of_type(type(None), Rule("type", "null", "must be null", show))
        case Literal() | Enum():
            return _one_of(node, show)
        case Decimal():
            return _decimal(show)
        case _:
            return _formatted(node, show)


def json_key(value: object, level: int = 0) -> object:
    """Return something hashable, equal for what JSON says is equal: ``1`` and ``1.0``, but not ``1`` and ``true``."""
    if isinstance(value, bool):
        return ("boolean", value)
    if isinstance(value, float) and math.isfinite(value):
        return int(value) if value.is_integer() and abs(value) < 2**53 else decimal.Decimal(repr(value))
    if level > MAX_DEPTH:
        return ("unfathomable", id(value))
    if isinstance(value, list | tuple):
        return ("array", tuple(json_key(item, level + 1) for item in value))
    if isinstance(value, dict):
        return ("object", frozenset((key, json_key(member, level + 1)) for key, member in value.items()))
    return value


def allowed_values(node: Literal | Enum) -> tuple[str | int | float | bool | None, ...]:
    """Return the JSON values *node* allows."""
    return node.values if isinstance(node, Literal) else tuple(value for _, value in node.members)


def wire_type(node: Bytes | Date | Time | DateTime | Duration | Uuid) -> object:
    """Return the type msgspec reads *node* as, constraints included."""
    match node:
        case Bytes():
            return Annotated[bytes, Meta(min_length=node.min_length, max_length=node.max_length)]
        case Date():
            return dt.date
        case Time():
            return dt.time if node.tz is None else Annotated[dt.time, Meta(tz=node.tz)]
        case DateTime():
            return dt.datetime if node.tz is None else Annotated[dt.datetime, Meta(tz=node.tz)]
        case Duration():
            return dt.timedelta
        case Uuid():
            return uuid.UUID


def check_any(node: AnyValue, show: Show) -> Check:
    """Return the check that a value is JSON at all: finite numbers, string keys, not too deep."""
    del node
    wrong = Rule("type", "JSON value", "must be a JSON value", show)
    deep = Rule("depth", f"at most {MAX_DEPTH} levels", "is nested too deeply", show)

    def check(value: object, path: Path, out: Sink) -> None:
        if isinstance(value, dict | list | tuple):
            if len(path) >= MAX_DEPTH:
                out.add(deep, value, path)
                return
            for key, member in value.items() if isinstance(value, dict) else enumerate(value):
                check(member, (*path, key), out)
                if isinstance(value, dict) and not isinstance(key, str):
                    out.add(wrong, value, path)
        elif isinstance(value, float):
            if not math.isfinite(value):
                out.add(wrong, value, path)
        elif not (value is None or isinstance(value, str | int)):
            out.add(wrong, value, path)

    return check


def _of_type(kind: type, wrong: Rule) -> Check:
    def check(value: object, path: Path, out: Sink) -> None:
        if type(value) is not kind:
            out.add(wrong, value, path)

    return check


def _string(node: String, show: Show) -> Check:
    wrong = Rule("type", "string", "must be a string", show)
    low, high = node.min_length, node.max_length
    search = None if node.pattern is None else compile_pattern(node.pattern).search
    too_short = size_rule("min_length", "at least", low, "character", show)
    too_long = size_rule("max_length", "at most", high, "character", show)
    unlike = Rule("pattern", f"text matching {node.pattern}", f"must match the pattern {node.pattern}", show)

    def check(value: object, path: Path, out: Sink) -> None:
        if not isinstance(value, str):
            out.add(wrong, value, path)
            return
        if low is not None and len(value) < low:
            out.add(too_short, value, path)
        if high is not None and len(value) > high:
            out.add(too_long, value, path)
        if search is not None and search(value) is None:
            out.add(unlike, value, path)

    return check


def _number(node: Integer | Number, show: Show) -> Check:
    whole = isinstance(node, Integer)
    wrong = (
        Rule("type", "integer", "must be an integer", show)
        if whole
        else Rule("type", "number", "must be a number", show)
    )
    bounds = tuple(_bounds(node, show))

    def check(value: object, path: Path, out: Sink) -> None:
        if isinstance(value, float):
            if not (value.is_integer() if whole else math.isfinite(value)):
                out.add(wrong, value, path)
                return
        elif isinstance(value, bool) or not isinstance(value, int):
            out.add(wrong, value, path)
            return
        for breaks, rule in bounds:
            if breaks(value):
                out.add(rule, value, path)

    return check


def _bounds(node: Integer | Number, show: Show) -> list[_Bound]:
    """Return the constraints of *node*, each with what tells that a number breaks it."""
    found: list[_Bound] = []
    ge, gt, le, lt, step = node.ge, node.gt, node.le, node.lt, node.multiple_of
    if ge is not None:
        found.append((lambda value: value < ge, Rule("minimum", f">= {ge}", f"must be at least {ge}", show)))
    if gt is not None:
        found.append((lambda value: value <= gt, Rule("exclusive_minimum", f"> {gt}", f"must be more than {gt}", show)))
    if le is not None:
        found.append((lambda value: value > le, Rule("maximum", f"<= {le}", f"must be at most {le}", show)))
    if lt is not None:
        found.append((lambda value: value >= lt, Rule("exclusive_maximum", f"< {lt}", f"must be less than {lt}", show)))
    if step is not None:
        rule = Rule("multiple_of", f"a multiple of {step}", f"must be a multiple of {step}", show)
        found.append((lambda value: not _is_multiple(value, step), rule))
    return found


def _is_multiple(value: float, step: float) -> bool:
    """Tell whether *value* is a multiple of *step*, both taken as the decimal numbers they are written as."""
    if isinstance(value, int) and isinstance(step, int):
        return value % step == 0
    return (_exact(value) / _exact(step)).denominator == 1


def _exact(value: float) -> Fraction:
    return Fraction(value) if isinstance(value, int) else Fraction(repr(value))


def _one_of(node: Literal | Enum, show: Show) -> Check:
    values = allowed_values(node)
    keys = frozenset(map(json_key, values))
    listed = ", ".join(map(brief, values))
    expected = listed if len(values) == 1 else f"one of {listed}"
    rule = Rule("literal" if isinstance(node, Literal) else "enum", expected, f"must be {expected}", show)

    def check(value: object, path: Path, out: Sink) -> None:
        if isinstance(value, dict | list) or json_key(value) not in keys:
            out.add(rule, value, path)

    return check


def _decimal(show: Show) -> Check:
    wrong = Rule("type", "decimal number", "must be a decimal number, as a string or a number", show)
    unlike = Rule("format", "decimal", 'must be a decimal number such as "12.50"', show)
    fits = re.compile(DECIMAL_PATTERN).match

    def check(value: object, path: Path, out: Sink) -> None:
        if isinstance(value, str):
            if fits(value) is None:
                out.add(unlike, value, path)
        elif isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            out.add(wrong, value, path)

    return check


_FORMATS: Final = {
    Bytes: ("base64", "bytes as base64"),
    Date: ("date", 'a date such as "2026-02-10"'),
    Time: ("time", 'a time such as "12:30:00"'),
    DateTime: ("date-time", 'a date and time such as "2026-02-10T12:30:00Z"'),
    Duration: ("duration", 'a duration such as "P1DT30M" without years, months or weeks'),
    Uuid: ("uuid", "a UUID"),
}


def _formatted(node: Bytes | Date | Time | DateTime | Duration | Uuid, show: Show) -> Check:
    name, phrase = _FORMATS[type(node)]
    if isinstance(node, Time | DateTime) and node.tz is not None:
        phrase += " with an offset" if node.tz else " without an offset"
    wrong = Rule("type", f"string ({name})", f"must be a string: {phrase}", show)
    unlike = Rule("format", name, f"must be {phrase}", show)
    read_as = bytes if isinstance(node, Bytes) else wire_type(node)
    low, high = (node.min_length, node.max_length) if isinstance(node, Bytes) else (None, None)
    too_short = size_rule("min_length", "at least", low, "byte", show)
    too_long = size_rule("max_length", "at most", high, "byte", show)

    def check(value: object, path: Path, out: Sink) -> None:
        if not isinstance(value, str):
            out.add(wrong, value, path)
            return
        try:
            read: object = msgspec.convert(value, read_as)
        except msgspec.ValidationError:
            out.add(unlike, value, path)
            return
        if low is not None and isinstance(read, bytes) and len(read) < low:
            out.add(too_short, value, path)
        if high is not None and isinstance(read, bytes) and len(read) > high:
            out.add(too_long, value, path)

    return check
