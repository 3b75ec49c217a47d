"""Options that commands share which run an app: what the command line says about its settings."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from perdure.config import Flag, Invocation

__all__ = ["NOTHING", "ExistingFile", "SettingsOptions", "Switch"]

ExistingFile = Annotated[Path, Parameter(validator=validators.Path(exists=True, dir_okay=False))]
"""Path of a file that there is."""
Switch = Annotated[bool, Parameter(negative=())]
"""An option that is given or not; there is no ``--no-…`` beside it."""


def _check_assignments(_: object, given: tuple[str, ...]) -> None:
    for each in given:
        name, equals, _rest = each.partition("=")
        if not name or not equals:
            raise ValueError(f"{each!r} is not NAME=VALUE, as in rollout.activation=manual")


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class SettingsOptions:
    """What the command line says about settings."""

    config: ExistingFile | None = None
    """Settings file; by default perdure.toml, or [tool.perdure] of pyproject.toml, beside the app or further up in its
    project."""
    set_: Annotated[
        tuple[str, ...],
        Parameter("--set", negative=(), show_default=False, validator=_check_assignments),
    ] = ()
    """A setting, as NAME=VALUE: rollout.activation=manual; repeatable."""

    def invocation(self, *, store: str | None = None, env_file: Path | None = None) -> Invocation:
        """Return it as apps take it.

        Args:
            store: Of ``--store``, where the command has that.
            env_file: The `.env` file, where the command reads one.
        """
        pairs = (each.partition("=") for each in self.set_)
        flags = [Flag(name, value, f"--set {name}") for name, _, value in pairs]
        if store is not None:
            flags.append(Flag("store_url", store, "--store"))
        return Invocation(
            file=str(self.config.absolute()) if self.config is not None else None, flags=tuple(flags),
            env_file=str(env_file) if env_file is not None else None,
        )  # fmt: skip


NOTHING = SettingsOptions()
"""No word about settings."""
