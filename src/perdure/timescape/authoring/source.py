"""The text of a revision file."""

import textwrap
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from perdure.timescape.authoring.endpoints import NoWay
from perdure.timescape.authoring.functions import Function, function_lines
from perdure.timescape.authoring.layout import Call, Code, Text, literal, statement
from perdure.timescape.authoring.notes import Notes, identifier
from perdure.timescape.instants import DAY_S, format_date, format_instant

__all__ = [
    "Body",
    "Facts",
    "docstring_lines",
    "file_text",
    "imported_names",
    "instant_text",
    "name_functions",
    "part_lines",
    "revision_line",
]

_WIDTH = 88


class Facts(NamedTuple):
    """When a revision was made, and where it stands."""

    seconds: int
    label: str | None
    after: str | None


class Body(NamedTuple):
    """What stands in a revision file below its facts."""

    moves: Sequence[tuple[str, str]]
    no_ways: Sequence[NoWay]
    functions: Sequence[tuple[str, Function]]
    """With their names."""
    notes: Notes


def file_text(message: str, changes: Iterable[str], facts: Facts, body: Body) -> str:
    """Return a whole revision file.

    Args:
        message: What changed, in a line; its first one names the revision wherever it is listed.
        changes: What changed in detail, each in a sentence.
        facts: When, and after what.
        body: What carries requests and answers over it.
    """
    parts = [docstring_lines(message, changes), *_imports(body), revision_line(facts)]
    blocks = ["\n".join(part) for part in parts]
    text = "\n\n".join(blocks)
    rest = part_lines(body)
    return f"{text}\n{rest}" if rest else f"{text}\n"


def revision_line(facts: Facts) -> list[str]:
    """Return the lines of ``revision = Revision(…)``."""
    arguments: list[Code] = [Text(literal(instant_text(facts.seconds)))]
    if facts.label is not None:
        arguments.append(Text(f"label={literal(facts.label)}"))
    if facts.after is not None:
        arguments.append(Text(f"after={literal(facts.after)}"))
    return statement("revision = ", Call("Revision", tuple(arguments)), 0)


def part_lines(body: Body) -> str:
    """Return the text of what stands below the facts, with the empty lines between; "" if there is nothing."""
    text = ""
    for old, new in body.moves:
        call = Call("revision.moved", (Text(literal(old)), Text(f"to={literal(new)}")))
        text += "\n" + "\n".join(statement("", call, 0)) + "\n"
    for each in body.no_ways:
        told = (Text(literal(each.key)), Text(literal(each.way)), Text(f"reason={literal(each.reason)}"))
        text += "\n" + "\n".join(statement("", Call("revision.impossible", told), 0)) + "\n"
    if body.notes.tables:
        text += "\n" + "\n".join(line for lines in body.notes.tables.values() for line in lines) + "\n"
    for name, function in body.functions:
        text += "\n\n" + "\n".join(function_lines(function, name)) + "\n"
    return text


def name_functions(functions: Iterable[Function], titles: dict[str, str], notes: Notes) -> list[tuple[str, Function]]:
    """Return *functions* with their names: ``upgrade_order``, ``downgrade_order``.

    Args:
        functions: In the order in which they are to stand.
        titles: For endpoints, what they are called in the name of a function.
        notes: Knows which names are taken.
    """
    verbs = {"request": "upgrade", "response": "downgrade"}
    return [
        (notes.unique(f"{verbs[each.way]}_{identifier(titles.get(each.target, each.target))}".rstrip("_")), each)
        for each in functions
    ]


def instant_text(seconds: int) -> str:
    """Return *seconds* as it stands in a file: the day alone where it is its start."""
    return format_instant(seconds) if seconds % DAY_S else format_date(seconds)


def docstring_lines(message: str, changes: Iterable[str]) -> list[str]:
    """Return the lines of a docstring of *message* and a list of *changes*."""
    # A tab is not the same in the docstrings of all Pythons.
    lines = [_escaped(line.rstrip().replace("\t", " ")) for line in message.strip().splitlines()]
    listed = [
        _escaped(line)
        for change in changes
        for line in textwrap.wrap(change, _WIDTH, initial_indent="- ", subsequent_indent="  ", break_long_words=False)
    ]
    if not listed and len(lines) == 1:
        closing = lines[0][-1:] == '"'
        return [f'"""{lines[0][:-1]}\\""""' if closing else f'"""{lines[0]}"""']
    return [f'"""{lines[0]}', *lines[1:], *(["", *listed] if listed else []), '"""']


def _escaped(text: str) -> str:
    shown = text.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in shown)


def imported_names(body: Body) -> list[tuple[str, str]]:
    """Return what the functions of *body* need from elsewhere: module and name; "" for the module itself."""
    text = "\n".join(function.words for _, function in body.functions)
    modules = [(name, "") for name in sorted(body.notes.imports) if f"{name}." in text]
    typing = [("typing", "Any")] if "Any" in text else []
    return [*modules, *typing, *(("perdure", name) for name in ("RequestParts", "ResponseParts") if name in text)]


def _imports(body: Body) -> list[list[str]]:
    wanted = imported_names(body)
    standard = [f"from {module} import {name}" if name else f"import {module}" for module, name in wanted
                if module != "perdure"]  # fmt: skip
    own = [name for module, name in wanted if module == "perdure"]
    return [*([standard] if standard else []), [f"from perdure import {', '.join([*own, 'Revision'])}"]]
