"""Numbers that are in some ranges and in none of some others.

A range with a step holds the multiples of the step, a range without one holds every decimal number. Between two
neighbouring bounds of all ranges nothing changes, so it is enough to look at each bound and at one number, or one
period of the steps, between each two.
"""

import functools
import math
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import islice, pairwise
from typing import NamedTuple

from perdure.diff.outcomes import EMPTY, UNKNOWN, Found, Outcome
from perdure.gtype.nodes import Integer, Number

__all__ = ["Range", "find_number", "range_of"]

_MOST_TRIED = 5000
_DIGITS = 18
_SHARES = (Fraction(1, 2), Fraction(1, 3), Fraction(2, 3), Fraction(3, 7), Fraction(5, 11))

_Gap = tuple[Fraction | None, Fraction | None]
"""An interval without its ends; None: it has no end there."""


class Range(NamedTuple):
    """All numbers, or all multiples of *step*, between two bounds."""

    low: Fraction | None = None
    low_open: bool = False
    high: Fraction | None = None
    high_open: bool = False
    step: Fraction | None = None

    def holds(self, number: Fraction) -> bool:
        """Tell whether *number* is in this range."""
        if self.low is not None and (number < self.low or (self.low_open and number == self.low)):
            return False
        if self.high is not None and (number > self.high or (self.high_open and number == self.high)):
            return False
        return self.step is None or (number / self.step).denominator == 1

    def spans(self, gap: _Gap) -> bool:
        """Tell whether both bounds lie outside *gap*; none may lie within it."""
        low, high = gap
        if self.low is not None and (low is None or self.low > low):
            return False
        return self.high is None or (high is not None and self.high >= high)


def range_of(nodes: Iterable[Integer | Number]) -> Range:
    """Return what all of *nodes* allow."""
    lows: list[tuple[Fraction, bool]] = []
    highs: list[tuple[Fraction, bool]] = []
    steps: list[Fraction] = []
    for node in nodes:
        lows += [(exact(bound), is_open) for bound, is_open in ((node.ge, False), (node.gt, True)) if bound is not None]
        highs += [(exact(bound), not at) for bound, at in ((node.le, True), (node.lt, False)) if bound is not None]
        if node.multiple_of is not None:
            steps.append(exact(node.multiple_of))
        if isinstance(node, Integer):
            steps.append(Fraction(1))
    low, low_open = max(lows, default=(None, False))
    high, high_open = min(highs, key=lambda pair: (pair[0], not pair[1]), default=(None, False))
    step = functools.reduce(_common, steps) if steps else None
    return Range(low, low_open, high, high_open, step)


def _common(one: Fraction, other: Fraction) -> Fraction:
    """Return the step of what is a multiple of both."""
    whole = math.lcm(one.numerator * other.denominator, other.numerator * one.denominator)
    return Fraction(whole, one.denominator * other.denominator)


def exact(number: float) -> Fraction:
    """Return *number* as the decimal it is written as."""
    return Fraction(number) if isinstance(number, int) else Fraction(repr(number))


def find_number(wanted: Range, unwanted: list[Range], points: frozenset[Fraction]) -> Outcome:
    """Find a number in *wanted* that is in none of *unwanted* and none of *points*."""
    bounds = {bound for each in (wanted, *unwanted) for bound in (each.low, each.high) if bound is not None} | points
    ordered = sorted(bounds, key=lambda bound: (abs(bound), bound < 0))
    for bound in ordered:
        if wanted.holds(bound) and bound not in points and not any(each.holds(bound) for each in unwanted):
            value = _json(bound)
            if value is not None:
                return Found(value)
    outcome: Outcome = EMPTY
    for gap in sorted(pairwise((None, *sorted(bounds), None)), key=_distance):
        if not wanted.spans(gap):
            continue
        steps = [each.step for each in unwanted if each.spans(gap)]
        if None in steps:
            continue
        found = _between(gap, wanted.step, [step for step in steps if step is not None])
        if isinstance(found, Found):
            return found
        outcome = UNKNOWN if found is UNKNOWN else outcome
    return outcome


def _distance(gap: _Gap) -> Fraction:
    """Return how far from 0 a gap is, so that small numbers are found first."""
    low, high = gap
    if low is None or high is None:
        return abs(low or high or Fraction(0))
    return min(abs(low), abs(high))


def _between(gap: _Gap, step: Fraction | None, unwanted: list[Fraction]) -> Outcome:
    """Find a multiple of *step* in *gap* that is no multiple of any of *unwanted*."""
    if step is not None and any((step / other).denominator == 1 for other in unwanted):
        return EMPTY
    candidates = _anything(gap) if step is None else _multiples(gap, step, unwanted)
    tried, inexact = 0, step is None
    for number in islice(candidates, _MOST_TRIED):
        tried += 1
        if not any((number / other).denominator == 1 for other in unwanted):
            value = _json(number)
            if value is not None:
                return Found(value)
            inexact = True
    return UNKNOWN if inexact or tried == _MOST_TRIED else EMPTY


def _multiples(gap: _Gap, step: Fraction, unwanted: list[Fraction]) -> Iterator[Fraction]:
    """Yield multiples of *step* in *gap*: if there are few, all, else those that come right after a common multiple.

    The multiples of *unwanted* repeat with a period, and the first after a common multiple is none of them.
    """
    low, high = gap
    start = None if low is None else math.floor(low / step) + 1
    stop = None if high is None else math.ceil(high / step) - 1
    if start is not None and stop is not None and stop - start < _MOST_TRIED:
        yield from (step * count for count in range(start, stop + 1))
        return
    period = math.lcm(*((other / step).numerator for other in unwanted))
    nearest = max(0, start or 0) if stop is None or stop >= 0 else stop
    first = (nearest - 1) // period
    for round_ in range(first, first + 20) if stop is None or stop > nearest else range(first, first - 20, -1):
        count = round_ * period + 1
        if (start is None or count >= start) and (stop is None or count <= stop):
            yield step * count


def _anything(gap: _Gap) -> Iterator[Fraction]:
    """Yield decimal numbers in *gap*, short ones first."""
    low, high = gap
    places = [*_SHARES, *(-share for share in _SHARES)]  # near 0, floats lie closest together
    if low is not None and high is not None:
        places += [low + (high - low) * share for share in _SHARES]
    elif low is not None or high is not None:
        sign, end = (1, low) if low is not None else (-1, high)
        scales = (2, 10**6, 10**15, 10**30)
        places += [(end or Fraction(0)) + sign * share * scale for scale in scales for share in _SHARES]
    for digits in range(_DIGITS):
        for place in places:
            number = Fraction(round(place * 10**digits), 10**digits)
            if (low is None or number > low) and (high is None or number < high):
                yield number
    yield from (place for place in places if (low is None or place > low) and (high is None or place < high))


def _json(number: Fraction) -> int | float | None:
    """Return *number* as JSON has it, or None where a float is not that exact."""
    if number.denominator == 1:
        return int(number)
    try:
        value = float(number)
    except OverflowError:
        return None
    return value if math.isfinite(value) and exact(value) == number else None
