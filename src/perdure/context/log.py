"""The log of one request: what handlers and hooks write with `LocalContext.log`."""

import logging
from collections.abc import Mapping
from typing import Any, Final, final

__all__ = ["FIELDS", "RequestLog", "as_extra"]

FIELDS: Final = "fields"
"""Attribute of a log record for fields that would hide something of its own: a field called ``name``."""

_IDS: Final = frozenset({"request_id", "handler", "version", "trace_id", "span_id"})
_TAKEN: Final = frozenset(logging.makeLogRecord({}).__dict__) | {"message", "asctime", FIELDS}


@final
class RequestLog:
    """A logger whose records carry the request's ids: request id, handler, version and trace id.

    It takes arguments for a message with ``%s``, as the standard library's loggers do, and fields by name, as
    structlog's do: ``lctx.log.info("ordered %s", sku, quantity=2)``. Its own are the standard library's *exc_info*,
    *stack_info*, *stacklevel* and *extra*. A field that is called like one of the ids gets another name: ``version_``.
    Below the level that is in force a call costs next to nothing.
    """

    __slots__ = ("_bound", "_logger")

    def __init__(self, logger: logging.Logger, bound: Mapping[str, object]) -> None:
        self._logger = logger
        self._bound = bound

    @property
    def name(self) -> str:
        """Name of the logger that the records go to."""
        return self._logger.name

    def isEnabledFor(self, level: int) -> bool:  # noqa: N802 - as the standard library's loggers have it
        """Return whether records of *level* are written."""
        return self._logger.isEnabledFor(level)

    def bind(self, **fields: object) -> "RequestLog":
        """Return a log whose records carry *fields*, too."""
        return RequestLog(self._logger, {**self._bound, **_besides_ids(fields)})

    def debug(self, message: object, /, *args: object, **fields: object) -> None:
        """Write what only helps to find a fault."""
        if self._logger.isEnabledFor(logging.DEBUG):
            self._write(logging.DEBUG, message, args, fields)

    def info(self, message: object, /, *args: object, **fields: object) -> None:
        """Write what happens in the course of things."""
        if self._logger.isEnabledFor(logging.INFO):
            self._write(logging.INFO, message, args, fields)

    def warning(self, message: object, /, *args: object, **fields: object) -> None:
        """Write what somebody should look at."""
        if self._logger.isEnabledFor(logging.WARNING):
            self._write(logging.WARNING, message, args, fields)

    def error(self, message: object, /, *args: object, **fields: object) -> None:
        """Write what went wrong."""
        if self._logger.isEnabledFor(logging.ERROR):
            self._write(logging.ERROR, message, args, fields)

    def exception(self, message: object, /, *args: object, **fields: object) -> None:
        """Write what went wrong, with the exception that is handled now."""
        if self._logger.isEnabledFor(logging.ERROR):
            self._write(logging.ERROR, message, args, {"exc_info": True, **fields})

    def critical(self, message: object, /, *args: object, **fields: object) -> None:
        """Write what nobody may miss."""
        if self._logger.isEnabledFor(logging.CRITICAL):
            self._write(logging.CRITICAL, message, args, fields)

    def log(self, level: int, message: object, /, *args: object, **fields: object) -> None:
        """Write with a *level* of the standard library's: ``logging.INFO``."""
        if self._logger.isEnabledFor(level):
            self._write(level, message, args, fields)

    def _write(self, level: int, message: object, args: tuple[object, ...], fields: dict[str, Any]) -> None:
        exc_info, stack_info = fields.pop("exc_info", None), bool(fields.pop("stack_info", False))
        stacklevel = fields.pop("stacklevel", 1) + 2  # the caller's frame, neither this one nor that of the level
        given = {**(fields.pop("extra", None) or {}), **fields}
        extra = as_extra({**self._bound, **_besides_ids(given)})
        self._logger.log(
            level, message, *args, exc_info=exc_info, stack_info=stack_info, stacklevel=stacklevel, extra=extra
        )


def _besides_ids(fields: Mapping[str, Any]) -> Mapping[str, Any]:
    if _IDS.isdisjoint(fields):
        return fields
    return {f"{name}_" if name in _IDS else name: value for name, value in fields.items()}


def as_extra(fields: Mapping[str, object]) -> dict[str, object]:
    """Return *fields* as the standard library's ``extra``, which may name nothing that a record has of its own."""
    extra = {name: value for name, value in fields.items() if name not in _TAKEN and not name.startswith("_")}
    if len(extra) < len(fields):
        extra[FIELDS] = {name: value for name, value in fields.items() if name not in extra}
    return extra
