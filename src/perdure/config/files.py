"""Files that hold settings: which one belongs to an app, what is in it, and on which line.

`tomllib` does not tell lines, so the line of a setting is found in the text: exact for the forms people write
(headers, keys, dotted keys), and the line of the nearest table around it for what stands inside an inline table.
"""

import re
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import final

from msgspec import Struct

from perdure.config.entries import SettingPath, Source, refuse
from perdure.errors import SettingsError

__all__ = ["SettingsFile", "find_settings_file", "read_settings_file", "shown"]

_OWN = "perdure.toml"
_PROJECT = "pyproject.toml"
_PROJECT_TABLE = ("tool", "perdure")
_FOREIGN = frozenset({"app"})
"""What stands in the project's table, but is no setting of the app: where it is."""
_KEY = r"""(?:[A-Za-z0-9_-]+|"[^"]*"|'[^']*')"""
_KEYS = rf"{_KEY}(?:\s*\.\s*{_KEY})*"
_HEADER = re.compile(rf"\s*\[\[?\s*({_KEYS})\s*\]")
_ASSIGNMENT = re.compile(rf"\s*({_KEYS})\s*=\s*(.*)")
_LONG_TEXTS = ('"""', "'''")


@final
class SettingsFile(Struct, frozen=True):
    """A file with settings."""

    path: Path
    table: Mapping[str, object]
    """What it sets."""
    lines: Mapping[SettingPath, int]
    """Where, for what was found."""

    def source(self) -> Source:
        """Return what the file says."""
        name = shown(self.path)
        lines = {at: f"{name}:{line}" for at, line in self.lines.items()}
        return Source(value=self.table, origin=name, lines=lines, folder=self.path.parent)


def find_settings_file(folder: Path) -> SettingsFile | None:
    """Return the settings of the project that *folder* belongs to; None where it has none.

    From *folder* upward, the first folder counts that has perdure.toml, or pyproject.toml with ``[tool.perdure]``. The
    project ends with the folder that has a pyproject.toml or a .git, with site-packages, and before a folder that
    everyone may write to.

    Raises:
        SettingsError: The file cannot be read, or the folder has settings in both files.
    """
    for each in (folder, *folder.parents):
        if each != folder and _is_open_to_all(each):
            return None
        found = [file for file in (_own(each), _of_project(each)) if file is not None]
        if len(found) > 1:
            refuse(f"{shown(found[0].path)} and [tool.perdure] of {_PROJECT} both have settings; keep them in one")
        if found:
            return found[0]
        if each.name == "site-packages" or (each / _PROJECT).is_file() or (each / ".git").exists():
            return None
    return None


def read_settings_file(path: Path) -> SettingsFile:
    """Return the settings in *path*: all of the file, or ``[tool.perdure]`` if it is a pyproject.toml.

    Raises:
        SettingsError: There is no such file, it cannot be read, or is no TOML.
    """
    if not path.is_file():
        refuse(f"there is no settings file {path}")
    inside = _PROJECT_TABLE if path.name == _PROJECT else ()
    return _parse(path, inside)


def shown(path: Path) -> str:
    """Return *path* as people name it: relative to the current folder if it lies below."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _is_open_to_all(folder: Path) -> bool:
    try:
        return bool(folder.stat().st_mode & stat.S_IWOTH)
    except OSError:  # a place inside an archive
        return False


def _own(folder: Path) -> SettingsFile | None:
    path = folder / _OWN
    return _parse(path, ()) if path.is_file() else None


def _of_project(folder: Path) -> SettingsFile | None:
    path = folder / _PROJECT
    found = _parse(path, _PROJECT_TABLE) if path.is_file() else None
    return found if found is not None and found.table else None


def _parse(path: Path, inside: SettingPath) -> SettingsFile:
    import tomllib

    try:
        text = path.read_text("utf-8")
        table: object = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise SettingsError((f"{shown(path)} cannot be read: {reason}",)) from error
    for name in inside:
        table = table.get(name, {}) if isinstance(table, dict) else None
    if not isinstance(table, dict):
        refuse(f"{shown(path)}: [{'.'.join(inside)}] is no table")
    foreign = _FOREIGN & table.keys()
    if foreign and not inside:
        refuse(f"{shown(path)}: {', '.join(foreign)} is no setting; it stands in [tool.perdure] of {_PROJECT}")
    table = {name: value for name, value in table.items() if name not in foreign}
    depth = len(inside)
    lines = {at[depth:]: line for at, line in _lines(text).items() if at[:depth] == inside and len(at) > depth}
    return SettingsFile(path, table, lines)


def _lines(text: str) -> dict[SettingPath, int]:
    """Return the line of each table and key of a TOML document."""
    found: dict[SettingPath, int] = {}
    table: SettingPath = ()
    ends_with: str | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if ends_with is not None:
            ends_with = None if ends_with in line else ends_with
        elif header := _HEADER.match(line):
            table = _split(header[1])
            _note(found, table, number)
        elif assignment := _ASSIGNMENT.match(line):
            _note(found, (*table, *_split(assignment[1])), number)
            opened = next((mark for mark in _LONG_TEXTS if assignment[2].startswith(mark)), None)
            ends_with = opened if opened is not None and assignment[2].count(opened) == 1 else None
    return found


def _note(found: dict[SettingPath, int], at: SettingPath, number: int) -> None:
    for length in range(1, len(at) + 1):
        found.setdefault(at[:length], number)


def _split(keys: str) -> SettingPath:
    return tuple(key.strip("\"'") for key in re.findall(_KEY, keys))
