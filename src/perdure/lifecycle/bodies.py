"""Opening request bodies that are no JSON: raw bytes, text, forms, streams, or whatever the client says it is.

What comes is counted as it passes, for who keeps records: on the Local Context of the request.

Source: SPEC 3.1, 3.6.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from typing import Any, final

from msgspec import Struct

from perdure.context.exchange import Exchange
from perdure.context.forms import FORM_MEDIA, FormLimits, read_form
from perdure.context.local import LocalContext, current_context
from perdure.context.media import MediaType, parse_media_type
from perdure.errors import MalformedRequestError, UnsupportedMediaTypeError
from perdure.gtype.codec import DECODE_ERRORS, Codec

__all__ = ["BodyLimits", "OpenBody", "open_any", "open_bytes", "open_form", "open_stream", "open_text"]

OpenBody = Callable[[Exchange], Awaitable[object]]
"""Reads a body, or begins to."""


@final
class BodyLimits(Struct, frozen=True, kw_only=True):
    """How large a body may be."""

    memory_bytes: int
    """What is read into memory."""
    upload_bytes: int
    """Forms and streams."""


def open_bytes(limits: BodyLimits) -> OpenBody:
    """Return how a body is read as bytes."""
    return lambda exchange: _read(exchange, limits.memory_bytes)


def open_text(limits: BodyLimits) -> OpenBody:
    """Return how a body is read as text, in the charset its media type names; UTF-8 where it names none."""

    async def open_body(exchange: Exchange) -> str:
        raw = await _read(exchange, limits.memory_bytes)
        return _decode_text(raw, _media_type(exchange))

    return open_body


def open_stream(limits: BodyLimits) -> OpenBody:
    """Return how a body is handed on piece by piece."""

    async def open_body(exchange: Exchange) -> object:
        return _chunks(exchange, limits.upload_bytes)

    return open_body


def open_form(limits: BodyLimits) -> OpenBody:
    """Return how a form is read."""
    form_limits = FormLimits(total_bytes=limits.upload_bytes, file_bytes=limits.upload_bytes)

    async def open_body(exchange: Exchange) -> object:
        media = _media_type(exchange)
        if media is None or media.essence not in FORM_MEDIA:
            raise UnsupportedMediaTypeError(media.essence if media else "", FORM_MEDIA)
        return await read_form(media, _chunks(exchange, limits.upload_bytes), form_limits)

    return open_body


def open_any(limits: BodyLimits, untyped: Codec) -> OpenBody:
    """Return how a body of no declared type is read: as its media type says, None where there is none.

    JSON and msgpack become data, forms `FormData`, text a string, anything else bytes.
    """
    read_as_form = open_form(limits)

    async def open_body(exchange: Exchange) -> object:
        media = _media_type(exchange)
        if media is not None and media.essence in FORM_MEDIA:
            return await read_as_form(exchange)
        raw = await _read(exchange, limits.memory_bytes)
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


async def _read(exchange: Exchange, limit_bytes: int) -> bytes:
    raw = await exchange.read(limit_bytes)
    lctx = current_context()
    if lctx is not None:
        lctx._received_bytes = len(raw)
    return raw


def _chunks(exchange: Exchange, limit_bytes: int) -> AsyncIterator[bytes]:
    chunks, lctx = exchange.chunks(limit_bytes), current_context()
    return chunks if lctx is None else _Counted(chunks, lctx)


@final
class _Counted(AsyncIterator[bytes]):
    """A body that arrives piece by piece; each is counted when it is asked for."""

    __slots__ = ("_chunks", "_lctx")

    def __init__(self, chunks: AsyncIterator[bytes], lctx: LocalContext) -> None:
        self._chunks = chunks
        self._lctx = lctx

    async def __anext__(self) -> bytes:
        chunk = await anext(self._chunks)
        self._lctx._received_bytes += len(chunk)
        return chunk

    async def aclose(self) -> None:
        """Read no more of it."""
        if isinstance(self._chunks, AsyncGenerator):
            await self._chunks.aclose()


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
