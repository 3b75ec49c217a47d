"""Whether one value is another, or what is left of it: a text cut off, a number rounded, a list without some items.

Only JSON data is compared. White space, case and punctuation are no loss, nor is another way to write the same number.
"""

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final, Literal, NamedTuple

import msgspec

from perdure.timescape.proving.plain import equal

__all__ = ["OTHER", "Compared", "Likeness", "compare", "fold"]

Likeness = Literal["same", "cut", "moved", "other", "nothing"]
"""``moved``: in another order. ``nothing``: one of them is empty, which says nothing."""

_NUMBER = re.compile(r"-?\d{1,400}(\.\d{1,400})?([eE][+-]?\d{1,3})?")
_HUGE = 300
"""Numbers with more digits may be none that a float can hold: they show nothing."""
_LEADING_ZERO = re.compile(r"-?0\d")


class Compared(NamedTuple):
    """What one value is of another."""

    likeness: Likeness
    missing: tuple[str, ...] = ()
    """What is not there any more, folded."""


OTHER: Final = Compared("other")
_SAME, _NOTHING = Compared("same"), Compared("nothing")


def fold(text: str) -> str:
    """Return *text* without case, and without all that is neither letter nor digit."""
    return "".join(each for each in text.casefold() if each.isalnum())


def compare(given: object, came: object, *, is_converted: bool = False) -> Compared:
    """Return what *came* is of *given*.

    Args:
        given: What went in.
        came: What came out.
        is_converted: Items of lists and values of maps come out as others, so only their number can be compared.
    """
    if given is None or came is None:
        return _NOTHING
    match given, came:
        case (bool(), _) | (_, bool()):
            return _SAME if given is came else OTHER
        case list(), list():
            return _lists(given, came, is_converted)
        case dict(), dict():
            return _maps(given, came, is_converted)
        case str(), str():
            return _texts(given, came)
        case ((str() | int() | float()), (str() | int() | float())):
            return _numbers(given, came)
        case _:
            return OTHER


def _texts(given: str, came: str) -> Compared:
    as_numbers = _numbers(given, came)
    if as_numbers.likeness == "cut":
        return as_numbers
    whole, part = fold(given), fold(came)
    if not whole or not part:
        return _NOTHING if not part else OTHER
    if as_numbers.likeness == "same" and not (_LEADING_ZERO.match(given) and not _LEADING_ZERO.match(came)):
        return _SAME
    return _SAME if whole == part else _piece(whole, part)


def _piece(whole: str, part: str) -> Compared:
    """Return whether *part* is *whole* with one piece taken out."""
    if len(part) >= len(whole):
        return OTHER
    head = 0
    while head < len(part) and part[head] == whole[head]:
        head += 1
    tail = len(part) - head
    if tail and part[head:] != whole[-tail:]:
        return OTHER
    return Compared("cut", (whole[head : len(whole) - tail],))


def _numbers(given: object, came: object) -> Compared:
    whole, part = _decimal(given), _decimal(came)
    if whole is None or part is None:
        return OTHER
    # A float is exactly what it holds, however few digits it is written with.
    if isinstance(given, float) and float(part) == given:
        return _SAME
    if max(whole.adjusted(), part.adjusted()) > _HUGE:
        return _SAME if whole == part else _NOTHING
    if whole == part or (isinstance(came, float) and float(whole) == float(part)):
        return _SAME
    digits, left = _places(whole), _places(part)
    if left < digits and abs(whole - part) < Decimal(1).scaleb(-left):
        return Compared("cut", (format(whole, "f").rpartition(".")[2][left:].rstrip("0"),))
    if not digits and part == Decimal(int(float(whole))):
        return Compared("cut", (fold(format(whole, "f")),))
    return Compared("cut", (fold(format(whole, "f")),)) if part == Decimal(repr(float(whole))) else OTHER


def _decimal(value: object) -> Decimal | None:
    text = value if isinstance(value, str) else repr(value)
    return Decimal(text) if _NUMBER.fullmatch(text) else None


def _places(number: Decimal) -> int:
    """Return how many digits there are after the point."""
    exponent = number.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0


def _lists(given: Sequence[object], came: Sequence[object], is_converted: bool) -> Compared:
    if not given:
        return OTHER if came else _NOTHING
    if equal(given, came):
        return _SAME
    if is_converted:
        is_less = len(came) < len(given)
        return Compared("cut", tuple(map(_json, given[len(came) :]))) if is_less else _by_number(given, came)
    left = list(given)
    for item in came:
        index = next((place for place, each in enumerate(left) if equal(each, item)), None)
        if index is None:
            return _item_by_item(given, came)
        del left[index]
    if not left:
        return Compared("moved")
    dropped = [each for each in left if not any(equal(each, item) for item in came)]
    return Compared("cut", tuple(map(_json, dropped))) if dropped else _SAME


def _by_number(given: Sequence[object], came: Sequence[object]) -> Compared:
    return _SAME if len(given) == len(came) else OTHER


def _item_by_item(given: Sequence[object], came: Sequence[object]) -> Compared:
    """Return what the items of *came* are of those of *given*, one by one."""
    if len(given) != len(came):
        return OTHER
    found = [_SAME if equal(one, other) else compare(one, other) for one, other in zip(given, came, strict=True)]
    if any(each.likeness in {"other", "moved"} for each in found):
        return OTHER
    missing = tuple(text for each in found for text in each.missing)
    return Compared("cut", missing) if missing else _SAME


def _maps(given: Mapping[str, object], came: Mapping[str, object], is_converted: bool) -> Compared:
    if not given or not came:
        return _NOTHING if not came else OTHER
    if not came.keys() <= given.keys():
        return OTHER
    gone = tuple(fold(name) or name for name in given if name not in came)
    if not is_converted and not all(equal(given[name], came[name]) for name in came):
        return OTHER
    return Compared("cut", gone) if gone else _SAME


def _json(value: object) -> str:
    return fold(msgspec.json.encode(value, enc_hook=repr).decode())
