"""Steps on the app's own database that its versions name and its Alembic environment does not have."""

from collections.abc import Iterator
from pathlib import Path

from perdure.errors import MigrationError
from perdure.rollout.migrations_alembic import AlembicDatabase
from perdure.timescape.proving.report import Failure, Remark
from perdure.timescape.timescape import Timescape

__all__ = ["unknown_steps"]


def unknown_steps(timescape: Timescape, ini: Path) -> Iterator[Failure | Remark]:
    """Yield a failure for each step that does not exist; no database is asked.

    Where the environment cannot be read from here, a remark says so.

    Args:
        timescape: The versions.
        ini: Path of ``alembic.ini``; only read where a version names a step.
    """
    revisions = (timescape.revision_at(version.index) for version in timescape.versions)
    named = [(each, each.database) for each in revisions if each is not None and each.database is not None]
    if not named:
        return
    try:
        database = AlembicDatabase(ini)
    except MigrationError as error:
        yield Remark(message=f"steps on the database were not looked at: {error}", place=named[0][1].place)
        return
    for revision, steps in named:
        for phase, step in (("expand", steps.expand), ("contract", steps.contract)):
            if step is None:
                continue
            try:
                database.file_of(step)
            except MigrationError as error:
                yield Failure(
                    kind="database", message=f"{phase}={step!r} names no step: {error}", place=steps.place,
                    revision=revision.name, cure="name an Alembic revision by its whole id, as `alembic history` lists",
                )  # fmt: skip
