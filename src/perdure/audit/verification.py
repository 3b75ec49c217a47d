"""Whether an audit log is as it was written; if not, what was changed, in which file, at which line.

Each line is held against its hash, each checkpoint against its signature and its place, the files against each other,
each stream against its head and against what the other streams have witnessed of it.

What nothing in the folder can show: that all of it was taken back to an earlier state, copied at that time, heads
included. *expected* shows that: heads that were kept elsewhere.

Source: SPEC 3.11.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import final

from perdure.audit.findings import Finding, Report, StreamReport
from perdure.audit.folder import head_path, is_held, log_files, stream_places
from perdure.audit.head import Head, head_fault, read_head
from perdure.audit.keys import Verifier
from perdure.audit.records import Witnessed
from perdure.audit.verifying import StreamCheck
from perdure.errors import AuditError

__all__ = ["verify"]


def verify(folder: Path, verifier: Verifier, expected: Sequence[Witnessed] = ()) -> Report:
    """Return what is found in the log in *folder*. Several 100,000 lines a second.

    Args:
        folder: Of the log; processes may be writing to it.
        verifier: Knows the public keys that are trusted.
        expected: Heads that were there before.
    Raises:
        AuditError: There is no log, or it cannot be read.
    """
    places = stream_places(folder)
    if not places and not expected:
        raise AuditError(f"there is no audit log in {folder}: no file there is called audit-….jsonl")
    findings: list[Finding] = []
    checked: dict[str, _Checked] = {}
    for place in places:
        try:
            each = _check(folder, place, verifier)
        except OSError as error:
            raise AuditError(f"the audit log in {folder} cannot be read: {error}") from error
        findings += each.check.findings
        if each.stream in checked:
            findings.append(_fault(each.where, f"it is a copy of {checked[each.stream].where}"))
        checked.setdefault(each.stream, each)
    findings += _missed(checked, expected, folder, verifier)
    return Report(
        streams=tuple(each.report() for each in checked.values()), findings=tuple(findings), keys=verifier.names,
        heads=tuple(
            Witnessed(each.stream, each.head.lines, each.head.head)
            for each in checked.values()
            if each.head is not None
        ),
    )  # fmt: skip


@final
class _Checked:
    """A stream that was walked over."""

    def __init__(self, place: str, check: StreamCheck, head: Head | None, files: int, *, is_live: bool) -> None:
        self.place = place
        self.check = check
        self.head = head
        self.files = files
        self.is_live = is_live
        self.where = f"audit-{place}"
        self.stream = check.stream or ("" if head is None else head.stream)

    def report(self) -> StreamReport:
        check = self.check
        return StreamReport(
            name=self.place, stream=self.stream, files=self.files, lines=check.lines,
            unsigned=check.lines - check.signed_lines, is_live=self.is_live,
        )  # fmt: skip


def _check(folder: Path, place: str, verifier: Verifier) -> _Checked:
    is_live = is_held(folder, place)
    path = head_path(folder, place)
    raw, head = read_head(path)  # before the lines: those of a live stream may go on meanwhile, never back
    files = log_files(folder, place)
    check = StreamCheck(verifier, is_live=is_live)
    for number, file in enumerate(files):
        check.walk_file(file, is_last=number == len(files) - 1)
    check.finish()
    if raw:
        fault = head_fault(raw, verifier)
        if fault is not None:
            check.findings.append(_fault(path.name, f"{fault[0].upper()}{fault[1:]}"))
        elif head is not None:
            check.findings += _held_against(head, check, path.name)
    elif files and not check.lines and not is_live:
        check.findings.append(_fault(files[0].path.name, "it holds no line, and no head says what it held"))
    elif check.positions:
        check.findings.append(_fault(path.name, "it is missing: the end of the stream may be missing too"))
    return _Checked(place, check, head, len(files), is_live=is_live)


def _held_against(head: Head, check: StreamCheck, where: str) -> list[Finding]:
    """Return what *head* shows of the stream it belongs to."""
    if head.stream != check.stream and check.stream:
        return [_fault(where, "it belongs to another stream")]
    if check.lines < head.lines:
        last = check.last_file
        missing = head.lines - check.lines
        return [_fault(last or where, f"the last {missing} line{'s' * (missing > 1)} that were signed are missing",
                       check.last_line if last else 0)]  # fmt: skip
    if check.positions.get(head.lines) != head.head:
        return [_fault(where, f"line {head.lines} of the stream is not the checkpoint it names")]
    later = sum(place > head.lines for place in check.positions)
    if later > 1 and not check.is_live:
        return [_fault(where, f"it is an old one: {later} checkpoints came after it")]
    return []


def _missed(
    checked: dict[str, _Checked], expected: Sequence[Witnessed], folder: Path, verifier: Verifier
) -> list[Finding]:
    """Return what the streams, and who kept heads elsewhere, have seen of streams, and is not there."""
    claims = [(where, line, seen) for each in checked.values() for where, line, seen in each.check.witnessed]
    claims += [("", 0, seen) for seen in expected]
    findings: list[Finding] = []
    told: set[str] = set()
    for where, line, seen in claims:
        each = checked.get(seen.stream)
        by = f"{where}:{line}" if where else "what was expected"
        if each is None:
            if seen.stream not in told:
                told.add(seen.stream)
                findings.append(_fault(folder.name, f"the stream {seen.stream} is missing; {by} has seen it"))
            continue
        check = each.check
        if seen.lines <= check.pruned_lines or check.positions.get(seen.lines) == seen.head or seen.stream in told:
            continue
        if where and each.is_live and seen.lines > check.lines and _has_come(folder, each.place, seen, verifier):
            continue  # it was read before the stream that has seen more of it
        told.add(seen.stream)
        findings.append(
            _fault(each.where, f"line {seen.lines} of the stream is missing or was changed; {by} has seen it")
        )
    return findings


def _has_come(folder: Path, place: str, seen: Witnessed, verifier: Verifier) -> bool:
    """Return whether the stream has by now come as far as it was *seen*, as its head says."""
    raw, head = read_head(head_path(folder, place))
    is_its_own = head is not None and head.stream == seen.stream and head.lines >= seen.lines
    return is_its_own and head_fault(raw, verifier) is None


def _fault(file: str, what: str, line: int = 0) -> Finding:
    return Finding(kind="fault", file=file, line=line, what=what)
