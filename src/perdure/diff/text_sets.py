"""Texts that fit some types and none of some others.

Lengths are intervals, patterns are automata, and dates, UUIDs and the like are judged by the validator: a few texts are
tried first, which settles nearly all questions. Only where patterns are left over, automata search all texts.
"""

import base64
from collections.abc import Callable, Iterable, Sequence
from typing import Final, final

from perdure.diff.outcomes import EMPTY, UNKNOWN, Found, Outcome
from perdure.diff.text_automata import Automaton, NotRegularError, TooLargeError, texts_between
from perdure.gtype.nodes import Bytes, Date, DateTime, Decimal, Duration, Enum, Literal, String, Time, Uuid
from perdure.gtype.validator_scalars import allowed_values

__all__ = ["Admits", "Text", "find_text"]

Text = String | Bytes | Date | Time | DateTime | Duration | Uuid | Decimal | Literal | Enum
"""The kinds some of whose values are texts."""

Admits = Callable[[Text, str], bool]
"""Tells whether a text is valid by a node."""

_MOST_TRIED: Final = 20
_LETTERS: Final = ("a", "A", "0", "-", "é", "😀", " ", "~")
_CLOCK: Final = r"[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})?$"
_LOOKS: Final = {
    Bytes: "^[A-Za-z0-9+/]*={0,2}$",
    Date: "^[0-9]{4}-[0-9]{2}-[0-9]{2}$",
    Time: "^" + _CLOCK,
    DateTime: "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]" + _CLOCK,
    Duration: r"^[+-]?[Pp][0-9DdTtHhMmSs.]+$",
    Uuid: "^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$",
    Decimal: r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?$",
}
"""For each kind a pattern that all of its texts match, and perhaps others."""

_EXAMPLES: Final[dict[type, tuple[str, ...]]] = {
    Date: ("2024-02-29", "1999-12-31"),
    Time: ("12:30:00Z", "12:30:00", "12:30:00.5+05:30", "23:59:59.123456"),
    DateTime: ("2024-02-29T12:30:00Z", "2024-02-29T12:30:00", "1999-12-31T23:59:59.5+05:30", "1999-12-31T23:59:59.5"),
    Duration: ("PT1S", "P1D", "P1DT2H", "PT0.5S", "-P400D"),
    Uuid: ("123e4567-e89b-12d3-a456-426614174000", "00000000-0000-4000-8000-00000000000a"),
    Decimal: ("1", "12.50", "-0.5", "+7", ".5", "1e5", "100000000000000000000"),
    Bytes: (),
}
_APART: Final = (Date, Time, DateTime, Uuid, Duration)
"""Kinds that no text is two of."""


def find_text(wanted: Sequence[Text], unwanted: Sequence[Text], admits: Admits) -> Outcome:
    """Find a text that all of *wanted* allow and none of *unwanted*; *admits* judges."""

    def fits(text: str) -> bool:
        return all(admits(node, text) for node in wanted) and not any(admits(node, text) for node in unwanted)

    listed = [node for node in wanted if isinstance(node, Literal | Enum)]
    if listed:
        texts = (value for value in allowed_values(listed[0]) if isinstance(value, str))
        return next((Found(text) for text in texts if fits(text)), EMPTY)
    search = _Search(wanted, unwanted)
    if search.is_hopeless():
        return EMPTY
    for text in search.guesses():
        if fits(text):
            return Found(text)
    if search.is_only_about_lengths():
        return EMPTY
    return search.run(fits)


@final
class _Search:
    """What is known of the texts that are looked for."""

    def __init__(self, wanted: Sequence[Text], unwanted: Sequence[Text]) -> None:
        strings = [node for node in wanted if isinstance(node, String)]
        self._is_plain = not strings
        self._kinds = [node for node in wanted if not isinstance(node, String | Literal | Enum)]
        self._patterns = {node.pattern for node in strings if node.pattern is not None}
        self._least = max((node.min_length or 0 for node in strings), default=0)
        self._most = min((node.max_length for node in strings if node.max_length is not None), default=None)
        for node in self._kinds:
            if isinstance(node, Bytes):
                self._least = max(self._least, _letters(node.min_length or 0))
                if node.max_length is not None:
                    self._most = min(
                        _letters(node.max_length), _letters(node.max_length) if self._most is None else self._most
                    )
        self._all_unwanted = [node for node in unwanted if not self._are_apart(node)]
        self._unwanted = [node for node in self._all_unwanted if isinstance(node, String)]
        self._listed = _listed(self._all_unwanted)

    def is_hopeless(self) -> bool:
        """Tell whether it is plain that there is no such text."""
        if self._most is not None and self._most < self._least:
            return True
        if any(_is_empty(node) for node in self._kinds):
            return True
        if len({type(node) for node in self._kinds if isinstance(node, _APART)}) > 1:
            return True
        if len({node.tz for node in self._kinds if isinstance(node, Time | DateTime) and node.tz is not None}) > 1:
            return True
        return any(self._implies(node) for node in self._all_unwanted)

    def _are_apart(self, node: Text) -> bool:
        """Tell whether no text of a wanted kind is a *node*."""
        return isinstance(node, _APART) and any(
            isinstance(kind, _APART) and type(kind) is not type(node) for kind in self._kinds
        )

    def _implies(self, node: Text) -> bool:
        """Tell whether each text that is looked for is plainly a *node*."""
        if isinstance(node, String):
            high = node.max_length
            if (node.min_length or 0) > self._least or (high is not None and (self._most is None or high < self._most)):
                return False
            return node.pattern is None or node.pattern in self._patterns
        return any(_is_within(kind, node) for kind in self._kinds)

    def is_only_about_lengths(self) -> bool:
        """Tell whether nothing but lengths and a few listed texts tell the types apart."""
        if self._patterns or any(isinstance(node, String) and node.pattern is not None for node in self._all_unwanted):
            return False
        if not self._kinds:
            return all(isinstance(node, String | Literal | Enum) for node in self._all_unwanted)
        return self._is_plain and all(isinstance(node, Bytes) for node in (*self._kinds, *self._all_unwanted))

    def _edges(self) -> set[int]:
        """Return the lengths at which a type starts or stops to fit."""
        found = {self._least}
        for node in self._unwanted:
            found |= {node.min_length or 0} | (set() if node.max_length is None else {node.max_length + 1})
        return found

    def guesses(self) -> Iterable[str]:
        """Yield texts that may do."""
        for kind in self._kinds:
            yield from _examples(kind, self._unwanted_bytes())
        if self._kinds:
            return
        lengths = {edge + more for edge in self._edges() for more in (0, 1, 2)}
        for length in sorted(lengths):
            if length >= self._least and (self._most is None or length <= self._most):
                yield from (letter * length for letter in _LETTERS)

    def _unwanted_bytes(self) -> list[Bytes]:
        return [node for node in self._all_unwanted if isinstance(node, Bytes)]

    def run(self, fits: Callable[[str], bool]) -> Outcome:
        """Search all texts; what only looks like its kind is passed over, and leaves doubts."""
        looks = [_LOOKS[type(kind)] for kind in self._kinds]
        strings = [*self._unwanted, *([String(pattern=self._listed)] if self._listed is not None else [])]
        patterns = [node.pattern for node in strings]
        try:
            wanted = [Automaton(pattern) for pattern in (*sorted(self._patterns), *looks)]
            unwanted = [None if pattern is None else Automaton(pattern) for pattern in patterns]
        except NotRegularError:
            return UNKNOWN

        def looked_for(length: int, matched: Sequence[bool]) -> bool:
            found = iter(matched)
            refused = [
                (automaton is None or next(found))
                and (node.min_length or 0) <= length
                and (node.max_length is None or length <= node.max_length)
                for node, automaton in zip(strings, unwanted, strict=True)
            ]
            return length >= self._least and not any(refused)

        running = [automaton for automaton in unwanted if automaton is not None]
        tried = 0
        try:
            for text in texts_between(wanted, running, looked_for, self._edges(), self._most):
                if fits(text):
                    return Found(text)
                tried += 1
                if tried >= _MOST_TRIED:
                    break
        except TooLargeError:
            return UNKNOWN
        return UNKNOWN if tried else EMPTY


def _listed(nodes: Iterable[Text]) -> str | None:
    """Return a pattern of the texts that *nodes* list, or None where they list none."""
    listed = [node for node in nodes if isinstance(node, Literal | Enum)]
    texts = [value for node in listed for value in allowed_values(node) if isinstance(value, str)]
    if not texts:
        return None
    return "^(?:" + "|".join("".join(rf"\u{{{ord(letter):x}}}" for letter in text) for text in texts) + ")$"


def _examples(kind: Text, others: Iterable[Bytes]) -> Iterable[str]:
    """Return texts of *kind*; for bytes, of each length at which *others* start or stop to fit."""
    if not isinstance(kind, Bytes):
        return _EXAMPLES[type(kind)]
    edges = {kind.min_length or 0} | (set() if kind.max_length is None else {kind.max_length})
    for node in others:
        edges |= {node.min_length or 0} | (set() if node.max_length is None else {node.max_length + 1})
    sizes = sorted({edge + more for edge in edges for more in range(4)})
    return [base64.b64encode(b"p" * size).decode() for size in sizes]


def _letters(size: int) -> int:
    """Return how many letters base64 takes for *size* bytes."""
    return 4 * -(-size // 3)


def _is_empty(node: Text) -> bool:
    return isinstance(node, Bytes) and node.max_length is not None and node.max_length < (node.min_length or 0)


def _is_within(kind: Text, node: Text) -> bool:
    """Tell whether each text of *kind* is plainly a *node*."""
    match kind, node:
        case (Time(tz=one), Time(tz=other)) | (DateTime(tz=one), DateTime(tz=other)):
            return other is None or one == other
        case Bytes(), Bytes():
            high = node.max_length
            return (kind.min_length or 0) >= (node.min_length or 0) and (
                high is None or (kind.max_length is not None and kind.max_length <= high)
            )
        case _:
            return type(kind) is type(node)
