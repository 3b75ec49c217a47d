"""What is compiled for wheels must behave as it does here, so it keeps clear of what mypyc makes something else of."""

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[1]
HOOK = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]["hooks"]
COMPILED = HOOK["mypyc"]["include"]


def nodes(path: str) -> Iterator[ast.AST]:
    return ast.walk(ast.parse((PROJECT / path).read_text()))


@pytest.mark.parametrize("path", COMPILED)
def test_no_compiled_module_defines_a_struct(path: str) -> None:
    """The keywords of a class (`frozen`, `kw_only`) do not reach its metaclass there."""
    classes = [node for node in nodes(path) if isinstance(node, ast.ClassDef)]
    assert not [each.name for each in classes if {"Struct"} & {ast.unparse(base) for base in each.bases}]
    assert not [each.name for each in classes if each.keywords]


@pytest.mark.parametrize("path", COMPILED)
def test_no_compiled_module_has_an_async_generator(path: str) -> None:
    functions = [node for node in nodes(path) if isinstance(node, ast.AsyncFunctionDef)]
    yielding = [each for each in functions if any(isinstance(node, ast.Yield) for node in ast.walk(each))]
    assert not [each.name for each in yielding]
