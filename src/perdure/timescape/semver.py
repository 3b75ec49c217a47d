"""Semantic versions and the ranges clients ask for.

Precedence is semver.org 2.0.0; ranges are npm's (``v1``, ``1.x``, ``^1.2``, ``~1.2.3``, ``>=1 <3``, ``1 || 3``,
``1.2 - 2.1``), because that is what a client's developer knows. The PyPI libraries have one or the other: ``semver`` no
npm ranges, ``semantic-version`` and ``node-semver`` no types.

An alternative of a range is kept as one span, ``low <= version < high``. What leaves parts out is the span it covers:
``1.2`` is ``>=1.2.0 <1.3.0-0``, where ``-0`` is the lowest pre-release, so that those of the upper end stay out.
"""

import re
from bisect import bisect_left
from collections.abc import Sequence
from typing import NamedTuple, final

__all__ = ["Range", "Rank", "Semver", "parse_range", "parse_semver"]

_NUMBER = r"(?:0|[1-9][0-9]*)"
_IDENTIFIER = rf"(?:{_NUMBER}|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_SUFFIX = rf"(?:-(?P<pre>{_IDENTIFIER}(?:\.{_IDENTIFIER})*))?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?"
_FULL = re.compile(rf"v?(?P<major>{_NUMBER})\.(?P<minor>{_NUMBER})\.(?P<patch>{_NUMBER}){_SUFFIX}")
_PART = rf"(?:{_NUMBER}|[xX*])"
_PARTIAL = re.compile(rf"v?(?P<major>{_PART})(?:\.(?P<minor>{_PART})(?:\.(?P<patch>{_PART}){_SUFFIX})?)?")
_COMPARATOR = re.compile(r"(?P<operator>>=|<=|>|<|=|\^|~)? *(?P<bound>[0-9A-Za-z.*+-]+)(?: +|$)")
_HYPHEN = re.compile(r"(?P<low>[0-9A-Za-z.*+-]+) +- +(?P<high>[0-9A-Za-z.*+-]+)")

_Identifier = tuple[int, int, str]
Rank = tuple[int, int, int, int, tuple[_Identifier, ...]]
"""Sorts by precedence: a release after its pre-releases, numbers before words, a prefix before what continues it."""

_RELEASE = 1


@final
class Semver(NamedTuple):
    """A semantic version without its build metadata, which has no say in precedence."""

    major: int
    minor: int
    patch: int
    prerelease: tuple[str, ...] = ()

    @property
    def triple(self) -> tuple[int, int, int]:
        """Major, minor and patch."""
        return self[:3]

    @property
    def rank(self) -> Rank:
        """What to sort by for semver.org's precedence; equal for versions that differ in nothing that counts."""
        if not self.prerelease:
            return (*self.triple, _RELEASE, ())
        return (
            *self.triple,
            0,
            tuple((0, int(part), "") if part.isdigit() else (1, 0, part) for part in self.prerelease),
        )


class _Span(NamedTuple):
    """``low <= version < high`` by rank."""

    low: Rank
    high: Rank
    named: frozenset[tuple[int, int, int]] = frozenset()
    """The triples whose pre-releases are asked for by name; no others are meant."""

    def narrowed(self, other: "_Span") -> "_Span":
        """Return what lies in both."""
        return _Span(max(self.low, other.low), min(self.high, other.high), self.named | other.named)


_LOWEST: Rank = (0, 0, 0, 0, ())
_BEYOND: Rank = (10**1000, 0, 0, 0, ())
"""No version is as high."""
_EVERYTHING = _Span(_LOWEST, _BEYOND)
_NOTHING = _Span(_LOWEST, _LOWEST)


@final
class Range(NamedTuple):
    """What a client takes: a version in any of these spans."""

    spans: tuple[_Span, ...]

    def newest(self, ranks: Sequence[Rank]) -> int | None:
        """Return where in *ranks*, which ascend, the highest one in this range stands; None if there is none.

        A pre-release is in the range only where an alternative names a pre-release of the same triple. O(log n) per
        alternative, and a step for every pre-release passed over.
        """
        found = [place for span in self.spans if (place := _newest(span, ranks)) is not None]
        return max(found, default=None)


def _newest(span: _Span, ranks: Sequence[Rank]) -> int | None:
    place = bisect_left(ranks, span.high) - 1
    while place >= 0 and ranks[place] >= span.low:
        major, minor, patch, released, _ = ranks[place]
        if released or (major, minor, patch) in span.named:
            return place
        place -= 1
    return None


def parse_semver(text: str) -> Semver | None:
    """Return the complete semantic version *text*, with or without a leading ``v``; None if it is none."""
    found = _FULL.fullmatch(text)
    if found is None:
        return None
    return Semver(int(found["major"]), int(found["minor"]), int(found["patch"]), _identifiers(found["pre"]))


def parse_range(text: str) -> Range | None:
    """Return the range *text*, in npm's notation; None if it is none. Every alternative must say something."""
    spans = []
    for alternative in text.split("||"):
        span = _parse_alternative(alternative.strip(" "))
        if span is None:
            return None
        spans.append(span)
    return Range(tuple(spans))


def _identifiers(prerelease: str | None) -> tuple[str, ...]:
    return tuple(prerelease.split(".")) if prerelease else ()


def _parse_alternative(text: str) -> _Span | None:
    hyphen = _HYPHEN.fullmatch(text)
    if hyphen is not None:
        low, high = _comparator(">=", hyphen["low"]), _comparator("<=", hyphen["high"])
        return low.narrowed(high) if low and high else None
    if not text:
        return None
    whole = _EVERYTHING
    position = 0
    while position < len(text):
        found = _COMPARATOR.match(text, position)
        span = _comparator(found["operator"] or "=", found["bound"]) if found else None
        if found is None or span is None:
            return None
        whole = whole.narrowed(span)
        position = found.end()
    return whole


def _comparator(operator: str, text: str) -> _Span | None:
    """Return what *operator* says of *text*, which may leave out or star minor and patch; None if it is no version."""
    found = _PARTIAL.fullmatch(text)
    if found is None:
        return None
    parts: list[int] = []
    for name in ("major", "minor", "patch"):
        part = found[name]
        if part is None or part in "xX*":
            break
        parts.append(int(part))
    if not parts:
        return _NOTHING if operator in {"<", ">"} else _EVERYTHING
    major, minor, patch = (*parts, 0, 0)[:3]
    bound = Semver(major, minor, patch, _identifiers(found["pre"]) if len(parts) == 3 else ())
    named = frozenset({bound.triple} if bound.prerelease else ())
    end = _end(operator, bound, len(parts))
    if operator == "<":
        return _Span(_LOWEST, bound.rank if len(parts) == 3 else (*bound.triple, 0, ()), named)
    if operator == "<=":
        return _Span(_LOWEST, end, named)
    if operator == ">":
        return _Span(end if len(parts) == 3 else (*end[:3], _RELEASE, ()), _BEYOND, named)
    return _Span(bound.rank, _BEYOND if operator == ">=" else end, named)


def _end(operator: str, bound: Semver, given: int) -> Rank:
    """Return the rank right after everything *bound* covers, where *given* of its parts were written."""
    if operator == "^":
        counting = next((index for index, part in enumerate(bound.triple[:given]) if part), given - 1)
    elif operator == "~":
        counting = min(given, 2) - 1
    elif given == 3:
        major, minor, patch, released, identifiers = bound.rank
        return (major, minor, patch, released, (*identifiers, (-1, 0, "")))
    else:
        counting = given - 1
    raised = [*bound.triple[:counting], bound.triple[counting] + 1, 0, 0]
    return (raised[0], raised[1], raised[2], 0, ())
