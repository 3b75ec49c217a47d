"""Steps on the app's own database: made once, in order, by whoever comes first, and never when somebody needs what was.

`expand` is called before versions activate, with their names, by `perdure versions activate` and by a server before it
serves; `contract` on command only. Nothing here ever downgrades: to take a version back is safe because its expand
step only added.

Where a step stands is kept twice, on purpose. Alembic's own table lies in the database that was changed, and changes
with it: it alone says what is applied, after a crash or a restored backup too. The ledger in the store says what
Alembic's table cannot: what each file looked like when it ran, in which order, for which version, and that a step was
begun and nobody saw its end. The lock is the store's: all processes of an app share it, whatever the database.

Source: DESIGN "Timescape"; expand and contract as in "Evolutionary Database Design" (Sadalage, Fowler).
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import final

from msgspec.structs import replace

from perdure.clock import Clock
from perdure.config import Config
from perdure.errors import MigrationError
from perdure.manifest.records import HandlerManifest
from perdure.rollout.migrations_alembic import AlembicDatabase
from perdure.rollout.migrations_run import MigrationRun, Mode, StepStatus
from perdure.rollout.migrations_steps import StepPlan, VersionSteps, step_plan
from perdure.store.base import Store
from perdure.timescape.timescape import Timescape

__all__ = ["Migrations", "migrations_of"]


def migrations_of(
    app: str, timescape: Timescape, manifests: Sequence[HandlerManifest], store: Store, config: Config, clock: Clock
) -> "Migrations":
    """Return the steps that the versions of an app name.

    Raises:
        MigrationError: They contradict each other.
    """
    return Migrations(app, step_plan(timescape, manifests), store, Path(config.alembic_ini), clock)


@final
class Migrations:
    """The steps of one build of one app.

    Args:
        app: Name of the app.
        plan: Which steps its versions name.
        store: Keeps the ledger and the lock.
        ini: Path of ``alembic.ini``; only read where a version names a step.
        clock: Tells the time.
    """

    def __init__(self, app: str, plan: StepPlan, store: Store, ini: Path, clock: Clock) -> None:
        self._app = app
        self._plan = plan
        self._store = store
        self._ini = ini
        self._clock = clock

    def expand(self, versions: Collection[str], *, retry: bool = False, dry_run: bool = False) -> tuple[str, ...]:
        """Give the database what *versions*, and those before them, need; return the ids of the steps made.

        Args:
            versions: Names of the versions that are about to activate.
            retry: Make an interrupted step again although the database may have kept half of it.
            dry_run: Return what would be made.
        Raises:
            MigrationError: A step fails, was changed since it was made, was interrupted, or follows a contract step
                that was not made; or code that would serve one of *versions* reads what a contract step removed.
        """
        wanted = self._plan.up_to(versions)
        if not self._plan.steps:
            return ()
        run = self._run("dry run" if dry_run else "retry" if retry else "make")
        run.refuse_removed(versions)
        refused = {
            each.contract: f"removes what versions before {each.version} may need: run `perdure migrations contract` "
            "first, or put it on a branch of its own that depends on the expand step"
            for each in self._plan.steps
            if each.contract is not None
        }
        for each in wanted:
            if each.expand is not None:
                run.make(each.expand, each, "expand", refused)
        return tuple(run.made)

    def contract(self, live: Collection[str], *, retry: bool = False, dry_run: bool = False) -> tuple[str, ...]:
        """Remove what no version of *live* needs any more; return the ids of the steps made, oldest version first.

        Args:
            live: Names of all versions that serve or may serve again; see `live_versions`.
            retry: As for `expand`.
            dry_run: As for `expand`.
        Raises:
            MigrationError: As `expand`; or a step follows one of a version that is not live yet.
        """
        reasons = {each.version: self._why_not(each, live) for each in self._plan.steps if each.contract is not None}
        if all(reasons.values()):
            return ()
        run = self._run("dry run" if dry_run else "retry" if retry else "make")
        refused: dict[str, str] = {}
        for each in self._plan.steps:
            if each.expand is not None and not self._plan.is_reached(each, live):
                refused[each.expand] = f"belongs to {each.version}, which does not serve yet"
            if each.contract is not None and reasons[each.version]:
                refused[each.contract] = f"may not be made yet: {reasons[each.version]}"
        for each in self._plan.steps:
            if each.contract is not None and not reasons[each.version]:
                run.make(each.contract, each, "contract", refused)
        return tuple(run.made)

    def status(self, live: Collection[str]) -> tuple[StepStatus, ...]:
        """Return where each step stands, oldest version first.

        Raises:
            MigrationError: The Alembic environment or the database cannot be asked.
        """
        if not self._plan.steps:
            return ()
        run = self._run("dry run")
        found: list[StepStatus] = []
        for each in self._plan.steps:
            if each.expand is not None:
                found.append(run.status(each.expand, each, "expand", ""))
            if each.contract is not None:
                found.append(run.status(each.contract, each, "contract", self._why_not(each, live)))
        return tuple(found)

    def accept(self, step: str) -> None:
        """Take the file of *step*, which was changed since it was made, for what was made.

        Raises:
            MigrationError: It was never made, or Alembic does not know it.
        """
        entry = next((each for each in self._store.migrations(self._app) if each.step == step), None)
        if entry is None or entry.state != "done":
            raise MigrationError(f"the step {step} was not made here, so there is nothing to accept")
        checksum = AlembicDatabase(self._ini).checksum(step)
        self._store.put_migration(self._app, replace(entry, checksum=checksum))

    def _why_not(self, each: VersionSteps, live: Collection[str]) -> str:
        """Return why the contract step of *each* may not be made; "" where it may."""
        if not self._plan.is_reached(each, live):
            return f"{each.version} does not serve yet"
        blockers = self._plan.blockers(each, live)
        if not blockers:
            return ""
        verb = "needs" if len(blockers) == 1 else "need"
        return f"{', '.join(blockers)} {verb} what it removes"

    def _run(self, mode: Mode) -> MigrationRun:
        return MigrationRun(self._app, self._plan, self._store, AlembicDatabase(self._ini), self._clock, mode)
