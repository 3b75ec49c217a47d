"""What a handler may return beside data."""

import pytest

from perdure.context.answers import Empty, File, Html, Redirect, Stream, Text, check_header


@pytest.mark.parametrize(
    ("name", "value"),
    [("x-a", ""), ("X_A", "b c\td"), ("etag", '"caf\xe9"'), ("a", "~!@"), ("cache-control", "no-store")],
)
def test_check_header_lets_a_sendable_field_pass(name: str, value: str) -> None:
    check_header(name, value)


@pytest.mark.parametrize(
    "value", ["a\r\nset-cookie: x=y", "a\n", "\r", "a\0b", "a\x7f", "a\x1b", "caf\u0113", "\u2028", "\ud800"]
)
def test_check_header_refuses_a_value(value: str) -> None:
    with pytest.raises(ValueError, match="header x-a"):
        check_header("x-a", value)


@pytest.mark.parametrize("name", ["", "a b", "a:", "a\n", "\xe9", "a\r\nb", "(a)"])
def test_check_header_refuses_a_name(name: str) -> None:
    with pytest.raises(ValueError, match="cannot name"):
        check_header(name, "x")


def test_check_header_does_not_repeat_the_value() -> None:
    with pytest.raises(ValueError, match="authorization") as raised:
        check_header("authorization", "hunter2\n")
    assert "hunter2" not in str(raised.value)


def test_text_and_html_are_utf8() -> None:
    assert Text("é").media_type == "text/plain; charset=utf-8"
    assert Html("<p>").media_type == "text/html; charset=utf-8"
    assert Text("a,b", media_type="text/csv").media_type == "text/csv"


@pytest.mark.parametrize("media_type", ["text", "text/plain\r\nx: y", ""])
def test_media_type_must_be_one(media_type: str) -> None:
    with pytest.raises(ValueError, match=r"media type|header content-type"):
        Text("", media_type=media_type)
    with pytest.raises(ValueError, match=r"media type|header content-type"):
        Stream([], media_type=media_type)
    if media_type:
        with pytest.raises(ValueError, match=r"media type|header content-type"):
            File("x", media_type=media_type)


@pytest.mark.parametrize(
    ("url", "location"),
    [
        ("/a?b=c#d", "/a?b=c#d"),
        ("https://example.com/%C3%A9", "https://example.com/%C3%A9"),
        ("/caf\xe9", "/caf%C3%A9"),
        ("/\\evil.example", "/%5Cevil.example"),
        ('/"x"', "/%22x%22"),
    ],
)
def test_redirect_location_is_ascii(url: str, location: str) -> None:
    assert Redirect(url).location == location
    check_header("location", Redirect(url).location)


@pytest.mark.parametrize("url", ["", "/a b", "/a\r\nx: y", "/\x00", "/\x85", "/\ud800"])
def test_redirect_refuses_a_url(url: str) -> None:
    with pytest.raises(ValueError, match="cannot be redirected to"):
        Redirect(url)


def test_redirect_is_temporary_and_keeps_the_method_by_default() -> None:
    assert Redirect("/").status == 307
    assert Redirect("/", status=303).status == 303


@pytest.mark.parametrize("status", [200, 300, 304, 404])
def test_redirect_refuses_a_status(status: int) -> None:
    with pytest.raises(ValueError, match="redirect"):
        Redirect("/", status=status)


def test_empty_has_a_status_without_body() -> None:
    assert Empty().status == 204
    with pytest.raises(ValueError, match="empty answer"):
        Empty(status=200)


def test_answers_cannot_be_changed() -> None:
    with pytest.raises(AttributeError):
        Text("a").content = "b"  # type: ignore[misc]
