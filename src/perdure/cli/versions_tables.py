"""How versions, usage and decisions look: as tables for people, as JSON for programs."""

import msgspec

from perdure.cli.console import say, write
from perdure.cli.tables import print_table
from perdure.cli.versions_desk import VersionLine, shown_time
from perdure.store.records import JournalEntry, Pin, UsageCount

__all__ = ["print_journal", "print_pins", "print_usage", "print_version", "print_versions"]


def print_versions(lines: tuple[VersionLine, ...], *, as_json: bool) -> None:
    """Print all versions, oldest first."""
    if as_json:
        _print_json(lines)
        return
    if not lines:
        say("nothing was registered yet: start the server, or run perdure versions register")
        return
    headings = ("VERSION", "LABEL", "STATUS", "TAGS", "USE", "24 H", "LAST USED", "NOTES")
    rows = [
        (
            line.version, line.label if line.label not in {None, line.version} else "", line.status,
            " ".join(_tag(tag, line) for tag in sorted({*line.tags, *line.shares})), line.standing,
            str(line.requests_day), line.last_used or "never", ", ".join(_notes(line)),
        )
        for line in lines
    ]  # fmt: skip
    print_table(headings, [tuple(cell or "" for cell in row) for row in rows])


def print_version(line: VersionLine, clients: tuple[UsageCount, ...], *, as_json: bool) -> None:
    """Print all there is to say about one version, and which clients used it."""
    if as_json:
        _print_json({**msgspec.to_builtins(line), "clients": [_usage_record(each) for each in clients]})
        return
    facts = {
        "version": line.version, "label": line.label, "revision": line.revision, "status": line.status,
        "use": f"{line.standing}, {line.requests_day} requests within 24 hours",
        "health": None if line.healthy is None else "healthy" if line.healthy else "unhealthy",
        "tags": " ".join(line.tags), "shares": ", ".join(f"{share} % of {tag}" for tag, share in line.shares.items()),
        "pinned": f"{line.pinned} clients" if line.pinned else None, "retained": "yes" if line.retained else None,
        "registered": line.registered, "activated": line.activated, "retired": line.retired,
        "deprecated": line.deprecated, "sunset": line.sunset, "link": line.link,
        "brown-outs": ", ".join(f"{start} to {end}" for start, end in line.brownouts), "last used": line.last_used,
    }  # fmt: skip
    for name, fact in facts.items():
        if fact:
            say(f"{name + ':':<12}{fact}")
    if clients:
        say("clients:")
        for each in clients:
            say(f"  {each.client}  {each.requests} requests, last {shown_time(each.last_s)}")


def print_usage(counts: tuple[UsageCount, ...], *, as_json: bool) -> None:
    """Print who used which version, and how much."""
    if as_json:
        _print_json([_usage_record(each) for each in counts])
        return
    rows = [(each.version, each.client, str(each.requests), shown_time(each.last_s) or "") for each in counts]
    print_table(("VERSION", "CLIENT", "REQUESTS", "LAST USED"), rows)


def print_pins(pins: tuple[Pin, ...], *, as_json: bool) -> None:
    """Print who is pinned to which version."""
    if as_json:
        _print_json(
            [{"client": p.client, "version": p.version, "by": p.by, "since": shown_time(p.since_s)} for p in pins]
        )
        return
    rows = [(pin.client, pin.version, pin.by, shown_time(pin.since_s) or "") for pin in pins]
    print_table(("CLIENT", "VERSION", "BY", "SINCE"), rows)


def print_journal(entries: tuple[JournalEntry, ...], *, as_json: bool) -> None:
    """Print decisions, newest first."""
    if as_json:
        _print_json([{"at": shown_time(each.at_s), "actor": each.actor, "action": each.action} for each in entries])
        return
    rows = [(shown_time(each.at_s) or "", each.actor, each.action) for each in entries]
    print_table(("AT", "BY", "DECISION"), rows)


def _tag(tag: str, line: VersionLine) -> str:
    return f"{tag}:{line.shares[tag]}%" if tag in line.shares else tag


def _notes(line: VersionLine) -> list[str]:
    notes = ["unhealthy"] if line.healthy is False else []
    if line.retained:
        notes.append("retained")
    if line.pinned:
        notes.append(f"{line.pinned} pinned")
    if line.deprecated is not None:
        notes.append(f"deprecated {line.deprecated[:10]}")
    if line.sunset is not None:
        notes.append(f"sunset {line.sunset[:10]}")
    return notes


def _usage_record(count: UsageCount) -> dict[str, object]:
    return {
        "version": count.version, "client": count.client, "requests": count.requests,
        "last_used": shown_time(count.last_s),
    }  # fmt: skip


def _print_json(value: object) -> None:
    write(msgspec.json.format(msgspec.json.encode(value), indent=2))
