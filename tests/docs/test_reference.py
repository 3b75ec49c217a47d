"""The reference is complete: every public name, every setting, every option of a command stands in it."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args

import pytest
from cyclopts import App
from msgspec import Struct
from msgspec.structs import fields

import perdure
from perdure import Config
from perdure.cli.main import commands

REFERENCE = Path(__file__).parents[2] / "docs" / "reference"
PAGES = "\n".join(page.read_text("utf-8") for page in sorted(REFERENCE.glob("*.md")))
MODULES = re.findall(r"^\.\. automodule:: (\S+)$", PAGES, re.MULTILINE)
NAMED = re.findall(r"^\.\. auto(?:class|data|function):: (\S+)$", PAGES, re.MULTILINE)
DESCRIBED = {name.rpartition(".")[2] for name in NAMED}.union(
    *(dict(inspect.getmembers(module, inspect.isclass)) for module in map(importlib.import_module, MODULES))
)


def settings_of(record: Any) -> Iterator[type[Struct]]:
    """Return *record* and the records that its fields may hold."""
    if isinstance(record, type) and issubclass(record, Struct):
        yield record
        for field in fields(record):
            yield from settings_of(field.type)
    for argument in get_args(record):
        yield from settings_of(argument)


SETTINGS = sorted(set(settings_of(Config)), key=lambda record: record.__name__)


def leaves(app: App, *path: str) -> Iterator[tuple[str, App]]:
    """Return the commands that do something, by what is typed."""
    below = [name for name in app if not name.startswith("-")]
    for name in below:
        yield from leaves(app[name], *path, name)
    if not below:
        yield " ".join(path), app


COMMANDS = dict(leaves(commands))


def test_every_public_name_is_described() -> None:
    assert [] == sorted(set(perdure.__all__) - DESCRIBED - {"__version__"})


@pytest.mark.parametrize("record", SETTINGS, ids=lambda record: record.__name__)
def test_every_setting_is_described(record: type[Struct]) -> None:
    assert record.__name__ in DESCRIBED
    (definition,) = ast.parse(inspect.getsource(record)).body
    assert isinstance(definition, ast.ClassDef)
    silent = [
        ast.unparse(node.target)
        for node, after in zip(definition.body, [*definition.body[1:], None], strict=True)
        if isinstance(node, ast.AnnAssign) and not (isinstance(after, ast.Expr) and ast.unparse(after)[:1] in "'\"")
    ]
    assert silent == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_of_a_command_is_named(command: str) -> None:
    page = (REFERENCE / "cli.md").read_text("utf-8")
    options = [
        name
        for argument in COMMANDS[command].assemble_argument_collection()
        for name in argument.names
        if name.startswith("--")
    ]
    assert command.rsplit(maxsplit=1)[-1] in page
    assert [] == [option for option in options if not re.search(rf"{option}(?![\w-])", page)]
