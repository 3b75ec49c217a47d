"""Serving a file: which status, which headers, which part of it.

Source: RFC 9110, sections 8.8 (validators), 13 (conditions, in the order of 13.2.2) and 14 (ranges); RFC 6266 for
``Content-Disposition``.
"""

import os
import re
import stat
from datetime import UTC
from typing import Final, final
from urllib.parse import quote

from msgspec import Struct

from perdure.context.answers import File

__all__ = ["Conditions", "FilePlan", "plan_file"]

_ranges: Final = re.compile(r"bytes=[ \t]*(?:([0-9]{1,18})-([0-9]{1,18})?|-([0-9]{1,18}))[ \t]*").fullmatch
_entity_tags: Final = re.compile(r'(?:W/)?"[\x21\x23-\x7e\x80-\xff]*"').findall
_ATTRIBUTE_CHARACTERS: Final = "!#$&+.^_`|~"


@final
class Conditions(Struct, frozen=True, kw_only=True):
    """The header fields of a request that a file's answer depends on; ``""`` where one is absent."""

    if_match: str = ""
    if_none_match: str = ""
    if_modified_since: str = ""
    if_unmodified_since: str = ""
    if_range: str = ""
    range: str = ""


@final
class FilePlan(Struct, frozen=True):
    """How to answer with a file.

    With 200 and 206 the body is the bytes from *start* up to, not including, *stop*; with 304, 412 and 416 there is
    none.
    """

    status: int
    headers: tuple[tuple[str, str], ...]
    """Names in lower case, ``content-length`` included where there is a body."""
    start: int
    stop: int
    size: int
    """Of the whole file."""


def plan_file(file: File, conditions: Conditions) -> FilePlan:
    """Return how to answer a GET or HEAD with *file* as it is now. Asks the file system for its size and time, once.

    Several ranges at once are answered with the whole file, as the RFC allows: they are a way to make a server work
    hard.

    Raises:
        FileNotFoundError: There is none.
        OSError: What is there is no regular file, or cannot be looked at.
    """
    from email.utils import formatdate

    found = os.stat(file.path)  # noqa: PTH116  # a path in bytes or text, without a Path made for it
    if not stat.S_ISREG(found.st_mode):
        raise OSError(f"{os.fspath(file.path)} is not a regular file")
    size, modified = found.st_size, int(found.st_mtime)
    etag = f'"{found.st_mtime_ns:x}-{size:x}"'
    validators = (("etag", etag), ("last-modified", formatdate(modified, usegmt=True)))
    refused = _judge(conditions, etag, modified)
    if refused is not None:
        return FilePlan(refused, validators, 0, 0, size)
    headers = (*validators, ("accept-ranges", "bytes"), *_describe(file))
    part = _slice(conditions, etag, modified, size)
    if part is None:
        return FilePlan(200, (*headers, ("content-length", str(size))), 0, size, size)
    start, stop = part
    if start >= stop:
        return FilePlan(416, (*validators, ("content-range", f"bytes */{size}")), 0, 0, size)
    lengths = (("content-range", f"bytes {start}-{stop - 1}/{size}"), ("content-length", str(stop - start)))
    return FilePlan(206, (*headers, *lengths), start, stop, size)


def _judge(conditions: Conditions, etag: str, modified: int) -> int | None:
    """Return the status that ends the request before the file is sent, or None."""
    if conditions.if_match:
        if not _names(conditions.if_match, etag, weak=False):
            return 412
    elif (since := _timestamp(conditions.if_unmodified_since)) is not None and modified > since:
        return 412
    if conditions.if_none_match:
        if _names(conditions.if_none_match, etag, weak=True):
            return 304
    elif (since := _timestamp(conditions.if_modified_since)) is not None and modified <= since:
        return 304
    return None


def _slice(conditions: Conditions, etag: str, modified: int, size: int) -> tuple[int, int] | None:
    """Return the part asked for: None for the whole, an empty one where it lies outside."""
    match = _ranges(conditions.range)
    if match is None:
        return None
    if conditions.if_range and conditions.if_range.strip() != etag and _timestamp(conditions.if_range) != modified:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        return max(size - int(suffix), 0), size
    if last is None:
        return int(first), size
    if int(last) < int(first):
        return None
    return int(first), min(int(last) + 1, size)


def _names(tags: str, etag: str, *, weak: bool) -> bool:
    """Return whether a list of entity tags, or ``*``, has *etag*; *weak* comparison lets ``W/`` pass."""
    if tags.strip() == "*":
        return True
    return any(tag == etag or (weak and tag == f"W/{etag}") for tag in _entity_tags(tags))


def _timestamp(date: str) -> int | None:
    """Return an HTTP date as seconds since 1970; None where there is none, or it cannot be read and so has no say."""
    from email.utils import parsedate_to_datetime

    if not date:
        return None
    try:
        # HTTP dates are GMT by definition; one that does not say so is not to be taken for local time.
        found = parsedate_to_datetime(date)
        return int((found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp())
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _describe(file: File) -> tuple[tuple[str, str], ...]:
    media_type = file.media_type or _guess(file.filename or os.fspath(file.path))
    if not (file.filename or file.download):
        return (("content-type", media_type),)
    name = file.filename or os.path.basename(file.path)  # noqa: PTH119  # as above
    return (("content-type", media_type), ("content-disposition", _disposition(name, download=file.download)))


def _guess(name: str) -> str:
    import mimetypes

    media_type, encoding = mimetypes.guess_type(name)
    if media_type is None or encoding is not None:
        return "application/octet-stream"
    return f"{media_type}; charset=utf-8" if media_type.startswith("text/") else media_type


def _disposition(name: str, *, download: bool) -> str:
    kind = "attachment" if download else "inline"
    plain = re.sub(r'[^\x20-\x7e]|["\\%]', "_", name)
    if plain == name:
        return f'{kind}; filename="{name}"'
    encoded = quote(name.encode(errors="replace"), safe=_ATTRIBUTE_CHARACTERS)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"
