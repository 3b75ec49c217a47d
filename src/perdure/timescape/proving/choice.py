"""Looking only at a part of what there is to prove."""

from collections.abc import Collection
from typing import final

from perdure.errors import ConfigError
from perdure.timescape.proving.flaws import Trial
from perdure.timescape.proving.report import KINDS, Failure, Remark
from perdure.timescape.timescape import Timescape

__all__ = ["Choice"]


@final
class Choice:
    """What is looked at: what bears one of some names, or everything.

    Args:
        names: Of types, endpoints, revisions or kinds of failures.
        timescape: Where they must exist.
    Raises:
        ConfigError: One of them names nothing.
    """

    def __init__(self, names: Collection[str], timescape: Timescape) -> None:
        self._names = frozenset(names)
        known: set[str] = set(KINDS)
        for version in timescape.versions:
            api, revision = timescape.api_at(version.index), timescape.revision_at(version.index)
            known |= {*api.types, *api.endpoints, *([] if revision is None else [revision.name])}
        unknown = sorted(self._names - known)
        if unknown:
            raise ConfigError(f"{unknown[0]!r} is no type, endpoint or revision of this API, nor a kind of failure")

    def has_trial(self, trial: Trial) -> bool:
        """Tell whether *trial* is looked at; a kind of failure that is found by trying needs all of them."""
        if not self._names or self._names & (KINDS.keys() - {"unrecorded", "todo", "unserved", "database"}):
            return True
        return bool(self._names & {*trial.names, *trial.revisions})

    def has(self, found: Failure | Remark) -> bool:
        """Tell whether a failure is looked at; remarks only where everything is."""
        if not self._names or isinstance(found, Remark):
            return not self._names
        return bool(self._names & {found.kind, found.target, found.revision})
