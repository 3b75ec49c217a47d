"""The response under way, by itself."""

from datetime import UTC, datetime

import pytest

from perdure import Response


def test_setting_a_header_replaces_and_adding_keeps() -> None:
    response: Response[object] = Response()
    response.set_header("X-A", "1")
    response.add_header("x-a", "2")
    response.add_header("X-B", "3")
    assert [("x-a", "1"), ("x-a", "2"), ("x-b", "3")] == response.header_items
    response.set_header("x-A", "4")
    assert [("x-b", "3"), ("x-a", "4")] == response.header_items


def test_a_refused_header_leaves_the_others_alone() -> None:
    response: Response[object] = Response()
    response.set_header("x-a", "1")
    with pytest.raises(ValueError, match="x-a"):
        response.set_header("x-a", "2\r\nx-b: 3")
    with pytest.raises(ValueError, match="cannot name"):
        response.add_header("x a", "2")
    assert [("x-a", "1")] == response.header_items


def test_a_cookie_has_what_was_asked_for() -> None:
    response: Response[object] = Response()
    response.set_cookie(
        "a", "1", max_age_s=5, expires=datetime(2026, 2, 10, tzinfo=UTC), path="/p", domain="shop.example",
        secure=False, http_only=False, same_site="strict",
    )  # fmt: skip
    ((name, value),) = response.header_items
    parts = {part.strip() for part in value.split(";")}
    assert "set-cookie" == name
    assert {
        "a=1", "Max-Age=5", "expires=Tue, 10 Feb 2026 00:00:00 GMT", "Path=/p", "Domain=shop.example", "SameSite=Strict"
    } == parts  # fmt: skip


@pytest.mark.parametrize("name", ["", "a b", "a;b", "a=b", "é", "a\r\n"])
def test_a_cookie_that_cannot_be_named_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="cookie name"):
        Response[object]().set_cookie(name, "1")


@pytest.mark.parametrize("value", ["a\r\nset-cookie: b=1", "a;b", 'a"b', "é", "\0"])
def test_a_cookies_value_cannot_break_out_of_it(value: str) -> None:
    response: Response[object] = Response()
    response.set_cookie("a", value)
    ((_, written),) = response.header_items
    assert "\r" not in written
    assert "\n" not in written
    assert 5 == len(written.split(";"))


def test_a_cookies_attributes_cannot_break_out_either() -> None:
    for options in ({"path": "/; Domain=evil.example"}, {"domain": "a\r\nx: y"}):
        with pytest.raises(ValueError, match=r"(cookie a|header set-cookie):"):
            Response[object]().set_cookie("a", "1", **options)  # type: ignore[arg-type]
