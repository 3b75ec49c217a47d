"""Accepted findings: which an entry means, until when, and that it says why."""

import datetime as dt

import pytest

from perdure.diff.endpoint_rules import ENDPOINT_RULES
from perdure.diff.findings import Finding
from perdure.diff.ignore import Ignore, parse_ignores, sift
from perdure.errors import IgnoreFileError

TODAY = dt.date(2026, 11, 22)
GONE = Finding(
    rule="endpoint-removed", level="breaking", pointer="", message="gone", direction="endpoint", method="DELETE",
    path="/orders/{id}",
)  # fmt: skip
MEDIA = Finding(
    rule="request-media-type-removed", level="breaking", pointer="/body", message="no CSV", direction="request",
    method="POST", path="/orders",
)  # fmt: skip


def parse(text: str) -> tuple[Ignore, ...]:
    return parse_ignores(text, ENDPOINT_RULES)


@pytest.mark.parametrize(
    ("entry", "is_meant"),
    [
        ('rule = "endpoint-removed"', True),
        ('rule = "endpoint-*"', True),
        ('rule = "*"', True),
        ('rule = "endpoint-added"', False),
        ('rule = "*"\nmethod = "delete"', True),
        ('rule = "*"\nmethod = "GET"', False),
        ('rule = "*"\npath = "/orders/{id}"', True),
        ('rule = "*"\npath = "/orders/*"', True),
        ('rule = "*"\npath = "/orders"', False),
        ('rule = "*"\npath = "/orders/.id."', False),
        ('rule = "*"\npointer = ""', True),
        ('rule = "*"\npointer = "/body*"', False),
    ],
)
def test_entry_means_what_all_its_patterns_fit(entry: str, is_meant: bool) -> None:
    (parsed,) = parse(f'[[ignore]]\n{entry}\nreason = "we said so"')
    assert is_meant == parsed.matches(GONE)


def test_sift_takes_out_what_is_meant_and_names_entries_that_mean_nothing() -> None:
    used, unused = parse(
        '[[ignore]]\nrule = "endpoint-removed"\nreason = "a"\n[[ignore]]\nrule = "endpoint-moved"\nreason = "b"'
    )
    sifted = sift([GONE, MEDIA], (used, unused), TODAY)
    assert ((MEDIA,), (GONE,), (unused,), ()) == (sifted.kept, sifted.ignored, sifted.unused, sifted.ended)


@pytest.mark.parametrize(("until", "counts"), [("2026-11-21", False), ("2026-11-22", True), ("2026-11-23", True)])
def test_entry_counts_through_its_last_day(until: str, counts: bool) -> None:
    entries = parse(f'[[ignore]]\nrule = "endpoint-removed"\nreason = "a"\nuntil = {until}')
    sifted = sift([GONE], entries, TODAY)
    assert ((GONE,) if counts else ()) == sifted.ignored
    assert (() if counts else entries) == sifted.ended
    assert () == sifted.unused


def test_entry_that_ended_does_not_stop_another_from_counting() -> None:
    entries = parse(
        '[[ignore]]\nrule = "*"\nreason = "a"\nuntil = 2026-01-01\n[[ignore]]\nrule = "endpoint-removed"\nreason = "b"'
    )
    assert (GONE,) == sift([GONE], entries, TODAY).ignored


def test_file_without_entries_ignores_nothing() -> None:
    assert () == parse("# nothing yet\n")


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("[[ignore]", "not TOML"),
        ('[[ignore]]\nrule = "endpoint-removed"', "reason"),
        ('[[ignore]]\nrule = "endpoint-removed"\nreason = "  "', "gives no reason"),
        ('[[ignore]]\nreason = "a"', "rule"),
        ('[[ignore]]\nrule = "endpoint-remved"\nreason = "a"', "did you mean 'endpoint-removed'?"),
        ('[[ignore]]\nrule = "endpoint-removed"\nreason = "a"\nwhy = "b"', "why"),
        ('[[ignore]]\nrule = "endpoint-removed"\nreason = "a"\nuntil = "soon"', "date"),
        ('[[ignores]]\nrule = "endpoint-removed"\nreason = "a"', "ignores"),
        ('ignore = "endpoint-removed"', "array"),
    ],
)
def test_file_that_is_malformed_is_refused_with_what_is_wrong(text: str, complaint: str) -> None:
    with pytest.raises(IgnoreFileError) as refused:
        parse(text)
    assert complaint in str(refused.value)
