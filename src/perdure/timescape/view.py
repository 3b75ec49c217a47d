"""What handlers may ask about versions: ``gctx.timescape``."""

from collections.abc import Callable
from typing import final

from perdure.timescape.timescape import Timescape

__all__ = ["VersionsView"]


@final
class VersionsView:
    """A `Timescape`, for reading; implements `perdure.context.global_.TimescapeView`."""

    def __init__(self, timescape: Timescape, transformers: Callable[[str], tuple[str, ...]]) -> None:
        self._timescape = timescape
        self._transformers = transformers

    def versions(self) -> tuple[str, ...]:
        """Return the names of all versions, oldest first."""
        return tuple(version.name for version in self._timescape.versions)

    def tags(self) -> dict[str, str]:
        """Return every tag and the name of the version it stands for now."""
        return {tag: version.name for version in self._timescape.versions for tag in version.tags}

    def resolve_name(self, text: str) -> str:
        """Return the name of the version *text* stands for now.

        Raises:
            UnknownVersionError: None does.
        """
        return self._timescape.versions[self._timescape.resolve(text)].name

    def transformers(self, handler: str) -> tuple[str, ...]:
        """Return the revisions that transform requests to the handler with this id, or its answers, oldest first."""
        return self._transformers(handler)
