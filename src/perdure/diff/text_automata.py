"""Automata that run patterns, several at once, to find a text that some match and others do not.

Each pattern is a graph of places; a set of places is where a run may be after the text so far. The sets are made while
texts are looked for, shortest first, so most automata are never built in full. Characters that no pattern tells apart
are one.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, NamedTuple, final

from perdure.diff.text_patterns import ANYTHING, Anchor, Branch, Chain, Chars, Loop, NotRegularError, Piece, parse

__all__ = ["Automaton", "NotRegularError", "TooLargeError", "texts_between"]

_MOST_PLACES: Final = 3000
_MOST_STATES: Final = 20_000
_SURROGATES: Final = range(0xD800, 0xE000)

State = frozenset[int]


class TooLargeError(Exception):
    """There are more states than can be looked at."""


@final
class Automaton:
    """A pattern that is searched for in a text."""

    def __init__(self, pattern: str) -> None:
        """Read *pattern*.

        Raises:
            NotRegularError: It cannot be run by an automaton.
        """
        self._free: list[list[int]] = []
        self._at_start: list[list[int]] = []
        self._at_end: list[list[int]] = []
        self.steps: list[list[tuple[Chars, int]]] = []
        start, self._final = self._place(), self._place()
        self.steps[start].append((ANYTHING, start))
        self.steps[self._final].append((ANYTHING, self._final))
        self._build(parse(pattern), start, self._final)
        self._useful = self._leading_to_final()
        self.start = self._closure({start}, at_start=True, at_end=False)
        self.matches_empty = self._final in self._closure({start}, at_start=True, at_end=True)
        self._moves: dict[tuple[State, int], State] = {}

    def move(self, state: State, character: int) -> State:
        """Return where a run may be after one more character."""
        key = (state, character)
        found = self._moves.get(key)
        if found is None:
            reached = {
                target
                for place in state
                for chars, target in self.steps[place]
                if target in self._useful and any(low <= character <= high for low, high in chars.ranges)
            }
            found = self._moves[key] = self._closure(reached, at_start=False, at_end=False)
        return found

    def matches(self, state: State) -> bool:
        """Tell whether a text that led to *state* and ends there matches; it must not be empty."""
        return self._final in state or self._final in self._closure(set(state), at_start=False, at_end=True)

    def _place(self) -> int:
        if len(self.steps) >= _MOST_PLACES:
            raise NotRegularError
        for edges in (self._free, self._at_start, self._at_end):
            edges.append([])
        self.steps.append([])
        return len(self.steps) - 1

    def _leading_to_final(self) -> State:
        """Return the places from which, past the start of the text, the pattern may still match."""
        before: list[list[int]] = [[] for _ in self.steps]
        for place, steps in enumerate(self.steps):
            for target in (*self._free[place], *self._at_end[place], *(target for _, target in steps)):
                before[target].append(place)
        found = {self._final}
        waiting = [self._final]
        while waiting:
            fresh = [place for place in before[waiting.pop()] if place not in found]
            found.update(fresh)
            waiting.extend(fresh)
        return frozenset(found)

    def _build(self, piece: Piece, start: int, end: int) -> None:
        """Lay ways from *start* to *end* for all that *piece* matches."""
        match piece:
            case Chars():
                self.steps[start].append((piece, end))
            case Anchor(at_start=at_start):
                (self._at_start if at_start else self._at_end)[start].append(end)
            case Branch(pieces=pieces):
                for each in pieces:
                    self._build(each, start, end)
            case Chain(pieces=pieces):
                for each in pieces:
                    following = self._place()
                    self._build(each, start, following)
                    start = following
                self._free[start].append(end)
            case Loop():
                self._loop(piece, start, end)

    def _loop(self, loop: Loop, start: int, end: int) -> None:
        for _ in range(loop.least):
            following = self._place()
            self._build(loop.piece, start, following)
            start = following
        if loop.most is None:
            again = self._place()
            self._free[start].append(again)
            self._build(loop.piece, again, again)
            self._free[again].append(end)
            return
        for _ in range(loop.most - loop.least):
            self._free[start].append(end)
            following = self._place()
            self._build(loop.piece, start, following)
            start = following
        self._free[start].append(end)

    def _closure(self, places: set[int], *, at_start: bool, at_end: bool) -> State:
        """Return all places to be reached from *places* without a character."""
        waiting = list(places)
        while waiting:
            place = waiting.pop()
            reached = [*self._free[place]]
            if at_start:
                reached += self._at_start[place]
            if at_end:
                reached += self._at_end[place]
            fresh = [target for target in reached if target not in places]
            places.update(fresh)
            waiting.extend(fresh)
        return frozenset(places)


class _Point(NamedTuple):
    """How far a text has come."""

    wanted: tuple[State, ...]
    unwanted: tuple[State, ...]
    length: int
    """Counted up to where longer texts are all the same."""


def texts_between(
    wanted: Sequence[Automaton], unwanted: Sequence[Automaton], fits: Callable[[int, Sequence[bool]], bool],
    lengths: Iterable[int], most: int | None,
) -> Iterator[str]:  # fmt: skip
    """Yield texts that all of *wanted* match, shortest first, one for each different way to get there.

    Args:
        wanted: What has to match.
        unwanted: What *fits* is told about.
        fits: Tells, by the length of a text and by which of *unwanted* match it, whether it is looked for.
        lengths: The lengths from which on *fits* may say something else.
        most: The greatest length there may be.
    Raises:
        TooLargeError: There is more to look at than there is time.
    """
    characters = _characters((*wanted, *unwanted))
    longest = max(lengths, default=0) + 1
    first = _Point(tuple(each.start for each in wanted), tuple(each.start for each in unwanted), 0)
    if all(each.matches_empty for each in wanted) and fits(0, [each.matches_empty for each in unwanted]):
        yield ""
    waiting = deque([(first, "")])
    met = {first}
    while waiting:
        point, text = waiting.popleft()
        if most is not None and len(text) >= most:
            continue
        for character in characters:
            following = _after(point, character, wanted, unwanted, longest)
            if following in met or not all(following.wanted):
                continue
            if len(met) >= _MOST_STATES:
                raise TooLargeError
            met.add(following)
            longer = text + chr(character)
            waiting.append((following, longer))
            if all(each.matches(state) for each, state in zip(wanted, following.wanted, strict=True)):
                matched = [each.matches(state) for each, state in zip(unwanted, following.unwanted, strict=True)]
                if fits(len(longer), matched):
                    yield longer


def _after(
    point: _Point, character: int, wanted: Sequence[Automaton], unwanted: Sequence[Automaton], longest: int
) -> _Point:
    return _Point(
        tuple(each.move(state, character) for each, state in zip(wanted, point.wanted, strict=True)),
        tuple(each.move(state, character) for each, state in zip(unwanted, point.unwanted, strict=True)),
        min(point.length + 1, longest),
    )


def _characters(automata: Iterable[Automaton]) -> list[int]:
    """Return one character for each kind that *automata* tell apart; readable ones first."""
    edges = {0, _SURROGATES.start, _SURROGATES.stop}
    for automaton in automata:
        for steps in automaton.steps:
            for chars, _ in steps:
                for low, high in chars.ranges:
                    edges |= {low, high + 1}
    starts = sorted(edges)
    ends = [*starts[1:], 0x110000]
    found = [
        next((code for code in (*b"a0A_", *range(33, 127)) if low <= code < end), low)
        for low, end in zip(starts, ends, strict=True)
        if low < end and low not in _SURROGATES and low <= 0x10FFFF
    ]
    return sorted(found, key=lambda code: (not 32 < code < 127, code))
