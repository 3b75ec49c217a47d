"""Reading a folder of revision files.

Source: SPEC 3.5. Reading the files and putting them in line are apart, so that what mends a broken line can read it.
"""

import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import ModuleSpec, SourceFileLoader
from itertools import pairwise
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple, final

from msgspec import structs

from perdure.errors import RevisionError
from perdure.manifest.records import Api
from perdure.timescape.delta import Delta, Seal, apply, decode_sealed, digest_of
from perdure.timescape.holes import find_holes
from perdure.timescape.recorded import RecordedRevision, record
from perdure.timescape.revision import Revision
from perdure.timescape.semver import Rank, Semver, parse_semver

__all__ = ["RevisionFile", "load_revisions", "read_files", "read_recording", "seal_of"]


class RevisionFile(NamedTuple):
    """A revision file that was run."""

    name: str
    path: Path
    revision: Revision
    message: str
    text: str
    """The source."""


@final
class _FreshLoader(SourceFileLoader):
    """Compile the source as it is now; cached bytecode can be stale within a second of an edit."""

    def get_code(self, fullname: str) -> CodeType:  # noqa: ARG002  # the protocol's name
        return self.source_to_code(self.get_data(self.path), self.path)


def load_revisions(folder: Path) -> tuple[RecordedRevision, ...]:
    """Return the revisions in *folder*, oldest first; files whose names start with ``_`` or ``.`` are none.

    Each ``.py`` is run under a module name of its own: revision files do not import each other.

    Raises:
        RevisionError: A file cannot be read or run, its ``.json`` is missing or malformed, the files do not form one
            line, or one of them names what did not exist. The message says where, and what to do.
    """
    line = _in_line(read_files(folder))
    _check_line(line)
    return tuple(_record_all(line))


def read_files(folder: Path) -> dict[str, RevisionFile]:
    """Run the revision files in *folder*, each by itself, and return them by name: in line or not.

    Raises:
        RevisionError: A file cannot be read or run, or a ``.json`` stands alone.
    """
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in {".py", ".json"} and path.name[0] not in "_."]
    stems = {path.stem for path in paths if path.suffix == ".py"}
    for path in paths:
        if path.suffix == ".json" and path.stem not in stems:
            raise RevisionError(
                f"{path}: the revision {path.stem}.py it belongs to is missing; restore it, or delete both"
            )
    return {path.stem: _run(path) for path in paths if path.suffix == ".py"}


def read_recording(file: RevisionFile) -> tuple[Delta, Seal]:
    """Return what the ``.json`` beside *file* records, and the seal it claims.

    Raises:
        RevisionError: It is missing or malformed.
    """
    path = file.path.with_suffix(".json")
    try:
        return decode_sealed(file.name, path.read_bytes())
    except FileNotFoundError:
        raise RevisionError(
            f"{path}: missing; it records the types of {file.path.name}. Restore it from version control"
        ) from None
    except RevisionError as error:
        raise RevisionError(f"{path}: {error}") from error


def seal_of(file: RevisionFile, change: Delta, previous: str) -> str:
    """Return the digest that *file* with *change* must have, after a revision with the digest *previous*."""
    revision = file.revision
    return digest_of(file.name, (revision.seconds, revision.label, revision.after), change, previous)


def _record_all(line: Iterable[RevisionFile]) -> Iterable[RecordedRevision]:
    api, digest = Api(), ""
    for file in line:
        change, seal = read_recording(file)
        digest = seal_of(file, change, digest)
        if seal.digest is not None and seal.digest != digest:
            raise RevisionError(
                f"{file.path.with_suffix('.json')}: this revision, or one before it, is not what was recorded: its "
                "date, label, after, types or renames were edited. Restore the files from version control; what is not "
                f"published yet may be sealed anew: perdure revision --redate {file.name}"
            )
        before, api = api, _applied(api, file, change)
        recorded = record(
            file.name, file.revision, before=before, after=api, message=file.message, renames=change.renames
        )
        yield structs.replace(
            recorded, file=str(file.path), holes=find_holes(file.text), digest=digest, is_published=seal.published
        )


def _applied(before: Api, file: RevisionFile, change: Delta) -> Api:
    try:
        return apply(before, change)
    except RevisionError as error:
        raise RevisionError(f"{file.path.with_suffix('.json')}: {error}") from error


def _run(path: Path) -> RevisionFile:
    module = _import(path)
    revision = getattr(module, "revision", None)
    if not isinstance(revision, Revision):
        raise RevisionError(f'{path}:1: it must export a `revision`: revision = Revision("2026-02-10", after=…)')
    message = (module.__doc__ or "").strip().partition("\n")[0]
    return RevisionFile(path.stem, path, revision, message, path.read_text("utf-8"))


def _import(path: Path) -> ModuleType:
    """Run the file at *path* as a module; the module stays in `sys.modules`, where its annotations are looked up."""
    folder = hashlib.sha256(str(path.parent.resolve()).encode()).hexdigest()[:12]
    name = f"_perdure_revisions_{folder}.{path.stem}"
    loader = _FreshLoader(name, str(path))
    module = importlib.util.module_from_spec(ModuleSpec(name, loader, origin=str(path)))
    module.__file__ = str(path)
    sys.modules[name] = module
    try:
        loader.exec_module(module)
    except BaseException as error:
        sys.modules.pop(name, None)
        if isinstance(error, RevisionError) or not isinstance(error, Exception):
            raise
        raise RevisionError(f"{_blamed(path, error)}: {type(error).__name__}: {error}") from error
    return module


def _blamed(path: Path, error: Exception) -> str:
    """Return the last place in the file at *path* that led to *error*."""
    if isinstance(error, SyntaxError) and error.filename == str(path):
        return f"{path}:{error.lineno}"
    line, trace = 1, error.__traceback__
    while trace is not None:
        if trace.tb_frame.f_code.co_filename == str(path):
            line = trace.tb_lineno
        trace = trace.tb_next
    return f"{path}:{line}"


def _in_line(sources: Mapping[str, RevisionFile]) -> list[RevisionFile]:
    """Return *sources* by their ``after``: one first, and one after each but the last."""
    successors: dict[str | None, RevisionFile] = {}
    for source in sources.values():
        after = source.revision.after
        if after is not None and after not in sources:
            raise RevisionError(f"{source.revision.place}: after={after!r} names no file in {source.path.parent}")
        other = successors.setdefault(after, source)
        if other is not source:
            raise RevisionError(_two_heads(other, source))
    line: list[RevisionFile] = []
    following = successors.get(None)
    while following is not None:
        line.append(following)
        following = successors.get(following.name)
    if len(line) < len(sources):
        stray = min(sources.keys() - {source.name for source in line})
        raise RevisionError(
            f"{sources[stray].revision.place}: {stray!r} follows itself, through its after=; one must be the first"
        )
    return line


def _two_heads(one: RevisionFile, other: RevisionFile) -> str:
    """Explain what a merge of two branches leaves behind, and what mends it."""
    earlier, later = sorted((one, other), key=lambda each: (each.revision.seconds, each.name))
    after = later.revision.after
    what = "are both the first" if after is None else f"both follow {after!r}"
    return (
        f"{later.revision.place}: {earlier.name!r} and {later.name!r} {what}, as after a merge of two branches; let "
        f"the one that is not published yet follow the other: perdure revision --redate {later.name}"
    )


def _check_line(line: list[RevisionFile]) -> None:
    labels: dict[Rank, RevisionFile] = {}
    for earlier, later in pairwise(line):
        if later.revision.seconds < earlier.revision.seconds:
            raise RevisionError(
                f"{later.revision.place}: {later.name!r} follows {earlier.name!r} but is dated before it"
            )
    for source in line:
        semver: Semver | None = parse_semver(source.revision.label) if source.revision.label else None
        if semver is not None and labels.setdefault(semver.rank, source) is not source:
            raise RevisionError(
                f"{source.revision.place}: {labels[semver.rank].name!r} has the label {source.revision.label!r} already"
            )
