"""Which request a record belongs to."""

import logging
from typing import final

from perdure.context.local import current_context

__all__ = ["RequestFilter", "request_facts"]


def request_facts() -> dict[str, str]:
    """Return the ids of the request this code runs for, also in tasks and threads it started; empty outside of any."""
    lctx = current_context()
    if lctx is None:
        return {}
    trace = lctx._trace  # noqa: SLF001 - `lctx.meta` would be made and kept for this alone
    return {
        "request_id": lctx.request_id, "handler": lctx._facts.handler, "version": lctx._version,  # noqa: SLF001
        "trace_id": trace.trace_id, "span_id": trace.span_id,
    }  # fmt: skip


@final
class RequestFilter(logging.Filter):
    """Adds the ids of the request to every record that passes: for programs that set up logging themselves.

    Put it on handlers: a logger's own filters do not see the records of the loggers below it.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        """Add what *record* has not; let it pass."""
        for name, value in request_facts().items():
            record.__dict__.setdefault(name, value)
        return True
