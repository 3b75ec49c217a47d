"""Retiring by itself what nobody has used for long, and forgetting what was counted long ago. Blocks; once in a while.

A wrong answer here takes an API away from clients, so each doubt speaks for the version: a build touches only versions
it has itself, and none that any build's tags need; the earlier of two clocks counts; see `perdure.rollout.standing`
for what a clock alone is not believed.
"""

from collections.abc import Callable, Collection
from functools import partial
from math import inf
from typing import Final, final

from perdure.config import RolloutSettings
from perdure.rollout.decisions import retire_cold
from perdure.rollout.standing import days_used, hours_used, recent_usage, standing
from perdure.store.base import Store
from perdure.store.records import Control, HealthReport

__all__ = ["Retiring", "needed_by_others"]

_DAY_S: Final = 86_400.0
_HOUR_S: Final = 3600.0


@final
class Retiring:
    """What one process does for the store of an app now and then.

    Args:
        names: The versions of this build.
    """

    def __init__(self, app: str, store: Store, settings: RolloutSettings, names: Collection[str]) -> None:
        self._app = app
        self._store = store
        self._settings = settings
        self._names = frozenset(names)

    def tidy(self, needed: Collection[str], now_s: float) -> None:
        """Forget what is old, and retire what has been cold for long.

        Args:
            needed: Versions that are never cold: the latest, tagged, weighed, pinned to.
            now_s: Now, Unix time, as this process has it.
        Raises:
            StoreError: The store cannot be reached.
        """
        store, app, settings = self._store, self._app, self._settings
        theirs_s = store.time()
        now_s = min(now_s, inf if theirs_s is None else theirs_s)
        store.forget_usage(app, int((now_s - settings.usage_days * _DAY_S) // _HOUR_S))
        store.shorten(app)
        if settings.retire_after_days is None:
            return
        uses = recent_usage(store, app, settings, now_s)
        used, days = hours_used(uses), days_used(uses)
        kept = {*needed, *needed_by_others(store.health(app), now_s)}

        def is_over(control: Control, name: str) -> bool:
            decided, is_needed = control.versions[name], name in kept
            stands = standing(decided, used.get(name, {}), settings, now_s, is_needed=is_needed)
            return stands.is_over(settings, now_s, days)

        for name in self._retirable(store.control(app), is_over):
            retired = partial(retire_cold, name=name, is_over=is_over, at_s=now_s)
            store.decide(app, retired, actor="auto-retire", action=f"retire {name}", at_s=now_s)

    def _retirable(self, control: Control, is_over: Callable[[Control, str], bool]) -> tuple[str, ...]:
        """Return the active versions of this build of which *is_over* says that nobody uses them any more."""
        return tuple(
            name
            for name, decided in control.versions.items()
            if name in self._names and decided.status == "active" and is_over(control, name)
        )


def needed_by_others(reports: Collection[HealthReport], now_s: float) -> frozenset[str]:
    """Return the versions that some build needs of which a process has spoken within a day."""
    return frozenset(each.version for each in reports if each.needed and each.at_s > now_s - _DAY_S)
