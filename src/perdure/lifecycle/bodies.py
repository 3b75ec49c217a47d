"""Opening request bodies that are no JSON: raw bytes, text, forms, streams, or whatever the client says it is.

Source: SPEC 3.1, 3.6.
"""

from collections.abc import Awaitable, Callable
from typing import Any, final

from msgspec import Struct

from perdure.context.exchange import Exchange
from perdure.context.forms import FORM_MEDIA, FormLimits, read_form
from perdure.context.media import MediaType, parse_media_type
from perdure.errors import MalformedRequestError, UnsupportedMediaTypeError
from perdure.gtype.codec import DECODE_ERRORS, Codec

__all__ = ["BodyLimits", "OpenBody", "open_any", "open_bytes", "open_form", "open_stream", "open_text"]

OpenBody = Callable[[Exchange], Awaitable[object]]
"""Reads a body, or begins to."""

_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


@final
class BodyLimits(Struct, frozen=True, kw_only=True):
    """How large a body may be."""

    memory_bytes: int
    """What is read into memory."""
    upload_bytes: int
    """Forms and streams."""


def open_bytes(limits: BodyLimits) -> OpenBody:
    """Return how a body is read as bytes."""
    return lambda exchange: exchange.read(limits.memory_bytes)


def open_text(limits: BodyLimits) -> OpenBody:
    """Return how a body is read as text, in the charset its media type names; UTF-8 where it names none."""

    async def open_body(exchange: Exchange) -> str:
        raw = await exchange.read(limits.memory_bytes)
        return _decode_text(raw, _media_type(exchange))

    return open_body


def open_stream(limits: BodyLimits) -> OpenBody:
    """Return how a body is handed on piece by piece."""

    async def open_body(exchange: Exchange) -> object:
        return exchange.chunks(limits.upload_bytes)

    return open_body


def open_form(limits: BodyLimits) -> OpenBody:
    """Return how a form is read."""
    form_limits = FormLimits(total_bytes=limits.upload_bytes, file_bytes=limits.upload_bytes)

    async def open_body(exchange: Exchange) -> object:
        media = _media_type(exchange)
        if media is None or media.essence not in FORM_MEDIA:
            raise UnsupportedMediaTypeError(media.essence if media else "", FORM_MEDIA)
        return await read_form(media, exchange.chunks(limits.upload_bytes), form_limits)

    return open_body


def open_any(limits: BodyLimits, untyped: Codec) -> OpenBody:
    """Return how a body of no declared type is read: as its media type says, None where there is none.

    JSON and msgpack become data, forms `FormData`, text a string, anything else bytes.
    """
    read_as_form = open_form(limits)

    async def open_body(exchange: Exchange) -> object:
        if exchange.method in _BODILESS and exchange.header("content-length") in {None, "0"}:
            return None
        media = _media_type(exchange)
        if media is not None and media.essence in FORM_MEDIA:
            return await read_as_form(exchange)
        raw = await exchange.read(limits.memory_bytes)
        if not raw:
            return None
        if media is not None and media.is_json:
            return _decode_data(raw, untyped.explain_json)
        if media is not None and media.essence in {"application/msgpack", "application/x-msgpack"}:
            return _decode_data(raw, untyped.explain_msgpack)
        if media is not None and media.essence.startswith("text/"):
            return _decode_text(raw, media)
        return raw

    return open_body


def _media_type(exchange: Exchange) -> MediaType | None:
    text = exchange.header("content-type")
    return None if text is None else parse_media_type(text)


def _decode_text(raw: bytes, media: MediaType | None) -> str:
    charset = (media.charset if media is not None else None) or "utf-8"
    try:
        return raw.decode(charset)
    except LookupError as error:
        raise UnsupportedMediaTypeError(f"charset {charset}", ("charset utf-8",)) from error
    except UnicodeError as error:
        raise MalformedRequestError(f"the body is not {charset}") from error


def _decode_data(raw: bytes, decode: Callable[[bytes], Any]) -> object:
    try:
        return decode(raw)
    except DECODE_ERRORS as error:
        raise MalformedRequestError(str(error)) from error
