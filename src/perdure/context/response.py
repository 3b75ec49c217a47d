"""What a handler writes to: status, headers, and the body where it is not returned."""

from datetime import datetime
from email.utils import format_datetime
from http.cookies import CookieError, SimpleCookie
from typing import Any, Generic, Literal, final

from typing_extensions import TypeVar

from perdure.context.answers import check_header

__all__ = ["UNANSWERED", "Response"]

Body = TypeVar("Body", default=Any)


@final
class _Unanswered:
    """The body of a response no one has written yet; unlike None, which is an answer."""

    def __repr__(self) -> str:
        return "UNANSWERED"


UNANSWERED = _Unanswered()

_FRAMING = frozenset({"connection", "content-length", "keep-alive", "transfer-encoding", "upgrade"})
"""Where an answer ends is the server's to say: one that is wrong about it makes the next a continuation of this."""


def _own(name: str) -> str:
    """Return *name* in lower case, if it may be set."""
    name = name.lower()
    if name in _FRAMING:
        raise ValueError(f"the header {name} is the server's to set")
    return name


@final
class Response(Generic[Body]):
    """The answer under way: ``Response[Body]`` declares the type of the body.

    A handler returns the body, or sets it here; the returned value wins.
    """

    __slots__ = ("body", "header_items", "status")

    status: int
    """HTTP status; starts as the route's own."""
    body: Body | _Unanswered
    header_items: list[tuple[str, str]]
    """Headers to send besides Perdure's own, in order, names in lower case."""

    def __init__(self, status: int = 200) -> None:
        self.status = status
        self.body = UNANSWERED
        self.header_items = []

    def set_header(self, name: str, value: str) -> None:
        """Send *value* under *name*, in place of what was set before.

        Raises:
            ValueError: *name* or *value* cannot stand in an HTTP header, or the server alone knows what to send.
        """
        check_header(name, value)
        name = _own(name)
        self.header_items = [item for item in self.header_items if item[0] != name]
        self.header_items.append((name, value))

    def add_header(self, name: str, value: str) -> None:
        """Send *value* under *name* besides what was set before.

        Raises:
            ValueError: As `set_header`.
        """
        check_header(name, value)
        self.header_items.append((_own(name), value))

    def set_cookie(
        self, name: str, value: str, *, max_age_s: int | None = None, expires: datetime | None = None, path: str = "/",
        domain: str | None = None, secure: bool = True, http_only: bool = True,
        same_site: Literal["lax", "strict", "none"] = "lax",
    ) -> None:  # fmt: skip
        """Send a cookie; by default only over TLS, hidden from scripts, and not sent across sites.

        Args:
            expires: An aware datetime.
        Raises:
            ValueError: *name* is no cookie name, or *path* or *domain* would end the attribute it stands in.
        """
        if ";" in f"{path}{domain}":
            raise ValueError(f"cookie {name}: path and domain cannot have a semicolon")
        try:
            cookie: SimpleCookie = SimpleCookie({name: value})
        except CookieError as error:
            raise ValueError(f"not a cookie name: {name!r}") from error
        morsel = cookie[name]
        morsel["path"] = path
        morsel["samesite"] = same_site.capitalize()
        morsel["secure"] = secure
        morsel["httponly"] = http_only
        if domain is not None:
            morsel["domain"] = domain
        if max_age_s is not None:
            morsel["max-age"] = str(max_age_s)
        if expires is not None:
            morsel["expires"] = format_datetime(expires, usegmt=True)
        self.add_header("set-cookie", morsel.OutputString())

    def delete_cookie(self, name: str, *, path: str = "/", domain: str | None = None) -> None:
        """Ask the client to forget a cookie."""
        self.set_cookie(name, "", max_age_s=0, path=path, domain=domain)
