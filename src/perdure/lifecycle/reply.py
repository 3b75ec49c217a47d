"""What leaves: status, headers and a body, ready for any server."""

from collections.abc import AsyncGenerator
from dataclasses import dataclass
from typing import final

from perdure.errors import Fault, InvalidResponseError

__all__ = ["BODILESS", "FileSlice", "Reply", "refuse_status", "without_type"]

BODILESS = frozenset({204, 205, 304})
"""Statuses of answers that have no body by definition."""


@final
@dataclass(frozen=True)
class FileSlice:
    """The bytes of a file from *start* up to, not including, *stop*."""

    path: str
    start: int
    stop: int
    size: int


@final
class Reply:
    """One answer on its way to the wire."""

    __slots__ = ("body", "headers", "status")

    def __init__(
        self, status: int, headers: list[tuple[str, str]], body: bytes | FileSlice | AsyncGenerator[bytes, None]
    ) -> None:
        self.status = status
        self.headers = headers
        self.body = body


def without_type(items: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return *items* for an answer without a body."""
    return [item for item in items if item[0] not in {"content-type", "content-length"}]


def refuse_status(handler: str, status: object) -> InvalidResponseError:
    """Return the error that says that *status* is none an answer ends with.

    Servers are not asked what they make of it: Granian 2.8 ends the process over one it cannot send.
    """
    fault = Fault(
        pointer="", code="status", expected="a status of 200 to 599", actual=repr(status)[:40],
        message=f"the status is {status!r}"[:80],
    )  # fmt: skip
    return InvalidResponseError(handler, (fault,))
