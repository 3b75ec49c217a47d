"""What the `perdure versions` commands stand on: the app's versions, and the store that says what is decided."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import final

from msgspec import Struct
from msgspec.structs import replace

from perdure.cli.console import complain
from perdure.cli.operations import Operations, recorded_operations
from perdure.cli.operator import operator
from perdure.cli.options import Where
from perdure.cli.store import existing_store, store_place
from perdure.cli.target import find_target, load
from perdure.clock import SystemClock
from perdure.config import Config
from perdure.errors import RevisionConflictError
from perdure.rollout.headers import brownout_at
from perdure.rollout.opening import StorePlace, unusable
from perdure.rollout.retiring import needed_by_others
from perdure.rollout.rollout import Rollout
from perdure.rollout.roster import Roster
from perdure.rollout.standing import Standing, hours_used, recent_usage, standing
from perdure.store.base import Store
from perdure.store.opening import open_store
from perdure.store.records import Control, HealthReport, VersionControl, VersionUse
from perdure.timescape.instants import format_instant

__all__ = ["Desk", "VersionLine", "open_desk", "shown_time"]

_HEALTH_FRESH_S = 60.0


@final
class VersionLine(Struct, frozen=True, kw_only=True):
    """What there is to say about one version; times as RFC 3339 in UTC."""

    version: str
    label: str | None
    revision: str | None
    status: str
    """``registered``, ``active``, ``brown-out`` or ``retired``."""
    standing: str
    """``hot``, ``warm`` or ``cold``."""
    healthy: bool | None
    """None where no process has said anything within the last minute."""
    tags: tuple[str, ...]
    shares: dict[str, int]
    """For each tag whose clients are shared out, the percentage that comes here."""
    pinned: int
    """How many clients are pinned to it."""
    requests_day: int
    """Within the last 24 hours."""
    last_used: str | None
    """Within the time that is looked at to tell what is cold."""
    retained: bool
    registered: str | None
    activated: str | None
    retired: str | None
    deprecated: str | None
    sunset: str | None
    link: str | None
    brownouts: tuple[tuple[str, str], ...]


@final
class Desk:
    """One app's versions, for looking and for deciding."""

    def __init__(
        self, app: str, config: Config, rollout: Rollout, store: Store, operations: Operations, *, has_drafts: bool
    ) -> None:
        self.app = app
        self.config = config
        self.rollout = rollout
        self.store = store
        self.operations = operations
        """Records what is decided."""
        self.has_drafts = has_drafts
        """See `Rollout.register`."""
        self.now_s = SystemClock().time()

    def roster(self) -> Roster:
        """Return the versions and what is decided about them; raises `StoreError`."""
        self.rollout.refresh()
        return self.rollout.roster()

    def decide(self, action: str, edit: Callable[[Control, Roster], Control]) -> Roster:
        """Decide, note *action* in the journal, and return the versions as they are then.

        Raises:
            AuditError: It cannot be recorded, and so must not be done.
        DecisionError: What *edit* raises.
            StoreError: The store cannot be written.
        """
        roster = self.roster()
        with self.operations.of(action):
            self.store.decide(
                self.app, lambda control: edit(control, replace(roster, control=control)),
                actor=operator(), action=action, at_s=self.now_s,
            )  # fmt: skip
        return self.roster()

    def lines(self) -> tuple[VersionLine, ...]:
        """Return what there is to say about each version, oldest first."""
        roster = self.roster()
        uses = recent_usage(self.store, self.app, self.config.rollout, self.now_s)
        reports = self.store.health(self.app)
        return tuple(
            self._line(roster, place, [each for each in uses if each.version == version.name], reports)
            for place, version in enumerate(roster.versions)
        )

    def _line(
        self, roster: Roster, place: int, uses: list[VersionUse], reports: tuple[HealthReport, ...]
    ) -> VersionLine:
        version = roster.versions[place]
        decided = roster.control.versions.get(version.name, VersionControl())
        needed = self.rollout.needed() | needed_by_others(reports, self.now_s)
        is_needed = bool(roster.dependants(version.name)) or version.name in needed
        stands = self._standing(version.name, decided, uses, is_needed=is_needed)
        is_out = decided.status == "active" and brownout_at(decided, self.now_s) is not None
        last_s = max((each.last_s for each in uses), default=None)
        return VersionLine(
            version=version.name, label=version.label, revision=version.revision,
            status="brown-out" if is_out else decided.status, standing=stands.temperature,
            healthy=self._is_healthy(version.name, reports),
            tags=tuple(sorted(tag for tag, name in roster.tags.items() if name == version.name)),
            shares={tag: each[version.name] for tag, each in roster.control.weights.items() if version.name in each},
            pinned=roster.pinned.get(version.name, 0), requests_day=stands.requests_day, last_used=shown_time(last_s),
            retained=decided.retained, registered=shown_time(decided.registered_s),
            activated=shown_time(decided.activated_s), retired=shown_time(decided.retired_s),
            deprecated=shown_time(decided.deprecated_s), sunset=shown_time(decided.sunset_s), link=decided.link,
            brownouts=tuple((format_instant(int(a)), format_instant(int(b))) for a, b in decided.brownouts),
        )  # fmt: skip

    def _standing(self, name: str, decided: VersionControl, uses: list[VersionUse], *, is_needed: bool) -> Standing:
        by_hour = hours_used(uses).get(name, {})
        return standing(decided, by_hour, self.config.rollout, self.now_s, is_needed=is_needed)

    def _is_healthy(self, name: str, reports: tuple[HealthReport, ...]) -> bool | None:
        """Return whether all processes that spoke of the version of late call it healthy."""
        fresh = [each.healthy for each in reports if each.version == name and each.at_s > self.now_s - _HEALTH_FRESH_S]
        return all(fresh) if fresh else None


@contextmanager
def open_desk(where: Where, *, is_looking: bool = False) -> Iterator[Desk]:
    """Open the store of an app.

    Args:
        where: The app, and its store.
        is_looking: Nothing is decided, so no store is made where there is none.
    Raises:
        AppNotFoundError: There is no such app.
        BrokenAppError: It cannot be loaded.
        StoreError: The store cannot be used, or servers of this build would not use it.
    """
    target = find_target(where.app, Path.cwd())
    with where.applied(where.app):
        loaded = load(target)
    place: StorePlace = (existing_store if is_looking else store_place)(target, where.store, loaded.config)
    opened = open_store(place.url)
    try:
        rollout = loaded.rollout_in(opened)
        _check_history(rollout, place)
        with recorded_operations(loaded.config, loaded.name, "versions") as operations:
            yield Desk(loaded.name, loaded.config, rollout, opened, operations, has_drafts=not place.is_required)
    finally:
        opened.close()


def _check_history(rollout: Rollout, place: StorePlace) -> None:
    """Say what servers of this build would say of the store; refuse one they would not use.

    Raises:
        StoreError: It is the default store, with other published versions: servers keep theirs in memory.
    """
    try:
        rollout.check_history(has_drafts=not place.is_required)
    except RevisionConflictError as error:
        if not place.is_required:
            raise unusable(place, error) from error
        complain(f"{error}. Servers of this build do not start on this store")


def shown_time(moment_s: float | None) -> str | None:
    """Return Unix time as RFC 3339 in UTC; None for None and for the start of time, which stands for not known."""
    return format_instant(int(moment_s)) if moment_s else None
