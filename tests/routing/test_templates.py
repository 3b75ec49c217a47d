"""Path templates."""

import re

import pytest

from perdure.errors import RouteDefinitionError
from perdure.routing.templates import PATH, STANDARD_CONVERTERS, STR, Converter, PathTemplate


def test_parse_reads_text_parameters_and_converters() -> None:
    template = PathTemplate.parse("/orders/{order_id:uuid}/files/{rest:path}")
    uuid = next(converter for converter in STANDARD_CONVERTERS if converter.name == "uuid")
    assert template.parts == ("orders", uuid, "files", PATH)
    assert template.names == ("order_id", "rest")
    assert template.key == "/orders/{order_id}/files/{rest}"
    assert template.text == "/orders/{order_id:uuid}/files/{rest:path}"


def test_parse_takes_str_where_no_converter_is_named() -> None:
    assert PathTemplate.parse("/{a}").parts == (STR,) == PathTemplate.parse("/{a:str}").parts


@pytest.mark.parametrize(
    ("text", "parts"), [("/", ("",)), ("/a/", ("a", "")), ("/ü b", ("ü b",)), ("/100%", ("100%",))]
)
def test_parse_keeps_literal_text(text: str, parts: tuple[str, ...]) -> None:
    template = PathTemplate.parse(text)
    assert template.parts == parts
    assert template.key == text


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("", None, "must begin with a slash"),
        ("orders", None, "must begin with a slash"),
        ("/a//b", 4, "two slashes in a row"),
        ("/a/./b", 4, "never served"),
        ("/a/..", 4, "never served"),
        ("/a/{x", 4, "mixes text and braces"),
        ("/a/x}", 4, "mixes text and braces"),
        ("/a/{x}y", 4, "mixes text and braces"),
        ("/a/v{x}", 4, "mixes text and braces"),
        ("/{x}{y}", 2, "mixes text and braces"),
        ("/a/{}", 4, "cannot name a parameter"),
        ("/a/{1x}", 4, "cannot name a parameter"),
        ("/a/{x-y}", 4, "cannot name a parameter"),
        ("/a/{é}", 4, "cannot name a parameter"),
        ("/a/{x:hex}", 4, "no converter 'hex'"),
        ("/a/{x:}", 4, "no converter ''"),
        ("/a/{x:int:int}", 4, "no converter 'int:int'"),
        ("/{x}/a/{x}", 8, "appears twice"),
        ("/{x:path}/a", 2, "nothing can come after"),
        ("/a?b", 2, "begins the query"),
        ("/a#b", 2, "begins the fragment"),
        ("/caf%C3%A9", 2, "percent-encoded"),
        ("/a\nb", 2, "control character"),
    ],
)
def test_parse_malformed_names_template_and_position(text: str, position: int | None, message: str) -> None:
    with pytest.raises(RouteDefinitionError, match=re.escape(message)) as raised:
        PathTemplate.parse(text)
    assert repr(text) in str(raised.value)
    if position is not None:
        assert f"character {position}:" in str(raised.value)


def test_parse_knows_the_programs_own_converters() -> None:
    year = Converter(name="year", pattern="[0-9]{4}")
    assert PathTemplate.parse("/{y:year}", (year,)).parts == (year,)


def test_parse_lets_the_program_replace_a_converter() -> None:
    signed = Converter(name="int", pattern="[+-][0-9]+")
    assert PathTemplate.parse("/{n:int}", (signed,)).parts == (signed,)


def test_converter_with_a_broken_pattern_is_refused() -> None:
    with pytest.raises(RouteDefinitionError, match="converter 'bad'"):
        Converter(name="bad", pattern="(")


def test_converter_that_spans_may_not_have_a_pattern_nobody_checks() -> None:
    with pytest.raises(RouteDefinitionError, match="rest of the path"):
        Converter(name="docs", pattern="[a-z]+", spans=True)


@pytest.mark.parametrize(
    ("name", "admitted", "refused"),
    [
        ("int", ["0", "7", "-7", "9" * 300], ["+7", "007", "-0", "", "1_0", "٣", "7.0", "9" * 301, "7\n"]),
        ("float", ["0", "1.5", "-0.25", "10"], ["1e5", "nan", "inf", ".5", "1.", "+1", "٣.5", "1_0.5"]),
        (
            "uuid",
            ["0af76519-16cd-43dd-8448-eb211c80319c", "0AF76519-16CD-43DD-8448-EB211C80319C"],
            [
                "0af7651916cd43dd8448eb211c80319c",
                "{0af76519-16cd-43dd-8448-eb211c80319c}",
                "0af76519-16cd-43dd-8448-eb211c80319g",
            ],
        ),
        ("date", ["2026-02-28", "1999-12-31"], ["2026-13-01", "2026-00-10", "2026-01-32", "26-01-01", "2026-1-1"]),
        ("str", ["a", "ü", "a b", "."], ["", "a/b"]),
    ],
)
def test_converter_admits_exactly(name: str, admitted: list[str], refused: list[str]) -> None:
    pattern = next(converter.pattern for converter in STANDARD_CONVERTERS if converter.name == name)
    assert admitted == [text for text in admitted if re.fullmatch(pattern, text)]
    assert [text for text in refused if re.fullmatch(pattern, text)] == []


def test_float_admits_nothing_that_is_not_finite() -> None:
    pattern = next(converter.pattern for converter in STANDARD_CONVERTERS if converter.name == "float")
    largest = "9" * 300
    assert re.fullmatch(pattern, largest)
    assert float(largest) < float("inf")
