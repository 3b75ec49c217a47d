"""The program is wrong: found at registration or at start, before anything is served."""

from typing import final

from perdure.errors.base import PerdureError


class DefinitionError(PerdureError):
    """The program is wrong: found at registration or at start, never while serving."""


class ConfigError(DefinitionError):
    """A setting is unknown or has a value that cannot be used."""


@final
class SettingsError(ConfigError):
    """Settings from files, the environment or the command line are unknown or cannot be used; all are told at once.

    Args:
        faults: A sentence each, which says where it stands: ``perdure.toml:12: …``.
    """

    def __init__(self, faults: tuple[str, ...]) -> None:
        told = faults[0] if len(faults) == 1 else f"{len(faults)} settings cannot be used:\n  " + "\n  ".join(faults)
        super().__init__(told)
        self.faults = faults


class SignatureError(DefinitionError):
    """A handler or hook does not take the parameters Perdure can give it."""


class TypeDefinitionError(DefinitionError):
    """An annotation cannot be resolved, or its type has no GType."""


class RouteDefinitionError(DefinitionError):
    """A path template is malformed, or disagrees with the handler's types."""


class DuplicateRouteError(DefinitionError):
    """Two handlers serve the same method, path and version."""


class RevisionError(DefinitionError):
    """A revision file is malformed, or the revisions do not form one line."""


class AppNotFoundError(DefinitionError):
    """The command line names no `App`, or more than one could be meant."""


@final
class MetricError(DefinitionError):
    """A metric of the program's own cannot be declared so, or cannot take a value; the message says which, and why."""
