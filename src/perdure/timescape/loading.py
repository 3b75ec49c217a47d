"""Reading a folder of revision files."""

import hashlib
import importlib.util
import sys
from collections.abc import Iterable, Mapping
from importlib.machinery import ModuleSpec, SourceFileLoader
from itertools import pairwise
from pathlib import Path
from types import CodeType, ModuleType
from typing import NamedTuple, final

from perdure.errors import RevisionError
from perdure.manifest.records import Api
from perdure.timescape.delta import apply, decode_delta
from perdure.timescape.recorded import RecordedRevision, record
from perdure.timescape.revision import Revision
from perdure.timescape.semver import Rank, Semver, parse_semver

__all__ = ["load_revisions"]


class _Source(NamedTuple):
    """A revision file that was run."""

    name: str
    path: Path
    revision: Revision
    message: str


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
    paths = [path for path in sorted(folder.iterdir()) if path.suffix in {".py", ".json"} and path.name[0] not in "_."]
    stems = {path.stem for path in paths if path.suffix == ".py"}
    for path in paths:
        if path.suffix == ".json" and path.stem not in stems:
            raise RevisionError(
                f"{path}: the revision {path.stem}.py it belongs to is missing; restore it, or delete both"
            )
    line = _in_line({path.stem: _run(path) for path in paths if path.suffix == ".py"})
    _check_line(line)
    return tuple(_record_all(line))


def _record_all(line: Iterable[_Source]) -> Iterable[RecordedRevision]:
    api = Api()
    for source in line:
        before, api = api, _api_after(api, source)
        yield record(source.name, source.revision, before=before, after=api, message=source.message)


def _api_after(before: Api, source: _Source) -> Api:
    path = source.path.with_suffix(".json")
    try:
        return apply(before, decode_delta(source.name, path.read_bytes()))
    except FileNotFoundError:
        raise RevisionError(
            f"{path}: missing; it records the types of {source.path.name}. Restore it from version control"
        ) from None
    except RevisionError as error:
        raise RevisionError(f"{path}: {error}") from error


def _run(path: Path) -> _Source:
    module = _import(path)
    revision = getattr(module, "revision", None)
    if not isinstance(revision, Revision):
        raise RevisionError(f'{path}:1: it must export a `revision`: revision = Revision("2026-02-10", after=…)')
    return _Source(path.stem, path, revision, (module.__doc__ or "").strip().partition("\n")[0])


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


def _in_line(sources: Mapping[str, _Source]) -> list[_Source]:
    """Return *sources* by their ``after``: one first, and one after each but the last."""
    successors: dict[str | None, _Source] = {}
    for source in sources.values():
        after = source.revision.after
        if after is not None and after not in sources:
            raise RevisionError(f"{source.revision.place}: after={after!r} names no file in {source.path.parent}")
        other = successors.setdefault(after, source)
        if other is not source:
            what = "are both the first" if after is None else f"both follow {after!r}"
            raise RevisionError(
                f"{source.revision.place}: {other.name!r} and {source.name!r} {what}; "
                "let the one published later follow the other"
            )
    line: list[_Source] = []
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


def _check_line(line: list[_Source]) -> None:
    labels: dict[Rank, _Source] = {}
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
