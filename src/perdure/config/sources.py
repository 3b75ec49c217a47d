"""All settings of an app, from wherever they are given, and which is from where.

Source: SPEC 4. From the weakest to the strongest: what is declared, the code, the settings file, the environment (in
development with the variables of `.env`), the command line. This package alone reads the environment.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from types import MappingProxyType
from typing import final

from msgspec import NODEFAULT, Struct
from msgspec.structs import fields

from perdure.config.building import Builder
from perdure.config.entries import SettingPath, Source, refuse
from perdure.config.files import SettingsFile, find_settings_file, read_settings_file
from perdure.config.gathering import Gathered
from perdure.config.settings import Config
from perdure.config.variables import FILE_VARIABLE, EnvFile, add_to_environment, read_env_file, variable_sources
from perdure.errors import SettingsError

__all__ = ["Flag", "Invocation", "Resolved", "environment", "invocation", "invoked", "resolve"]


@final
class Flag(Struct, frozen=True):
    """A setting that the command line gives."""

    name: str
    """``rollout.activation``."""
    value: str
    origin: str
    """``--set rollout.activation``."""


@final
class Invocation(Struct, frozen=True, kw_only=True):
    """What the command that runs an app adds to its settings."""

    file: str | None = None
    """Absolute path of the settings file, in place of the one beside the app."""
    flags: tuple[Flag, ...] = ()
    env_file: str | None = None
    """Absolute path of the `.env` file whose variables are added to the environment; need not exist."""
    is_development: bool = False
    """Whether somebody works on the app."""


@final
class Resolved(Struct, frozen=True):
    """The settings of an app, and where each is from."""

    config: Config
    given: Config
    """What the code says."""
    origins: Mapping[SettingPath, str]
    """Where the settings are from that neither the code says nor are the default."""
    file: Path | None
    """The settings file, if there is one."""

    def origin_of(self, name: str) -> str:
        """Return where a setting is from: ``perdure.toml:12``, ``PERDURE_STORE_URL``, ``code`` or ``default``.

        Args:
            name: ``rollout.activation``.
        """
        return self.origin_at(tuple(name.split(".")))

    def origin_at(self, at: SettingPath) -> str:
        """Return the same for a setting by its path, in which names may have dots."""
        if at in self.origins:
            return self.origins[at]
        return "default" if _is_default(self.given, Config(), at) else "code"


_INVOCATION: ContextVar[Invocation | None] = ContextVar("perdure_invocation", default=None)


@contextmanager
def invoked(by: Invocation) -> Iterator[None]:
    """Let the apps that are made meanwhile have the settings that the command line gives.

    The variables of its `.env` file are added to this process's environment, and stay there.

    Raises:
        SettingsError: The `.env` file cannot be read.
    """
    file = _env_file(by)
    if file is not None:
        add_to_environment(file)
    before = _INVOCATION.set(by)
    try:
        yield
    finally:
        _INVOCATION.reset(before)


def invocation() -> Invocation:
    """Return what the command line says about the apps that are made now."""
    return _INVOCATION.get() or Invocation()


def environment() -> Mapping[str, str]:
    """Return this process's environment, as it is whenever it is looked into."""
    return os.environ


def resolve(given: Config, folder: Path, by: Invocation, environ: Mapping[str, str] | None = None) -> Resolved:
    """Return the settings of an app.

    Args:
        given: What the code says.
        folder: Where the file is that makes the app; the settings file is sought from here upward.
        by: What the command line says.
        environ: The environment; None: this process's.
    Raises:
        SettingsError: A setting is unknown or cannot be used; all that are wrong are told, with their places.
    """
    variables = os.environ if environ is None else environ
    file = _settings_file(by.file or variables.get(FILE_VARIABLE), folder)
    gathered = Gathered(given)
    if file is not None:
        gathered.add(file.source())
    for source in variable_sources(variables, _env_file(by), _secrets_prefix(gathered, given)):
        gathered.add(source)
    for flag in by.flags:
        gathered.add(Source(value=flag.value, origin=flag.origin, at=_path(flag), is_text=True))
    builder = Builder(gathered)
    config = builder.build(given)
    faults = (*gathered.faults, *builder.faults)
    if faults or not isinstance(config, Config):
        raise SettingsError(tuple(dict.fromkeys(faults)))
    origins = {at: entry.origin for at, entry in gathered.entries.items()}
    return Resolved(config, given, MappingProxyType(origins), file.path if file is not None else None)


def _settings_file(named: str | None, folder: Path) -> SettingsFile | None:
    return read_settings_file(Path(named).absolute()) if named else find_settings_file(folder.absolute())


def _env_file(by: Invocation) -> EnvFile | None:
    return read_env_file(Path(by.env_file)) if by.env_file is not None and Path(by.env_file).is_file() else None


def _secrets_prefix(gathered: Gathered, given: Config) -> str:
    entry = gathered.entries.get(("secrets", "environment_prefix"))
    return str(entry.value) if entry is not None else given.secrets.environment_prefix


def _path(flag: Flag) -> SettingPath:
    at = tuple(flag.name.split("."))
    if not all(at):
        refuse(f"{flag.origin}: a setting is written like rollout.activation")
    return at


def _is_default(value: object, default: object, at: SettingPath) -> bool:
    """Return whether what *value* has at *at* is what holds where nothing is said, *default* being so for *value*.

    What is in a group that is not there by default has the defaults that the group declares.
    """
    if not at:
        return value == default
    if isinstance(value, Struct) and type(default) is not type(value):
        declared = next((field for field in fields(value) if field.name == at[0]), None)
        inner = NODEFAULT if declared is None else declared.default
        if declared is not None and declared.default_factory is not NODEFAULT:
            inner = declared.default_factory()
        return _is_default(_part(value, at[0]), inner, at[1:])
    return _is_default(_part(value, at[0]), _part(default, at[0]), at[1:])


def _part(value: object, name: str) -> object:
    return value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
