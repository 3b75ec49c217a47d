"""Which of the registered versions begin to serve by themselves."""

from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from perdure.diff.findings import Finding
from perdure.manifest.records import Api
from perdure.rollout.carried import Called, follow_lines
from perdure.store.records import Control, PublishedVersion

__all__ = ["Compare", "Strategy", "activatable", "uncovered"]

Strategy = Literal["automatic", "compatible", "manual"]
"""See `RolloutSettings.activation`."""

Compare = Callable[[Api, Api, Called], Sequence[Finding]]
"""Returns what changed from the old API to the new one, given what of it is called otherwise."""


def activatable(
    versions: Sequence[PublishedVersion], control: Control, strategy: Strategy, compare: Compare
) -> tuple[str, ...]:
    """Return the names of the versions that begin to serve now, oldest first.

    Only versions that never served are looked at: what an operator took back stays back. Where nothing serves yet, all
    do: there is nothing they could replace.

    Args:
        versions: All published versions, oldest first.
        control: What was decided so far; every version is in it.
    """
    live = {version.name for version in versions if control.versions[version.name].status == "active"}
    waiting = [version.name for version in versions if _waits(control, version.name)]
    if not live or strategy == "automatic":
        return tuple(waiting)
    if strategy == "manual":
        return ()
    chosen: list[str] = []
    for place, version in enumerate(versions):
        if version.name not in waiting:
            continue
        older = [(at, each) for at, each in enumerate(versions[:place]) if each.name in live]
        if not any(uncovered(each, versions[at + 1 : place + 1], compare) for at, each in older):
            live.add(version.name)
            chosen.append(version.name)
    return tuple(chosen)


def uncovered(old: PublishedVersion, newer: Sequence[PublishedVersion], compare: Compare) -> tuple[Finding, ...]:
    """Return the breaking changes from *old* to the last of *newer* that none of their transformers is about.

    Args:
        newer: The versions after *old*, oldest first, up to and with the one that is looked at.
    """
    carried = {name for version in newer for name in version.transformers}
    called = follow_lines(version.transformers for version in newer)
    return tuple(
        finding
        for finding in compare(old.api, newer[-1].api, called)
        if finding.level == "breaking" and not _is_carried(finding, carried, called.moves)
    )


def _waits(control: Control, name: str) -> bool:
    decided = control.versions[name]
    return decided.status == "registered" and decided.activated_s is None


def _is_carried(finding: Finding, carried: set[str], moves: Mapping[str, str]) -> bool:
    endpoint = f"{finding.method} {finding.path}"
    earlier = {old for old, new in moves.items() if new == endpoint}
    if finding.direction == "endpoint":
        return endpoint in moves or bool(earlier)
    targets = {finding.type, finding.type.partition("[")[0], endpoint, *earlier} - {""}
    return any(f"{finding.direction} {target}" in carried for target in targets)
