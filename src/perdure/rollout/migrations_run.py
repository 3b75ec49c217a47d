"""One look at the app's own database and its ledger, and the steps made from there."""

from collections.abc import Collection, Mapping
from typing import Literal, final

from msgspec import Struct
from msgspec.structs import replace

from perdure.clock import Clock
from perdure.errors import MigrationError
from perdure.rollout.migrations_alembic import AlembicDatabase, Applied
from perdure.rollout.migrations_steps import StepPlan, VersionSteps
from perdure.store.base import Store
from perdure.store.records import MigrationEntry
from perdure.timescape.instants import format_instant

__all__ = ["MigrationRun", "Mode", "Phase", "StepState", "StepStatus"]

Phase = Literal["expand", "contract"]

Mode = Literal["make", "retry", "dry run"]
"""What becomes of a missing step; see `MigrationRun`."""

StepState = Literal["done", "pending", "blocked", "interrupted", "running", "changed"]
"""``done``; ``pending``: may be made now; ``blocked``: may not be, yet; ``interrupted``: was begun, and nobody saw its
end; ``running``: was begun, and somebody is at it, which only who asks for the lock can tell; ``changed``: its file is
not what was made."""


@final
class StepStatus(Struct, frozen=True, kw_only=True):
    """Where one step stands."""

    version: str
    phase: Phase
    step: str
    state: StepState
    reason: str = ""
    """Why it is blocked."""
    file: str = ""
    """Name of the migration's file."""
    done_s: float | None = None
    """When its end was noted, Unix time."""


@final
class MigrationRun:
    """Makes steps, each noted in the ledger before and after.

    Args:
        app: Name of the app.
        plan: Which steps its versions name.
        store: Keeps the ledger and the lock.
        database: Where the steps are made.
        clock: Tells the time.
        mode: Make steps; make interrupted ones again too, whatever they left behind; or only say which would be made.
    Raises:
        MigrationError: The database cannot be asked.
    """

    def __init__(
        self, app: str, plan: StepPlan, store: Store, database: AlembicDatabase, clock: Clock, mode: Mode
    ) -> None:
        self.made: list[str] = []
        """Ids of the steps made, or that would be, in order."""
        self._app = app
        self._plan = plan
        self._store = store
        self._database = database
        self._clock = clock
        self._mode: Mode = mode
        self._ledger, self._applied = self._look()

    def refuse_removed(self, versions: Collection[str]) -> None:
        """Refuse to let versions serve whose code reads what is gone.

        Raises:
            MigrationError: One of them is.
        """
        for each in self._plan.steps:
            if each.contract is None or each.contract not in self._applied.steps:
                continue
            for name in versions:
                if self._plan.reads_removed(name, each):
                    raise MigrationError(
                        f"{name} is served by code older than {each.version}, which needs what the contract step "
                        f"{each.contract} removed from the database: it cannot serve any more"
                    )

    def make(self, step: str, owner: VersionSteps, phase: Phase, refused: Mapping[str, str]) -> None:
        """Make *step* of *owner*, and what it follows, unless that was done.

        Args:
            refused: Steps that may not be made on the way, and why.
        Raises:
            MigrationError: One of them is on the way, was changed or interrupted, or fails.
        """
        self._refuse_changed()
        missing = self._database.path_to(step, self._applied)
        for each in missing:
            if each in refused and each != step:
                raise MigrationError(f"{owner.place}: the step {step} follows {each}, which {refused[each]}")
        if self._mode == "dry run":
            self.made.extend(missing)
            self._applied = self._applied._replace(steps=self._applied.steps | set(missing))
        elif missing:
            with self._store.lock(f"migrations {self._app}"):
                self._ledger, self._applied = self._look()
                for each in self._database.path_to(step, self._applied):
                    self._make_one(each, owner, phase)
                self._ledger, self._applied = self._look()
        else:
            self._note_found(step, owner, phase)

    def status(self, step: str, owner: VersionSteps, phase: Phase, reason: str) -> StepStatus:
        """Return where *step* stands; *reason* says why it may not be made.

        Raises:
            MigrationError: Alembic does not know it.
        """
        entry = self._ledger.get(step)
        found = StepStatus(
            version=owner.version, phase=phase, step=step, state="pending", file=self._database.file_of(step).name
        )
        if step in self._applied.steps:
            is_changed = entry is not None and entry.checksum != self._database.checksum(step)
            return replace(found, state="changed" if is_changed else "done", done_s=entry.done_s if entry else None)
        if entry is not None and entry.state == "begun":
            return replace(found, state="interrupted")
        return replace(found, state="blocked", reason=reason) if reason else found

    def _look(self) -> tuple[dict[str, MigrationEntry], Applied]:
        return {entry.step: entry for entry in self._store.migrations(self._app)}, self._database.applied()

    def _make_one(self, step: str, owner: VersionSteps, phase: Phase) -> None:
        known = self._ledger.get(step)
        if (
            known is not None
            and known.state == "begun"
            and not self._applied.is_transactional
            and self._mode != "retry"
        ):
            raise MigrationError(
                f"the step {step} ({self._database.file_of(step).name}) was begun at "
                f"{format_instant(int(known.begun_s))} and did not end, and this database keeps halves of steps: put "
                "right what it left, then run `perdure migrations expand --retry` (or contract); or, if all of it is "
                f"there, `alembic stamp {step}`"
            )
        entry = MigrationEntry(
            step=step, phase=known.phase if known else phase, version=owner.version,
            checksum=self._database.checksum(step), state="begun", begun_s=self._clock.time(),
        )  # fmt: skip
        self._store.put_migration(self._app, entry)
        self._database.apply(step)
        self._store.put_migration(self._app, replace(entry, state="done", done_s=self._clock.time()))
        self.made.append(step)

    def _note_found(self, step: str, owner: VersionSteps, phase: Phase) -> None:
        """Note that *step* is there, where nobody did: it was made by hand, or by somebody who died just then."""
        known = self._ledger.get(step)
        if known is not None and known.state == "done":
            return
        now_s = self._clock.time()
        checksum = self._database.checksum(step)
        found = known or MigrationEntry(
            step=step, phase=phase, version=owner.version, checksum=checksum, state="begun", begun_s=now_s
        )
        self._ledger[step] = replace(found, checksum=checksum, state="done", done_s=now_s)
        self._store.put_migration(self._app, self._ledger[step])

    def _refuse_changed(self) -> None:
        """Refuse to go on where what was made is not what the files say any more."""
        for step, entry in self._ledger.items():
            if entry.state != "done" or step not in self._applied.steps:
                continue
            if self._database.checksum(step) != entry.checksum:
                raise MigrationError(
                    f"the step {step} ({self._database.file_of(step).name}) was changed after it was made: restore it "
                    "from version control, and write a further change as a step of its own; if the change means "
                    f"nothing, run `perdure migrations accept {step}`"
                )
