"""npm's ranges, by the examples of its own documentation."""

import pytest

from perdure.timescape.semver import parse_range, parse_semver


def is_in(version: str, wanted: str) -> bool:
    parsed, found = parse_semver(version), parse_range(wanted)
    assert parsed is not None
    assert found is not None
    return found.newest([parsed.rank]) == 0


@pytest.mark.parametrize(
    ("wanted", "inside", "outside"),
    [
        ("1.2.3", "1.2.3", "1.2.4"),
        ("1.2.3", "1.2.3", "1.2.3-rc"),
        ("v1", "1.9.9", "2.0.0"),
        ("1.x", "1.0.0", "0.9.9"),
        ("1.2.*", "1.2.9", "1.3.0"),
        ("*", "0.0.0", "1.0.0-rc"),
        ("~1.2.3", "1.2.9", "1.3.0"),
        ("~1.2", "1.2.0", "1.3.0"),
        ("~1", "1.9.0", "2.0.0"),
        ("~0.2.3", "0.2.9", "0.2.2"),
        ("~1.2.3-beta.2", "1.2.3-beta.4", "1.2.4-beta.2"),
        ("^1.2.3", "1.9.0", "2.0.0"),
        ("^0.2.3", "0.2.9", "0.3.0"),
        ("^0.0.3", "0.0.3", "0.0.4"),
        ("^1.2.3-beta.2", "1.2.3-beta.11", "1.2.3-beta.1"),
        ("^1.2.x", "1.9.0", "1.1.0"),
        ("^0.0.x", "0.0.9", "0.1.0"),
        ("^0.0", "0.0.9", "0.1.0"),
        ("^0.x", "0.9.0", "1.0.0"),
        (">1", "2.0.0", "1.9.9"),
        (">1.2.3", "1.2.4", "1.2.3"),
        (">1.2 <2.0.0-b", "2.0.0-a", "2.0.0-c"),
        (">1.2 >1.0.0-a <9", "1.3.0", "1.0.0"),
        (">1.2 >=1.3.0-a", "1.3.0", "1.3.0-b"),
        ("<=1", "1.9.9", "2.0.0"),
        ("<1 >=1.0.0-a || 3", "3.1.0", "1.0.0-b"),
        ("<1.0.0 >=1.0.0-a", "1.0.0-b", "1.0.0"),
        (">= 1 <3", "2.9.9", "3.0.0"),
        ("1 || 3", "3.1.0", "2.0.0"),
        ("1.2 - 2.3", "2.3.9", "2.4.0"),
        ("1.2.3 - 2.3.4", "2.3.4", "2.3.5"),
        ("1.2.3 - 2", "2.9.9", "3.0.0"),
    ],
)
def test_range_when_matched_takes_what_npm_takes(wanted: str, inside: str, outside: str) -> None:
    assert (is_in(inside, wanted), is_in(outside, wanted)) == (True, False)


def test_newest_when_words_and_numbers_mix_follows_semver_precedence() -> None:
    texts = [
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0",
    ]
    ranks = [parsed.rank for text in texts if (parsed := parse_semver(text))]
    assert ranks == sorted(ranks)
    assert len(texts) == len(set(ranks))


@pytest.mark.parametrize(
    "text",
    ["", " ", "||", "1||", "v", "> = 1", "01", "1.2.3.4", "1.", "1..2", "^", "- 1", "1 -2", "latest", "1.2.3-01"],
)
def test_range_when_malformed_is_none(text: str) -> None:
    assert parse_range(text) is None


def test_semver_when_it_has_build_metadata_ranks_as_without() -> None:
    left, right = parse_semver("v1.0.0+a"), parse_semver("1.0.0+b")
    assert left is not None
    assert right is not None
    assert left.rank == right.rank
