import pytest

from perdure.timescape.instants import format_date, format_instant, is_in_calendar, parse_date, parse_instant

DAY = 20_240  # 2025-06-01


@pytest.mark.parametrize(
    ("text", "seconds", "is_whole"),
    [
        ("2025-06-01T00:00:00Z", DAY * 86_400, True),
        ("2025-06-01t00:00:01z", DAY * 86_400 + 1, True),
        ("2025-06-01T02:00:00+02:00", DAY * 86_400, True),
        ("2025-05-31T19:30:00-04:30", DAY * 86_400, True),
        ("2025-06-01T00:00:00-00:00", DAY * 86_400, True),
        ("2025-06-01T00:00:00.000Z", DAY * 86_400, True),
        ("2025-06-01T00:00:00.0000000001Z", DAY * 86_400, False),
        ("2016-12-31T23:59:60Z", 1_483_228_799, False),
        ("2017-01-01T00:59:60+01:00", 1_483_228_799, False),
        ("9999-12-31T23:59:60Z", 253_402_300_799, False),
        ("0001-01-01T00:00:60+00:01", -62_135_596_801, False),
        ("0001-01-01T00:00:00+23:59", -62_135_596_800 - 86_340, True),
        ("9999-12-31T23:59:59-23:59", 253_402_300_799 + 86_340, True),
    ],
)
def test_instant_when_well_formed_is_rounded_down_to_the_second(text: str, seconds: int, is_whole: bool) -> None:
    assert (seconds, is_whole) == parse_instant(text)


@pytest.mark.parametrize(
    "text",
    [
        "2025-06-01", "2025-06-01T00:00:00", "2025-06-01 00:00:00Z", "2025-06-31T00:00:00Z", "2025-06-01T24:00:00Z",
        "2025-06-01T00:60:00Z", "2025-06-01T00:00:61Z", "2025-06-01T23:59:60Z", "2025-06-01T00:00:00+24:00",
        "2025-06-01T00:00:00+00:60", "2025-06-01T00:00:00+0000", "2025-06-01T00:00:00.Z", "20250601T000000Z",
        "2025-06-01T00:00:00Z\n", "\uff12025-06-01T00:00:00Z", "0000-01-01T00:00:00Z",
    ],
)  # fmt: skip
def test_instant_when_malformed_is_none(text: str) -> None:
    assert parse_instant(text) is None


@pytest.mark.parametrize("text", ["2025-02-29", "2025-13-01", "2025-6-1", "25-06-01", "2025-W01", "", "2025-06-01Z"])
def test_date_when_not_in_the_calendar_is_none(text: str) -> None:
    assert parse_date(text) is None


def test_formats_when_parsed_again_give_the_same_second() -> None:
    seconds = DAY * 86_400 + 3_661
    assert format_instant(seconds) == "2025-06-01T01:01:01Z"
    assert (seconds, True) == parse_instant(format_instant(seconds))
    assert parse_date(format_date(seconds)) == DAY * 86_400


@pytest.mark.parametrize(
    ("text", "is_in"),
    [
        ("0001-01-01T00:00:00Z", True), ("9999-12-31T23:59:59Z", True),
        ("0001-01-01T00:00:00+00:01", False), ("9999-12-31T23:59:59-00:01", False),
    ],
)  # fmt: skip
def test_instant_when_its_utc_day_cannot_be_written_is_not_in_the_calendar(text: str, is_in: bool) -> None:
    moment = parse_instant(text)
    assert moment is not None
    assert is_in == is_in_calendar(moment.seconds)
