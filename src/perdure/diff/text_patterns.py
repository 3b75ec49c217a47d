r"""Regular expressions of ECMA-262, read into small trees, as far as automata can run them.

Not read: back references, look-around, word boundaries and Unicode properties. Python's own parser would give trees
too, but is private to it, and reads another dialect.
"""

from typing import Final, NamedTuple, final

__all__ = ["ANYTHING", "Anchor", "Branch", "Chain", "Chars", "Loop", "NotRegularError", "Piece", "parse"]

_Ranges = tuple[tuple[int, int], ...]
_LAST: Final = 0x10FFFF
_MOST_COPIES: Final = 300


class Chars(NamedTuple):
    """One character, out of these ranges, which are sorted and apart."""

    ranges: _Ranges


class Anchor(NamedTuple):
    """Nothing, but only at the start or the end of the text."""

    at_start: bool


class Chain(NamedTuple):
    """One piece after the other."""

    pieces: tuple["Piece", ...]


class Branch(NamedTuple):
    """Any of the pieces."""

    pieces: tuple["Piece", ...]


class Loop(NamedTuple):
    """A piece, so many times; *most* is None where there is no end."""

    piece: "Piece"
    least: int
    most: int | None


Piece = Chars | Anchor | Chain | Branch | Loop
"""A regular expression."""


class NotRegularError(Exception):
    """The pattern is malformed, too large, or uses what automata cannot run."""


ANYTHING: Final = Chars(((0, _LAST),))
"""Any character."""

_DIGITS: Final[_Ranges] = ((0x30, 0x39),)
_WORDS: Final[_Ranges] = ((0x30, 0x39), (0x41, 0x5A), (0x5F, 0x5F), (0x61, 0x7A))
_SPACES: Final[_Ranges] = (
    (0x9, 0xD), (0x20, 0x20), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F),
    (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF),
)  # fmt: skip


def _merged(ranges: list[tuple[int, int]]) -> _Ranges:
    found: list[tuple[int, int]] = []
    for low, high in sorted(ranges):
        if found and low <= found[-1][1] + 1:
            found[-1] = (found[-1][0], max(found[-1][1], high))
        else:
            found.append((low, high))
    return tuple(found)


def _others(ranges: _Ranges) -> _Ranges:
    found: list[tuple[int, int]] = []
    start = 0
    for low, high in ranges:
        if low > start:
            found.append((start, low - 1))
        start = high + 1
    if start <= _LAST:
        found.append((start, _LAST))
    return tuple(found)


_CLASSES: Final = {
    "d": _DIGITS, "D": _others(_DIGITS), "w": _WORDS, "W": _others(_WORDS), "s": _SPACES, "S": _others(_SPACES),
}  # fmt: skip
_CONTROLS: Final = {"n": 0xA, "r": 0xD, "t": 0x9, "f": 0xC, "v": 0xB, "0": 0}
_NO_LINE_END: Final = Chars(_others(((0xA, 0xA),)))


def parse(pattern: str) -> Piece:
    """Return the tree of *pattern*.

    Raises:
        NotRegularError: It cannot be run by an automaton, or is no pattern.
    """
    parser = _Parser(pattern)
    piece = parser.branch()
    if parser.rest:
        raise NotRegularError(pattern)
    return piece


@final
class _Parser:
    """Reads a pattern from left to right."""

    def __init__(self, pattern: str) -> None:
        self._pattern = pattern
        self._position = 0

    @property
    def rest(self) -> str:
        """What has not been read yet."""
        return self._pattern[self._position :]

    def _take(self, text: str) -> bool:
        """Read *text*, if it comes next."""
        if not self._pattern.startswith(text, self._position):
            return False
        self._position += len(text)
        return True

    def _next(self) -> str:
        if self._position >= len(self._pattern):
            raise NotRegularError(self._pattern)
        self._position += 1
        return self._pattern[self._position - 1]

    def branch(self) -> Piece:
        """Read alternatives, up to a closing parenthesis or the end."""
        found = [self._chain()]
        while self._take("|"):
            found.append(self._chain())
        return found[0] if len(found) == 1 else Branch(tuple(found))

    def _chain(self) -> Piece:
        found: list[Piece] = []
        while self.rest and self.rest[0] not in "|)":
            found.append(self._loop(self._atom()))
        return Chain(tuple(found))

    def _loop(self, piece: Piece) -> Piece:
        """Read how often *piece* comes."""
        for sign, least, most in (("*", 0, None), ("+", 1, None), ("?", 0, 1)):
            if self._take(sign):
                self._take("?")
                return Loop(piece, least, most)
        bounds = self._bounds()
        if bounds is None:
            return piece
        self._take("?")
        least, most = bounds
        if max(least, most or 0) > _MOST_COPIES:
            raise NotRegularError(self._pattern)
        return Loop(piece, least, most)

    def _bounds(self) -> tuple[int, int | None] | None:
        start = self._position
        if not self._take("{"):
            return None
        least = self._number()
        if least is None:
            self._position = start
            return None
        most: int | None = least
        if self._take(","):
            most = self._number()
        if not self._take("}") or (most is not None and most < least):
            raise NotRegularError(self._pattern)
        return least, most

    def _number(self) -> int | None:
        digits = ""
        while self.rest[:1].isascii() and self.rest[:1].isdigit():
            digits += self._next()
        return int(digits) if digits else None

    def _atom(self) -> Piece:
        sign = self._next()
        match sign:
            case "(":
                return self._group()
            case "[":
                return self._class()
            case ".":
                return _NO_LINE_END
            case "^":
                return Anchor(at_start=True)
            case "$":
                return Anchor(at_start=False)
            case "\\":
                return Chars(self._escape(in_class=False))
            case "*" | "+" | "?" | "{":
                raise NotRegularError(self._pattern)
            case _:
                return Chars(((ord(sign), ord(sign)),))

    def _group(self) -> Piece:
        if self._take("?") and not self._take(":"):
            if not self._take("<") or self.rest[:1] in ("=", "!"):
                raise NotRegularError(self._pattern)
            while self._next() != ">":
                pass
        piece = self.branch()
        if not self._take(")"):
            raise NotRegularError(self._pattern)
        return piece

    def _class(self) -> Piece:
        negated = self._take("^")
        ranges: list[tuple[int, int]] = []
        while not self._take("]"):
            low = self._member()
            if self.rest[:1] == "-" and self.rest[1:2] not in ("", "]") and len(low) == 1 and low[0][0] == low[0][1]:
                self._next()
                high = self._member()
                if len(high) != 1 or high[0][0] != high[0][1] or high[0][0] < low[0][0]:
                    raise NotRegularError(self._pattern)
                low = ((low[0][0], high[0][0]),)
            ranges.extend(low)
        found = _merged(ranges)
        return Chars(_others(found) if negated else found)

    def _member(self) -> _Ranges:
        sign = self._next()
        return self._escape(in_class=True) if sign == "\\" else ((ord(sign), ord(sign)),)

    def _escape(self, *, in_class: bool) -> _Ranges:
        sign = self._next()
        if sign in _CLASSES:
            return _CLASSES[sign]
        if sign == "b" and in_class:
            return ((8, 8),)
        if sign in _CONTROLS and not (sign == "0" and self.rest[:1].isdigit()):
            return ((_CONTROLS[sign], _CONTROLS[sign]),)
        if sign in "xu":
            return self._code(sign)
        if sign.isalnum():  # back references, boundaries, properties
            raise NotRegularError(self._pattern)
        return ((ord(sign), ord(sign)),)

    def _code(self, sign: str) -> _Ranges:
        if sign == "u" and self._take("{"):
            digits = ""
            while not self._take("}"):
                digits += self._next()
        else:
            digits = "".join(self._next() for _ in range(2 if sign == "x" else 4))
        try:
            code = int(digits, 16)
        except ValueError:
            raise NotRegularError(self._pattern) from None
        return ((code, code),)
