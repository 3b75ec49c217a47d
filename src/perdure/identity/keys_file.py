"""Keys in a file: read again when it changes, so that they can be replaced while the server runs."""

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Final, final

from perdure.clock import Clock
from perdure.errors import ConfigError
from perdure.identity.key_reading import KeyRefusedError
from perdure.identity.keys import FittingKeys, KeySet

__all__ = ["FileKeys"]

_log = logging.getLogger("perdure.identity")

_LOOKED_AT_S: Final = 1.0
_LIMIT_BYTES: Final = 512 * 1024


@final
class FileKeys:
    """The keys in the file *path*; whether it changed is looked at once a second, at most.

    A changed file that cannot be used is logged, and the keys read before stay in use.

    Args:
        read: Makes keys of what the file holds, or raises `KeyRefusedError`.
        setting: Which setting names the file, for messages.
    """

    def __init__(self, path: str, read: Callable[[bytes], KeySet], setting: str, clock: Clock) -> None:
        self._path: Final = Path(path)
        self._read: Final = read
        self._where: Final = f"{setting} {path}"
        self._monotonic: Final = clock.monotonic
        self._keys = KeySet((), is_named=True)
        self._seen: tuple[int, ...] = ()
        self._looked_at_s = 0.0
        self._trouble = ""

    def fitting(self, key_id: str | None, algorithm: str) -> FittingKeys:
        """See `perdure.identity.keys.Keys.fitting`; never to be awaited."""
        now_s = self._monotonic()
        if now_s - self._looked_at_s >= _LOOKED_AT_S:
            self._looked_at_s = now_s
            self._look()
        return self._keys.fitting(key_id, algorithm)

    def _look(self) -> None:
        try:
            seen = self._stamp()
            if seen != self._seen:
                self._seen = seen
                self._keys = self._load()
                self._trouble = ""
                _log.info("%s was read again: %d keys", self._where, len(self._keys))
        except (OSError, KeyRefusedError) as error:
            if str(error) != self._trouble:  # once is enough: it is looked at every second
                self._trouble = str(error)
                _log.error("%s cannot be used, the keys read before stay in use: %s", self._where, error)

    def _stamp(self) -> tuple[int, ...]:
        stat = self._path.stat()
        return stat.st_mtime_ns, stat.st_size, stat.st_ino

    def _load(self) -> KeySet:
        with self._path.open("rb") as file:
            raw = file.read(_LIMIT_BYTES + 1)
        if len(raw) > _LIMIT_BYTES:
            raise KeyRefusedError(f"it is larger than {_LIMIT_BYTES} bytes")
        return self._read(raw)

    async def start(self) -> None:
        """Read the file.

        Raises:
            ConfigError: It cannot be read, or holds no key that can be used.
        """
        try:
            self._seen = self._stamp()
            self._keys = self._load()
        except OSError as error:
            raise ConfigError(f"{self._where} cannot be read: {error.strerror}") from error
        except KeyRefusedError as error:
            raise ConfigError(f"{self._where}: {error}") from error
        self._looked_at_s = self._monotonic()

    async def stop(self) -> None:
        """Nothing is held open."""
