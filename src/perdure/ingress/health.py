"""``/healthz`` and ``/readyz``: is the process alive, and does it want requests."""

from collections.abc import Callable
from typing import final

import msgspec

from perdure.lifecycle.reply import Reply

__all__ = ["Health"]


@final
class Health:
    """Answers health checks. A route of the program's own at the same path goes first.

    Args:
        is_ready: Tells whether start-up has ended and draining has not begun.
    """

    def __init__(self, is_ready: Callable[[], bool]) -> None:
        self._is_ready = is_ready

    def answer(self, method: str, path: str) -> Reply | None:
        """Return the answer to a health check; None if this is none."""
        if path not in {"/healthz", "/readyz"} or method not in {"GET", "HEAD"}:
            return None
        if path == "/healthz":
            return _report(200, "ok")
        return _report(200, "ready") if self._is_ready() else _report(503, "not ready")


def _report(status: int, text: str) -> Reply:
    headers = [("content-type", "application/json"), ("cache-control", "no-store")]
    return Reply(status, headers, msgspec.json.encode({"status": text}))
