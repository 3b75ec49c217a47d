"""Writing revision folders, as `perdure revision` would leave them."""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from perdure import App
from perdure.manifest.records import Api
from perdure.timescape.delta import delta, write_delta

__all__ = ["Step", "record"]


class Step(NamedTuple):
    """One revision to write."""

    instant: str
    app: App
    """Declares the API as it was published then."""
    source: str = ""
    """What stands in the file after ``revision = …``."""
    label: str | None = None


def record(folder: Path, steps: Sequence[Step]) -> Path:
    """Write a revision file and its types for each of *steps*, oldest first, named ``r0``, ``r1``, …"""
    folder.mkdir(parents=True, exist_ok=True)
    before = Api()
    for number, step in enumerate(steps):
        after = f"r{number - 1}" if number else None
        head = (
            '"""A change."""\n\nfrom perdure import Problem, RequestParts, ResponseParts, Revision\n\n'
            f"revision = Revision({step.instant!r}, label={step.label!r}, after={after!r})\n\n"
        )
        (folder / f"r{number}.py").write_text(head + step.source)
        api = step.app.api()
        write_delta(folder, f"r{number}", delta(before, api))
        before = api
    return folder
