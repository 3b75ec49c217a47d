"""Secrets that were revealed, and then logged all the same: in an exception's text, or in a driver's URL.

Every log record is made by one factory, whichever logger and handler it is for, so that is where values are replaced:
in the message and in the traceback. What a record carries besides (``extra``) is added after the factory, so a filter
on every handler cleans it. Exceptions that nobody caught, or nobody can (in ``__del__``), pass through the
interpreter's hooks. Nothing is installed when this is imported, and one guard is, however many apps a process has.

Alternatives: a filter on a logger does not see the records of its children; a formatter is chosen by whoever sets up
logging; a wrapped ``sys.stderr`` misses handlers that write elsewhere.

Not covered: what passes through neither, such as `print`.
"""

import logging
import sys
import threading
from collections.abc import Iterator
from contextvars import ContextVar
from traceback import TracebackException, walk_tb
from types import TracebackType
from typing import Any, Final, final
from weakref import WeakSet

from perdure.context.secret import Secret
from perdure.logs.plain import SEALED
from perdure.secrets.values import SecretValues

__all__ = ["Redactor", "fetching"]

fetching: Final[ContextVar[bool]] = ContextVar("perdure.secrets.fetching", default=False)
"""Set while a provider is asked: its libraries log answers, and nobody knows the value in them yet."""

_NOT_SHOWN = "(not shown: a secret was being fetched)"
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime"}
"""What every record has, and the factory has seen."""

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


@final
class Redactor:
    """Keeps the values of one app's secrets out of logs and of tracebacks, once `install` was called."""

    def __init__(self) -> None:
        self._values = SecretValues()
        self._guard: _Guard | None = None

    def add(self, secret: Secret) -> None:
        """Keep the value of *secret* out from now on."""
        self._values.add(secret)

    def mask(self, text: str) -> str:
        """Return *text* with every value replaced by ``***``."""
        return self._values.mask(text)

    def install(self) -> None:
        """Clean what any logger of this process logs, and what its hooks for uncaught exceptions write."""
        if self._guard is None:
            current = logging.getLogRecordFactory()
            self._guard = current if isinstance(current, _Guard) else _Guard()
            self._guard.watched.add(self._values)
            self._guard.cover_handlers()

    def cover_handlers(self) -> None:
        """Clean the extras of what goes to the handlers there are now; to be called again when there may be more."""
        if self._guard is not None:
            self._guard.cover_handlers()

    def remove(self) -> None:
        """Undo `install`; what others have installed over it since then stays, and passes everything on."""
        guard, self._guard = self._guard, None
        if guard is not None:
            guard.watched.discard(self._values)
            if not guard.watched:
                guard.leave()


@final
class _Guard(logging.Filter):
    """The factory of log records, filter of handlers and hook for uncaught exceptions; installed when made."""

    def __init__(self) -> None:
        super().__init__()
        self.watched: WeakSet[SecretValues] = WeakSet()
        """Those of all apps; of one that was dropped without having been stopped, nothing stays."""
        self._make = logging.getLogRecordFactory()
        self._report, self._report_thread, self._report_ignored = (
            sys.excepthook, threading.excepthook, sys.unraisablehook
        )  # fmt: skip
        self._hooks = (self._on_uncaught, self._on_uncaught_in_thread, self._on_ignored)
        logging.setLogRecordFactory(self)
        sys.excepthook, threading.excepthook, sys.unraisablehook = self._hooks

    def __call__(self, *args: Any, **kwargs: Any) -> logging.LogRecord:
        """Make a log record without values."""
        record = self._make(*args, **kwargs)
        try:
            self._clean(record)
        except Exception as error:  # noqa: BLE001 - an object of the user's whose repr fails, and the like
            record.msg = f"(not shown: looking for secrets in it failed with {type(error).__name__})"
            record.args, record.exc_info = None, None
        return record

    def mask(self, text: str) -> str:
        """Return *text* without values; for formatters that make text of what records carry: see `masking`."""
        for values in self._looked_for():
            text = values.mask(text)
        return text

    def filter(self, record: logging.LogRecord) -> bool:
        """Replace values in the extras of *record*; let it pass."""
        for values in self._looked_for():
            for name, value in tuple(record.__dict__.items()):
                if name not in _STANDARD:
                    record.__dict__[name] = values.cleaned(value)
        return True

    def cover_handlers(self) -> None:
        """Become a filter of every handler there is."""
        for handler in _handlers():
            if self not in handler.filters:
                handler.addFilter(self)

    def leave(self) -> None:
        """Put back what was there before, where nobody came in between since."""
        if logging.getLogRecordFactory() is self:
            logging.setLogRecordFactory(self._make)
        if sys.excepthook is self._hooks[0]:
            sys.excepthook = self._report
        if threading.excepthook is self._hooks[1]:
            threading.excepthook = self._report_thread
        if sys.unraisablehook is self._hooks[2]:
            sys.unraisablehook = self._report_ignored
        for handler in _handlers():
            handler.removeFilter(self)

    def _looked_for(self) -> list[SecretValues]:
        return [values for values in self.watched if not values.is_empty]

    def _clean(self, record: logging.LogRecord) -> None:
        if fetching.get() and record.levelno <= logging.DEBUG:
            record.msg, record.args, record.exc_info = _NOT_SHOWN, None, None
        for values in self._looked_for():
            _clean(record, values)

    def _told(self, raised: ExcInfo) -> str | None:
        text, is_held = "", False
        for values in self._looked_for():
            told = _told(raised, values, text)
            text, is_held = (text, is_held) if told is None else (told, True)
        return text if is_held else None

    def _on_uncaught(self, kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        told = self._told((kind, error, traceback))
        if told is None:
            self._report(kind, error, traceback)
        else:
            sys.stderr.write(f"{told}\n")

    def _on_ignored(self, raised: "sys.UnraisableHookArgs") -> None:
        error = raised.exc_value
        told = None if error is None else self._told((raised.exc_type, error, raised.exc_traceback))
        if told is None:
            self._report_ignored(raised)
        else:  # not which object it was in: its repr may show anything
            sys.stderr.write(f"{raised.err_msg or 'Exception ignored'}:\n{told}\n")

    def _on_uncaught_in_thread(self, raised: threading.ExceptHookArgs) -> None:
        error = raised.exc_value
        told = None if error is None else self._told((raised.exc_type, error, raised.exc_traceback))
        if told is None:
            self._report_thread(raised)
        else:
            sys.stderr.write(f"Exception in thread {raised.thread.name if raised.thread else '?'}:\n{told}\n")


def _clean(record: logging.LogRecord, values: SecretValues) -> None:
    """Replace *values* in the message, the traceback and the stack of *record*."""
    if isinstance(record.msg, dict) and not record.args:
        _clean_event(record, record.msg, values)
    try:
        text = record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit; the handler will print them as they are
        text = f"{record.msg!r} {record.args!r}"
    masked = values.mask(text)
    if masked is not text:
        record.msg, record.args = masked, None
    if record.exc_info and record.exc_info[1] is not None:
        told = _told(record.exc_info, values)
        if told is not None:
            _seal(record, record.exc_info)
            record.exc_info, record.exc_text = None, told
    elif record.exc_text:
        record.exc_text = values.mask(record.exc_text)
    if record.stack_info is not None:
        record.stack_info = values.mask(record.stack_info)


def _clean_event(record: logging.LogRecord, event: dict[str, object], values: SecretValues) -> None:
    """Replace *values* in what structlog hands over as a message: fields by name, and an exception among them."""
    raised = event.get("exc_info")
    if isinstance(raised, BaseException):
        raised = (type(raised), raised, raised.__traceback__)
    elif raised and not isinstance(raised, tuple):
        raised = sys.exc_info()
    event = {name: values.cleaned(value) for name, value in event.items() if name != "exc_info"}
    if any(values.mask(text := str(value)) is not text for value in event.values()):  # what an object says of itself
        event = {name: values.mask(str(value)) for name, value in event.items()}
    if isinstance(raised, tuple) and len(raised) == 3 and isinstance(raised[1], BaseException):
        told = _told(raised, values)
        if told is None:
            event["exc_info"] = raised
        else:
            _seal(record, raised)
            event["exception"] = told
    record.msg = event


def _seal(record: logging.LogRecord, raised: ExcInfo) -> None:
    """Leave the exception to `LogFormatter`, which shows nothing of it as it is."""
    record.__dict__.setdefault(SEALED, lambda: raised)


def _told(raised: ExcInfo, values: SecretValues, text: str = "") -> str | None:
    """Return the traceback without *values*; None if there are none in it, nor in a variable of its frames.

    Args:
        text: The traceback, if it was told before.
    """
    text = text or "".join(TracebackException(*raised).format()).rstrip("\n")
    masked = values.mask(text)
    if masked is not text:
        return masked
    is_held = any(
        values.cleaned(local) is not local
        for error in _chain(raised[1])
        for frame, _ in walk_tb(error.__traceback__)
        for local in tuple(frame.f_locals.values())
    )
    return text if is_held else None


def _chain(error: BaseException) -> Iterator[BaseException]:
    """Yield *error* and all errors it came from."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        each = waiting.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        waiting += [each.__cause__, each.__context__]
        if isinstance(each, BaseExceptionGroup):
            waiting += each.exceptions


def _handlers() -> Iterator[logging.Handler]:
    """Yield the handlers of all loggers there are."""
    for logger in (logging.getLogger(), *logging.Logger.manager.loggerDict.copy().values()):
        if isinstance(logger, logging.Logger):
            yield from tuple(logger.handlers)
    if logging.lastResort is not None:
        yield logging.lastResort
