"""What a handler may return beside data: texts, files, redirects, streams, events, nothing.

They hold data only; the ingress puts them on the wire. Status and headers, where a kind does not have its own, are
those of the `Response`.
"""

import re
from collections.abc import AsyncIterable, Iterable
from os import PathLike
from typing import Final, final
from urllib.parse import quote

from msgspec import Struct

from perdure.context.sse import Event, EventStream

__all__ = ["Empty", "Event", "EventStream", "File", "Html", "Redirect", "Stream", "Text", "check_header"]

_name: Final = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+").fullmatch
_value: Final = re.compile(r"[\t\x20-\x7e\x80-\xff]*").fullmatch
_bad_in_url: Final = re.compile("[\x00-\x20\x7f-\x9f\ud800-\udfff]")
_URL_CHARACTERS: Final = "!#$%&'()*+,/:;=?@[]~"
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_EMPTY: Final = frozenset({204, 205, 304})


def check_header(name: str, value: str) -> None:
    """Refuse a header field that would break out of its line, or cannot be sent.

    Args:
        name: Field name, a token of RFC 9110.
        value: Field value: Latin-1 without control characters other than the tab.
    Raises:
        ValueError: One of them is not.
    """
    if _name(name) is None:
        raise ValueError(f"{name!r} cannot name a header field")
    if not (value.isascii() and value.isprintable()) and _value(value) is None:
        raise ValueError(f"header {name}: the value has a line break, a control character, or one that is not Latin-1")


def _check_media_type(media_type: str) -> None:
    check_header("content-type", media_type)
    if "/" not in media_type:
        raise ValueError(f"{media_type!r} is not a media type; those read type/subtype")


@final
class Text(Struct, frozen=True):
    """Answer with text.

    Args:
        content: Sent as UTF-8.
        media_type: Value of ``Content-Type``.
    Raises:
        ValueError: *media_type* is none.
    """

    content: str
    media_type: str = "text/plain; charset=utf-8"

    def __post_init__(self) -> None:
        _check_media_type(self.media_type)


@final
class Html(Struct, frozen=True):
    """Answer with an HTML document, sent as UTF-8. What comes from clients must be escaped by whoever put it in."""

    content: str

    @property
    def media_type(self) -> str:
        """Value of ``Content-Type``."""
        return "text/html; charset=utf-8"


@final
class File(Struct, frozen=True):
    """Answer with a file: with validators, conditions and ranges; see `perdure.context.files`.

    Args:
        path: Where it lies. Never build it from what a client sent without checking where that leads.
        filename: Name to save it under, in any script.
        media_type: Value of ``Content-Type``; guessed from the name where it is ``""``.
        download: Ask the browser to save rather than to show it.
    Raises:
        ValueError: *media_type* is none.
    """

    path: str | PathLike[str]
    filename: str = ""
    media_type: str = ""
    download: bool = False

    def __post_init__(self) -> None:
        if self.media_type:
            _check_media_type(self.media_type)


@final
class Redirect(Struct, frozen=True):
    """Send the client elsewhere.

    Args:
        url: Where to, absolute or relative; other than ASCII is percent-encoded in `location`.
        status: 301, 302, 303, 307 or 308; with 307 and 308 the client repeats method and body.
    Raises:
        ValueError: *status* is none of those, or *url* has a control character or a blank.
    """

    url: str
    status: int = 307

    def __post_init__(self) -> None:
        if self.status not in _REDIRECTS:
            raise ValueError(f"a redirect's status is one of {sorted(_REDIRECTS)}, not {self.status}")
        if _bad_in_url.search(self.url) or not self.url:
            raise ValueError(f"{self.url[:80]!r} cannot be redirected to: empty, or with a blank or control character")

    @property
    def location(self) -> str:
        """Value of ``Location``: the URL in ASCII."""
        return quote(self.url, safe=_URL_CHARACTERS)


@final
class Stream(Struct, frozen=True):
    """Answer with a body of unknown length.

    Args:
        content: Yields it in pieces; text is sent as UTF-8. An iterator that is not async has a thread of its
            own; a process runs 256 such streams at once, and answers 503 to more.
        media_type: Value of ``Content-Type``.
    Raises:
        ValueError: *media_type* is none.
    """

    content: AsyncIterable[bytes | str] | Iterable[bytes | str]
    media_type: str = "application/octet-stream"

    def __post_init__(self) -> None:
        _check_media_type(self.media_type)


@final
class Empty(Struct, frozen=True):
    """Answer without a body.

    Args:
        status: 204, 205 or 304, which have none by definition.
    Raises:
        ValueError: *status* is none of those.
    """

    status: int = 204

    def __post_init__(self) -> None:
        if self.status not in _EMPTY:
            raise ValueError(f"the status of an empty answer is one of {sorted(_EMPTY)}, not {self.status}")
