"""Setting up logging: for the program that serves, which alone may.

An `App` under another server does not touch what its host has set up; `set_up_logging` is what a host can call to get
what `perdure serve` has.
"""

import atexit
import logging
import os
import sys
import threading
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, final

from perdure.config.logs import LogSettings
from perdure.context.log import as_extra
from perdure.logs.levels import Levels

if TYPE_CHECKING:
    from perdure.logs.handler import LineHandler

__all__ = ["EarlyRecords", "ServingLogs", "early_records", "serving_logs", "set_up_logging"]

_HELD: Final = 1000

_log = logging.getLogger("perdure.uncaught")


def set_up_logging(settings: LogSettings | None = None, *, lock_fd: int | None = None) -> "LineHandler":
    """Let all that this process logs be written to stderr as *settings* say, in place of what was set up before.

    The standard library's `logging`, structlog (unless it is configured already) and `warnings` are joined. Where
    *settings* do not say which format, it is for people if stderr is a terminal, else JSON.

    Args:
        settings: ``app.config.logs``; None: the defaults.
        lock_fd: A file by which processes that write to the same pipe take turns; see `LineWriter`.
    Returns:
        The one handler of the root logger now.
    """
    settings = settings or LogSettings()
    form = settings.format
    handler = _install(settings, ("console" if _is_terminal() else "json") if form == "auto" else form, lock_fd)
    Levels(settings.level, settings.levels)
    return handler


@final
class ServingLogs(NamedTuple):
    """How a program that serves logs."""

    levels: Levels
    """To be refreshed now and then."""
    for_programs: Literal["json", "logfmt"] | None
    """What lines look like, if they are ours and not for people."""


def serving_logs(
    settings: LogSettings, *, is_development: bool, lock_fd: int | None, wishes: Path | None
) -> ServingLogs:
    """Set up logging for `perdure serve` and `perdure dev`, unless the program has done it itself.

    Args:
        settings: What is configured.
        is_development: Whether it is for people.
        lock_fd: As for `set_up_logging`.
        wishes: Where an operator's wishes for levels are.
    """
    form = settings.format
    if form == "auto" and logging.getLogger().handlers:
        _join_structlog(has_fields=False)
        return ServingLogs(Levels(None, settings.levels, wishes), None)
    chosen = ("console" if is_development else "json") if form == "auto" else form
    _install(settings, chosen, lock_fd)
    threading.excepthook = _tell_uncaught_in_thread
    sys.unraisablehook = _tell_ignored
    return ServingLogs(Levels(settings.level, settings.levels, wishes), None if chosen == "console" else chosen)


def _tell_uncaught_in_thread(raised: threading.ExceptHookArgs) -> None:
    if raised.exc_type is not SystemExit and raised.exc_value is not None:
        info = (raised.exc_type, raised.exc_value, raised.exc_traceback)
        _log.critical("Exception in thread %s", raised.thread.name if raised.thread else "?", exc_info=info)


def _tell_ignored(raised: "sys.UnraisableHookArgs") -> None:
    error = raised.exc_value
    if error is not None:
        info = (type(error), error, raised.exc_traceback)
        _log.error("%s: %r", raised.err_msg or "Exception ignored in", raised.object, exc_info=info)


def _install(settings: LogSettings, form: Literal["json", "console", "logfmt"], lock_fd: int | None) -> "LineHandler":
    from perdure.logs.formatting import LogFormatter
    from perdure.logs.handler import LineHandler
    from perdure.logs.lines import LineWriter

    lines = LogFormatter(form, colors=form == "console" and _has_colors(), hide=settings.hide)
    handler = LineHandler(lines, lambda tell: LineWriter(_stderr(), settings.backlog_limit_bytes, tell, lock_fd))
    root = logging.getLogger()
    for old in tuple(root.handlers):
        root.removeHandler(old)
    root.addHandler(handler)
    atexit.register(handler.flush_at_exit)
    logging.captureWarnings(capture=True)
    _join_structlog(has_fields=True)
    return handler


def _stderr() -> int:
    """Return the descriptor to write to. Where there was none, its number may be that of any other file by now."""
    return sys.__stderr__.fileno() if sys.__stderr__ is not None else os.open(os.devnull, os.O_WRONLY)


def _is_terminal() -> bool:
    return sys.__stderr__ is not None and sys.__stderr__.isatty()


def _has_colors() -> bool:
    from perdure.config import environment

    return _is_terminal() and not environment().get("NO_COLOR")


def _join_structlog(*, has_fields: bool) -> None:
    """Let structlog write by way of `logging`, unless the program has configured it.

    Args:
        has_fields: Whether fields of records are written; else they go into the message.
    """
    import structlog

    if structlog.is_configured():
        return
    rendering = [] if has_fields else [_with_fields(structlog.processors.KeyValueRenderer(key_order=["event"]))]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars,
            structlog.stdlib.PositionalArgumentsFormatter(), *rendering, _as_record,
        ],
        wrapper_class=structlog.stdlib.BoundLogger, logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )  # fmt: skip


def _as_record(_: object, __: str, event: MutableMapping[str, Any]) -> tuple[tuple[object], dict[str, Any]]:
    """Return what a logger of the standard library's is to be called with."""
    message, raised, has_stack = event.pop("event", ""), event.pop("exc_info", None), event.pop("stack_info", False)
    return (message,), {"exc_info": raised, "stack_info": bool(has_stack), "extra": as_extra(event)}


def _with_fields(render: Callable[[Any, str, Any], object]) -> Callable[[Any, str, Any], MutableMapping[str, Any]]:
    def rendered(logger: Any, name: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        kept = {each: event.pop(each) for each in ("exc_info", "stack_info") if each in event}
        return {"event": render(logger, name, event), **kept} if len(event) > 1 else {**event, **kept}

    return rendered


@final
class EarlyRecords(logging.Handler):
    """Records that were written before it was known how: while the program is imported, which configures it."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._records: list[logging.LogRecord] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Keep *record*, if there are not too many."""
        if len(self._records) < _HELD:
            self._records.append(record)

    def pass_on(self) -> None:
        """Let the root logger's handlers have what was kept, or without any, who has it otherwise."""
        records, self._records = self._records, []
        for record in records:
            logging.getLogger(record.name).handle(record)


@contextmanager
def early_records() -> Iterator[EarlyRecords]:
    """Keep meanwhile what no handler would get, but the one of last resort; in the end that gets it, if nobody has."""
    early, usual = EarlyRecords(), logging.lastResort
    logging.lastResort = early
    try:
        yield early
    finally:
        logging.lastResort = usual
        early.pass_on()
