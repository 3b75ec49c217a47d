"""What changed between two scalars of one kind: numbers, texts, listed values, times."""

import math
from collections.abc import Iterator, Mapping
from fractions import Fraction
from types import MappingProxyType
from typing import Final

from msgspec.structs import replace

from perdure.diff.changes import Change, change, shown
from perdure.gtype.nodes import (
    Bytes,
    Date,
    DateTime,
    Duration,
    Enum,
    Integer,
    Literal,
    Node,
    Number,
    String,
    Time,
    Uuid,
)
from perdure.gtype.validator_scalars import allowed_values, json_key

__all__ = ["counts", "formats", "listed_values", "numbers", "offsets", "texts"]

_Bound = tuple[float, bool]
"""A number, and whether it is itself left out."""

_Limits = tuple[int | None, int | None]

_CHECKED: Final[Mapping[type[Node], str]] = MappingProxyType(
    {Date: "date", DateTime: "date-time", Time: "time", Duration: "duration", Uuid: "uuid"}
)

_INT32: Final[tuple[_Bound, _Bound]] = ((-(2**31), False), (2**31 - 1, False))


def counts(what: str, noun: str, old: _Limits, new: _Limits, at: str) -> Iterator[Change]:
    """Yield what changed about how few and how many there may be.

    Args:
        what: What the edits are called by: ``length``, ``items``, ``properties``.
        noun: What is counted, in a message.
        old: The least and the greatest number before; None where there was no limit.
        new: The same now.
        at: Where.
    """
    lows = [(limits[0], False) if limits[0] else None for limits in (old, new)]
    yield from _bound(f"min-{what}", f"the least {noun}", lows[0], lows[1], at)
    highs = [None if limits[1] is None else (limits[1], False) for limits in (old, new)]
    yield from _bound(f"max-{what}", f"the greatest {noun}", highs[0], highs[1], at)


def numbers(old: Integer | Number, new: Integer | Number, at: str) -> Iterator[Change]:
    """Yield what changed between two numbers."""
    if _is_short(old) != _is_short(new) and _is_unbounded(new if _is_short(old) else old):
        yield from _length(old, new, at)
        yield from _steps(old, new, at)
        return
    if isinstance(old, Integer) != isinstance(new, Integer):
        yield from _wholeness(old, new, at)
    whole = isinstance(old, Integer) and isinstance(new, Integer)
    yield from _bound("minimum", "the minimum", _low(old, whole), _low(new, whole), at)
    yield from _bound("maximum", "the maximum", _high(old, whole), _high(new, whole), at)
    yield from _steps(old, new, at)


def _is_short(node: Integer | Number) -> bool:
    """Tell whether *node* has the bounds of ``format: int32``, which are one word of its author."""
    return isinstance(node, Integer) and (_low(node, True), _high(node, True)) == _INT32


def _is_unbounded(node: Integer | Number) -> bool:
    return node.ge is node.gt is node.le is node.lt is None


def _length(old: Integer | Number, new: Integer | Number, at: str) -> Iterator[Change]:
    """Yield that an integer of 32 bits became a longer number, or a longer one such an integer."""
    one, other = _step(old), _step(new)
    keeps = (_is_short(old) and _covers(other, one), _is_short(new) and _covers(one, other))
    kinds = ["integer of 32 bits" if _is_short(node) else str(node.__struct_config__.tag) for node in (old, new)]
    if isinstance(old, Integer) == isinstance(new, Integer):
        keeps = (_is_short(old), _is_short(new))  # of another step, another finding tells
    edit = {(True, False): "type-widened", (False, True): "type-narrowed"}.get(keeps, "type-changed")
    yield change(edit, at, f"the type was {kinds[0]} and is now {kinds[1]}", keeps)


def _wholeness(old: Integer | Number, new: Integer | Number, at: str) -> Iterator[Change]:
    """Yield that a number became whole or may be broken; nothing where its steps are whole on both sides."""
    one, other = _step(old), _step(new)
    keeps = (_covers(other, one), _covers(one, other))
    if keeps[0] != keeps[1]:
        kinds = [node.__struct_config__.tag for node in (old, new)]
        yield change(
            f"type-{'widened' if keeps[0] else 'narrowed'}", at, f"the type was {kinds[0]} and is now {kinds[1]}"
        )
    elif not keeps[0]:
        yield change("type-changed", at, f"multiples of {one} were allowed, and now those of {other}", keeps)


def _covers(step: Fraction | None, other: Fraction | None) -> bool:
    """Tell whether each multiple of *other* is one of *step*; None stands for any number."""
    return step is None or (other is not None and (other / step).denominator == 1)


def _step(node: Integer | Number) -> Fraction | None:
    """Return what each value is a multiple of."""
    step = node.multiple_of
    if isinstance(node, Integer):
        return Fraction(step or 1)
    return None if step is None else Fraction(repr(step)) if isinstance(step, float) else Fraction(step)


def _steps(old: Integer | Number, new: Integer | Number, at: str) -> Iterator[Change]:
    before, after = _given_step(old), _given_step(new)
    if before == after or isinstance(old, Integer) != isinstance(new, Integer):
        return  # of a number that became whole, or no longer is, the type says it
    if before is None:
        yield change("multiple-of-set", at, f"any number was allowed, and now only multiples of {shown(after)}")
    elif after is None:
        yield change("multiple-of-dropped", at, f"only multiples of {shown(before)} were allowed, and now any number")
    else:
        one, other = Fraction(repr(before)), Fraction(repr(after))
        keeps = (_covers(other, one), _covers(one, other))
        message = f"only multiples of {shown(before)} were allowed, and now only those of {shown(after)}"
        yield change("multiple-of-changed", at, message, keeps)


def _given_step(node: Integer | Number) -> float | None:
    return None if isinstance(node, Integer) and node.multiple_of == 1 else node.multiple_of


def _low(node: Integer | Number, whole: bool) -> _Bound | None:
    """Return the tighter of the lower bounds; for whole numbers, the least of them."""
    found = [(bound, strict) for bound, strict in ((node.ge, False), (node.gt, True)) if bound is not None]
    if not found:
        return None
    if whole:
        return max((math.floor(bound) + 1 if strict else math.ceil(bound)) for bound, strict in found), False
    return max(found)


def _high(node: Integer | Number, whole: bool) -> _Bound | None:
    found = [(bound, strict) for bound, strict in ((node.le, False), (node.lt, True)) if bound is not None]
    if not found:
        return None
    if whole:
        return min((math.ceil(bound) - 1 if strict else math.floor(bound)) for bound, strict in found), False
    return min(found, key=lambda pair: (pair[0], not pair[1]))


def _bound(what: str, thing: str, old: _Bound | None, new: _Bound | None, at: str) -> Iterator[Change]:
    """Yield that a bound was set, dropped, raised or lowered; a lower bound is raised if it is left out itself."""
    if old == new:
        return
    if old is None:
        yield change(f"{what}-set", at, f"{thing} is now {_phrase(new)}; there was none")
    elif new is None:
        yield change(f"{what}-dropped", at, f"{thing} was {_phrase(old)}; there is none now")
    else:
        at_end = what == "maximum"
        raised = (new[0], new[1] != at_end) > (old[0], old[1] != at_end)
        how = "raised" if raised else "lowered"
        yield change(f"{what}-{how}", at, f"{thing} was {_phrase(old)} and is now {_phrase(new)}")


def _phrase(bound: _Bound | None) -> str:
    if bound is None:
        return "none"
    return f"{shown(bound[0])}, itself left out" if bound[1] else shown(bound[0])


def texts(old: String | Bytes, new: String | Bytes, at: str) -> Iterator[Change]:
    """Yield what changed about the lengths and the format of two texts; not about their patterns."""
    lengths = ((old.min_length, old.max_length), (new.min_length, new.max_length))
    yield from counts("length", "length", *lengths, at)
    before, after = _format(old), _format(new)
    if before == after:
        return
    if before is None:
        yield change("format-set", at, f"it is now described as {after}")
    elif after is None:
        yield change("format-dropped", at, f"it was described as {before} and no longer is")
    else:
        yield change("format-changed", at, f"it was described as {before} and is now as {after}")


def formats(old: Node, new: Node, at: str) -> Iterator[Change]:
    """Yield that texts of a format that only describes became, or were, ones whose format is checked."""
    before, after = _format(old), _format(new)
    is_text = isinstance(old, String) != isinstance(new, String)
    if is_text and before is not None and after is not None and before != after:
        yield change("format-changed", at, f"it was described as {before} and is now as {after}")


def _format(node: Node) -> str | None:
    return node.format if isinstance(node, String) else _CHECKED.get(type(node))


def listed_values(old: Literal | Enum, new: Literal | Enum, names: Mapping[str, str], at: str) -> Iterator[Change]:
    """Yield which of the listed values were removed, added and, as *names* say, renamed."""
    before = {json_key(value): value for value in allowed_values(old)}
    after = {json_key(value): value for value in allowed_values(new)}
    renamed = _renamed_values(before, after, names)
    came = {key for key, name in renamed.items() if name not in before or name in renamed}
    removed = [key for key in before if key not in after and key not in came]
    added = [key for key in after if key not in before and key not in renamed.values()]
    if removed and added and len(before) == len(after) == 1:
        message = f"the only value was {shown(before[removed[0]])} and is now {shown(after[added[0]])}"
        yield change("constant-changed", at, message)
        return
    for key in sorted(came, key=list(before).index):
        message = f"{shown(before[key])} is now called {shown(after[renamed[key]])}"
        # Of values that change places, the sets know nothing.
        yield replace(change("enum-value-renamed", at, message), settled=key in after)
    for key in removed:
        now = f"is {shown(after[renamed[key]])} now" if key in renamed else "no longer is"
        yield change("enum-value-removed", at, f"{shown(before[key])} was one of {len(before)} values and {now}")
    for key in added:
        message = f"{shown(after[key])} was not one of the {len(before)} values and now is"
        yield change("enum-value-added", at, message)


def _renamed_values(
    before: Mapping[object, object], after: Mapping[object, object], names: Mapping[str, str]
) -> dict[object, object]:
    """Return, by key, what values became that are gone, or whose place another took."""
    by_text: dict[str, object] = {}
    for key, value in after.items():
        by_text.setdefault(str(value), key)
    said = {key: by_text[names[str(value)]] for key, value in before.items() if names.get(str(value)) in by_text}
    return {key: now for key, now in said.items() if key != now and (key not in after or key in said.values())}


def offsets(old: Time | DateTime, new: Time | DateTime, at: str) -> Iterator[Change]:
    """Yield whether a time has another rule for its offset."""
    if old.tz == new.tz:
        return
    edit = "narrowed" if old.tz is None else "widened" if new.tz is None else "changed"
    rules = {None: "free", True: "required", False: "refused"}
    message = f"the offset from UTC was {rules[old.tz]} and is now {rules[new.tz]}"
    yield change(f"offset-rule-{edit}", at, message)
