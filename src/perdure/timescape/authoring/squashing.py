"""Making one revision of several that are not published yet.

The types go from before the first to after the last. All code is kept, in order: several functions for one type or
endpoint run one after the other, as the revisions did. A function for a type that only came into being in between has
nothing to stand for any more; it is kept as a plain function, for a person to call. `perdure check` says whether the
whole still does what the parts did.
"""

import ast
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from perdure.errors import RevisionError
from perdure.timescape.authoring.amending import refuse_published
from perdure.timescape.authoring.folder import file_name, remove_files, slug, write_files
from perdure.timescape.authoring.layout import Call, Text, literal, statement
from perdure.timescape.authoring.origins import Origins
from perdure.timescape.authoring.recording import Written, check_label, check_message
from perdure.timescape.authoring.rewriting import replace_nodes, revision_name, top_names
from perdure.timescape.authoring.source import Facts, docstring_lines, revision_line
from perdure.timescape.delta import Seal, delta, digest_of, encode_delta
from perdure.timescape.holes import find_holes
from perdure.timescape.loading import load_revisions
from perdure.timescape.recorded import RecordedRevision

__all__ = ["squash_revisions"]

_DECLARING = {"request", "response", "problem", "impossible", "lossless"}


class _Part(NamedTuple):
    """What a revision brings into the one file."""

    imports: Sequence[ast.Import | ast.ImportFrom]
    code: str
    left: list[str]
    """Functions that stand for nothing any more."""


def squash_revisions(folder: Path, name: str, message: str | None, label: str | None) -> tuple[Written, list[str]]:
    """Make one revision of *name* and all that follow it; return it, and the functions that stand for nothing now.

    Args:
        folder: Where the files are.
        name: The first of them.
        message: What they change together; None for what they say themselves.
        label: The label of the whole; None for the last one there is.
    Raises:
        RevisionError: There is no such revision, it is the last, one of them is published, or a file cannot be read or
            written.
    """
    revisions = load_revisions(folder) if folder.is_dir() else ()
    places = [place for place, each in enumerate(revisions) if each.name == name]
    if not places or places[0] == len(revisions) - 1:
        known = ", ".join(each.name for each in revisions[:-1]) or "none"
        raise RevisionError(f"--squash {name}: name one that others follow: {known}")
    earlier, chosen = revisions[: places[0]], revisions[places[0] :]
    refuse_published(chosen, "squashed")
    migrating = [each.name for each in chosen if each.database is not None]
    if len(migrating) > 1:
        raise RevisionError(
            f"{' and '.join(migrating)} both name database migrations, and a revision can name only one step of each "
            "kind: make one Alembic revision of them, name it in one place, and squash then"
        )
    check_label(label, earlier)
    title = message if message is not None else "\n".join(each.message for each in chosen)
    check_message(title)
    labels = [each.label for each in chosen if each.label is not None]
    facts = Facts(chosen[-1].seconds, label or (labels[-1] if labels else None), earlier[-1].name if earlier else None)
    origins = Origins(chosen[0].before)
    text, left = _text(chosen, facts, title, origins)
    new = file_name(facts.seconds, slug(title), folder)
    change = delta(chosen[0].before, chosen[-1].after, origins.renames(chosen[-1].after))
    digest = digest_of(new, facts, change, earlier[-1].digest if earlier else "")
    write_files(folder, {f"{new}.json": encode_delta(new, change, Seal(digest=digest)), f"{new}.py": text})
    remove_files(folder, [each.name for each in chosen])
    count = sum(len(each.transformers) for each in chosen) - len(left)
    return Written(name=new, file=folder / f"{new}.py", holes=find_holes(text), functions=count), left


def _text(chosen: Sequence[RecordedRevision], facts: Facts, title: str, origins: Origins) -> tuple[str, list[str]]:
    """Return the text of the one file, and what stands for nothing in it; *origins* goes on to after the last."""
    parts: list[_Part] = []
    taken: set[str] = set()
    for each in chosen:
        source = Path(each.file).read_text("utf-8")
        parts.append(_part(source, origins, taken))
        taken |= set(top_names(source))
        origins.follow(each)
    imports = _merged_imports(each for part in parts for each in part.imports)
    moves = [
        "\n".join(statement("", Call("revision.moved", (Text(literal(old)), Text(f"to={literal(new)}"))), 0))
        for old, new in origins.moves()
    ]
    head = ["\n".join(docstring_lines(title, ())), "\n".join(imports), "\n".join(revision_line(facts)), *moves]
    body = [part.code.strip("\n") for part in parts if part.code.strip()]
    return "\n\n".join(head) + "\n" + "".join(f"\n\n{code}\n" for code in body), [
        n for part in parts for n in part.left
    ]


def _part(source: str, origins: Origins, taken: set[str]) -> _Part:
    """Return what *source* brings: its imports, and its code without its own facts, under names that are free."""
    tree = ast.parse(source)
    own = revision_name(tree)
    renames = {name: _free(name, taken) for name in top_names(source) if name in taken and not _is_import(name, tree)}
    renames[own] = "revision"
    left: list[str] = []
    edits: list[tuple[ast.AST, str]] = [
        (node, renames[node.id]) for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in renames
    ]
    imports = [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
    kept = [each for each in tree.body[_has_docstring(tree) :] if not _is_told(each, own)]
    edits += _retargeted(kept, own, origins, left)
    code = "\n\n\n".join(_segment(source, each, edits, renames) for each in kept)
    return _Part(imports, code, [renames.get(name, name) for name in left])


def _retargeted(
    statements: Iterable[ast.stmt], own: str, origins: Origins, left: list[str]
) -> list[tuple[ast.AST, str]]:
    """Return edits that let functions stand for what their types and endpoints were called before."""
    edits: list[tuple[ast.AST, str]] = []
    for each in statements:
        calls = (
            each.decorator_list
            if isinstance(each, ast.FunctionDef)
            else [each.value]
            if isinstance(each, ast.Expr)
            else []
        )
        for call in calls:
            target = _target(call, own)
            if target is None:
                continue
            origin = origins.of(str(target.value))
            if origin is not None and origin != target.value:
                edits.append((target, literal(origin)))
            elif origin is None and isinstance(each, ast.FunctionDef):
                left.append(each.name)
                edits.append((call, ""))
            elif origin is None:
                edits.append((each, ""))
    return edits


def _target(call: ast.AST, own: str) -> ast.Constant | None:
    is_declaring = (
        isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _DECLARING
        and isinstance(call.func.value, ast.Name) and call.func.value.id == own
    )  # fmt: skip
    if not is_declaring or not isinstance(call, ast.Call) or not call.args:
        return None
    first = call.args[0]
    return first if isinstance(first, ast.Constant) else None


def _segment(source: str, node: ast.stmt, edits: Sequence[tuple[ast.AST, str]], renames: Mapping[str, str]) -> str:
    """Return the lines of *node*, with the comments above it, and the *edits* that lie within."""
    lines = source.splitlines()
    first = min([node.lineno, *(each.lineno for each in getattr(node, "decorator_list", []))])
    start = first - 1
    while start > 0 and lines[start - 1].startswith("#"):
        start -= 1
    end = node.end_lineno or node.lineno
    inside = [(each, new) for each, new in edits if first <= getattr(each, "lineno", 0) <= end]
    outer = [each for each, new in inside if not new]
    inside = [(each, new) for each, new in inside if not new or not any(_is_within(each, other) for other in outer)]
    text = "\n".join([*("" for _ in range(start)), *lines[start:end]])
    text = replace_nodes(text, inside)
    if isinstance(node, ast.FunctionDef) and node.name in renames:
        text = text.replace(f"def {node.name}(", f"def {renames[node.name]}(", 1)
    return "\n".join(line for line in text.strip("\n").split("\n") if line.strip() != "@")


def _is_within(node: ast.AST, other: ast.AST) -> bool:
    return node is not other and any(each is node for each in ast.walk(other))


def _is_told(statement: ast.stmt, own: str) -> bool:
    """Tell whether the one file says it anew: imports, facts, moves."""
    if isinstance(statement, ast.Import | ast.ImportFrom):
        return True
    if isinstance(statement, ast.Assign) and any(getattr(each, "id", "") == own for each in statement.targets):
        return True
    call = statement.value if isinstance(statement, ast.Expr) else None
    return isinstance(call, ast.Call) and ast.unparse(call.func) == f"{own}.moved"


def _has_docstring(tree: ast.Module) -> int:
    return 1 if ast.get_docstring(tree, clean=False) is not None else 0


def _is_import(name: str, tree: ast.Module) -> bool:
    imports = [each for each in tree.body if isinstance(each, ast.Import | ast.ImportFrom)]
    return any((alias.asname or alias.name) == name for each in imports for alias in each.names)


def _free(name: str, taken: set[str]) -> str:
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"


def _merged_imports(statements: Iterable[ast.Import | ast.ImportFrom]) -> list[str]:
    """Return *statements* as lines, one for each module, in the order in which they are usually written."""
    plain: set[str] = set()
    named: dict[str, set[str]] = {}
    for each in statements:
        names = {alias.name if alias.asname is None else f"{alias.name} as {alias.asname}" for alias in each.names}
        if isinstance(each, ast.Import):
            plain |= names
        else:
            named.setdefault(each.module or "", set()).update(names)
    lines = [f"import {name}" for name in plain]
    lines += [f"from {module} import {', '.join(sorted(names))}" for module, names in named.items()]
    ordered = sorted(lines, key=_import_order)
    own = next((place for place, line in enumerate(ordered) if "perdure" in line), 0)
    return [*ordered[:own], *([""] if own else []), *ordered[own:]]


def _import_order(line: str) -> tuple[bool, bool, bool, str]:
    return "perdure" in line, "__future__" not in line, line.startswith("from"), line
