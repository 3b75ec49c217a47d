"""Media types and what to answer with."""

import time

import pytest

from perdure.context.media import MediaType, negotiate, parse_media_type
from perdure.errors import MalformedRequestError

OFFERED = ("application/json", "application/msgpack", "text/html; charset=utf-8")


@pytest.mark.parametrize(
    ("text", "essence", "parameters"),
    [
        ("application/json", "application/json", {}),
        (" Application/JSON ", "application/json", {}),
        ("text/plain;charset=UTF-8", "text/plain", {"charset": "UTF-8"}),
        ('text/plain ; Charset="utf-8" ; x=y', "text/plain", {"charset": "utf-8", "x": "y"}),
        ('multipart/form-data; boundary="a;\\"b,c"', "multipart/form-data", {"boundary": 'a;"b,c'}),
        ("text/plain;", "text/plain", {}),
        ("text/plain; ; a=b;", "text/plain", {"a": "b"}),
        ("application/vnd.shop+json", "application/vnd.shop+json", {}),
    ],
)
def test_parse_reads_type_and_parameters(text: str, essence: str, parameters: dict[str, str]) -> None:
    assert MediaType(essence, tuple(parameters.items())) == parse_media_type(text)


@pytest.mark.parametrize(
    "text",
    [
        "", "json", "application/", "/json", "a/b/c", "a b/c", "text/plain charset=utf-8", "text/plain; charset",
        "text/plain; =x", 'text/plain; a="b', "text/plain; a=b c", "text/plain; a=b; A=c", "text/plain\n",
        'a/b; c="\n"', "text/plain, text/html",
    ],
)  # fmt: skip
def test_parse_malformed_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequestError, match="Content-Type"):
        parse_media_type(text)


def test_charset_and_boundary_are_found_or_none() -> None:
    assert parse_media_type("text/plain; charset=UTF-16").charset == "utf-16"
    assert parse_media_type("multipart/form-data; boundary=aB").boundary == "aB"
    assert (parse_media_type("a/b").charset, parse_media_type("a/b").boundary) == (None, None)


@pytest.mark.parametrize(
    ("text", "is_json"),
    [
        ("application/json", True),
        ("application/problem+json", True),
        ("text/json", False),
        ("application/json-seq", False),
    ],
)
def test_is_json_by_type_or_suffix(text: str, is_json: bool) -> None:
    assert is_json == parse_media_type(text).is_json


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("", OFFERED[0]),
        ("*/*", OFFERED[0]),
        ("application/msgpack", OFFERED[1]),
        ("APPLICATION/MSGPACK", OFFERED[1]),
        ("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8", OFFERED[2]),
        ("application/json;q=0.5, application/msgpack", OFFERED[1]),
        ("application/msgpack;q=0.5, application/json;q=0.5", OFFERED[0]),
        ("application/*;q=0.4, text/*", OFFERED[2]),
        ("application/*, application/json;q=0", OFFERED[1]),
        ("*/*;q=0.1, application/msgpack;q=0", OFFERED[0]),
        ("image/png", OFFERED[0]),
        ("text/html;level=1", OFFERED[2]),
        ("application/vnd.shop+json, application/msgpack;q=0.9", OFFERED[0]),
        ("application/msgpack;q=2, text/html", OFFERED[2]),
        ("application/msgpack;q=x", OFFERED[0]),
        (",,;q=1, nonsense, application/msgpack ,", OFFERED[1]),
        ("application/json;q=0, application/msgpack;q=0, text/html;q=0", OFFERED[0]),
    ],
)
def test_negotiate_takes_the_best_or_the_first(accept: str, expected: str) -> None:
    assert expected == negotiate(accept, OFFERED)


def test_negotiate_single_offer_needs_no_look() -> None:
    assert negotiate("image/png", ("text/plain",)) == "text/plain"


@pytest.mark.parametrize(
    "accept",
    ['"\\' * 80_000, "a/b;" + " " * 160_000 + "x", 'a/b;q="' + "\\a" * 80_000, "a/b," * 40_000, ";" * 160_000],
)
def test_long_headers_are_read_in_linear_time(accept: str) -> None:
    begun = time.process_time()
    negotiate(accept, OFFERED)
    with pytest.raises(MalformedRequestError):
        parse_media_type("x" + accept + "\n")
    assert time.process_time() - begun < 10
