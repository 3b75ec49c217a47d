"""The values of secrets in texts and in plain data: finding them, and putting ``***`` in their place.

Found are values as they are, as Python, JSON, URLs and HTML write them, also one in another, and in base 64. Not found:
values shorter than `MIN_LENGTH`, which would take every log apart; other spellings; parts of a value.
"""

import re
from base64 import b64encode
from collections.abc import Callable
from typing import Any, Final, final

from perdure.context.secret import Secret

__all__ = ["MASK", "MIN_LENGTH", "SecretValues"]

MASK: Final = "***"
MIN_LENGTH: Final = 6
"""Shorter values are not looked for."""

_KEPT = 200
_DEPTH = 4
_ITEMS = 1000
_Container = dict[Any, Any] | list[Any] | tuple[Any, ...] | set[Any] | frozenset[Any]
_CONTAINERS: Final = frozenset({dict, list, tuple, set, frozenset})
"""No subclass of theirs: it might not be made anew from its items."""
_plain_run: Final = re.compile(r"[A-Za-z0-9_.~-]+")
"""What every spelling leaves alone."""
_SLASH: Final = r"(?:\\|%5[cC])"
"""A backslash, in a URL too."""
_NO_SLASH: Final = r"(?<!\\)(?<!%5[cC])"
_NAMED: Final = {"\n": ("n",), "\r": ("r",), "\t": ("t",), "\b": ("b",), "\f": ("f",), " ": (r"\+",)}
_HTML: Final = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&apos;"}


@final
class SecretValues:
    """Values that must not be seen: the last 200, also those that were replaced since.

    They are kept in a closure, as a `Secret` keeps its own.
    """

    def __init__(self) -> None:
        self._known: list[tuple[Secret, Callable[[str], str]]] = []
        self.mask: Callable[[str], str] = _masking(())
        """Returns the text with every value replaced; the same object if there is none. Costs some 0.1 µs a value."""

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to look for."""
        return not self._known

    def add(self, secret: Secret) -> None:
        """Look for the value of *secret* from now on, unless it is too short."""
        if len(secret.reveal_bytes()) < MIN_LENGTH or any(secret == known for known, _ in self._known):
            return
        self._known = [*self._known[-_KEPT + 1 :], (secret, _replacing(secret))]
        # Longer ones first: one may be part of another.
        ordered = sorted(self._known, key=lambda known: -len(known[0].reveal_bytes()))
        self.mask = _masking(tuple(replace for _, replace in ordered))

    def cleaned(self, value: object, depth: int = 0) -> object:
        """Return plain data with every value replaced; the same object if there is none.

        Looks into text, bytes, exceptions, and, four levels deep, into lists, tuples, sets and dictionaries of up to
        1000 items.
        """
        if isinstance(value, str):
            return self.mask(value)
        if isinstance(value, bytes | bytearray):
            text = value.decode("utf-8", "surrogateescape")
            masked = self.mask(text)
            return value if masked is text else masked.encode("utf-8", "surrogateescape")
        if isinstance(value, BaseException):
            text = repr(value)
            masked = self.mask(text)
            return value if masked is text else masked
        if not isinstance(value, dict | list | tuple | set | frozenset) or type(value) not in _CONTAINERS:
            return value
        return value if depth == _DEPTH or len(value) > _ITEMS else self._cleaned_items(value, depth + 1)

    def _cleaned_items(self, value: _Container, depth: int) -> object:
        if isinstance(value, dict):
            pairs = [(self.cleaned(key, depth), self.cleaned(item, depth)) for key, item in value.items()]
            is_clean = all(new is key and value[key] is item for (new, item), key in zip(pairs, value, strict=True))
            return value if is_clean else dict(pairs)
        items = [self.cleaned(item, depth) for item in value]
        is_clean = all(new is item for new, item in zip(items, value, strict=True))
        return value if is_clean else type(value)(items)


def _masking(replacements: tuple[Callable[[str], str], ...]) -> Callable[[str], str]:
    def mask(text: str) -> str:
        for replace in replacements:
            text = replace(text)
        return text

    return mask


def _replacing(secret: Secret) -> Callable[[str], str]:
    """Return what replaces one value in a text."""
    raw = secret.reveal_bytes()
    value = raw.decode("utf-8", "surrogateescape")
    encoded = b64encode(raw).decode()
    runs = _plain_run.findall(value)
    longest = max(runs, key=len, default="")

    def replace_plain(text: str) -> str:
        if value in text:
            text = text.replace(value, MASK)
        return text.replace(encoded, MASK) if encoded in text else text

    if longest == value:
        return replace_plain
    pattern = re.compile(_pattern(value))

    def replace_spelled(text: str) -> str:
        # What no spelling changes is looked for first: that costs a tenth, and is nearly always not there.
        if longest in text and pattern.search(text):
            text = pattern.sub(MASK, text)
        return text.replace(encoded, MASK) if encoded in text else text

    return replace_spelled


def _pattern(value: str) -> str:
    """Return a pattern for all spellings of *value*, also several in one another: JSON in the repr of an exception.

    Each pass through a `repr` or an encoder adds backslashes, or writes a character in another way, so any number of
    backslashes may stand before a character.
    """
    parts: list[str] = []
    for backslashes, char in re.findall(r"(\\*)([^\\]|$)", value, re.DOTALL):
        if backslashes:
            # Only from where a row of them begins: else each of them would be tried, and all behind it each time.
            parts.append(f"{'' if parts else _NO_SLASH}{_SLASH}{{{len(backslashes)},}}")
        elif char:
            parts.append(f"{_SLASH}*" if parts else f"(?:{_NO_SLASH}{_SLASH}+)?")
        parts.append(_char_pattern(char))
    return "".join(parts)


def _char_pattern(char: str) -> str:
    """Return a pattern for the spellings of *char*, without backslashes before it."""
    if _plain_run.fullmatch(char) or not char:
        return char.replace(".", r"\.")
    coded = [_any_case(f"{byte:02x}") for byte in char.encode("utf-8", "surrogateescape")]
    number = ord(char)
    spellings = [re.escape(char), "".join(f"%{each}" for each in coded), *_NAMED.get(char, ())]
    if char in _HTML:
        spellings += [_HTML[char], f"&#(?:{number}|[xX]{_any_case(f'{number:x}')});"]
    if char in _HTML or not " " <= char <= "~":
        units = char.encode("utf-16-be", "surrogatepass").hex()
        spellings += [
            f"{_SLASH}+".join(f"x{each}" for each in coded),  # the repr of bytes
            f"{_SLASH}+".join(f"u{_any_case(units[at : at + 4])}" for at in range(0, len(units), 4)),  # JSON
            f"x{number:02x}", f"U{number:08x}",  # the repr of text
        ]  # fmt: skip
    return f"(?:{'|'.join(spellings)})"


def _any_case(digits: str) -> str:
    return "".join(f"[{digit}{digit.upper()}]" if digit.isalpha() else digit for digit in digits)
