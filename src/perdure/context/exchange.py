"""The border to the server: one HTTP exchange, whatever protocol brought it.

RSGI and ASGI each adapt to this class, so everything behind it is written once. A class, not a Protocol: what is
compiled reaches its attributes and methods without looking them up.

Source: SPEC 3.6; Granian's RSGI 1.6 specification; the ASGI HTTP specification 2.4.
"""

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable

from mypy_extensions import mypyc_attr

from perdure.context.origin import Origin
from perdure.context.principal import Principal

__all__ = ["Exchange"]


@mypyc_attr(allow_interpreted_subclasses=True)
class Exchange(ABC):
    """What one request brought, and how to read the rest of it.

    Args:
        method: Upper-case HTTP method.
        path: Path, percent-decoded once.
        header: Returns the first value of a header (its name in lower case), or None.

    Attributes:
        principal: Who it showed to be; the door sets it.
        origin: Where trusted proxies say it came from; the door sets it, before `client`, `scheme` and `host` are read.
    """

    __slots__ = ("header", "method", "origin", "path", "principal")

    def __init__(self, method: str, path: str, header: Callable[[str], str | None]) -> None:
        self.method = method
        self.path = path
        self.header = header
        self.principal: Principal | None = None
        self.origin: Origin | None = None

    @property
    @abstractmethod
    def lost(self) -> tuple[type[BaseException], ...]:
        """What awaiting `read` raises, besides its own errors, where the client left: the server's own exceptions."""

    @property
    @abstractmethod
    def query_string(self) -> str:
        """Query without its question mark, still encoded."""

    @property
    @abstractmethod
    def scheme(self) -> str:
        """``http`` or ``https``, as the client used it."""

    @property
    @abstractmethod
    def host(self) -> str:
        """What the client called the server, ``shop.example:8000``; empty where it did not say.

        Where the target of the request says it, in HTTP/2 or by the absolute form, the ``Host`` header does not count.
        """

    @abstractmethod
    def host_names(self) -> list[str]:
        """Return all that says what the client called the server: the target of the request, or each ``Host``."""

    @property
    @abstractmethod
    def http_version(self) -> str:
        """``1.0``, ``1.1`` or ``2``."""

    @property
    @abstractmethod
    def client(self) -> str:
        """Address of the client, ``127.0.0.1:51044``; empty where the server does not know it."""

    @property
    @abstractmethod
    def peer(self) -> str:
        """Address of who made the connection: the client, or the last proxy."""

    @abstractmethod
    def header_values(self, name: str) -> list[str]:
        """Return all values of the header *name* (lower case)."""

    @abstractmethod
    def has_unreadable(self, name: str) -> bool:
        """Return whether the header *name* (lower case) has a value that is not ASCII: nothing else here gives it."""

    @abstractmethod
    def header_items(self) -> list[tuple[str, str]]:
        """Return all headers, names in lower case, in order."""

    @abstractmethod
    def header_size(self) -> tuple[int, int]:
        """Return how many headers there are, and how many characters their values have together."""

    @abstractmethod
    def read(self, limit_bytes: int) -> Awaitable[bytes]:
        """Return, when awaited, the whole body.

        Raises:
            PayloadTooLargeError: It is larger than *limit_bytes*; no more than that was held in memory.
            ClientDisconnectedError: The client left before its end; it may be one of `lost` instead.
        """

    @abstractmethod
    def chunks(self, limit_bytes: int) -> AsyncIterator[bytes]:
        """Yield the body as it arrives; raises as `read` does."""

    @abstractmethod
    async def wait_disconnect(self) -> None:
        """Return when the client has left. Call it only when the body is read. Cancel-safe."""
