"""A report as text for people."""

from perdure.errors import Fault
from perdure.timescape.proving.plain import brief
from perdure.timescape.proving.report import WARNINGS, Failure, Report

__all__ = ["tell"]

_SHOWN_CHARACTERS = 600
_SHOWN_OTHERS = 4


def tell(report: Report) -> str:
    """Return *report* as text: a paragraph for each failure, the remarks, and a last line that says how it went."""
    paragraphs = [_failure(each) for each in (*report.failures, *report.warnings)]
    remarks = [f"note: {each.place + ': ' if each.place else ''}{each.message}" for each in report.remarks]
    return "\n\n".join([*paragraphs, *(["\n".join(remarks)] if remarks else []), _summary(report)])


def _failure(failure: Failure) -> str:
    place = f"{failure.place}: " if failure.place else ""
    who = f"{failure.direction} {failure.target!r} " if failure.direction else ""
    kind = f"warning, {failure.kind}" if failure.kind in WARNINGS else failure.kind
    lines = [f"{place}{kind}: {who}{failure.message}"]
    if failure.subject:
        lines.append(f"  in     {failure.subject}")
    example = failure.example
    if example is not None:
        lines.append(f"  given  {brief(example.given, _SHOWN_CHARACTERS)}")
        if example.came is not None:
            lines.append(f"  came   {brief(example.came, _SHOWN_CHARACTERS)}")
        lines.extend(f"  fault  {each.pointer or '(all)'}: {_told(each)}" for each in example.faults)
    lines.extend(f"  also   {other}" for other in failure.also[:_SHOWN_OTHERS])
    if len(failure.also) > _SHOWN_OTHERS:
        lines.append(f"  also   {len(failure.also) - _SHOWN_OTHERS} more")
    return "\n".join([*lines, f"  mend   {failure.cure}"])


def _told(fault: Fault) -> str:
    return fault.message if fault.code == "not-json" else f"{fault.message}, not {fault.actual}"


def _summary(report: Report) -> str:
    warned = f", {_count(len(report.warnings), 'warning')}" if report.warnings else ""
    went = "all is well" if report.ok else _count(len(report.failures), "failure")
    return (
        f"{went}{warned}: {_tried(report)}, seed {report.seed}"
        if report.subjects
        else (f"{went}{warned}: {_untried(report)}")
    )


def _tried(report: Report) -> str:
    ways, versions = _count(report.subjects, "way"), _count(len(report.versions), "version")
    return f"{_count(report.values, 'value')} on {ways} between {versions}"


def _untried(report: Report) -> str:
    """Say why no values were tried."""
    match len(report.versions):
        case 0:
            return "no version is recorded, so nothing has to be carried over yet"
        case 1:
            return "there are clients of one version only, so nothing has to be carried over"
        case count:
            return f"there was nothing to try between {count} versions"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
