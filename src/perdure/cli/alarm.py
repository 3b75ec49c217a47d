"""What goes wrong with servers that run, told where they log: by their parent, which has no app and no settings."""

import logging
from typing import Literal, final

from perdure.cli.console import complain
from perdure.config import LogSettings

__all__ = ["alarm", "log_like"]

_log = logging.getLogger("perdure.server")


def alarm(text: str) -> None:
    """Write *text* to the log as an error, once it is known what lines look like; else as all commands complain."""
    if logging.getLogger().handlers:
        _log.error("%s", text)
    else:
        complain(text)


def log_like(form: Literal["json", "logfmt"], turns_fd: int | None) -> None:
    """Write what this process logs from now on as its workers do; what that takes is imported when it is needed.

    Args:
        form: What their lines look like.
        turns_fd: The file by which they take turns to write.
    """
    logging.getLogger().addHandler(_Late(LogSettings(format=form), turns_fd))


@final
class _Late(logging.Handler):
    """Sets up logging at the first record."""

    def __init__(self, settings: LogSettings, turns_fd: int | None) -> None:
        super().__init__(logging.WARNING)
        self._settings = settings
        self._turns_fd = turns_fd

    def emit(self, record: logging.LogRecord) -> None:
        """Let *record*, and all after it, be written as the workers write theirs."""
        from perdure.logs.setup import set_up_logging

        set_up_logging(self._settings, lock_fd=self._turns_fd).handle(record)
