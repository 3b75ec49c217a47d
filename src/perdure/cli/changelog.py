"""`perdure changelog`: what changed from version to version, as a person would write it down."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Literal

import msgspec

from perdure.cli.changelog_text import Entry, Release, to_markdown
from perdure.cli.console import complain, write
from perdure.cli.plan import EXIT_OK, EXIT_USAGE
from perdure.cli.sides import CODE, Step, UnknownSideError, Versions, follow_steps
from perdure.cli.target import find_target, load_quietly
from perdure.diff.apis import diff_apis
from perdure.diff.grouping import Group, group
from perdure.gtype.traversal import children
from perdure.manifest.records import Api

__all__ = ["run_changelog"]


def run_changelog(app: str | None, start: str | None, end: str | None, format: Literal["markdown", "json"]) -> int:
    """Print what changed from version to version, the newest first, to stdout, and return the exit code.

    Args:
        app: The app; found in the current folder if None.
        start: The changes after this version; None for all.
        end: Up to this one; None for the code.
        format: For people, or for programs.
    """
    versions = Versions(load_quietly(find_target(app, Path.cwd())))
    try:
        first = -1 if start is None else versions.place(start)
        last = versions.recorded if end is None else versions.place(end)
        steps = versions.steps(max(first, 0), last)
    except UnknownSideError as error:
        complain(str(error))
        return EXIT_USAGE
    compared = steps if first >= 0 else (Step("", Api()), *steps)
    releases = list(_releases(compared))
    releases.reverse()
    if format == "json":
        write(msgspec.json.format(msgspec.json.encode(releases), indent=2))
    else:
        write(to_markdown(releases).encode())
    return EXIT_OK


def _releases(steps: Sequence[Step]) -> Iterator[Release]:
    for before, after in pairwise(steps):
        called = follow_steps((before, after))
        edits = group(diff_apis(before.api, after.api, renames=called.renames, moves=called.moves))
        is_code = after.name == CODE
        if edits or not is_code:
            yield Release(
                version=None if is_code else after.name, label=after.label, revision=after.revision,
                message=after.message, changes=tuple(_entry(each, (before.api, after.api)) for each in edits),
            )  # fmt: skip


def _entry(edit: Group, apis: Sequence[Api]) -> Entry:
    return Entry(
        rule=edit.rule, level=edit.level, direction=edit.direction, type=edit.type, member=_member(edit, apis),
        message=edit.message, endpoints=edit.endpoints, pointers=edit.pointers,
    )  # fmt: skip


def _member(edit: Group, apis: Sequence[Api]) -> str:
    """Return which member of its type the edit is about; "" where it is the type itself, or no member has a name."""
    members = {pointer.rpartition("/")[2] for pointer in edit.pointers}
    definitions = [api.types[edit.type] for api in apis if edit.type in api.types]
    is_within = any(children(definition) for definition in definitions)
    return members.pop() if is_within and len(members) == 1 and "*" not in members else ""
