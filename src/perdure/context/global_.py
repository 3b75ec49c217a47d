"""The Global Context: what all requests share."""

from typing import TYPE_CHECKING, Any, Generic, Protocol, final

from typing_extensions import TypeVar

from perdure.config import Config
from perdure.context.metrics import MetricsView
from perdure.context.secret import SecretsView

__all__ = ["GlobalContext", "TimescapeView"]

Modules = TypeVar("Modules", default=Any)


class TimescapeView(Protocol):
    """What handlers may ask about versions."""

    def versions(self) -> tuple[str, ...]:
        """Return the names of all versions, oldest first."""

    def tags(self) -> dict[str, str]:
        """Return every tag and the name of the version it stands for."""

    def resolve_name(self, text: str) -> str:
        """Return the name of the version that *text* (name, instant, tag, label, range) stands for.

        Raises:
            UnknownVersionError: None does.
        """

    def transformers(self, handler: str) -> tuple[str, ...]:
        """Return the revisions that transform requests to the handler with this id, or its answers, oldest first."""


@final
class GlobalContext(Generic[Modules]):
    """Modules, secrets, metrics, configuration and Timescape, one for the whole `App`.

    ``GlobalContext[MyModules]``, where *MyModules* is a Protocol with a member per module, makes
    ``gctx.modules.orders`` typed.
    """

    __slots__ = ("config", "metrics", "modules", "secrets", "timescape")

    config: Config
    metrics: MetricsView
    modules: Modules
    secrets: SecretsView
    timescape: TimescapeView

    def __init__(
        self, *, config: Config, modules: Modules, timescape: TimescapeView, secrets: SecretsView,
        metrics: MetricsView,
    ) -> None:  # fmt: skip
        object.__setattr__(self, "config", config)
        object.__setattr__(self, "modules", modules)
        object.__setattr__(self, "timescape", timescape)
        object.__setattr__(self, "secrets", secrets)
        object.__setattr__(self, "metrics", metrics)

    if not TYPE_CHECKING:

        def __setattr__(self, name: str, value: object) -> None:
            """Refuse: every other request would see the change."""
            raise AttributeError(f"the Global Context is shared by all requests; its {name!r} cannot be set")

        def __delattr__(self, name: str) -> None:
            """Refuse, as setting."""
            raise AttributeError(f"the Global Context is shared by all requests; its {name!r} cannot be deleted")
