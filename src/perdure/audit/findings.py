"""What verifying an audit log finds."""

from typing import Literal, final

from msgspec import Struct

from perdure.audit.records import Witnessed

__all__ = ["Finding", "Report", "StreamReport"]


@final
class Finding(Struct, frozen=True, kw_only=True):
    """One thing that was found."""

    kind: Literal["fault", "note"]
    """``fault``: what was written is not there as it was. ``note``: something an auditor wants to know, that needs no
    tampering: a process was killed, a clock was set back."""
    file: str
    """Name of the file; of the folder where it is about none."""
    line: int
    """Number of the line, from 1; 0 where it is about the whole file."""
    what: str
    """In words."""


@final
class StreamReport(Struct, frozen=True, kw_only=True):
    """What one stream consists of."""

    name: str
    """``01``, ``02``, …"""
    stream: str
    """Its id."""
    files: int
    lines: int
    """All there are, files that were deleted as configured included."""
    unsigned: int
    """Lines after the last checkpoint."""
    is_live: bool
    """Some process writes to it."""


@final
class Report(Struct, frozen=True, kw_only=True):
    """What was found in a log."""

    streams: tuple[StreamReport, ...]
    findings: tuple[Finding, ...]
    keys: tuple[str, ...]
    """Names of the keys that were trusted."""
    heads: tuple[Witnessed, ...]
    """How far each stream was signed."""

    @property
    def is_sound(self) -> bool:
        """Whether nothing but notes was found."""
        return all(finding.kind == "note" for finding in self.findings)
