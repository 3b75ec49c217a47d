"""Changing the tool's lines of a revision file, and leaving a person's as they are."""

import ast
from collections.abc import Iterable, Iterator

from perdure.errors import RevisionError
from perdure.timescape.authoring.source import Facts, docstring_lines, revision_line

__all__ = ["add_imports", "remove_calls", "replace_nodes", "revision_name", "set_facts", "set_message", "top_names"]


def set_facts(text: str, facts: Facts) -> str:
    """Return *text* with its ``revision = Revision(…)`` saying *facts*.

    Raises:
        RevisionError: There is no such statement at the top level.
    """
    tree = ast.parse(text)
    found = next((each for each in tree.body if _makes_revision(each)), None)
    if not isinstance(found, ast.Assign):
        raise RevisionError('the file has no line "revision = Revision(…)" at its top level that could be changed')
    return replace_nodes(text, [(found, "\n".join(revision_line(facts)))])


def set_message(text: str, message: str) -> str:
    """Return *text* with *message* as its docstring."""
    tree = ast.parse(text)
    lines = "\n".join(docstring_lines(message, ()))
    if ast.get_docstring(tree, clean=False) is None:
        return f"{lines}\n\n{text}"
    return replace_nodes(text, [(tree.body[0], lines)])


def add_imports(text: str, wanted: Iterable[tuple[str, str]]) -> str:
    """Return *text* with imports of what it lacks.

    Args:
        text: A revision file.
        wanted: Module and name, ``("typing", "Any")``; the name is "" for the module itself.
    """
    known = set(_imports(ast.parse(text)))
    for module, name in wanted:
        if (module, name) not in known:
            text = _add_import(text, module, name)
    return text


def top_names(text: str) -> Iterator[str]:
    """Yield the names that *text* gives something at its top level."""
    for statement in ast.parse(text).body:
        match statement:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name
            case ast.Import(names=names) | ast.ImportFrom(names=names):
                yield from (each.asname or each.name.partition(".")[0] for each in names)
            case _:
                yield from (
                    node.id
                    for node in ast.walk(statement)
                    if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
                )


def revision_name(tree: ast.Module) -> str:
    """Return what the file calls its `Revision`."""
    for statement in tree.body:
        if _makes_revision(statement) and isinstance(statement, ast.Assign):
            target = statement.targets[0]
            if isinstance(target, ast.Name):
                return target.id
    return "revision"


def remove_calls(text: str, method: str, first: str) -> str:
    """Return *text* without the statements ``revision.METHOD("FIRST", …)``, each with the empty line above it."""
    tree = ast.parse(text)
    own = revision_name(tree)
    lines = text.splitlines(keepends=True)
    for each in reversed(tree.body):
        call = each.value if isinstance(each, ast.Expr) else None
        if isinstance(call, ast.Call) and ast.unparse(call.func) == f"{own}.{method}" and call.args:
            target = call.args[0]
            if isinstance(target, ast.Constant) and target.value == first:
                start = each.lineno - 1
                start -= 1 if start > 0 and not lines[start - 1].strip() else 0
                del lines[start : each.end_lineno]
    return "".join(lines)


def replace_nodes(text: str, pairs: Iterable[tuple[ast.AST, str]]) -> str:
    """Return *text* with the source of each node replaced."""
    lines = text.encode().splitlines(keepends=True)
    starts = [0]
    for line in lines:
        starts.append(starts[-1] + len(line))
    raw = b"".join(lines)
    spans = []
    for node, replacement in pairs:
        at = starts[getattr(node, "lineno", 1) - 1] + getattr(node, "col_offset", 0)
        to = starts[getattr(node, "end_lineno", 1) - 1] + getattr(node, "end_col_offset", 0)
        spans.append((at, to, replacement.encode()))
    for at, to, replacement_bytes in sorted(spans, reverse=True):
        raw = raw[:at] + replacement_bytes + raw[to:]
    return raw.decode()


def _makes_revision(statement: ast.stmt) -> bool:
    if not isinstance(statement, ast.Assign) or not isinstance(statement.value, ast.Call):
        return False
    called = statement.value.func
    return (called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")) == "Revision"


def _imports(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for statement in tree.body:
        if isinstance(statement, ast.Import):
            yield from ((each.name, "") for each in statement.names if each.asname is None)
        elif isinstance(statement, ast.ImportFrom):
            yield from ((statement.module or "", each.name) for each in statement.names if each.asname is None)


def _add_import(text: str, module: str, name: str) -> str:
    tree = ast.parse(text)
    same = [each for each in tree.body if isinstance(each, ast.ImportFrom) and each.module == module]
    if name and same:
        names = sorted({*(_spelled(each) for each in same[0].names), name})
        return replace_nodes(text, [(same[0], f"from {module} import {', '.join(names)}")])
    line = f"from {module} import {name}" if name else f"import {module}"
    first = next((each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)), None)
    place = tree.body[0] if first is None else first
    is_own = first is not None and isinstance(first, ast.ImportFrom) and (first.module or "").startswith("perdure")
    lines = text.splitlines(keepends=True)
    at = place.lineno - 1 if first is not None else (place.end_lineno or 1)
    return "".join([*lines[:at], line, "\n\n" if is_own or first is None else "\n", *lines[at:]])


def _spelled(alias: ast.alias) -> str:
    return alias.name if alias.asname is None else f"{alias.name} as {alias.asname}"
