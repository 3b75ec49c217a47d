"""Log records as lines: JSON, for people, or logfmt; one record is one line of JSON or logfmt, whatever is in it.

Source: structlog's `ProcessorFormatter`, which takes the records of both, structlog and the standard library.
"""

import logging
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Literal, final

from structlog.stdlib import ProcessorFormatter
from structlog.tracebacks import ExceptionDictTransformer

from perdure.context.log import FIELDS
from perdure.logs.plain import SEALED, Plain, masking
from perdure.logs.redaction import Credentials
from perdure.logs.rendering import Renderer, renderer
from perdure.logs.request import request_facts

__all__ = ["LogFormatter"]

_TOLD: Final = "_told"
_AUDIT: Final = "perdure.audit"
_OURS: Final = "perdure."
"""What the names of loggers begin with that know which request a record is of, wherever it is written."""
_STANDARD: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", "color_message", FIELDS}
_FIRST: Final = frozenset({"time", "level", "logger", "message", "exception", "stack", "pid"})

ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None]


@final
class LogFormatter(ProcessorFormatter):
    """Makes a line of every record, with the ids of its request, and without credentials.

    Args:
        format: What it looks like.
        colors: For people: whether it is coloured.
        hide: Names of fields whose values are not shown, besides those that sound like credentials.
    """

    def __init__(
        self, format: Literal["json", "console", "logfmt"] = "json", *, colors: bool = False, hide: Iterable[str] = ()
    ) -> None:
        self._plain = Plain(Credentials(hide))
        self._render: Renderer = renderer(format, colors=colors)
        self._described = ExceptionDictTransformer(show_locals=False)
        super().__init__(processors=[self._rendered])

    def format(self, record: logging.LogRecord) -> str:
        """Return *record* as a line, without a line break at its end."""
        if not isinstance(record.msg, dict) or "_logger" not in record.__dict__:
            record = logging.makeLogRecord(record.__dict__)
            record.msg, record.args = _message_of(record), ()
            record.__dict__[_TOLD] = record.exc_text
            record.__dict__.pop("_logger", None)
        return super().format(record)

    def line(self, created: float, level: str, logger: str, message: str, facts: Mapping[str, object]) -> str:
        """Return what was not logged as a record as a line; *facts* and *message* are plain and clean already.

        Args:
            created: When it happened, as Unix time.
        """
        return self._render({
            "time": _instant(created), "level": level, "logger": logger, "message": message, **facts,
            "pid": os.getpid(),
        })  # fmt: skip

    def text(self, value: object) -> str:
        """Return *value* as clean text, for `line`."""
        return self._plain.text(value, masking())

    def _rendered(self, _: object, __: str, event: Any) -> str:
        record, is_structlog = event.pop("_record"), event.pop("_from_structlog")
        raised = _raised(record, event.pop("exc_info", None))
        told, stack = event.pop("exception", None) or record.__dict__.get(_TOLD), event.pop("stack_info", None)
        message = event.pop("event", "")
        ids, given = request_facts(), _extra(record) | (event if is_structlog else {})
        facts = {**ids, **(given if record.name.startswith(_OURS) else _besides(ids, given))}
        mask, text = masking(), self._plain.text
        line: dict[str, object] = {
            "time": _instant(record.created), "level": text(record.levelname).lower(), "logger": text(record.name),
            "message": text(message, mask),
        }  # fmt: skip
        shown = "secret" if record.name == _AUDIT else ""  # its name, not its value
        for name, value in self._plain.fields(facts, mask, shown=shown).items():
            line[f"{name}_" if name in _FIRST else name] = value
        line["pid"] = os.getpid()
        if raised is not None:
            line["exception"] = self._exception(raised, mask)
        elif told:
            line["exception"] = text(told, mask)
        if stack:
            line["stack"] = text(stack, mask)
        return self._render(line)

    def _exception(self, raised: ExcInfo, mask: Callable[[str], str]) -> object:
        if self._render.wants_text:
            return self._plain.text("".join(traceback.format_exception(*raised)).rstrip(), mask)
        stacks: list[Any] = [_without_blanks(each) for each in self._described(raised)]
        return self._plain.fields({"": stacks}, mask)[""]


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except Exception:  # noqa: BLE001 - arguments that do not fit: what was meant is still worth reading
        args = record.args if isinstance(record.args, tuple) else (record.args,)
        return " ".join(Plain(Credentials()).text(each) for each in (record.msg, *args))


def _extra(record: logging.LogRecord) -> dict[str, Any]:
    extra = {
        name: value for name, value in record.__dict__.items() if name not in _STANDARD and not name.startswith("_")
    }
    more = record.__dict__.get(FIELDS)
    return extra | more if isinstance(more, dict) else extra


def _besides(ids: Mapping[str, str], given: Mapping[str, object]) -> dict[str, object]:
    """Return what was *given*, under other names where *ids* has them: no field says which request a line is of."""
    return {
        name if name not in ids or (isinstance(value, str) and value == ids[name]) else f"{name}_": value
        for name, value in given.items()
    }


def _raised(record: logging.LogRecord, given: object) -> ExcInfo | None:
    sealed = record.__dict__.get(SEALED)
    if callable(sealed):
        given = sealed()
    if isinstance(given, BaseException):
        return type(given), given, given.__traceback__
    if given and not isinstance(given, tuple):  # structlog's ``exc_info=True``
        given = sys.exc_info()
    return given if isinstance(given, tuple) and len(given) == 3 and isinstance(given[1], BaseException) else None


def _without_blanks(stack: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in stack.items() if value not in (None, [], False)}


def _instant(created: object) -> str:
    try:
        return datetime.fromtimestamp(float(created), UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")  # type: ignore[arg-type]
    except (TypeError, ValueError, OverflowError, OSError):  # a record somebody made by hand
        return _instant(time.time())
