"""Settings in the environment: ``PERDURE_ROLLOUT__ACTIVATION=manual``; and those a `.env` file adds to it."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import final

from msgspec import Struct

from perdure.config.entries import SettingPath, Source, refuse
from perdure.config.files import shown

__all__ = ["FILE_VARIABLE", "PREFIX", "EnvFile", "add_to_environment", "read_env_file", "variable_sources"]

PREFIX = "PERDURE_"
FILE_VARIABLE = "PERDURE_CONFIG"
"""Names the settings file, where the command line names none."""
_OF_PERDURE = frozenset({FILE_VARIABLE, "PERDURE_URL", "PERDURE_WORKER"})
# What Kubernetes tells all containers about a service that is called "perdure".
_OF_KUBERNETES = re.compile(
    r"PERDURE_(SERVICE_HOST|SERVICE_PORT(_\w+)?|PORT(_\d+_(TCP|UDP|SCTP)(_PROTO|_PORT|_ADDR)?)?)"
)


@final
class EnvFile(Struct, frozen=True):
    """Variables that a `.env` file sets."""

    path: Path
    values: Mapping[str, str]
    lines: Mapping[str, int]


def read_env_file(path: Path) -> EnvFile:
    """Return what the `.env` file *path* sets.

    Raises:
        SettingsError: It cannot be read; the message names the line.
    """
    from dotenv import dotenv_values
    from dotenv.parser import parse_stream

    try:
        with path.open(encoding="utf-8") as stream:
            bindings = list(parse_stream(stream))
    except (OSError, UnicodeDecodeError) as error:
        refuse(f"{shown(path)} cannot be read: {getattr(error, 'strerror', None) or error}")
    for binding in bindings:
        if binding.error:
            refuse(f"{shown(path)}:{binding.original.line} cannot be read; a line is NAME=value")
    lines = {binding.key: binding.original.line for binding in bindings if binding.key is not None}
    values = {name: value for name, value in dotenv_values(path).items() if value is not None}
    return EnvFile(path, values, lines)


def add_to_environment(file: EnvFile) -> None:
    """Set this process's variables that *file* sets; those that are set already stay."""
    for name, value in file.values.items():
        os.environ.setdefault(name, value)


def variable_sources(environ: Mapping[str, str], file: EnvFile | None, secrets_prefix: str) -> list[Source]:
    """Return what the variables say whose names begin with ``PERDURE_``; one that is empty says nothing.

    Args:
        environ: All variables.
        file: The `.env` file that was added to them, for telling where a value is from.
        secrets_prefix: What the names of variables begin with that are secrets.
    """
    return [
        Source(value=value, origin=_origin(name, value, file), at=_path(name), is_text=True)
        for name, value in sorted(environ.items(), key=lambda each: (each[0].count("__"), each[0]))
        if name.startswith(PREFIX) and value and not _is_foreign(name, secrets_prefix)
    ]


def _path(name: str) -> SettingPath:
    return tuple(name.removeprefix(PREFIX).split("__"))


def _is_foreign(name: str, secrets_prefix: str) -> bool:
    if name in _OF_PERDURE or _OF_KUBERNETES.fullmatch(name):
        return True
    return secrets_prefix.startswith(PREFIX) and name.startswith(secrets_prefix)


def _origin(name: str, value: str, file: EnvFile | None) -> str:
    if file is None or file.values.get(name) != value:
        return name
    return f"{name} ({shown(file.path)}:{file.lines[name]})"
