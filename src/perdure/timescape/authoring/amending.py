"""Recording the newest revision anew, while nobody depends on it.

Its ``.json`` is written from the code as it is now. Of its ``.py`` nothing is lost: transformers that are there stay as
they are, those that are missing are added at the end.
"""

import ast
from collections.abc import Sequence
from pathlib import Path

from perdure.errors import RevisionError
from perdure.manifest.records import Api
from perdure.timescape.authoring.draft import draft_body
from perdure.timescape.authoring.endpoints import GONE
from perdure.timescape.authoring.folder import write_files
from perdure.timescape.authoring.functions import Function
from perdure.timescape.authoring.hints import Hints, read_hints
from perdure.timescape.authoring.inference import with_inferred
from perdure.timescape.authoring.recording import Written, check_label, check_message
from perdure.timescape.authoring.rewriting import add_imports, remove_calls, set_facts, set_message, top_names
from perdure.timescape.authoring.sides import Sides
from perdure.timescape.authoring.source import Body, Facts, imported_names, part_lines
from perdure.timescape.delta import Seal, delta, digest_of, encode_delta
from perdure.timescape.holes import find_holes
from perdure.timescape.loading import load_revisions
from perdure.timescape.recorded import RecordedRevision
from perdure.timescape.renames import Renames, is_listed, kept_renames
from perdure.timescape.revision import Impossibility

__all__ = ["amend_revision", "refuse_published"]


def amend_revision(
    folder: Path, api: Api, message: str | None, label: str | None, hints: tuple[Sequence[str], Sequence[str]]
) -> Written:
    """Record the newest revision in *folder* anew, so that it leads to *api*.

    Args:
        folder: Where the files are.
        api: The API as the code has it.
        message: Replaces what the file says first; None leaves it.
        label: Replaces the label; None leaves it.
        hints: Renames and moves.
    Raises:
        HintError: A hint names what is not there.
        RevisionError: There is no revision, it is published, or a file cannot be written.
    """
    revisions = load_revisions(folder) if folder.is_dir() else ()
    if not revisions:
        raise RevisionError(f'{folder} has no revision to amend; record the first with perdure revision -m "…"')
    last = revisions[-1]
    refuse_published([last], "amended")
    if message is not None:
        check_message(message)
    check_label(label, revisions[:-1])
    said = with_inferred(_said(last, api, hints), last.before, api)
    text, functions = _amended(last, api, said)
    facts = Facts(last.seconds, label or last.label, revisions[-2].name if len(revisions) > 1 else None)
    text = set_facts(text, facts)
    if message is not None:
        text = set_message(text, message)
    change = delta(last.before, api, said.renames)
    previous = revisions[-2].digest if len(revisions) > 1 else ""
    seal = Seal(digest=digest_of(last.name, facts, change, previous))
    write_files(folder, {f"{last.name}.json": encode_delta(last.name, change, seal), f"{last.name}.py": text})
    return Written(name=last.name, file=Path(last.file), holes=find_holes(text), functions=functions)


def refuse_published(revisions: Sequence[RecordedRevision], verb: str) -> None:
    """Refuse to change what is published.

    Raises:
        RevisionError: One of *revisions* is.
    """
    published = next((each for each in revisions if each.is_published), None)
    if published is not None:
        raise RevisionError(
            f"{published.name} is published and cannot be {verb}: clients may depend on it. Record a new revision"
        )


def _said(last: RecordedRevision, api: Api, hints: tuple[Sequence[str], Sequence[str]]) -> Hints:
    """Return what *hints* say, and what was said when *last* was recorded, as far as it still holds."""
    said = read_hints(*hints, last.before, api)
    members = {owner: dict(names) for owner, names in said.members.items()}
    for owner, names in last.renames.members.items():
        fresh = members.setdefault(owner, {})
        taken = set() if is_listed(last.before.types.get(owner)) else set(fresh.values())
        fresh |= {old: new for old, new in names.items() if old not in fresh and new not in taken}
    renames = Renames(types={**last.renames.types, **said.types}, members=members)
    kept = kept_renames(renames, last.before, api)
    moves = {move.old: move.new for move in last.moves if move.new in api.endpoints}
    return Hints(kept.types, kept.members, {**moves, **said.moves})


def _amended(last: RecordedRevision, api: Api, said: Hints) -> tuple[str, int]:
    """Return the text of the file with what it lacks, and how many transformers were added."""
    text = Path(last.file).read_text("utf-8")
    sides = Sides(last.before, api, said)
    stale = [move.old for move in last.moves if sides.endpoints.get(move.old) != move.new]
    back = [each.target for each in last.impossibilities if _is_back(each, sides)]
    for method, targets in (("moved", stale), ("impossible", back)):
        for target in targets:
            text = remove_calls(text, method, target)
    body = draft_body(sides, frozenset(top_names(text)))
    known: set[tuple[str, str]] = {
        (each.direction, each.target) for each in last.transformers if each.target not in back
    }
    missing = Body(
        [pair for pair in body.moves if pair[0] in stale or pair[0] not in {move.old for move in last.moves}],
        [each for each in body.no_ways if (each.way, each.key) not in known],
        [(name, each) for name, each in body.functions if not _is_known(each, known)],
        body.notes,
    )
    used = {name for _, function in missing.functions for name in _names_in(function)}
    for name in [name for name in body.notes.tables if name not in used]:
        del body.notes.tables[name]
    added = part_lines(missing)
    if added:
        text = add_imports(text.rstrip("\n") + "\n" + added, imported_names(missing))
    return text, len(missing.functions)


def _is_back(said: Impossibility, sides: Sides) -> bool:
    """Tell whether *said* was written for an endpoint that was gone, and is not any more."""
    return said.reason == GONE and sides.endpoints.get(said.target) is not None


def _is_known(function: Function, known: set[tuple[str, str]]) -> bool:
    base = function.target.partition("[")[0]
    return (function.way, function.target) in known or (function.way, base) in known


def _names_in(function: Function) -> set[str]:
    tree = ast.parse("def _():\n" + "\n".join(function.lines))
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
