"""Audit logs for tests: written line by line, read by the standard library alone, and judged."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from perdure.audit.findings import Report
from perdure.audit.keys import PRIVATE_FILE, PUBLIC_FILE, Signer, make_signer, read_public_keys
from perdure.audit.records import Witnessed
from perdure.audit.stream import Stream
from perdure.audit.verification import verify
from perdure.clock import Clock, FakeClock
from perdure.config import AuditSettings

__all__ = ["body", "faults", "log_files", "notes", "open_stream", "records", "signer_of", "verified"]


def signer_of(folder: Path) -> Signer:
    folder.mkdir(parents=True, exist_ok=True)
    return make_signer(folder / PRIVATE_FILE)


def open_stream(folder: Path, clock: Clock | None = None, **settings: Any) -> Stream:
    given = AuditSettings(dir=str(folder), **{"fsync": "never", **settings})
    return Stream(folder, signer_of(folder), given, "shop", clock or FakeClock())


def body(number: int, at: float = 1_767_225_600.0) -> bytes:
    return json.dumps({"kind": "request", "at": at, "id": f"r{number}", "status": 200}).encode()[:-1]


def records(folder: Path, *kinds: str) -> list[dict[str, Any]]:
    """Return all records, by file; the last line of each file may be torn."""
    found = []
    for path in log_files(folder):
        for line in path.read_bytes().splitlines(keepends=True):
            if line.endswith(b"\n"):
                found.append(json.loads(line))
    return [each for each in found if not kinds or each["kind"] in kinds]


def log_files(folder: Path) -> list[Path]:
    return sorted(folder.glob("audit-*.jsonl"))


def verified(folder: Path, expected: Sequence[Witnessed] = (), key: Path | None = None) -> Report:
    return verify(folder, read_public_keys([key or folder / PUBLIC_FILE]), expected)


def faults(folder: Path) -> list[tuple[str, int]]:
    """Return where something is wrong: file and line."""
    return [(each.file, each.line) for each in verified(folder).findings if each.kind == "fault"]


def notes(folder: Path) -> list[str]:
    found = verified(folder)
    assert found.is_sound, found.findings
    return [each.what for each in found.findings]
