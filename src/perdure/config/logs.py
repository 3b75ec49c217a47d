"""What is written to the log, and how.

Source: SPEC 3.11.
"""

import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal, final

from msgspec import Struct
from msgspec.structs import force_setattr

from perdure.config.checks import check_positive, check_types, freeze
from perdure.errors import ConfigError

__all__ = ["LogFormat", "LogLevel", "LogSettings"]

LogFormat = Literal["auto", "json", "console", "logfmt"]
"""What a line looks like."""
LogLevel = Literal["debug", "info", "warning", "error", "critical"]
"""How grave a record is at least."""

_LOGGER = re.compile(r"[^\s=]+")


@final
class LogSettings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is written to the log, and how: `Config.logs`.

    Raises:
        ConfigError: A value cannot be used; the message names the setting.
    """

    format: LogFormat = "auto"
    """What a line looks like. ``auto``: JSON from `perdure serve`, for people from `perdure dev`; and where the program
    has set up the root logger itself, that stays as it is. With any other the server sets it up all the same."""
    level: LogLevel = "info"
    """What is written at least, of loggers that *levels* does not name."""
    levels: Mapping[str, LogLevel] = MappingProxyType({"perdure.audit": "warning", "httpx": "warning"})
    """By name of a logger, for it and those below it: ``{"perdure.ingress": "debug"}``."""
    hide: tuple[str, ...] = ()
    """Names of fields whose values are not shown, besides those that sound like credentials: ``iban``."""
    access: bool | None = None
    """Write a line for each request; None: only from `perdure dev`."""
    access_skip: tuple[str, ...] = ("/healthz", "/readyz")
    """Paths whose requests are not written."""
    access_share: float = 1.0
    """Share of the requests that is written: 0.01 is every hundredth; of answers with 5xx all are."""
    access_per_s: int = 10_000
    """Requests written per second and process at most; how many were not is written then, too."""
    backlog_limit_bytes: int = 8 * 1024 * 1024
    """How much waits, in each process, for whoever reads the lines; more is lost, and counted."""

    def __post_init__(self) -> None:
        check_types(self)
        check_positive(self, ("access_per_s", "backlog_limit_bytes"))
        if not 0 <= self.access_share <= 1:
            raise ConfigError(f"access_share must be from 0 to 1, not {self.access_share!r}")
        for name in self.levels:
            if not _LOGGER.fullmatch(name):
                raise ConfigError(f"levels names loggers, such as perdure.ingress, not {name!r}")
        force_setattr(self, "levels", freeze(self.levels, "levels"))
