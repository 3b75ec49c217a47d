"""What `perdure check` found, as data."""

from typing import Literal, final

from msgspec import Struct

from perdure.diff.findings import Level
from perdure.errors import Fault
from perdure.timescape.revision import Direction

__all__ = ["KINDS", "WARNINGS", "Example", "Failure", "Kind", "Remark", "Report"]

Kind = Literal[
    "unrecorded",
    "todo",
    "unserved",
    "database",
    "crash",
    "hang",
    "invalid",
    "not-json",
    "unstable",
    "shared",
    "lossy",
    "drift",
    "lost",
    "order",
    "cut",
    "crossed",
    "altered",
]
"""What is wrong: see `KINDS`."""

KINDS: dict[Kind, str] = {
    "unrecorded": "the code's API is not the one the last revision records",
    "todo": "a revision leaves something to a person",
    "unserved": "clients of an old version have an endpoint that nothing serves any more",
    "database": "a revision names a step on the database that does not exist",
    "crash": "a transformer raised",
    "hang": "a transformer did not come to an end",
    "invalid": "what came out of a chain is not what the other version allows",
    "not-json": "what came out of a chain has no form in JSON",
    "unstable": "the same value came out differently the second time",
    "shared": "what came out is the same object each time, so a change to one request changes the next",
    "lossy": "a type that was declared lossless did not come back as it was",
    "drift": "what an older client is told and sends again is not what it sent first",
    "lost": "a member that is the same before and after does not get through",
    "order": "two transformers give different valid results in one order and in the other",
    "cut": "what comes out is a part of what went in, though there is room for all of it: a warning",
    "crossed": "a word that both sides have becomes another one: a warning",
    "altered": "a member that is the same before and after comes back to who sent it as something else: a warning",
}
"""Every kind of failure, with what it means."""

WARNINGS: frozenset[Kind] = frozenset({"cut", "crossed", "altered"})
"""The kinds that may be meant."""


@final
class Example(Struct, frozen=True, kw_only=True):
    """The smallest value found that shows a failure."""

    given: object
    """What went in: a body or value, or for whole requests an object of path, query, headers and body."""
    came: object = None
    """What came out; None where nothing did."""
    faults: tuple[Fault, ...] = ()
    """What is wrong with it; the first few."""


@final
class Failure(Struct, frozen=True, kw_only=True):
    """One thing to mend."""

    kind: Kind
    message: str
    """One sentence."""
    cure: str
    """What to do, in one sentence."""
    place: str = ""
    """``file:line`` in the revision file, or "" where no file is to blame."""
    revision: str = ""
    direction: Direction | None = None
    target: str = ""
    """The type or endpoint whose transformer is to blame."""
    subject: str = ""
    """What was being tried: ``requests of POST /orders, 2025-01-15 to 2026-02-10``."""
    example: Example | None = None
    also: tuple[str, ...] = ()
    """Other subjects that fail for the same reason."""
    level: Level | None = None
    """For unrecorded changes: how grave."""


@final
class Remark(Struct, frozen=True, kw_only=True):
    """Something worth knowing that fails nothing."""

    message: str
    place: str = ""


@final
class Report(Struct, frozen=True, kw_only=True):
    """The outcome of `prove`."""

    failures: tuple[Failure, ...]
    warnings: tuple[Failure, ...] = ()
    """What is probably wrong, but may be meant: it does not count as a failure."""
    remarks: tuple[Remark, ...] = ()
    subjects: int = 0
    """How many different ways of a request, an answer or a problem were tried."""
    values: int = 0
    """How many values were tried on them, all together."""
    versions: tuple[str, ...] = ()
    """The versions whose clients were considered, oldest first; HEAD is the last."""
    seed: int = 0

    @property
    def ok(self) -> bool:
        """Whether there is nothing to mend."""
        return not self.failures

    def __str__(self) -> str:
        """Return the report as text for people."""
        from perdure.timescape.proving.telling import tell

        return tell(self)
