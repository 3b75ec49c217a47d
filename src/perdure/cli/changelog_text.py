"""A changelog in Markdown, in the words of the person who reads it: a client's developer.

An edit that is felt in requests and in answers is told once, where it is graver. What happened to one type, or to one
endpoint, stands together.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import final

from msgspec import Struct

from perdure.cli.findings import spoken_endpoints
from perdure.diff.findings import LEVELS, Direction, Level

__all__ = ["Entry", "Release", "to_markdown"]

_PLACES = {"path": "in the path", "query": "in the query", "headers": "in the headers", "body": "in the body"}
_SIDES = {
    ("request",): "requests to",
    ("response",): "answers of",
    ("request", "response"): "requests to and answers of",
}
_MARKUP = re.compile(r"[\\`*<\[\]]|(?<!\w)_|_(?!\w)")
_ADDED = "endpoint-added"


@final
class Entry(Struct, frozen=True, kw_only=True):
    """One edit."""

    rule: str
    level: Level
    direction: Direction
    type: str
    """The named type that was edited; "" where none was."""
    member: str
    """Which member of it, where that is known."""
    message: str
    endpoints: tuple[str, ...]
    pointers: tuple[str, ...]


@final
class Release(Struct, frozen=True, kw_only=True):
    """One version, and what it changed."""

    version: str | None
    """None: the code, not recorded yet."""
    label: str | None
    revision: str | None
    message: str
    changes: tuple[Entry, ...]


@final
class _Edit(Struct, kw_only=True):
    """An edit, in whichever directions it is felt."""

    level: Level
    subject: str
    sentence: str
    directions: dict[Direction, None]
    endpoints: dict[str, None]


def to_markdown(releases: Iterable[Release]) -> str:
    """Return *releases* as one document."""
    return "\n\n".join(["# Changelog", *("\n".join(_release(each)) for each in releases)])


def _release(release: Release) -> Iterator[str]:
    yield f"## {_title(release)}"
    if release.message:
        yield f"\n{_plain(release.message)}"
    added = [each for each in release.changes if each.rule == _ADDED]
    edits = _edits(each for each in release.changes if each.rule != _ADDED)
    yield from _section("Breaking changes", [each for each in edits if each.level == "breaking"])
    if added:
        yield "\n### New endpoints\n"
        yield from (f"- `{endpoint}`" for each in added for endpoint in each.endpoints)
    yield from _section("Other changes", [each for each in edits if each.level != "breaking"])
    if not release.changes:
        yield "\nNothing changed for clients."


def _title(release: Release) -> str:
    if release.version is None:
        return "Unreleased"
    return f"{release.label} ({release.version})" if release.label else release.version


def _edits(entries: Iterable[Entry]) -> list[_Edit]:
    found: dict[tuple[str, str], _Edit] = {}
    for entry in entries:
        subject, sentence = _subject(entry), _sentence(entry)
        edit = found.setdefault(
            (subject, sentence),
            _Edit(level=entry.level, subject=subject, sentence=sentence, directions={}, endpoints={}),
        )
        edit.level = min(edit.level, entry.level, key=LEVELS.index)
        edit.directions[entry.direction] = None
        edit.endpoints |= dict.fromkeys(entry.endpoints)
    return list(found.values())


def _section(title: str, edits: Sequence[_Edit]) -> Iterator[str]:
    if not edits:
        return
    yield f"\n### {title}\n"
    by_subject: dict[str, list[_Edit]] = {}
    for each in edits:
        by_subject.setdefault(each.subject, []).append(each)
    for subject, together in by_subject.items():
        head = subject + _where(together)
        if len(together) == 1:
            yield f"- {head}: {together[0].sentence}."
        else:
            yield f"- {head}:"
            yield from (f"  - {each.sentence}" for each in together)


def _where(edits: Sequence[_Edit]) -> str:
    """Return at which endpoints a type is felt; "" where endpoints are what is spoken of."""
    endpoints = dict.fromkeys(endpoint for each in edits for endpoint in each.endpoints)
    if spoken_endpoints(list(endpoints), quote="`") == edits[0].subject:
        return ""
    sides = tuple(sorted({direction for each in edits for direction in each.directions}))
    return f", in {_SIDES[sides]} {spoken_endpoints(sorted(endpoints, key=_by_path), quote='`')}"


def _by_path(endpoint: str) -> list[str]:
    return endpoint.split(" ", 1)[::-1]


def _subject(entry: Entry) -> str:
    return f"`{entry.type}`" if entry.type else spoken_endpoints(entry.endpoints, quote="`")


def _sentence(entry: Entry) -> str:
    """Return what happened, with the member it happened to."""
    message = _plain(entry.message)
    if not entry.type:
        place = _place(entry.pointers[0])
        return f"{place}: {message}" if place else message
    is_told = not entry.member or f'"{entry.member}"' in entry.message
    return message if is_told else f"`{entry.member}`: {message}"


def _place(pointer: str) -> str:
    """Return *pointer* in words: ``/query/limit`` is the member ``limit`` in the query."""
    tokens = [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]
    if not tokens:
        return ""
    status = f" of status {tokens[1]}" if tokens[0] == "responses" else ""
    rest = tokens[3:] if status else tokens[1:]
    where = _PLACES.get("body" if status else tokens[0], "") + status
    return f"`{'.'.join(rest)}` {where}" if rest else where


def _plain(text: str) -> str:
    """Return *text* with what Markdown would take for markup escaped."""
    return _MARKUP.sub(r"\\\g<0>", text)
