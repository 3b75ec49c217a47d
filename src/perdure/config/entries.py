"""What a source says about settings."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NoReturn, final

from msgspec import Struct

from perdure.errors import SettingsError

__all__ = ["Entry", "SettingPath", "Source", "dotted", "refuse"]

SettingPath = tuple[str, ...]
"""Where a setting is: ``("rollout", "activation")``."""

_BARE = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")


@final
class Entry(Struct, frozen=True):
    """What is said about one setting."""

    value: object
    origin: str
    """``perdure.toml:12``, ``PERDURE_STORE_URL``, ``--set store_url``."""
    is_text: bool
    """It comes from where everything is text, and is to be read as what the setting is."""
    folder: Path | None
    """What a relative path in it is relative to; None: the current folder."""


@final
class Source(Struct, frozen=True, kw_only=True):
    """Something that is said about settings, all in one place."""

    value: object
    """For the setting at *at*; for all of them, where that is empty: a mapping."""
    origin: str
    lines: Mapping[SettingPath, str] = {}
    """Where parts of it are said, if there is more to tell than *origin*."""
    at: SettingPath = ()
    is_text: bool = False
    folder: Path | None = None

    def origin_of(self, at: SettingPath) -> str:
        """Return where the setting *at* is said, or what is nearest around it."""
        parts = (at[:length] for length in range(len(at), 0, -1))
        return next((self.lines[part] for part in parts if part in self.lines), self.origin)


def dotted(at: Iterable[str]) -> str:
    """Return a path as it is written in TOML: ``auth.jwt."my.issuer"``."""
    return ".".join(name if name and _BARE.issuperset(name) else f'"{name}"' for name in at)


def refuse(told: str) -> NoReturn:
    """Raise `SettingsError` with *told* alone."""
    raise SettingsError((told,))
