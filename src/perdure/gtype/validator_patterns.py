r"""Regular expressions as JSON Schema means them, for Python's engine.

A GType's patterns are ECMA-262, since clients read them so: ``$`` is the very end of the text, ``\d``, ``\w`` and
``\b`` are ASCII, ``\s`` is any Unicode space. Python's `re` differs in all of them, so patterns are rewritten once,
when compiled.
"""

import re
from collections.abc import Iterator

from perdure.errors import TypeDefinitionError

__all__ = ["compile_pattern", "python_pattern"]

_SPACES = r"\t\n\x0b\x0c\r \xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
_OUTSIDE = {
    r"\d": "[0-9]", r"\D": "[^0-9]", r"\w": "[A-Za-z0-9_]", r"\W": "[^A-Za-z0-9_]", r"\s": f"[{_SPACES}]",
    r"\S": f"[^{_SPACES}]", r"\b": r"(?a:\b)", r"\B": r"(?a:\B)", "$": r"\Z", "(?<": "(?P<", "[]": "(?!)",
    "[^]": r"[\s\S]",
}  # fmt: skip
_INSIDE = {
    r"\d": "0-9", r"\D": r"\x00-/:-\U0010ffff", r"\w": "A-Za-z0-9_", r"\W": r"\x00-/:-@\[-\^`\{-\U0010ffff",
    r"\s": _SPACES, "[": r"\[",
}  # fmt: skip
_ESCAPE = r"\\u\{[0-9A-Fa-f]+\}|\\."
_PIECES_OUTSIDE = re.compile(rf"\\k<[^>]*>|{_ESCAPE}|\[\^?\]|\(\?<(?![=!])|.", re.DOTALL)
_PIECES_INSIDE = re.compile(rf"{_ESCAPE}|.", re.DOTALL)


def python_pattern(pattern: str) -> str:
    r"""Return *pattern* rewritten so that Python's `re` finds what ECMA-262 finds.

    A pattern that means the same in both is returned unchanged. ``\S`` inside brackets keeps Python's meaning.
    """
    return "".join(_rewrite(piece, in_class=in_class) for piece, in_class in _pieces(pattern))


def compile_pattern(pattern: str) -> re.Pattern[str]:
    """Return *pattern* compiled; use its ``search``.

    Raises:
        TypeDefinitionError: Python's engine cannot express *pattern*.
    """
    try:
        return re.compile(python_pattern(pattern))
    except (re.error, OverflowError) as error:
        raise TypeDefinitionError(f"the pattern {pattern!r} cannot be used: {error}") from None


def _pieces(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield what of *pattern* has to be looked at as one, each with whether it stands in a character class."""
    position, in_class = 0, False
    while position < len(pattern):
        found = (_PIECES_INSIDE if in_class else _PIECES_OUTSIDE).match(pattern, position)
        piece = pattern[position] if found is None else found[0]
        position += len(piece)
        yield piece, in_class
        in_class = piece != "]" if in_class else piece == "["


def _rewrite(piece: str, *, in_class: bool) -> str:
    """Return what stands for *piece*."""
    if piece.startswith(r"\u{"):
        return rf"\U{int(piece[3:-1], 16):08x}"
    if piece.startswith(r"\k<"):
        return f"(?P={piece[3:-1]})"
    return (_INSIDE if in_class else _OUTSIDE).get(piece, piece)
