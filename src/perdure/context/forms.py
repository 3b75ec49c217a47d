"""Form bodies: urlencoded, and multipart with files spooled to disk.

python-multipart finds the parts; what they mean, and what is too much, is decided here. It says nothing when a body
ends in the middle, so the end is watched for.

Source: RFC 7578; https://url.spec.whatwg.org/#application/x-www-form-urlencoded.
"""

import logging
from collections.abc import AsyncIterable
from typing import TYPE_CHECKING, Final, final

from msgspec import Struct

from perdure.context.media import MediaType
from perdure.context.query import parse_urlencoded
from perdure.context.uploads import FormData, UploadFile
from perdure.errors import MalformedRequestError, PayloadTooLargeError, UnsupportedMediaTypeError

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks, MultipartParser

__all__ = ["FORM_MEDIA", "FormData", "FormLimits", "UploadFile", "read_form"]

MULTIPART: Final = "multipart/form-data"
URLENCODED: Final = "application/x-www-form-urlencoded"
FORM_MEDIA: Final = (URLENCODED, MULTIPART)
"""The media types `read_form` takes."""

# The parser would warn about every malformed body: the client is told, and clients must not fill the log.
_SILENT: Final = logging.Logger("perdure.context.forms", logging.CRITICAL + 1)  # noqa: LOG001  # known to nobody else
_PLAIN_ENCODINGS: Final = frozenset({"", "7bit", "8bit", "binary"})


@final
class FormLimits(Struct, frozen=True, kw_only=True):
    """How much a form may bring."""

    fields: int = 1000
    """Texts."""
    files: int = 100
    """Files."""
    field_bytes: int = 1 << 20
    """Bytes of one text."""
    file_bytes: int = 1 << 30
    """Bytes of one file."""
    total_bytes: int = 1 << 30
    """Bytes of the whole body."""
    spool_bytes: int = 1 << 20
    """Files larger than this lie on disk."""


_STANDARD_LIMITS: Final = FormLimits()


async def read_form(media: MediaType, chunks: AsyncIterable[bytes], limits: FormLimits = _STANDARD_LIMITS) -> FormData:
    """Return the form in a body. The caller closes it.

    A file input left empty (no name, no content) brings no value. Cancel-safe: files of a form that was not finished
    are closed.

    Args:
        media: What the body claims to be; one of `FORM_MEDIA`.
        chunks: The body.
        limits: How much it may be.
    Raises:
        MalformedRequestError: It is no such form, ends too early, is not UTF-8, or has more fields or files than it
            may.
        UnsupportedMediaTypeError: *media* is none of `FORM_MEDIA`.
        PayloadTooLargeError: It, or one field or file in it, is larger than it may be.
    """
    if media.essence == URLENCODED:
        body = bytearray()
        async for chunk in _limited(chunks, limits.total_bytes):
            body += chunk
        texts = parse_urlencoded(bytes(body), limits.fields)
        return FormData({name: list(values) for name, values in texts.items()})
    if media.essence != MULTIPART:
        raise UnsupportedMediaTypeError(media.essence, FORM_MEDIA)
    reader = _MultipartReader(media.boundary, limits)
    try:
        async for chunk in _limited(chunks, limits.total_bytes):
            await reader.feed(chunk)
        return reader.finish()
    except BaseException:
        await reader.close()
        raise


async def _limited(chunks: AsyncIterable[bytes], limit_bytes: int) -> AsyncIterable[bytes]:
    total = 0
    async for chunk in chunks:
        total += len(chunk)
        if total > limit_bytes:
            raise PayloadTooLargeError(limit_bytes)
        yield chunk


@final
class _Part:
    """The part that is being read."""

    __slots__ = ("field", "file", "filename", "header_name", "header_value", "headers", "name", "size")

    def __init__(self) -> None:
        self.headers: dict[str, bytes] = {}
        self.header_name = b""
        self.header_value = b""
        self.name = ""
        self.filename: str | None = None
        self.size = 0
        self.field = bytearray()
        """Content of a part without *filename*."""
        self.file: UploadFile | None = None
        """The file of one that has a name, or content."""


@final
class _MultipartReader:
    """Builds a form from what the parser calls back with.

    The parser is not async, so what is to be written to files is put down in order and written after each chunk.
    """

    def __init__(self, boundary: str | None, limits: FormLimits) -> None:
        if not boundary:
            raise MalformedRequestError("Content-Type multipart/form-data needs a boundary")
        self._limits = limits
        self._values: dict[str, list[str | UploadFile]] = {}
        self._field_count = 0
        self._file_count = 0
        self._files: list[UploadFile] = []
        self._part = _Part()
        self._pending: list[tuple[UploadFile, bytes | None]] = []
        """What to write next; None ends a file."""
        self._ended = False
        self._parser = self._make_parser(boundary)

    async def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the body."""
        from python_multipart.exceptions import FormParserError

        try:
            self._parser.write(chunk)
        except FormParserError as error:
            raise MalformedRequestError(f"the multipart form is malformed: {error}") from error
        pending, self._pending = self._pending, []
        for file, data in pending:
            await (file.seek(0) if data is None else file.write(data))

    def finish(self) -> FormData:
        """Return the form; all of the body has been fed."""
        if not self._ended:
            raise MalformedRequestError("the multipart form ends before its last boundary")
        return FormData(self._values)

    async def close(self) -> None:
        """Close all files there are so far."""
        for file in self._files:
            await file.close()

    def _make_parser(self, boundary: str) -> "MultipartParser":
        from python_multipart.exceptions import FormParserError
        from python_multipart.multipart import MultipartParser

        callbacks: MultipartCallbacks = {
            "on_part_begin": self._on_part_begin,
            "on_header_field": self._on_header_field,
            "on_header_value": self._on_header_value,
            "on_header_end": self._on_header_end,
            "on_headers_finished": self._on_headers_finished,
            "on_part_data": self._on_part_data,
            "on_part_end": self._on_part_end,
            "on_end": self._on_end,
        }
        try:
            parser = MultipartParser(boundary.encode("latin-1"), callbacks)
        except (FormParserError, UnicodeError) as error:
            raise MalformedRequestError("the boundary in Content-Type cannot be used") from error
        parser.logger = _SILENT
        return parser

    def _on_part_begin(self) -> None:
        self._part = _Part()

    def _on_header_field(self, data: bytes, start: int, end: int) -> None:
        self._part.header_name += data[start:end]

    def _on_header_value(self, data: bytes, start: int, end: int) -> None:
        self._part.header_value += data[start:end]

    def _on_header_end(self) -> None:
        part = self._part
        name = part.header_name.decode("latin-1").lower()
        if name in part.headers:
            raise MalformedRequestError(f"a part of the form has two {name[:40]!r} headers")
        part.headers[name] = part.header_value
        part.header_name = part.header_value = b""

    def _on_headers_finished(self) -> None:
        part = self._part
        part.name, part.filename = _parse_disposition(part.headers.get("content-disposition", b""))
        encoding = part.headers.get("content-transfer-encoding", b"").decode("latin-1").strip().lower()
        if encoding not in _PLAIN_ENCODINGS:
            raise MalformedRequestError(f"the form encodes {part.name[:80]!r} as {encoding[:40]!r}; send it as it is")
        if part.filename is None:
            self._field_count += 1
            if self._field_count > self._limits.fields:
                raise MalformedRequestError(f"the form has more than {self._limits.fields} fields")
            return
        self._file_count += 1
        if self._file_count > self._limits.files:
            raise MalformedRequestError(f"the form has more than {self._limits.files} files")
        if part.filename:
            self._open_file(part)

    def _open_file(self, part: _Part) -> UploadFile:
        content_type = part.headers.get("content-type", b"").decode("latin-1")
        part.file = UploadFile(part.filename or "", content_type, self._limits.spool_bytes)
        self._files.append(part.file)
        return part.file

    def _on_part_data(self, data: bytes, start: int, end: int) -> None:
        part = self._part
        part.size += end - start
        limit_bytes = self._limits.field_bytes if part.filename is None else self._limits.file_bytes
        if part.size > limit_bytes:
            raise PayloadTooLargeError(limit_bytes)
        if part.filename is None:
            part.field += data[start:end]
        else:
            self._pending.append((part.file or self._open_file(part), data[start:end]))

    def _on_part_end(self) -> None:
        part = self._part
        if part.filename is None:
            value = _decode(bytes(part.field), f"field {part.name[:80]!r}")
            self._values.setdefault(part.name, []).append(value)
        elif part.file is not None:
            self._values.setdefault(part.name, []).append(part.file)
            self._pending.append((part.file, None))

    def _on_end(self) -> None:
        self._ended = True


def _parse_disposition(value: bytes) -> tuple[str, str | None]:
    """Return the name of a part, and the name of its file, if it has one."""
    from python_multipart.multipart import parse_options_header

    kind, options = parse_options_header(value)
    name = options.get(b"name")
    if kind != b"form-data" or name is None:
        raise MalformedRequestError("a part of the form has no Content-Disposition: form-data with a name")
    filename = options.get(b"filename")
    return _decode(name, "the name of a field"), None if filename is None else _decode(filename, "the name of a file")


def _decode(raw: bytes, what: str) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedRequestError(f"{what} is not UTF-8") from error
