r"""Patterns as they are written in Python, in the dialect that is published.

A GType's patterns are ECMA-262, since clients read them so. Most patterns are spelled alike in both dialects; what
Python spells differently is respelled here, what ECMA-262 has no words for is refused. ``$``, ``\d``, ``\w`` and ``\s``
stay, and mean what clients take them for: the very end, and ASCII digits and letters.
"""

import re
import unicodedata
from collections.abc import Iterator

from perdure.errors import TypeDefinitionError

__all__ = ["ecma_pattern"]

_OUTSIDE = re.compile(
    r"\\N\{[^}]*\}|\\U[0-9A-Fa-f]{8}|\\.|\[\^?\]?|\(\?P<|\(\?P[=>]|\(\?<[=!]|\(\?[:=!]?|[*+?}][+]|\{(?:,\d*|\d+(?:,\d*)?)\}|.",
    re.DOTALL,
)
_INSIDE = re.compile(r"\\N\{[^}]*\}|\\U[0-9A-Fa-f]{8}|\\.|.", re.DOTALL)
_ESCAPES = frozenset(r"\^$.*+?()[]{}|/-0123456789dDwWsSbBfnrtvxu")
_RESPELLED = {r"\A": "^", r"\Z": "$", r"\a": r"\x07", "(?P<": "(?<", "{": r"\{", "}": r"\}", "]": r"\]"}
_PYTHON_ONLY = {"(?", "(?P=", "(?P>", "*+", "++", "?+", "}+"}


def ecma_pattern(pattern: str, where: str) -> str:
    """Return the Python regular expression *pattern* as ECMA-262 spells it.

    Raises:
        TypeDefinitionError: It is no regular expression, or uses what only Python has, such as inline flags.
    """
    try:
        re.compile(pattern)
    except re.error as error:
        raise TypeDefinitionError(f"{where}: the pattern {pattern!r} is no regular expression: {error}") from None
    respelled = []
    for piece, in_class in _pieces(pattern):
        if not in_class and piece in _PYTHON_ONLY:
            raise TypeDefinitionError(
                f"{where}: the pattern {pattern!r} uses {piece!r}, which clients' languages do not have: write it out"
            )
        respelled.append(_respell(piece, in_class=in_class))
    return "".join(respelled)


def _pieces(pattern: str) -> Iterator[tuple[str, bool]]:
    """Yield the pieces of *pattern*, each with whether it stands in a character class, closing bracket included."""
    position, in_class = 0, False
    while position < len(pattern):
        found = (_INSIDE if in_class else _OUTSIDE).match(pattern, position)
        piece = pattern[position] if found is None else found[0]
        position += len(piece)
        yield piece, in_class
        in_class = piece != "]" if in_class else piece[0] == "["


def _respell(piece: str, *, in_class: bool) -> str:
    if piece[0] == "\\":
        if piece.startswith(r"\U"):
            return _literal(chr(int(piece.removeprefix(r"\U"), base=16)))
        if piece.startswith(r"\N"):
            return _literal(unicodedata.lookup(piece[3:-1]))
        if piece == r"\-" and not in_class:
            return "-"
        return _RESPELLED.get(piece) or (piece if piece[1] in _ESCAPES else piece[1])
    if in_class:
        return r"\[" if piece == "[" else piece
    if piece[0] == "[":  # a bracket right after the opening one is a member of the class in Python
        return piece.replace("]", r"\]")
    return f"{{0{piece[1:]}" if piece.startswith("{,") else _RESPELLED.get(piece, piece)


def _literal(character: str) -> str:
    """Return *character* so that it stands for itself, in and outside of brackets."""
    return f"\\{character}" if character in r"\^$.*+?()[]{}|/-" else character
