"""How the audit log looks: as text for people, as it is for programs."""

import time
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from perdure.audit.findings import Report
from perdure.audit.following import Following
from perdure.audit.reading import Entry
from perdure.cli.console import complain, say, write
from perdure.cli.plan import EXIT_FAILED, EXIT_OK
from perdure.cli.tables import print_table

__all__ = ["follow", "print_entries", "print_entry", "print_report", "write_entries"]

_POLL_S = 0.5
_HEALTH = {"out": "unhealthy", "trial": "on trial", "healthy": "healthy again"}


def print_report(report: Report, folder: Path, keys: str, *, as_json: bool) -> None:
    """Print what was found; *keys* says whose signatures were believed."""
    if as_json:
        write(msgspec.json.format(msgspec.json.encode({**_plain(report), "sound": report.is_sound}), indent=2))
        return
    for finding in report.findings:
        place = f"{finding.file}:{finding.line}" if finding.line else finding.file
        say(f"{place}: {'' if finding.kind == 'fault' else 'note: '}{finding.what}")
    for each in report.streams:
        unsigned = f", the last {each.unsigned} not signed yet" if each.unsigned else ""
        files = f"{each.files} file{'s' * (each.files != 1)}"
        live = ", being written" if each.is_live else ""
        say(f"stream {each.name}: {each.lines} lines in {files}{unsigned}{live}")
    faults = sum(finding.kind == "fault" for finding in report.findings)
    if faults:
        say(f"{folder} is not as it was written: {faults} finding{'s' * (faults != 1)}")
    else:
        say(f"{folder} is as it was written, by {keys}: {', '.join(report.keys)}")


def print_entries(entries: Iterable[Entry], *, as_json: bool) -> None:
    """Print each record on a line."""
    for entry in entries:
        if as_json:
            write(entry.raw)
        else:
            say(_line(entry))


def print_entry(entry: Entry) -> None:
    """Print all there is to say about one record."""
    record = _record(entry)
    events = _events(record)
    shown = {name: value for name, value in record.items() if name not in {"stages", "us", "events", "at", "hash"}}
    say(f"{'at:':<14}{_shown_time(entry.at)}")
    for name, value in shown.items():
        text = " ".join(map(_shown, value)) if isinstance(value, list) else _shown(value)
        if value not in ("", None, []):
            say(f"{name + ':':<14}{text}")
    if "us" in record:
        total = record["us"][-1] if isinstance(record["us"], list) else record["us"]
        say(f"{'took:':<14}{_shown_us(total)}")
    say(f"{'in:':<14}{entry.file}:{entry.line}")
    if events:
        print_table(("STAGE", "BEGAN", "TOOK", "ERROR"), events)


def follow(following: Following, seen: Sequence[Entry], *, as_json: bool) -> None:
    """Print what comes, until Ctrl-C; *seen* was printed since *following* began."""
    known = {(entry.file, entry.line) for entry in seen}
    try:
        while True:
            print_entries((each for each in following.fresh() if (each.file, each.line) not in known), as_json=as_json)
            time.sleep(_POLL_S)
    except KeyboardInterrupt:
        return


def write_entries(entries: Iterator[Entry], output: Path | None) -> int:
    """Write records as they are, to a file or to stdout, and return the exit code."""
    try:
        if output is None:
            for entry in entries:
                write(entry.raw)
            return EXIT_OK
        count = 0
        with output.open("wb") as opened:
            for entry in entries:
                opened.write(entry.raw + b"\n")
                count += 1
    except BrokenPipeError:
        return EXIT_OK
    except OSError as error:
        complain(f"{output} cannot be written: {error.strerror or error}")
        return EXIT_FAILED
    say(f"wrote {count} record{'s' * (count != 1)} to {output}")
    return EXIT_OK


def _line(entry: Entry) -> str:
    record, at = _record(entry), _shown_time(entry.at)
    match entry.kind:
        case "request" | "refusal":
            who = _shown(record["principal"] or record["client"] or "?")
            took = record["us"][-1] if isinstance(record["us"], list) else record["us"]
            error = f" {record['error']}" if record.get("error") else ""
            why = f": {record['reason']!r}" if record.get("reason") else ""
            served = f"{record['handler'] or '-'} {record['version']}"
            called = f"{record['method']} {record['path']!r}"
            return f"{at} {record['status']} {called} {who} {served} {_shown_us(took)} {record['id']}{error}{why}"
        case "streamed":
            who = _shown(record["principal"] or record["client"] or "?")
            error = f" {record['error']}" if record["error"] else ""
            called = f"{record['method']} {record['path']!r}"
            served = f"{record['handler']} {record['version']} {record['bytes']} bytes"
            return f"{at} {record['outcome']} {called} {who} {served} {_shown_us(record['us'])} {record['id']}{error}"
        case "secret":
            return f"{at} secret {record['secret']} read by {record['reader']}: {record['outcome']}"
        case "operation":
            failed = f": failed with {record['error']}" if record["error"] else ""
            return f"{at} {record['by']}: {record['command']} {record['action']}{failed}"
        case "health":
            told = f"{at} version {record['version']} is {_HEALTH[record['condition']]}"
            judged = f": {record['errors']} of {record['requests']} answers failed, {record['slow']} were slow"
            return told + judged if record["requests"] else told
        case _:
            rest = {name: value for name, value in record.items() if name not in {"kind", "at", "hash", "signature"}}
            return f"{at} {entry.kind} {' '.join(f'{name}={value}' for name, value in rest.items())}"


def _events(record: dict[str, Any]) -> list[tuple[str, str, str, str]]:
    if "events" in record:
        return [
            (
                " ".join(part for part in (each["stage"], each.get("level", ""), each["name"]) if part),
                _shown_us(each["at"]), "" if each["us"] is None else _shown_us(each["us"]), each.get("error", ""),
            )
            for each in record["events"]
        ]  # fmt: skip
    times = record.get("us")
    if not isinstance(times, list):
        return []
    return [
        (stage, _shown_us(began), _shown_us(ended - began), "")
        for stage, began, ended in zip(record["stages"], times, times[1:], strict=False)
    ]


def _record(entry: Entry) -> dict[str, Any]:
    record: dict[str, Any] = msgspec.json.decode(entry.raw)
    return record


def _plain(report: Report) -> dict[str, Any]:
    plain: dict[str, Any] = msgspec.to_builtins(report)
    return plain


def _shown_time(at_s: float) -> str:
    return datetime.fromtimestamp(at_s, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _shown(value: object) -> str:
    """Return *value* on one line, whatever is in it: clients choose their paths, and terminals obey what they print."""
    text = str(value)
    return text if text.isprintable() else repr(text)


def _shown_us(us: int) -> str:
    return f"{us / 1000:.3f} ms"
