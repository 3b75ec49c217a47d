"""Media types: what a body claims to be, and what a client would like to get.

Source: RFC 9110, sections 8.3 (``Content-Type``) and 12.5.1 (``Accept``); RFC 6838 and 6839 for ``+json``.
"""

import re
from functools import lru_cache
from typing import Final, final

from msgspec import Struct

from perdure.errors import MalformedRequestError

__all__ = ["MediaType", "negotiate", "parse_media_type"]

JSON: Final = "application/json"

_NAME: Final = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE: Final = rf'{_NAME}|"(?:[^"\\\x00-\x08\x0a-\x1f\x7f]|\\[\t -\x7e])*"'
_type: Final = re.compile(rf"[ \t]*({_NAME}/{_NAME})[ \t]*").match
_parameter: Final = re.compile(rf";[ \t]*(?:({_NAME})=({_VALUE}))?[ \t]*").match
_escaped: Final = re.compile(r"\\(.)")
_quality: Final = re.compile(r"(?:0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)").fullmatch


@final
class MediaType(Struct, frozen=True):
    """A media type with its parameters."""

    essence: str
    """Lower case, without parameters: ``application/json``."""
    parameters: tuple[tuple[str, str], ...] = ()
    """Names in lower case, values as sent but for quotes."""

    def parameter(self, name: str) -> str | None:
        """Return the value of parameter *name* (lower case), or None where it is not given."""
        for known, value in self.parameters:
            if known == name:
                return value
        return None

    @property
    def charset(self) -> str | None:
        """The ``charset`` in lower case."""
        value = self.parameter("charset")
        return None if value is None else value.lower()

    @property
    def boundary(self) -> str | None:
        """The ``boundary`` of a multipart body."""
        return self.parameter("boundary")

    @property
    def is_json(self) -> bool:
        """Whether the body is JSON: ``application/json`` or any type with the suffix ``+json``."""
        return self.essence == JSON or self.essence.endswith("+json")


@lru_cache(maxsize=256)
def parse_media_type(text: str) -> MediaType:
    """Return the media type *text*, the value of a ``Content-Type``, stands for. Remembers the last 256.

    Raises:
        MalformedRequestError: *text* is not ``type/subtype`` with parameters, or names a parameter twice.
    """
    head = _type(text)
    if head is None:
        raise MalformedRequestError(f"Content-Type {text[:80]!r} is not a media type")
    parameters: dict[str, str] = {}
    position = head.end()
    while position < len(text):
        match = _parameter(text, position)
        if match is None or (match[1] and match[1].lower() in parameters):
            raise MalformedRequestError(f"Content-Type {text[:80]!r} has a malformed or repeated parameter")
        if match[1]:
            value = match[2]
            parameters[match[1].lower()] = _escaped.sub(r"\1", value[1:-1]) if value.startswith('"') else value
        position = match.end()
    return MediaType(head[1].lower(), tuple(parameters.items()))


@lru_cache(maxsize=512)
def negotiate(accept: str, offered: tuple[str, ...]) -> str:
    """Return the media type to answer with. Remembers the last 512 answers.

    The most specific range that fits a type gives its quality (``type/subtype``, then ``+json`` for JSON, ``type/*``,
    ``*/*``); the highest quality wins, the first offered among equals. Parameters of ranges other than ``q`` are not
    compared, and members that cannot be read are passed over.

    Args:
        accept: Value of ``Accept``; several fields joined by commas; ``""`` where there is none.
        offered: What the handler can answer with, the preferred first; at least one.
    Returns:
        One of *offered*: the first where none is acceptable, since an answer in another format beats none.
    """
    if accept in {"", "*/*"} or len(offered) == 1:
        return offered[0]
    ranges = _parse_accept(accept)
    best, best_quality = offered[0], 0.0
    for candidate in offered:
        quality = _quality_of(candidate.partition(";")[0].strip().lower(), ranges)
        if quality > best_quality:
            best, best_quality = candidate, quality
    return best


def _parse_accept(accept: str) -> dict[str, float]:
    """Return the quality of each range, by the range without parameters; of two alike the higher counts."""
    ranges: dict[str, float] = {}
    for member in accept.split(","):
        try:
            media = parse_media_type(member)
        except MalformedRequestError:
            continue
        weight = media.parameter("q")
        if weight is not None and _quality(weight) is None:
            continue
        quality = 1.0 if weight is None else float(weight)
        ranges[media.essence] = max(quality, ranges.get(media.essence, 0.0))
    return ranges


def _quality_of(essence: str, ranges: dict[str, float]) -> float:
    if essence in ranges:
        return ranges[essence]
    if essence == JSON:
        suffixed = [quality for media_range, quality in ranges.items() if media_range.endswith("+json")]
        if suffixed:
            return max(suffixed)
    return ranges.get(f"{essence.partition('/')[0]}/*", ranges.get("*/*", 0.0))
