"""Which versions this process holds to be unhealthy, as a metric."""

from typing import Final, final

from perdure.telemetry.registry import Registry
from perdure.telemetry.table import UNHEALTHY

__all__ = ["VersionHealth"]

_HEALTHY: Final = "healthy"
_CONDITIONS: Final = ("out", "trial")


@final
class VersionHealth:
    """Keeps the series of versions that have been unhealthy; others have none.

    Args:
        registry: Has the metric.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._noted: set[str] = set()

    def note(self, version: str, condition: str) -> None:
        """Say that *version* is ``out``, on ``trial`` or ``healthy`` now."""
        self._noted.add(version)
        for each in _CONDITIONS:
            cell = self._registry.cell(UNHEALTHY, (version, each))
            cell.view[cell.at] = float(each == condition)

    def forget(self) -> None:
        """Say that all are healthy: nobody watches them any more."""
        for version in self._noted:
            self.note(version, _HEALTHY)
