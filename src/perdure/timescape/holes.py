"""Places in a revision file where a person still has to decide, found without running it."""

import ast
from collections.abc import Iterator
from typing import NamedTuple

__all__ = ["Hole", "find_holes"]


class Hole(NamedTuple):
    """One ``revision.todo(…)``."""

    line: int
    """Counts from 1."""
    what: str
    """What has to be decided."""
    function: str
    """The function it stands in; "" at the top level."""


def find_holes(source: str) -> tuple[Hole, ...]:
    """Return the holes in the text of a revision file, from top to bottom; none in what is no Python."""
    if ".todo(" not in source:
        return ()
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    names = {"revision", *_revisions(tree)}
    found = [hole for statement in tree.body for hole in _holes(statement, names, "")]
    return tuple(sorted(found))


def _revisions(tree: ast.Module) -> Iterator[str]:
    """Yield the names bound to something called with ``Revision(…)`` at the top level."""
    for statement in tree.body:
        if isinstance(statement, ast.Assign) and isinstance(statement.value, ast.Call):
            called = statement.value.func
            name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
            if name == "Revision":
                yield from (target.id for target in statement.targets if isinstance(target, ast.Name))


def _holes(node: ast.AST, names: set[str], function: str) -> Iterator[Hole]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        function = node.name
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "todo":
        owner = node.func.value
        if isinstance(owner, ast.Name) and owner.id in names:
            yield Hole(node.lineno, _text(node), function)
    for child in ast.iter_child_nodes(node):
        yield from _holes(child, names, function)


def _text(call: ast.Call) -> str:
    said = call.args[0] if call.args else next((each.value for each in call.keywords if each.arg == "what"), None)
    return said.value if isinstance(said, ast.Constant) and isinstance(said.value, str) else ""
