"""Generated Python, laid out as formatters lay it out (ruff and black, 88 columns), so that they leave it alone.

A few forms are all that generated transformers consist of; each knows how it is written in one line and how it is
broken over several.
"""

from collections.abc import Iterable
from typing import NamedTuple

__all__ = ["Call", "Choice", "Code", "Each", "ListOf", "MapOf", "Text", "flat", "literal", "statement", "wrapped"]

_WIDTH = 88
_INDENT = "    "


class Text(NamedTuple):
    """Code that stays in one line."""

    text: str


class Call(NamedTuple):
    """A call of *function*."""

    function: str
    arguments: tuple["Code", ...]


class ListOf(NamedTuple):
    """A list display."""

    items: tuple["Code", ...]


class MapOf(NamedTuple):
    """A dict display; its keys are texts."""

    entries: tuple[tuple[str, "Code"], ...]


class Choice(NamedTuple):
    """*then* if *condition* else *otherwise*."""

    then: "Code"
    condition: str
    otherwise: "Code"


class Each(NamedTuple):
    """A comprehension: *item* for *names* in *source*; a dict with *key*, a list without."""

    item: "Code"
    names: str
    source: str
    key: str | None = None


Code = Text | Call | ListOf | MapOf | Choice | Each
"""An expression."""


def literal(value: object) -> str:
    """Return a JSON scalar as Python, texts in double quotes where that needs no escapes."""
    if not isinstance(value, str):
        return repr(value)
    if value.count('"') > value.count("'"):
        return repr(value) if "'" not in value else "'" + _plain(value).replace("'", "\\'") + "'"
    return '"' + _plain(value).replace('"', '\\"') + '"'


def _plain(text: str) -> str:
    """Return *text* as it stands between quotes, but for quotes."""
    return repr(text + '"')[1:-2].replace("\\'", "'")


def statement(head: str, code: Code, depth: int = 1) -> list[str]:
    """Return the lines of *head* followed by *code*: ``x = …``, ``return …``.

    Args:
        head: What stands before, with its space.
        code: The expression.
        depth: How far the statement is indented.
    """
    return _broken(_INDENT * depth + head, code, "", _INDENT * depth, is_statement=True)


def wrapped(text: str, width: int) -> list[str]:
    """Return *text* as literals, one for each line, that Python joins into one."""
    words, lines = text.split(" "), [""]
    for place, word in enumerate(words):
        piece = word if place == len(words) - 1 else f"{word} "
        if lines[-1] and len(literal(lines[-1] + piece)) > width:
            lines.append("")
        lines[-1] += piece
    return [literal(line) for line in lines]


def flat(code: Code) -> str:
    """Return *code* in one line."""
    match code:
        case Text(text):
            return text
        case Call(function, arguments):
            return f"{function}({', '.join(map(flat, arguments))})"
        case ListOf(items):
            return f"[{', '.join(map(flat, items))}]"
        case MapOf(entries):
            return "{" + ", ".join(f"{literal(key)}: {flat(value)}" for key, value in entries) + "}"
        case Choice(then, condition, otherwise):
            first = f"({flat(then)})" if isinstance(then, Choice) else flat(then)
            return f"{first} if {condition} else {flat(otherwise)}"
        case Each(item, names, source, key):
            inner = f"{flat(item)} for {names} in {source}"
            return f"[{inner}]" if key is None else f"{{{key}: {inner}}}"


def _broken(head: str, code: Code, tail: str, indent: str, *, is_statement: bool = False) -> list[str]:
    line = f"{head}{flat(code)}{tail}"
    if len(line) <= _WIDTH:
        return [line]
    inner = indent + _INDENT
    match code:
        case Call(function, arguments):
            return [f"{head}{function}(", *_arguments(arguments, inner), f"{indent}){tail}"]
        case ListOf(items):
            return [f"{head}[", *_one_each((("", item) for item in items), inner), f"{indent}]{tail}"]
        case MapOf(entries):
            pairs = ((f"{literal(key)}: ", value) for key, value in entries)
            return [f"{head}{{", *_one_each(pairs, inner), f"{indent}}}{tail}"]
        case Choice():
            return _choice(head, code, tail, indent, is_statement=is_statement)
        case Each(item, names, source, key):
            opening, closing = ("[", "]") if key is None else (f"{{{key}: ", "}")
            body = f"{inner}{opening[1:]}{flat(item)} for {names} in {source}"
            first = f"{inner}{opening[1:]}"
            lines = [body] if len(body) <= _WIDTH else [
                *_broken(first, item, "", inner), f"{inner}for {names} in {source}"
            ]  # fmt: skip
            return [f"{head}{opening[0]}", *lines, f"{indent}{closing}{tail}"]
        case Text(text):
            return _long_text(head, text, tail, indent)


def _choice(head: str, code: Choice, tail: str, indent: str, *, is_statement: bool) -> list[str]:
    inner = indent + _INDENT if is_statement else indent
    line = f"{inner}{flat(code)}"
    if is_statement and len(line) <= _WIDTH:
        return [f"{head}(", line, f"{indent}){tail}"]
    lines: list[str] = []
    rest: Code = code
    while isinstance(rest, Choice):  # a chain is broken as a whole
        lines += [*_first(f"{inner}else " if lines else inner, rest.then, inner), f"{inner}if {rest.condition}"]
        rest = rest.otherwise
    lines += _broken(f"{inner}else ", rest, "", inner)
    if is_statement:
        return [f"{head}(", *lines, f"{indent}){tail}"]
    return [head + lines[0].removeprefix(inner), *lines[1:-1], lines[-1] + tail]


def _first(head: str, code: Code, indent: str) -> list[str]:
    """Return what comes first of a choice; a choice within it needs brackets."""
    if not isinstance(code, Choice):
        return _broken(head, code, "", indent)
    line = f"{head}({flat(code)})"
    return [line] if len(line) <= _WIDTH else _choice(head, code, "", indent, is_statement=True)


def _arguments(arguments: tuple[Code, ...], indent: str) -> list[str]:
    body = indent + ", ".join(map(flat, arguments))
    if len(body) <= _WIDTH:
        return [body]
    if len(arguments) == 1:
        return _broken(indent, arguments[0], "", indent)
    return _one_each((("", argument) for argument in arguments), indent)


def _one_each(parts: Iterable[tuple[str, Code]], indent: str) -> list[str]:
    return [line for head, code in parts for line in _broken(f"{indent}{head}", code, ",", indent)]


def _long_text(head: str, text: str, tail: str, indent: str) -> list[str]:
    """Break a text literal where words end; other code stays as long as it is."""
    if text[:1] not in {'"', "'"} or head.strip():
        return [f"{head}{text}{tail}"]
    import ast

    value = ast.literal_eval(text)
    pieces = wrapped(value, _WIDTH - len(indent) - len(tail))
    return [*(f"{indent}{piece}" for piece in pieces[:-1]), f"{indent}{pieces[-1]}{tail}"]
