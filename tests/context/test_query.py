"""Query strings and urlencoded bodies."""

from urllib.parse import quote, quote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.context.query import parse_query, parse_urlencoded
from perdure.errors import MalformedRequestError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("a=1", {"a": ["1"]}),
        ("a=1&b=2&a=3", {"a": ["1", "3"], "b": ["2"]}),
        ("a", {"a": [""]}),
        ("a=", {"a": [""]}),
        ("=a", {"": ["a"]}),
        ("a=b=c", {"a": ["b=c"]}),
        ("&&a=1&", {"a": ["1"]}),
        ("a+b=c+d", {"a b": ["c d"]}),
        ("a%2Bb=%26%3D", {"a+b": ["&="]}),
        ("q=caf%C3%A9", {"q": ["café"]}),
        ("q=caf%c3%a9", {"q": ["café"]}),
        ("q=café+%C3%A9", {"q": ["café é"]}),
        ("q=%2525", {"q": ["%25"]}),
        ("a;b=1", {"a;b": ["1"]}),
        ("q=%00", {"q": ["\0"]}),
    ],
)
def test_parse_query(text: str, expected: dict[str, list[str]]) -> None:
    assert expected == parse_query(text)
    assert expected == parse_urlencoded(text.encode())


@pytest.mark.parametrize("text", ["a=%", "a=%4", "a=%zz", "a=%+1", "a=% 1", "a=%0x41", "%g0=1", "a=1&b=%"])
def test_parse_query_broken_escape_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequestError, match="two hexadecimal digits"):
        parse_query(text)


@pytest.mark.parametrize("text", ["a=%FF", "a=%C3", "a=%C3%28", "a=%ED%A0%80", "%80=1", "a=%C0%AF", "a=\ud800%20"])
def test_parse_query_other_than_utf8_is_refused(text: str) -> None:
    with pytest.raises(MalformedRequestError, match="not UTF-8"):
        parse_query(text)


def test_parse_urlencoded_raw_bytes_other_than_utf8_are_refused() -> None:
    with pytest.raises(MalformedRequestError, match="not UTF-8"):
        parse_urlencoded(b"a=\xff")


def test_parse_query_too_many_pairs_are_refused() -> None:
    assert parse_query("a=1&a=1&a=1", max_pairs=3) == {"a": ["1"] * 3}
    with pytest.raises(MalformedRequestError, match="more than 3"):
        parse_query("a=1&a=1&a=1&a=1", max_pairs=3)
    with pytest.raises(MalformedRequestError, match="more than 1000"):
        parse_query("&" * 1001)


TEXT = st.text(st.characters(codec="utf-8"), max_size=8)


@given(st.lists(st.tuples(TEXT, TEXT), max_size=8))
def test_what_the_standard_library_encodes_is_read_back(pairs: list[tuple[str, str]]) -> None:
    expected: dict[str, list[str]] = {}
    for name, value in pairs:
        expected.setdefault(name, []).append(value)
    assert expected == parse_query(urlencode(pairs, quote_via=quote))
    assert expected == parse_query(urlencode(pairs, quote_via=quote_plus))


@given(st.text(st.sampled_from("ab=&%+2é\u00ff4cC3\0"), max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        found = parse_query(text)
    except MalformedRequestError:
        assert "%" in text
    else:
        assert sum(map(len, found.values())) == len([pair for pair in text.split("&") if pair])
