"""Revisions without files, told by the API that each leads to: what chains and proofs are tried on."""

from collections.abc import Callable
from typing import Any, NamedTuple

from perdure.manifest.records import Api
from perdure.timescape.recorded import RecordedRevision, record
from perdure.timescape.renames import Renames
from perdure.timescape.revision import Revision

__all__ = ["Step", "Write", "history", "nothing"]

Write = Callable[[Any], None]
"""Declares what a revision says."""


def nothing(_: object) -> None:
    """Declare nothing."""


class Step(NamedTuple):
    """One revision."""

    api: Api
    """The API after it."""
    write: Write = nothing
    renames: Renames = Renames()


def history(*steps: Step) -> tuple[RecordedRevision, ...]:
    """Return a revision for each of *steps*, a month apart: ``r1`` is of 2025-01-01 and called v1.0.0."""
    revisions: list[RecordedRevision] = []
    before = Api()
    for place, step in enumerate(steps):
        number = place + 1
        revision = Revision(f"{2025 + place // 12}-{place % 12 + 1:02}-01", label=f"v{number}.0.0")
        step.write(revision)
        revisions.append(record(f"r{number}", revision, before=before, after=step.api, renames=step.renames))
        before = step.api
    return tuple(revisions)
