"""Letting revisions follow others: what mends two heads after a merge.

The folder need not load for this: each file is read by itself. Where the two branches changed the same type, the types
that are moved keep what their own branch recorded, and the person is told to record them anew from the merged code.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple, final

from msgspec import Struct

from perdure.clock import Clock
from perdure.errors import RevisionError
from perdure.gtype.traversal import references
from perdure.manifest.records import Api
from perdure.timescape.authoring.folder import file_name, next_instant, remove_files, write_files
from perdure.timescape.authoring.rewriting import set_facts
from perdure.timescape.authoring.source import Facts
from perdure.timescape.delta import Delta, Seal, apply, delta, encode_delta
from perdure.timescape.graph import endpoint_references
from perdure.timescape.instants import format_date
from perdure.timescape.loading import RevisionFile, read_files, read_recording, seal_of
from perdure.timescape.renames import kept_renames

__all__ = ["redate_revisions"]


class _Place(NamedTuple):
    """The end of a line of revisions."""

    name: str | None
    seconds: int | None
    api: Api
    digest: str


@final
class _Folder(Struct, frozen=True):
    """The files, and what each records."""

    files: Mapping[str, RevisionFile]
    changes: Mapping[str, tuple[Delta, Seal]]

    def line_to(self, name: str | None) -> list[RevisionFile]:
        """Return *name* and what is before it, oldest first."""
        line: list[RevisionFile] = []
        while name is not None:
            file = self.files.get(name)
            if file is None or file in line:
                raise RevisionError(
                    f"{line[-1].path if line else name}: after={name!r} leads nowhere, or round in circles"
                )
            line.insert(0, file)
            name = file.revision.after
        return line

    def followers(self, name: str) -> list[str]:
        """Return what follows *name* directly."""
        return sorted(each.name for each in self.files.values() if each.revision.after == name)

    def place(self, name: str | None) -> _Place:
        """Return where what comes after *name* starts."""
        api, digest, seconds = Api(), "", None
        for file in self.line_to(name):
            change = self.changes[file.name][0]
            api, digest, seconds = apply(api, change), seal_of(file, change, digest), file.revision.seconds
        return _Place(name, seconds, api, digest)


def redate_revisions(folder: Path, name: str, after: str | None, seconds: int | None, clock: Clock) -> list[str]:
    """Let the revision *name*, and those that follow it, come after all others, and return what was done, in lines.

    Dates that are in order stay; a file whose name begins with a date that changes is renamed. What is in its place
    already is sealed anew.

    Args:
        folder: Where the files are.
        name: The first one to move.
        after: What it is to follow; None for the end of the others.
        seconds: Its date; None for its own, or today where that is too early.
        clock: Tells which day it is.
    Raises:
        RevisionError: There is no such revision, one of them is published, the others have no one end, or a file cannot
            be read or written.
    """
    files = read_files(folder) if folder.is_dir() else {}
    if name not in files:
        raise RevisionError(f"{folder} has no revision {name!r}; {_near(name, files)}")
    known = _Folder(files, {each: read_recording(file) for each, file in files.items()})
    moved = list(_moved(known, name))
    start = known.place(_tip(known, moved, after))
    base = known.place(files[name].revision.after).api
    return _write(folder, known, moved, (start, base, seconds), clock)


def _write(
    folder: Path, known: _Folder, moved: Sequence[str], place: tuple[_Place, Api, int | None], clock: Clock
) -> list[str]:
    end, base, seconds = place
    told = _conflicts(known, moved, base, end.api)
    texts: dict[str, str] = {}
    gone: list[str] = []
    branch = base
    for name in moved:
        file = known.files[name]
        change = known.changes[name][0]
        branch = apply(branch, change)
        api = _merged(end.api, change, branch)
        when = _instant(file.revision.seconds, seconds, end.seconds, clock)
        new = _renamed(folder, file, when)
        facts = Facts(when, file.revision.label, end.name)
        text = set_facts(file.text, facts)
        fresh = delta(end.api, api, kept_renames(change.renames, end.api, api))
        digest = _digest(new, facts, fresh, end.digest)
        texts[f"{new}.py"] = text
        texts[f"{new}.json"] = encode_delta(new, fresh, Seal(digest=digest))
        gone += [name] if new != name else []
        told.append(f"{new} follows {end.name or 'nothing'}, {format_date(when)}")
        end, seconds = _Place(new, when, api, digest), None
    write_files(folder, texts)
    remove_files(folder, gone)
    return sorted(told, key=lambda line: line.startswith("both"))


def _digest(name: str, facts: Facts, change: Delta, previous: str) -> str:
    from perdure.timescape.delta import digest_of

    return digest_of(name, facts, change, previous)


def _moved(known: _Folder, name: str) -> Iterator[str]:
    following: list[str] = [name]
    while following:
        if len(following) > 1:
            raise RevisionError(
                f"{' and '.join(following)} follow the same revision; say --redate {following[-1]} first"
            )
        if known.changes[following[0]][1].published:
            raise RevisionError(f"{following[0]} is published and cannot be redated: clients may depend on its date")
        yield following[0]
        following = known.followers(following[0])


def _tip(known: _Folder, moved: Sequence[str], after: str | None) -> str | None:
    rest = [name for name in known.files if name not in moved]
    ends = [name for name in rest if not set(known.followers(name)) - set(moved)]
    if after is not None and after not in rest:
        raise RevisionError(f"--after {after}: it is no other revision; {_near(after, rest)}")
    if after is not None and after not in ends:
        raise RevisionError(f"--after {after}: {known.followers(after)[0]} follows it already; name the last one")
    if after is not None:
        return after
    if len(ends) > 1:
        raise RevisionError(f"{' and '.join(sorted(ends))} are both the last; say --after with one of them")
    return ends[0] if ends else None


def _conflicts(known: _Folder, moved: Sequence[str], base: Api, tip: Api) -> list[str]:
    """Tell what both branches changed, each in its own way."""
    found: set[str] = set()
    for name in moved:
        change = known.changes[name][0]
        found |= {each for each in change.types if base.types.get(each) != tip.types.get(each)}
        found |= {each for each in change.endpoints if base.endpoints.get(each) != tip.endpoints.get(each)}
    if not found:
        return []
    return [f"both branches change {', '.join(sorted(found))}: record the merged code with perdure revision --amend"]


def _merged(tip: Api, change: Delta, branch: Api) -> Api:
    """Return *tip* with *change*, and with what that refers to and only the *branch* it was made on has."""
    types = {name: node for name, node in change.types.items() if node is not None or name in tip.types}
    endpoints = {key: each for key, each in change.endpoints.items() if each is not None or key in tip.endpoints}
    api = apply(tip, Delta(types=types, endpoints=endpoints))
    while True:
        mentioned = {name for node in api.types.values() for name in references(node)}
        mentioned |= {name for each in api.endpoints.values() for name in endpoint_references(each)}
        lacking = mentioned - api.types.keys()
        if not lacking:
            return api
        found = {name: branch.types.get(name) or tip.types[name] for name in lacking}
        api = Api(types={**api.types, **found}, endpoints=api.endpoints)


def _instant(own: int, said: int | None, previous: int | None, clock: Clock) -> int:
    if said is not None:
        if previous is not None and said < previous:
            raise RevisionError(f"--date lies before the revision it is to follow, {format_date(previous)}")
        return said
    return own if previous is None or own >= previous else next_instant(previous, clock)


def _renamed(folder: Path, file: RevisionFile, seconds: int) -> str:
    own = format_date(file.revision.seconds)
    if format_date(seconds) == own or not file.name.startswith(f"{own}_"):
        return file.name
    return file_name(seconds, file.name.removeprefix(f"{own}_"), folder)


def _near(name: str, known: Mapping[str, object] | Sequence[str]) -> str:
    import difflib

    near = difflib.get_close_matches(name, list(known), n=3) or sorted(known)[-5:]
    return f"did you mean {' or '.join(near)}?" if near else "it has none"
