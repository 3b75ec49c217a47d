"""Secrets from files, as Docker, Kubernetes and systemd mount them: a folder with a file per secret.

Kubernetes changes all files of a mount at once, by pointing the link ``..data`` to another folder. What a file's name
leads to is then another file, which `stamp` tells; there is no watch that could miss an event or run out.

Source: https://kubernetes.io/docs/concepts/configuration/secret/#using-secrets-as-files-from-a-pod.
"""

import asyncio
import os
import stat
from pathlib import Path
from typing import final

from perdure.errors import SecretUnavailableError
from perdure.secrets.base import SIZE_LIMIT_BYTES

__all__ = ["FilesProvider"]


@final
class FilesProvider:
    """The secret ``db_password`` is the file ``db_password`` of one folder, without the newline at its end.

    A file that is no UTF-8 is taken as it is, newline included.

    Args:
        folder: It need not exist: then there are no secrets.
    """

    name = "files"

    def __init__(self, folder: str | Path) -> None:
        self._folder = Path(folder)

    async def start(self) -> None:
        """See `Provider.start`."""

    async def fetch(self, name: str) -> str | bytes | None:
        """See `Provider.fetch`."""
        return await asyncio.to_thread(_read, self._folder / name)

    async def stamp(self, name: str) -> tuple[int, ...] | None:
        """Return which file the name leads to, and when that was changed; None where it leads to none."""
        return await asyncio.to_thread(_stamp, self._folder / name)

    async def stop(self) -> None:
        """See `Provider.stop`."""


def _stamp(path: Path) -> tuple[int, ...] | None:
    try:
        found = path.stat()
    except (OSError, ValueError):
        return None
    return found.st_dev, found.st_ino, found.st_mtime_ns, found.st_size


def _read(path: Path) -> str | bytes | None:
    """Return what is in the file; None if there is none."""
    try:
        # A pipe that somebody put there would be waited for without end.
        opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unavailable(path, error.strerror) from None
    try:
        raw = _read_open(opened, path)
    finally:
        os.close(opened)
    if len(raw) > SIZE_LIMIT_BYTES:
        del raw  # a traceback with locals would show its beginning
        raise _unavailable(path, f"it is larger than {SIZE_LIMIT_BYTES} bytes")
    return _text_or_bytes(raw)


def _read_open(opened: int, path: Path) -> bytes:
    """Return what is in the file, and a byte more than the limit where there is more."""
    try:
        if not stat.S_ISREG(os.fstat(opened).st_mode):
            raise _unavailable(path, "it is no file")
        with open(opened, "rb", closefd=False) as file:
            return file.read(SIZE_LIMIT_BYTES + 1)
    except OSError as error:
        raise _unavailable(path, error.strerror) from None


def _text_or_bytes(raw: bytes) -> str | bytes:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        return raw
    return text.removesuffix("\n").removesuffix("\r") if text.endswith("\n") else text


def _unavailable(path: Path, why: str | None) -> SecretUnavailableError:
    return SecretUnavailableError(f"the file {path} cannot be read: {why or 'the system does not say why'}")
