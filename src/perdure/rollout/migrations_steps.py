"""Which steps on the app's own database its versions name, and which versions need what a step removes."""

import re
from collections.abc import Collection, Mapping, Sequence
from typing import Literal, final

from msgspec import Struct

from perdure.errors import MigrationError
from perdure.manifest.records import HandlerManifest, endpoint_key
from perdure.store.records import Control, Pin
from perdure.timescape.timescape import Timescape

__all__ = ["StepPlan", "VersionSteps", "live_versions", "step_plan"]

_CONVERTER = re.compile(r"\{([^{}:]+):[^{}]*\}")


@final
class VersionSteps(Struct, frozen=True, kw_only=True):
    """What one version does to the database; see `perdure.timescape.revision.Revision.database`."""

    version: str
    index: int
    expand: str | None = None
    contract: str | None = None
    needed_by: Literal["versions", "code"] = "versions"
    place: str = ""
    """``file:line``."""


@final
class StepPlan(Struct, frozen=True, kw_only=True):
    """The steps of all versions of one build."""

    steps: tuple[VersionSteps, ...] = ()
    """Of the versions that name any, oldest first."""
    indexes: Mapping[str, int] = {}
    """Of all versions, by name."""
    code: tuple[int, ...] = ()
    """For each version, by index, the oldest one that a handler was declared for which may serve it."""

    def up_to(self, names: Collection[str]) -> tuple[VersionSteps, ...]:
        """Return the steps of the versions up to the newest of *names*.

        Raises:
            MigrationError: This build does not have one of them.
        """
        for name in names:
            if name not in self.indexes:
                raise MigrationError(f"this build of the app has no version {name}, so it cannot prepare the database")
        last = max((self.indexes[name] for name in names), default=-1)
        return tuple(step for step in self.steps if step.index <= last)

    def blockers(self, step: VersionSteps, live: Collection[str]) -> tuple[str, ...]:
        """Return those of the *live* versions that need what *step* removes, oldest first.

        A version this build does not know may need anything.
        """
        unknown = sorted(name for name in live if name not in self.indexes)
        known = sorted((name for name in live if name in self.indexes), key=self.indexes.__getitem__)
        return (*unknown, *(name for name in known if self._needs(name, step)))

    def is_reached(self, step: VersionSteps, live: Collection[str]) -> bool:
        """Tell whether the version of *step*, or a newer one, is among the *live*."""
        return any(self.indexes.get(name, -1) >= step.index for name in live)

    def reads_removed(self, name: str, step: VersionSteps) -> bool:
        """Tell whether *name* is served by code that is older than the contract of *step*."""
        return self.code[self.indexes[name]] < step.index

    def _needs(self, name: str, step: VersionSteps) -> bool:
        if step.needed_by == "versions" and self.indexes[name] < step.index:
            return True
        return self.reads_removed(name, step)


def step_plan(timescape: Timescape, manifests: Sequence[HandlerManifest]) -> StepPlan:
    """Return what the versions of *timescape* do to the database.

    Args:
        manifests: Of the app's handlers: they tell which code serves which version.
    Raises:
        MigrationError: An Alembic revision is an expand step of one version and a contract step of another.
    """
    steps: list[VersionSteps] = []
    for version in timescape.versions:
        revision = timescape.revision_at(version.index)
        named = revision.database if revision is not None else None
        if named is not None:
            steps.append(
                VersionSteps(
                    version=version.name, index=version.index, expand=named.expand, contract=named.contract,
                    needed_by=named.needed_by, place=named.place,
                )
            )  # fmt: skip
    _check_phases(steps)
    indexes = {version.name: version.index for version in timescape.versions}
    return StepPlan(steps=tuple(steps), indexes=indexes, code=_oldest_code(timescape, manifests))


def live_versions(control: Control, pins: Sequence[Pin] = ()) -> frozenset[str]:
    """Return the versions that serve or may serve again: not retired, or retained, or with a client pinned to them."""
    kept = {name for name, decided in control.versions.items() if decided.status != "retired" or decided.retained}
    return frozenset(kept | {pin.version for pin in pins})


def _check_phases(steps: Sequence[VersionSteps]) -> None:
    expands = {step.expand: step for step in steps if step.expand is not None}
    for step in steps:
        other = expands.get(step.contract or "")
        if other is not None:
            raise MigrationError(
                f"{step.place}: the contract step {step.contract} is the expand step of {other.version} "
                f"({other.place}); what removes and what adds are Alembic revisions of their own"
            )


def _oldest_code(timescape: Timescape, manifests: Sequence[HandlerManifest]) -> tuple[int, ...]:
    """Say for each version which code may serve it.

    Of each endpoint, the next handler takes over where it begins; a version that does not have the endpoint is served
    by none. What is declared for a version no revision made is in no recorded API.
    """
    declared: dict[str, set[int]] = {}
    for manifest in manifests:
        index = timescape.resolve_tsv(manifest.version, manifest.id)
        path = _CONVERTER.sub(r"{\1}", manifest.path)
        for method in manifest.methods:
            declared.setdefault(endpoint_key(method, path), set()).add(index)
    count = len(timescape.versions)
    oldest = [count - 1] * count
    for key, indexes in declared.items():
        begins = sorted(indexes)
        for begin, end in zip(begins, [*begins[1:], count], strict=True):
            for version in range(0 if begin == begins[0] else begin, end):
                is_recorded = timescape.versions[version].revision is not None
                if not is_recorded or key in timescape.api_at(version).endpoints:
                    oldest[version] = min(oldest[version], begin)
    return tuple(oldest)
