"""Revisions written by the generator, loaded, and their chains."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from perdure.clock import FakeClock
from perdure.manifest.records import Api
from perdure.timescape.authoring.recording import Order, Written, record_revision
from perdure.timescape.chain import Chain
from perdure.timescape.loading import load_revisions
from perdure.timescape.timeline import Timeline
from perdure.timescape.timescape import Timescape

__all__ = ["DAY", "Recorded", "record_change", "record_next"]

DAY = 86_400


class Recorded(NamedTuple):
    """Two revisions, the second of which is looked at."""

    written: Written
    folder: Path

    @property
    def text(self) -> str:
        return self.written.file.read_text("utf-8")

    def chain(self, key: str) -> Chain | None:
        """Return what carries a client of the first revision to the second."""
        planned = Timeline(Timescape(load_revisions(self.folder))).chain(key, 0, 1)
        assert planned is None or isinstance(planned, Chain)
        return planned


def record_next(folder: Path, api: Api, message: str = "A change", **options: object) -> Written | None:
    """Record *api* a day after the last revision in *folder*."""
    revisions = load_revisions(folder) if folder.is_dir() else ()
    order = Order(message=message, seconds=len(revisions) * DAY, **options)  # type: ignore[arg-type]
    return record_revision(folder, revisions, api, order, FakeClock())


def record_change(folder: Path, old: Api, new: Api, renames: Sequence[str] = (), moves: Sequence[str] = ()) -> Recorded:
    """Record *old* and then *new*."""
    record_next(folder, old, "The first")
    written = record_next(folder, new, "A change", renames=renames, moves=moves)
    assert written is not None
    return Recorded(written, folder)
