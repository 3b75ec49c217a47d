"""Strategies for values without structure. Imported only where values are generated."""

import base64
import datetime as dt
import decimal
import math

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from perdure.gtype.nodes import (
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    Duration,
    Enum,
    GType,
    Integer,
    Literal,
    Null,
    Number,
    String,
    Time,
    Uuid,
)
from perdure.gtype.validator import compile_validator
from perdure.gtype.validator_patterns import compile_pattern
from perdure.gtype.validator_scalars import ScalarNode, allowed_values

__all__ = ["TEXT", "scalar_data"]

_CHARACTERS = st.characters(codec="utf-8")
TEXT: SearchStrategy[object] = st.text(_CHARACTERS, max_size=20)
"""Any text JSON can hold, not long."""

_WORDS = ("a", "Ann", "van", "Berg", "x1", "007", "12", "3.50", "2024", "Zoë")
_JOINTS = (" ", ", ", ",", "-", "/", ";", "; ", ":", "_", "|", ".", "@")

_INT64 = (-(2**63), 2**63 - 1)
_OFFSETS = ("Z", "+00:00", "+05:30", "-08:00")


def scalar_data(node: ScalarNode) -> SearchStrategy[object]:
    """Return a strategy for valid data of *node*."""
    match node:
        case String():
            return _strings(node)
        case Integer():
            return _integers(node)
        case Number():
            return _numbers(node)
        case Boolean():
            return st.booleans()
        case Null():
            return st.none()
        case Literal() | Enum():
            values = allowed_values(node)
            return st.sampled_from(values) if values else st.nothing()
        case Decimal():
            exact = st.decimals(allow_nan=False, allow_infinity=False).map(str)
            return st.decimals(-(10**9), 10**9, places=2).map(str) | exact
        case _:
            return _formatted(node)


def _formatted(node: Bytes | Date | Time | DateTime | Duration | Uuid) -> SearchStrategy[object]:
    match node:
        case Bytes(min_length=low, max_length=high) if high is not None and high < (low or 0):
            return st.nothing()
        case Bytes(min_length=low, max_length=high):
            return st.binary(min_size=low or 0, max_size=high).map(lambda raw: base64.b64encode(raw).decode())
        case Date():
            return st.dates().map(dt.date.isoformat)
        case Time(tz=tz):
            return st.builds(str.__add__, st.times().map(dt.time.isoformat), _offsets(tz))
        case DateTime(tz=tz):
            return st.builds(str.__add__, st.datetimes().map(dt.datetime.isoformat), _offsets(tz))
        case Duration():
            return st.timedeltas(dt.timedelta(days=-36500), dt.timedelta(days=36500)).map(msgspec.to_builtins)
        case Uuid():
            return st.uuids().map(str)


def _offsets(tz: bool | None) -> SearchStrategy[str]:
    return st.just("") if tz is False else st.sampled_from(_OFFSETS)


def _strings(node: String) -> SearchStrategy[object]:
    low, high = node.min_length or 0, node.max_length
    if high is not None and high < low:
        return st.nothing()
    if node.pattern is None:
        most = max(low, 20) if high is None else min(high, max(low, 200))
        return st.text(_CHARACTERS, min_size=low, max_size=most) | _phrases(low, most)
    found = st.from_regex(compile_pattern(node.pattern), alphabet=_CHARACTERS)
    return found.filter(lambda text: low <= len(text) and (high is None or len(text) <= high))


def _phrases(low: int, high: int) -> SearchStrategy[object]:
    """Return texts as people write them, of *low* to *high* characters: words, and signs between them."""

    def phrase(words: list[str], joint: str) -> str:
        text = joint.join(words)
        return (text * -(-low // len(text)))[:high]

    return st.builds(phrase, st.lists(st.sampled_from(_WORDS), min_size=1, max_size=4), st.sampled_from(_JOINTS))


def _integers(node: Integer) -> SearchStrategy[object]:
    lows = [bound for bound in (node.ge, None if node.gt is None else node.gt + 1) if bound is not None]
    highs = [bound for bound in (node.le, None if node.lt is None else node.lt - 1) if bound is not None]
    low = max(lows, default=min(_INT64[0], *highs, 0))
    high = min(highs, default=max(_INT64[1], *lows, 0))
    step = node.multiple_of or 1
    if -(-low // step) > high // step:
        return st.nothing()
    return st.integers(-(-low // step), high // step).map(lambda count: count * step)


def _numbers(node: Number) -> SearchStrategy[object]:
    lows = [(bound, strict) for bound, strict in ((node.ge, False), (node.gt, True)) if bound is not None]
    highs = [(bound, not strict) for bound, strict in ((node.le, False), (node.lt, True)) if bound is not None]
    low, above = max(lows, default=(None, False))
    high, up_to = min(highs, default=(None, True))
    if node.multiple_of is not None:
        return _multiples(node, low, high)
    if low is not None and high is not None and (low > high or (low == high and (above or not up_to))):
        return st.nothing()
    fractions = st.floats(low, high, exclude_min=above, exclude_max=not up_to, allow_nan=False, allow_infinity=False)
    whole = _integers(
        Integer(
            ge=None if low is None else math.ceil(low), gt=math.floor(low) if above and low is not None else None,
            le=None if high is None else math.floor(high), lt=None if up_to or high is None else math.ceil(high),
        )
    )  # fmt: skip
    return whole | fractions


def _multiples(node: Number, low: float | None, high: float | None) -> SearchStrategy[object]:
    step = decimal.Decimal(repr(node.multiple_of))
    first = -1000 if low is None else math.ceil(decimal.Decimal(repr(low)) / step)
    last = first + 2000 if high is None else math.floor(decimal.Decimal(repr(high)) / step)
    if low is None:
        first = min(first, last - 2000)
    if first > last:
        return st.nothing()
    return (
        st.integers(first, last)
        .map(lambda count: float(step * count))
        .filter(compile_validator(GType(root=node)).is_valid)
    )
