"""What the command lines of several commands share: which app is meant, and what is said about its settings."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter, validators

from perdure.cli.target import find_target
from perdure.config import Flag, Invocation, invoked

__all__ = [
    "AS_SERVED", "HERE", "NOTHING", "AppArgument", "ExistingFile", "LookOptions", "NamedApp", "SettingsOptions",
    "Switch", "Where",
]  # fmt: skip

AppArgument = Annotated[str | None, Parameter(help="The app; found in the current folder by default.")]
"""The app, by its place on the command line."""
NamedApp = Annotated[str | None, Parameter("--app", help="The app, as versions, migrations and keys take it.")]
"""The app, by an option."""

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
    """Settings file; by default perdure.toml, or [tool.perdure] of pyproject.toml, by the app or above it."""
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
            env_file=str(env_file) if env_file is not None else None, is_development=env_file is not None,
        )  # fmt: skip


NOTHING = SettingsOptions()
"""No word about settings."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class LookOptions(SettingsOptions):
    """What the command line says about settings to a command that looks at an app without serving it."""

    dev: Switch = False
    """With the settings that perdure dev has: variables of .env in the project's folder count, too."""

    @contextmanager
    def applied(self, app: str | None) -> Iterator[None]:
        """Let the app that is loaded meanwhile have its settings from here.

        Args:
            app: How the command line names it.
        Raises:
            AppNotFoundError: There is no such app, beside which `.env` could be.
            SettingsError: `.env` cannot be read.
        """
        from perdure.cli.store import project_folder

        env_file = project_folder(find_target(app, Path.cwd())) / ".env" if self.dev else None
        with invoked(self.invocation(env_file=env_file)):
            yield


AS_SERVED = LookOptions()
"""The settings that `perdure serve` has."""


@Parameter(name="*")
@dataclass(frozen=True, kw_only=True)
class Where(LookOptions):
    """Which app, and where its store is."""

    app: str | None = None
    """The app; found in the current folder by default."""
    store: str | None = None
    """URL of the store; by default the one `perdure serve` uses."""


HERE = Where()
"""The app in the current folder, and its own store."""
