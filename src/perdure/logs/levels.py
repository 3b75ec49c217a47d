"""Levels of loggers: as configured, and for a while as an operator wants them.

What an operator wants stands in a file in the project's folder, which every process that serves looks at each second:
no process is replaced for it, all workers obey, and one that starts later does, too. A signal could carry no names, and
a port of its own would be one more to guard.
"""

import logging
import os
from collections.abc import Mapping
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final, final

import msgspec
from msgspec import Struct

from perdure.config.logs import LogLevel
from perdure.errors import StoreError

__all__ = ["ROOT", "Levels", "Wish", "read_wishes", "write_wishes"]

ROOT: Final = "root"
"""What the logger above all others is called where names are written."""

_LIMIT_BYTES: Final = 64 * 1024
_NUMBERS: Final[Mapping[str, int]] = logging.getLevelNamesMapping()

_log = logging.getLogger("perdure.logs")


@final
class Wish(Struct, frozen=True, forbid_unknown_fields=True):
    """A level for a while."""

    level: LogLevel
    until: float
    """Unix time."""


def read_wishes(file: Path) -> dict[str, Wish]:
    """Return what stands in *file*, by name of the logger; nothing if there is no such file.

    Raises:
        StoreError: It cannot be read, or is no such file.
    """
    try:
        with file.open("rb") as opened:
            text = opened.read(_LIMIT_BYTES + 1)
        return msgspec.json.decode(text, type=dict[str, Wish]) if len(text) <= _LIMIT_BYTES else _refuse(file)
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise StoreError(f"{file} cannot be read: {error.strerror}") from error
    except (msgspec.DecodeError, UnicodeError):
        return _refuse(file)


def write_wishes(file: Path, wishes: Mapping[str, Wish]) -> None:
    """Replace what stands in *file*, as a whole.

    Raises:
        StoreError: It cannot be written.
    """
    try:
        file.parent.mkdir(exist_ok=True)
        with NamedTemporaryFile(dir=file.parent, prefix=f"{file.name}.", delete=False) as opened:
            opened.write(msgspec.json.encode(wishes))
        Path(opened.name).chmod(0o644)
        Path(opened.name).replace(file)
    except OSError as error:
        raise StoreError(f"{file} cannot be written: {error.strerror}") from error


@final
class Levels:
    """The levels of this process's loggers.

    Args:
        root: Of the logger above all others; None leaves it as it is.
        levels: By name of a logger.
        file: Where an operator's wishes are; None: there are none.
    """

    def __init__(self, root: LogLevel | None, levels: Mapping[str, LogLevel], file: Path | None = None) -> None:
        self._file = file
        self._seen: tuple[int, int, int] | None = None
        self._wishes: dict[str, Wish] = {}
        self._before: dict[str, int] = {}
        """What those had that an operator's wish stands in place of."""
        if root is not None:
            _set(ROOT, _NUMBERS[root.upper()])
        for name, level in levels.items():
            _set(name, _NUMBERS[level.upper()])

    def refresh(self, now: float) -> None:
        """Do what an operator has wished since, and no more what is over; nothing it finds in the file makes it raise.

        Args:
            now: Unix time.
        """
        if self._file is not None:
            seen = _state(self._file)
            if seen != self._seen:
                self._seen = seen
                self._read(self._file)
        wanted = {name: wish for name, wish in self._wishes.items() if now < wish.until}
        for name in [name for name in self._before if name not in wanted]:
            _set(name, self._before.pop(name))
        for name, wish in wanted.items():
            logger = _logger(name)
            self._before.setdefault(name, logger.level)
            if logger.level != _NUMBERS[wish.level.upper()]:
                _set(name, _NUMBERS[wish.level.upper()])

    def _read(self, file: Path) -> None:
        try:
            self._wishes = read_wishes(file)
        except StoreError as error:
            self._wishes = {}
            _log.warning("levels are as configured: %s", error)


def _refuse(file: Path) -> dict[str, Wish]:
    raise StoreError(f"{file} was not written by `perdure logs level`; delete it")


def _logger(name: str) -> logging.Logger:
    return logging.getLogger(None if name == ROOT else name)


def _set(name: str, level: int) -> None:
    _logger(name).setLevel(level)


def _state(file: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116 - asked each second
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino
