"""The border to the server: one HTTP exchange, whatever protocol brought it.

RSGI and ASGI each adapt to this Protocol, so everything behind it is written once.

Source: SPEC 3.6; Granian's RSGI 1.6 specification; the ASGI HTTP specification 2.4.
"""

from collections.abc import AsyncIterator, Awaitable
from typing import Protocol

from perdure.context.origin import Origin
from perdure.context.principal import Principal

__all__ = ["Exchange"]


class Exchange(Protocol):
    """What one request brought, and how to read the rest of it."""

    principal: Principal | None
    """Who it showed to be; the door sets it."""
    origin: Origin | None
    """Where trusted proxies say it came from; the door sets it, before `client`, `scheme` and `host` are read."""

    @property
    def lost(self) -> tuple[type[BaseException], ...]:
        """What awaiting `read` raises, besides its own errors, where the client left: the server's own exceptions."""

    @property
    def method(self) -> str:
        """Upper-case HTTP method."""

    @property
    def path(self) -> str:
        """Path, percent-decoded once."""

    @property
    def query_string(self) -> str:
        """Query without its question mark, still encoded."""

    @property
    def scheme(self) -> str:
        """``http`` or ``https``, as the client used it."""

    @property
    def host(self) -> str:
        """What the client called the server, ``shop.example:8000``; empty where it did not say.

        Where the target of the request says it, in HTTP/2 or by the absolute form, the ``Host`` header does not count.
        """

    @property
    def http_version(self) -> str:
        """``1.0``, ``1.1`` or ``2``."""

    @property
    def client(self) -> str:
        """Address of the client, ``127.0.0.1:51044``; empty where the server does not know it."""

    @property
    def peer(self) -> str:
        """Address of who made the connection: the client, or the last proxy."""

    def header(self, name: str) -> str | None:
        """Return the first value of the header *name* (lower case), or None."""

    def header_values(self, name: str) -> list[str]:
        """Return all values of the header *name* (lower case)."""

    def has_unreadable(self, name: str) -> bool:
        """Return whether the header *name* (lower case) has a value that is not ASCII: nothing else here gives it."""

    def header_items(self) -> list[tuple[str, str]]:
        """Return all headers, names in lower case, in order."""

    def header_size(self) -> tuple[int, int]:
        """Return how many headers there are, and how many characters their values have together."""

    def read(self, limit_bytes: int) -> Awaitable[bytes]:
        """Return, when awaited, the whole body.

        Raises:
            PayloadTooLargeError: It is larger than *limit_bytes*; no more than that was held in memory.
            ClientDisconnectedError: The client left before its end; it may be one of `lost` instead.
        """

    def chunks(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; raises as `read` does."""

    async def wait_disconnect(self) -> None:
        """Return when the client has left. Call it only when the body is read. Cancel-safe."""
