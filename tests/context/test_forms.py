"""Form bodies."""

import gc
import logging
import tempfile
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.context.forms import FORM_MEDIA, FormLimits, read_form
from perdure.context.media import MediaType, parse_media_type
from perdure.context.uploads import FormData, UploadFile
from perdure.errors import MalformedRequestError, PayloadTooLargeError, UnsupportedMediaTypeError

MULTIPART = parse_media_type("multipart/form-data; boundary=XX")
URLENCODED = parse_media_type("application/x-www-form-urlencoded")


async def chunks(raw: bytes, size: int = 1 << 16) -> AsyncIterator[bytes]:
    for start in range(0, len(raw), size):
        yield raw[start : start + size]


def part(content: bytes, *headers: bytes) -> bytes:
    return b"--XX\r\n" + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + content + b"\r\n"


def field(name: bytes, content: bytes) -> bytes:
    return part(content, b'Content-Disposition: form-data; name="' + name + b'"')


def file(name: bytes, filename: bytes, content: bytes, *headers: bytes) -> bytes:
    disposition = b'Content-Disposition: form-data; name="' + name + b'"; filename="' + filename + b'"'
    return part(content, disposition, *headers)


END = b"--XX--\r\n"


async def read(raw: bytes, limits: FormLimits | None = None, size: int = 1 << 16) -> FormData:
    return await read_form(MULTIPART, chunks(raw, size), limits or FormLimits())


async def plain(form: FormData) -> dict[str, list[str | tuple[str, str, bytes]]]:
    """Return the form as plain values, and close it."""
    found: dict[str, list[str | tuple[str, str, bytes]]] = {}
    for name, values in form.items():
        found[name] = [
            (value.filename, value.content_type, await value.read()) if isinstance(value, UploadFile) else value
            for value in values
        ]
    await form.close()
    return found


@pytest.fixture(autouse=True)
def no_file_left_open() -> Iterator[None]:
    """A temporary file that is not closed warns when collected, and warnings are errors."""
    yield
    gc.collect()


async def test_urlencoded_form() -> None:
    form = await read_form(URLENCODED, chunks(b"a=1&b=%C3%A9+x&a=2", 3))
    assert dict(form) == {"a": ["1", "2"], "b": ["é x"]}


async def test_urlencoded_form_is_limited() -> None:
    with pytest.raises(PayloadTooLargeError) as raised:
        await read_form(URLENCODED, chunks(b"a=" + b"x" * 100, 10), FormLimits(total_bytes=50))
    assert raised.value.limit_bytes == 50
    with pytest.raises(MalformedRequestError, match="more than 2"):
        await read_form(URLENCODED, chunks(b"a=1&a=1&a=1"), FormLimits(fields=2))


async def test_other_media_are_refused() -> None:
    with pytest.raises(UnsupportedMediaTypeError) as raised:
        await read_form(parse_media_type("multipart/mixed; boundary=XX"), chunks(END))
    assert raised.value.accepted == FORM_MEDIA


@pytest.mark.parametrize("size", [1, 7, 1 << 16])
async def test_multipart_fields_and_files_in_order(size: int) -> None:
    raw = (
        field(b"a", b"1") + file(b"f", b"x.bin", b"\x00\xff\r\n--X", b"Content-Type: image/png")
        + field(b"a", "é".encode()) + file(b"a", b"y", b"") + field(b"a", b"") + END
    )  # fmt: skip
    assert await plain(await read(raw, size=size)) == {
        "a": ["1", "é", ("y", "", b""), ""],
        "f": [("x.bin", "image/png", b"\x00\xff\r\n--X")],
    }


async def test_multipart_without_parts_is_an_empty_form() -> None:
    assert dict(await read(END)) == {}


async def test_multipart_names_are_utf8_and_quotes_are_escaped() -> None:
    raw = file("é".encode(), b'a\\"b.txt', b"x") + END
    assert await plain(await read(raw)) == {"é": [('a"b.txt', "", b"x")]}


async def test_multipart_file_input_left_empty_brings_no_value() -> None:
    assert dict(await read(file(b"f", b"", b"", b"Content-Type: application/octet-stream") + END)) == {}


async def test_multipart_file_without_a_name_but_content_is_kept() -> None:
    assert await plain(await read(file(b"f", b"", b"x") + END)) == {"f": [("", "", b"x")]}


async def test_multipart_as_httpx_sends_it() -> None:
    request = httpx.Request(
        "POST", "http://x/", data={"a": ["1", "2"]}, files={"f": ("n\u00e4me.txt", b"content" * 1000, "text/plain")}
    )
    media = parse_media_type(request.headers["content-type"])
    form = await read_form(media, chunks(request.read(), 100), FormLimits(spool_bytes=500))
    assert await plain(form) == {"a": ["1", "2"], "f": [("näme.txt", "text/plain", b"content" * 1000)]}


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"", "ends before its last boundary"),
        (field(b"a", b"1"), "ends before its last boundary"),
        (file(b"a", b"x", b"content")[:-5], "ends before its last boundary"),
        (b"hello", "malformed"),
        (b"--YY\r\n", "malformed"),
        (b"--XXX\r\n", "malformed"),
        (part(b"1", b"no colon here") + END, "malformed"),
        (part(b"1", b"A: " + b"x" * 5000) + END, "malformed"),
        (part(b"1", *(b"A%d: x" % n for n in range(9))) + END, "malformed"),
        (part(b"1") + END, "Content-Disposition"),
        (part(b"1", b"Content-Disposition: form-data") + END, "Content-Disposition"),
        (part(b"1", b'Content-Disposition: attachment; name="a"') + END, "Content-Disposition"),
        (part(b"1", *[b'Content-Disposition: form-data; name="a"'] * 2) + END, "two 'content-disposition'"),
        (field(b"a", b"\xff") + END, "field 'a' is not UTF-8"),
        (field(b"\xff", b"x") + END, "name of a field is not UTF-8"),
        (file(b"a", b"\xff", b"x") + END, "name of a file is not UTF-8"),
        (file(b"a", b"x", b"aGVsbG8=", b"Content-Transfer-Encoding: base64") + END, "base64"),
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 16])
async def test_multipart_malformed_is_refused(raw: bytes, message: str, size: int) -> None:
    with pytest.raises(MalformedRequestError, match=message):
        await read(raw, size=size)


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", 'multipart/form-data; boundary=""', f"multipart/form-data; boundary={'x' * 300}"],
)
async def test_multipart_without_a_usable_boundary_is_refused(content_type: str) -> None:
    with pytest.raises(MalformedRequestError, match="boundary"):
        await read_form(parse_media_type(content_type), chunks(END))


async def test_multipart_boundary_other_than_latin1_is_refused() -> None:
    with pytest.raises(MalformedRequestError, match="boundary"):
        await read_form(MediaType("multipart/form-data", (("boundary", "\u2028"),)), chunks(END))


async def test_multipart_malformed_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG), pytest.raises(MalformedRequestError):
        await read(b"--YY\r\n")
    assert [record for record in caplog.records if record.name != "asyncio"] == []


@pytest.mark.parametrize(
    ("limits", "raw"),
    [
        (FormLimits(field_bytes=5), field(b"a", b"x" * 6)),
        (FormLimits(file_bytes=5, spool_bytes=2), file(b"a", b"f", b"x" * 6)),
        (FormLimits(total_bytes=100), field(b"a", b"x" * 100)),
    ],
)
@pytest.mark.parametrize("size", [1, 1 << 16])
async def test_multipart_too_large_is_refused(limits: FormLimits, raw: bytes, size: int) -> None:
    with pytest.raises(PayloadTooLargeError):
        await read(raw + END, limits, size)


async def test_multipart_within_its_limits_is_read() -> None:
    raw = field(b"a", b"x" * 5) + file(b"b", b"f", b"y" * 6) + END
    limits = FormLimits(fields=1, files=1, field_bytes=5, file_bytes=6, total_bytes=len(raw))
    assert await plain(await read(raw, limits)) == {"a": ["xxxxx"], "b": [("f", "", b"yyyyyy")]}


async def test_multipart_too_many_parts_are_refused() -> None:
    with pytest.raises(MalformedRequestError, match="more than 2 fields"):
        await read(field(b"a", b"") * 3 + END, FormLimits(fields=2))
    with pytest.raises(MalformedRequestError, match="more than 2 files"):
        await read(file(b"a", b"f", b"x") * 3 + END, FormLimits(files=2))
    with pytest.raises(MalformedRequestError, match="more than 2 files"):
        await read(file(b"a", b"", b"") * 3 + END, FormLimits(files=2))


async def test_refused_body_is_not_read_to_its_end() -> None:
    taken = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal taken
        yield b'--XX\r\nContent-Disposition: form-data; name="a"; filename="f"\r\n\r\n'
        while True:
            taken += 1000
            yield b"x" * 1000

    with pytest.raises(PayloadTooLargeError):
        await read_form(MULTIPART, endless(), FormLimits(file_bytes=5000, spool_bytes=100))
    assert taken == 6000


async def test_error_of_the_body_closes_the_files(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[tempfile.SpooledTemporaryFile[bytes]] = []
    original = tempfile.SpooledTemporaryFile

    def recording(max_size: int) -> tempfile.SpooledTemporaryFile[bytes]:
        opened.append(original(max_size=max_size))
        return opened[-1]

    monkeypatch.setattr("tempfile.SpooledTemporaryFile", recording)

    async def broken() -> AsyncIterator[bytes]:
        yield file(b"a", b"f", b"x" * 100)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await read_form(MULTIPART, broken(), FormLimits(spool_bytes=10))
    assert [each.closed for each in opened] == [True]


NAMES = st.text(st.characters(codec="utf-8", exclude_characters='\r\n"\\\0'), min_size=1, max_size=6)
CONTENTS = st.binary(max_size=30) | st.sampled_from([b"\r\n--XX", b"\r\n--X", b"--XX--\r\n", b"\r", b"\n", b"\r\n"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.lists(
        st.tuples(NAMES, NAMES, CONTENTS) | st.tuples(NAMES, st.text(st.characters(codec="utf-8"), max_size=9)),
        max_size=5,
    ),
    st.integers(1, 90),
    st.integers(0, 20),
)
async def test_what_is_sent_is_read_back_however_it_is_cut(
    parts: list[tuple[str, str, bytes] | tuple[str, str]], size: int, spool_bytes: int
) -> None:
    boundary = "3d6b6a416f9b5c4f8fba"
    pieces: list[bytes] = []
    expected: dict[str, list[str | tuple[str, str, bytes]]] = {}
    for sent in parts:
        if len(sent) == 3:
            pieces.append(file(sent[0].encode(), sent[1].encode(), sent[2]).removeprefix(b"--XX\r\n"))
            expected.setdefault(sent[0], []).append((sent[1], "", sent[2]))
        else:
            pieces.append(field(sent[0].encode(), sent[1].encode()).removeprefix(b"--XX\r\n"))
            expected.setdefault(sent[0], []).append(sent[1])
    # The delimiters have a boundary no content has; contents keep what looks like one.
    delimiter = f"--{boundary}".encode()
    raw = b"".join(delimiter + b"\r\n" + piece for piece in pieces) + delimiter + b"--\r\n"
    media = MediaType("multipart/form-data", (("boundary", boundary),))
    form = await read_form(media, chunks(raw, size), FormLimits(spool_bytes=spool_bytes))
    assert await plain(form) == expected
