"""Bodies of every kind, and what can be done to a server with them."""

import hashlib
import json
from typing import TYPE_CHECKING

import msgspec
import pytest

from tests.ingress.wire import Answer, request

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.ingress.conftest import Server

    Same = Callable[[bytes], Answer]

ORDER = b'{"lines":[{"sku":"a","quantity":1}]}'
ORDER_DATA = {"lines": [{"sku": "a", "quantity": 1}]}
JSON = "Content-Type: application/json"
MSGPACK = "Content-Type: application/msgpack"
BOUNDARY = "Content-Type: multipart/form-data; boundary=x"

BAD_JSON = {
    "empty": b"",
    "blanks": b"   ",
    "deep-arrays": b"[" * 100_000,
    "deep-arrays-closed": b"[" * 100_000 + b"]" * 100_000,
    "deep-objects": b'{"a":' * 20_000 + b"1" + b"}" * 20_000,
    "deep-in-a-field": b'{"lines":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep-in-a-skipped-field": b'{"lines":[{"sku":"a","quantity":1}],"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    "deep-and-escaped": b'{"a\\"":"\\\\",' + b'"b":' + b"[" * 100_000,
    "not-utf-8": b'{"lines":[{"sku":"\xff","quantity":1}]}',
    "not-utf-8-overlong": b'{"lines":[{"sku":"\xc0\xaf","quantity":1}]}',
    "not-utf-8-surrogate": b'{"lines":[{"sku":"\xed\xa0\x80","quantity":1}]}',
    "nan": b'{"lines":[{"sku":"a","quantity":1}],"weight":NaN}',
    "infinity": b'{"lines":[{"sku":"a","quantity":1}],"weight":-Infinity}',
    "huge-float": b'{"lines":[{"sku":"a","quantity":1}],"weight":1e400}',
    "huge-int": b'{"lines":[{"sku":"a","quantity":' + b"9" * 5000 + b"}]}",
    "huge-exponent": b'{"lines":[{"sku":"a","quantity":1e999999999}]}',
    "lone-surrogate": b'{"lines":[{"sku":"\\ud800","quantity":1}]}',
    "half-a-surrogate": b'{"lines":[{"sku":"\\ud83d\\u0041","quantity":1}]}',
    "half-an-escape": b'{"lines":[{"sku":"\\u12","quantity":1}]}',
    "bom": b"\xef\xbb\xbf" + ORDER,
    "utf-16": ORDER.decode().encode("utf-16"),
    "utf-32": ORDER.decode().encode("utf-32"),
    "trailing": ORDER + b"x",
    "trailing-document": ORDER + ORDER,
    "trailing-comma": b'{"lines":[{"sku":"a","quantity":1,}]}',
    "comment": b"/* */" + ORDER,
    "single-quotes": b"{'lines':[]}",
    "control-character": b'{"lines":[{"sku":"a\x00","quantity":1}]}',
    "leading-zero": b'{"lines":[{"sku":"a","quantity":01}]}',
    "truncated": ORDER[:-1],
    "string": b'"lines"', "number": b"5", "null": b"null", "array": b"[]", "bool": b"true",
    "duplicate-key": b'{"lines":[{"sku":"a","quantity":1}],"lines":5}',
    "nul": b"\x00", "binary": bytes(range(256)),
    "huge-string-number": b'{"lines":[{"sku":"a","quantity":"' + b"9" * 5000 + b'"}]}',
    "many-faults": b'{"lines":[' + b",".join([b'{"sku":"","quantity":0}'] * 5000) + b"]}",
    "prototype": b'{"__proto__":{"a":1},"lines":[]}',
}  # fmt: skip


@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json_is_a_clear_400(name: str, same: "Same") -> None:
    answer = same(request("POST", "/orders", JSON, body=BAD_JSON[name]))
    assert answer.status == 400
    assert answer.header("content-type") == "application/problem+json"
    assert len(answer.json()["detail"]) < 400
    assert b"hunter" not in answer.body


@pytest.mark.parametrize("path", ["/tree-data", "/any"])
@pytest.mark.parametrize("name", BAD_JSON)
def test_bad_json_for_no_declared_type_is_no_failure(name: str, path: str, same: "Same") -> None:
    assert same(request("POST", path, JSON, body=BAD_JSON[name])).status in {200, 400}


@pytest.mark.parametrize(
    "body",
    [
        b'{"lines":[{"sku":"a","quantity":1}],"x":"\xff"}', b'{"lines":[{"sku":"a","quantity":1}],"\xff":1}',
        b'{"lines":[{"sku":"a","quantity":1}],"x":1e400}', b'{"lines":[{"sku":"a","quantity":1}],"x":["\\ud800"]}',
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_skipped_field_is_no_failure(body: bytes, same: "Same") -> None:
    assert same(request("POST", "/orders", JSON, body=body)).status in {201, 400}


@pytest.mark.parametrize(
    "body",
    [
        b'{"lines":[{"sku":"a","quantity":1.0}]}', b'{"lines":[{"sku":"a","quantity":1e2}]}',
        b" \n\t" + ORDER + b"\r\n ",
        b'{"lines":[{"sku":"\\ud83d\\ude00","quantity":1}]}',
        b'{"lines":[{"quantity":1,"sku":"a"}],"unknown":{"a":[1]}}',
        b'{"weight":1e-400,"lines":[{"sku":"a","quantity":1}]}',
        b'{"lines":[{"sku":"' + b"[{" * 50_000 + b'","quantity":1}]}',
    ],
    ids=["integral", "exponent", "blanks", "surrogates", "unknown", "tiny", "brackets-in-a-text"],
)  # fmt: skip
def test_odd_but_valid_json_is_taken(body: bytes, same: "Same") -> None:
    assert same(request("POST", "/orders", JSON, body=body)).status == 201


def test_hundred_thousand_brackets_do_not_end_the_process(server: "Server") -> None:
    before = server.process_figure("pid")
    for path in ("/orders", "/tree-data", "/any", "/form", "/text", "/raw"):
        for body in (b"[" * 100_000, b'{"a":' * 50_000, b"[" * 100_000 + b"]" * 100_000):
            assert server.post(path, body, JSON).status in {200, 400, 415}
    assert server.process_figure("pid") == before


@pytest.mark.parametrize(
    "media_type",
    ["application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "APPLICATION/JSON",
     "application/vnd.shop+json", "application/problem+json", "application/json ; q=1"],
)  # fmt: skip
def test_json_by_any_of_its_names(media_type: str, same: "Same") -> None:
    assert same(request("POST", "/orders", f"Content-Type: {media_type}", body=ORDER)).status == 201


def test_body_that_names_no_type_is_json(same: "Same") -> None:
    assert same(request("POST", "/orders", body=ORDER)).status == 201


@pytest.mark.parametrize("charset", ["utf-16", "latin-1", "klingon", "\\"])
def test_json_of_another_charset_is_no_failure(charset: str, same: "Same") -> None:
    raw = request("POST", "/orders", f"Content-Type: application/json; charset={charset}", body=ORDER)
    assert same(raw).status in {201, 400, 415}


@pytest.mark.parametrize(
    "media_type", ["", ";", "/", "a/", "application/json;", "a/b; boundary", "application/json, text/plain"]
)
@pytest.mark.parametrize("path", ["/orders", "/any", "/text", "/form", "/upload"])
def test_odd_content_types_are_no_failure(media_type: str, path: str, same: "Same") -> None:
    assert same(request("POST", path, f"Content-Type: {media_type}", body=ORDER)).status in {200, 201, 400, 415}


def test_content_type_twice_is_no_failure(same: "Same") -> None:
    assert same(request("POST", "/orders", JSON, "Content-Type: text/plain", body=ORDER)).status in {201, 400, 415}


# -- msgpack ----------------------------------------------------------------------------------------------------------


def test_msgpack_both_ways(same: "Same") -> None:
    answer = same(
        request("POST", "/orders", MSGPACK, "Accept: application/msgpack", body=msgspec.msgpack.encode(ORDER_DATA))
    )
    assert (answer.status, answer.header("content-type")) == (201, "application/msgpack")
    assert msgspec.msgpack.decode(answer.body) == ORDER_DATA | {"note": None, "weight": 0.0}


def test_problem_is_json_whatever_is_accepted(same: "Same") -> None:
    answer = same(request("POST", "/orders", MSGPACK, "Accept: application/msgpack", body=msgspec.msgpack.encode({})))
    assert (answer.status, answer.header("content-type")) == (400, "application/problem+json")


@pytest.mark.parametrize(
    "body",
    [
        b"", b"\xdd\xff\xff\xff\xff", b"\xdf\xff\xff\xff\xff", b"\xdb\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff",
        b"\xc9\xff\xff\xff\xff\x01", b"\x81\xa5lines\xdd\xff\xff\xff\xff", b"\x81\xa1x\xdd\xff\xff\xff\xff",
        b"\x91" * 100_000, b"\x81\xa1a" * 60_000, b"\x81\xa5lines" + b"\x91" * 100_000,
        b"\x81\xa1x" + b"\x91" * 100_000,
        b"\xc1", b"\x81\xa1\xff\x01", b"\x81\x91\x01\x01", b"\x81\xc0\x01", b"\xd6\xff\x00\x00\x00\x00",
        b"\xca\x7f\xc0\x00\x00",
        msgspec.msgpack.encode(ORDER_DATA) + b"\x00", msgspec.msgpack.encode(ORDER_DATA)[:-1],
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/orders", "/tree-data", "/any"])
def test_bad_msgpack_is_no_failure(path: str, body: bytes, same: "Same") -> None:
    answer = same(request("POST", path, MSGPACK, body=body))
    assert answer.status == 400 if path == "/orders" else answer.status in {200, 400}


def test_msgpack_bomb_takes_no_memory(server: "Server") -> None:
    server.post("/process/peak", b"")
    before = server.process_figure("rss_kib")
    for body in (b"\xdd\x7f\xff\xff\xff", b"\xdb\x7f\xff\xff\xff", b"\xdf\x7f\xff\xff\xff"):
        assert server.post("/tree-data", body, MSGPACK).status == 400
    assert server.process_figure("peak_kib") - before < 8 * 1024


# -- text, bytes, streams ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("charset", ["utf-8", "latin-1", "utf-16", "cp1252", "UTF-8", '"utf-8"'])
def test_text_in_its_charset(charset: str, same: "Same") -> None:
    body = "grüße".encode(charset.strip('"'))
    answer = same(request("POST", "/text", f"Content-Type: text/plain; charset={charset}", body=body))
    assert answer.json() == {"text": "grüße"}


def test_text_without_charset_is_utf_8(same: "Same") -> None:
    assert same(request("POST", "/text", "Content-Type: text/plain", body="grüße".encode())).json() == {"text": "grüße"}


@pytest.mark.parametrize(
    "charset", ["utf-8", "ascii", "base64", "rot13", "idna", "unicode_escape", "zlib", "undefined", "hex"]
)
def test_text_that_is_none_or_in_no_real_charset_is_no_failure(charset: str, same: "Same") -> None:
    answer = same(request("POST", "/text", f"Content-Type: text/plain; charset={charset}", body=b"\xff\xfe\xfd\\x"))
    assert answer.status in {200, 400, 415}


@pytest.mark.parametrize("path", ["/raw", "/stream"])
@pytest.mark.parametrize("size", [0, 1, 65_535, 200_000])
def test_bytes_arrive_as_they_were_sent(size: int, path: str, same: "Same") -> None:
    body = bytes(index % 251 for index in range(size))
    assert same(request("POST", path, body=body)).json() == {"size": size, "sha": hashlib.sha256(body).hexdigest()}


@pytest.mark.parametrize("path", ["/raw", "/stream", "/orders"])
def test_chunked_body_is_put_together(path: str, server: "Server") -> None:
    with server.connect() as connection:
        connection.send(f"POST {path} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode())
        for byte in ORDER:
            connection.send(b"1\r\n%c\r\n" % byte)
        connection.send(b"0\r\n\r\n")
        assert connection.read().status in {200, 201}


def test_stream_is_handed_on_piece_by_piece(server: "Server") -> None:
    with server.connect() as connection:
        connection.send(b"POST /stream-first HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n")
        assert connection.read().json() == {"size": 5}


def test_large_stream_takes_no_memory(server: "Server") -> None:
    body = bytes(40 << 20)
    server.post("/process/peak", b"")
    before = server.process_figure("rss_kib")
    assert server.post("/stream", body).json() == {"size": 40 << 20, "sha": hashlib.sha256(body).hexdigest()}
    assert server.process_figure("peak_kib") - before < 12 * 1024


def test_undeclared_body_is_what_its_media_type_says(same: "Same") -> None:
    for media_type, body, kind, shown in (
        ("application/json", b'{"a":[1]}', "dict", {"a": [1]}),
        ("application/msgpack", b"\x81\xa1a\x01", "dict", {"a": 1}),
        ("text/plain", b"hello", "str", "hello"),
        ("application/x-www-form-urlencoded", b"a=1&a=2", "FormData", {"a": ["1", "2"]}),
        ("application/octet-stream", b"\x00\xff", "bytes", "00ff"),
    ):
        assert same(request("POST", "/any", f"Content-Type: {media_type}", body=body)).json() == {
            "kind": kind,
            "body": shown,
        }


# -- forms ------------------------------------------------------------------------------------------------------------


def part(name: str, content: bytes, filename: str = "", media_type: str = "") -> bytes:
    disposition = f'Content-Disposition: form-data; name="{name}"' + (f'; filename="{filename}"' if filename else "")
    lines = ["--x", disposition, *([f"Content-Type: {media_type}"] if media_type else []), "", ""]
    return "\r\n".join(lines).encode() + content + b"\r\n"


def test_form_of_a_declared_type(same: "Same") -> None:
    media = "Content-Type: application/x-www-form-urlencoded"
    assert same(request("POST", "/form", media, body=b"user=gr%C3%BC+n&age=5")).json() == {"user": "grü n", "age": 5}
    multipart = part("user", "grü".encode()) + part("age", b"7") + b"--x--\r\n"
    assert same(request("POST", "/form", BOUNDARY, body=multipart)).json() == {"user": "grü", "age": 7}


def test_form_that_is_invalid_lists_every_fault(same: "Same") -> None:
    answer = same(request("POST", "/form", "Content-Type: application/x-www-form-urlencoded", body=b"age=old"))
    assert answer.status == 400
    assert {(fault["in"], fault["pointer"]) for fault in answer.json()["errors"]} == {
        ("body", "/user"),
        ("body", "/age"),
    }


@pytest.mark.parametrize(
    "body", [b"a=%", b"a=%zz", b"\xff=1", b"%ff=1", b"&".join([b"a=1"] * 20_000), b"=", b"&&&", b"a" * 100_000]
)
def test_odd_urlencoded_forms_are_no_failure(body: bytes, same: "Same") -> None:
    for path in ("/form", "/upload", "/any"):
        answer = same(request("POST", path, "Content-Type: application/x-www-form-urlencoded", body=body))
        assert answer.status in {200, 400}


MULTIPARTS = {
    "empty": b"", "no-end": part("a", b"1"), "no-parts": b"--x--\r\n", "garbage": b"hello", "nul": bytes(1000),
    "no-name": b'--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n',
    "no-disposition": b"--x\r\n\r\n1\r\n--x--\r\n",
    "no-headers-end": b"--x\r\nContent-Disposition: form-data; name=a",
    "bad-header": b"--x\r\nno colon\r\n\r\n1\r\n--x--\r\n",
    "not-utf-8": part("a", b"\xff") + b"--x--\r\n",
    "too-many": part("a", b"1") * 2000 + b"--x--\r\n",
    "too-many-files": part("a", b"1", "f") * 200 + b"--x--\r\n",
    "long-header": b"--x\r\nX: " + b"a" * 100_000 + b"\r\n\r\n1\r\n--x--\r\n",
    "many-headers": b"--x\r\n" + b"X: a\r\n" * 10_000 + b"\r\n1\r\n--x--\r\n",
    "encoded": b'--x\r\nContent-Disposition: form-data; name="a"\r\n'
               b'Content-Transfer-Encoding: base64\r\n\r\nMQ==\r\n--x--\r\n',
    "traversal": part("a", b"1", "../../etc/passwd") + b"--x--\r\n",
}  # fmt: skip


@pytest.mark.parametrize("name", MULTIPARTS)
def test_odd_multipart_forms_are_no_failure(name: str, same: "Same") -> None:
    for path in ("/upload", "/form"):
        assert same(request("POST", path, BOUNDARY, body=MULTIPARTS[name])).status in {200, 400}


@pytest.mark.parametrize(
    "boundary", ["", "; boundary=", "; boundary=" + "x" * 5000, '; boundary="a\\"b"', "; boundary=\x7f"]
)
def test_odd_boundaries_are_no_failure(boundary: str, server: "Server") -> None:
    answer = server.post("/upload", b"--x--\r\n", f"Content-Type: multipart/form-data{boundary}")
    assert answer.status in {400, 415}


def test_large_file_is_spooled_to_disk(server: "Server") -> None:
    content = bytes(index % 253 for index in range(1 << 16)) * 320
    body = part("title", b"large") + part("file", content, "large.bin", "application/x-large") + b"--x--\r\n"
    server.post("/process/peak", b"")
    before = server.process_figure("rss_kib")
    answer = server.post("/upload", body, BOUNDARY)
    assert answer.json() == {
        "title": "large",
        "file": {"filename": "large.bin", "size": 20 << 20, "sha": hashlib.sha256(content).hexdigest(),
                 "type": "application/x-large"},
    }  # fmt: skip
    assert server.process_figure("peak_kib") - before < 12 * 1024


def test_log_has_no_traceback_for_what_clients_did_wrong(server: "Server") -> None:
    before = len(server.log)
    for body in BAD_JSON.values():
        server.post("/orders", body, JSON)
        server.post("/any", body, JSON)
        server.post("/tree-data", body, MSGPACK)
    for form in MULTIPARTS.values():
        server.post("/upload", form, BOUNDARY)
    assert server.log[before:] == ""


def test_many_faults_are_all_listed(server: "Server") -> None:
    errors = json.loads(server.post("/orders", BAD_JSON["many-faults"], JSON).body)["errors"]
    assert len(errors) == 10_000
