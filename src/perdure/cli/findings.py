"""Findings on the command line: for people, grouped by gravity and endpoint, and for programs, as JSON."""

from collections import Counter
from collections.abc import Iterable, Sequence
from itertools import groupby

import msgspec
from rich.console import Console
from rich.text import Text

from perdure.diff.findings import LEVELS, Finding
from perdure.diff.grouping import Group, group

__all__ = ["findings_to_json", "show_findings", "spoken_endpoints"]

_STYLES = {"breaking": "bold red", "risky": "bold yellow", "compatible": "bold green"}
_MOST_ENDPOINTS = 5
_MOST_POINTERS = 3
_MOST_MESSAGES = 10
_KEYS = ("rule", "level", "pointer", "method", "path", "direction", "message")


def findings_to_json(findings: Iterable[Finding]) -> bytes:
    """Return *findings* as a JSON list of objects with rule, level, pointer, method, path, direction and message."""
    rows = [{key: getattr(finding, key) for key in _KEYS} for finding in findings]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2)


def show_findings(findings: Sequence[Finding], console: Console, *, ignored: int) -> None:
    """Print *findings*, those of one edit once, and how many there are; nothing where nothing changed."""
    groups = group(findings)
    for level, of_level in groupby(groups, key=lambda each: each.level):
        console.print(Text(level, _STYLES[level]))
        for endpoints, edits in _by_endpoints(of_level).items():
            if any(endpoints):
                console.print(Text(f"  {spoken_endpoints(endpoints)}", "bold"))
            for alike in _by_place(edits).values():
                _show(alike, console)
        console.print()
    if findings or ignored:
        console.print(_spoken_counts(groups, ignored))


def _spoken_counts(groups: Sequence[Group], ignored: int) -> str:
    """Return how many edits of each level there are: ``2 breaking, 1 compatible at 3 endpoints; 3 ignored``."""
    counts = Counter(each.level for each in groups)
    text = ", ".join(f"{counts[level]} {level}" for level in LEVELS if counts[level]) or "nothing"
    number = len({endpoint for each in groups for endpoint in each.endpoints} - {""})
    text += f" at {number} endpoint{'' if number == 1 else 's'}" if number else ""
    return f"{text}; {ignored} ignored" if ignored else text


def spoken_endpoints(endpoints: Sequence[str], quote: str = "") -> str:
    """Return *endpoints* as a list in words, cut where it grows long."""
    quoted = [f"{quote}{endpoint}{quote}" for endpoint in endpoints]
    if len(quoted) > _MOST_ENDPOINTS + 1:
        quoted = [*quoted[:_MOST_ENDPOINTS], f"{len(quoted) - _MOST_ENDPOINTS} more endpoints"]
    return " and ".join([", ".join(quoted[:-1]), quoted[-1]] if len(quoted) > 1 else quoted)


def _by_endpoints(groups: Iterable[Group]) -> dict[tuple[str, ...], list[Group]]:
    """Return *groups* by the endpoints they are felt at, in order of appearance."""
    found: dict[tuple[str, ...], list[Group]] = {}
    for each in groups:
        found.setdefault(each.endpoints, []).append(each)
    return found


def _by_place(groups: Iterable[Group]) -> dict[tuple[object, ...], list[Group]]:
    """Return *groups* by rule and place, in order of appearance: of an enumeration, many values may be gone."""
    found: dict[tuple[object, ...], list[Group]] = {}
    for each in groups:
        found.setdefault((each.rule, each.type, each.pointers), []).append(each)
    return found


def _show(alike: Sequence[Group], console: Console) -> None:
    first = alike[0]
    pointers = first.pointers[:_MOST_POINTERS]
    rest = len(first.pointers) - len(pointers)
    where = " ".join(pointers) + (f" and {rest} more" if rest else "")
    line = Text("    ")
    line.append(f"{where}  " if where else "", "cyan")
    line.append(first.rule, "dim")
    line.append(f"  in {first.type}" if first.type else "", "dim")
    console.print(line)
    for each in alike[:_MOST_MESSAGES]:
        console.print(f"      {each.message}")
    if len(alike) > _MOST_MESSAGES:
        console.print(f"      and {len(alike) - _MOST_MESSAGES} more like these")
