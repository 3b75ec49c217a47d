import pytest

from perdure import RolloutSettings
from perdure.rollout.standing import Standing, standing, usage_since_hour
from perdure.store.records import VersionControl

HOUR = 3600.0
DAY = 24
NOW_H = 500_000
"""The hour it is."""
SETTINGS = RolloutSettings(hot_requests=100, cold_after_days=30, grace_days=14, retire_after_days=10)
OLD = VersionControl(status="active", registered_s=1.0, activated_s=1.0)


def stands(by_hour: dict[int, int], control: VersionControl = OLD, *, is_needed: bool = False) -> Standing:
    """Return the standing now; hours are counted back from now."""
    counted = {NOW_H - ago: requests for ago, requests in by_hour.items()}
    return standing(control, counted, SETTINGS, NOW_H * HOUR + 60, is_needed=is_needed)


@pytest.mark.parametrize(
    ("by_hour", "temperature"),
    [
        ({0: 100}, "hot"), ({0: 99}, "warm"), ({23: 60, 0: 40}, "hot"), ({24: 60, 0: 40}, "warm"),
        ({29 * DAY: 1}, "warm"), ({31 * DAY: 1}, "cold"), ({}, "cold"), ({31 * DAY: 1, 0: 1}, "warm"),
    ],
)  # fmt: skip
def test_version_is_as_warm_as_its_use(by_hour: dict[int, int], temperature: str) -> None:
    assert temperature == stands(by_hour).temperature


def test_hot_version_stays_hot_until_its_use_is_halved() -> None:
    assert "hot" == stands({30: 100, 10: 60}).temperature
    assert "warm" == stands({30: 100, 10: 49}).temperature
    assert "warm" == stands({10: 60}).temperature, "it never was"


@pytest.mark.parametrize("control", [
    VersionControl(status="active", registered_s=1.0, activated_s=(NOW_H - 13 * DAY) * HOUR),
    VersionControl(status="active", registered_s=1.0, activated_s=(NOW_H - 29 * DAY) * HOUR),
    VersionControl(status="active", registered_s=1.0, activated_s=1.0, retained=True),
])  # fmt: skip
def test_fresh_or_retained_version_is_never_cold(control: VersionControl) -> None:
    assert ("warm", None) == (stands({}, control).temperature, stands({}, control).cold_since_s)


def test_needed_version_is_never_cold() -> None:
    assert "warm" == stands({}, is_needed=True).temperature


def test_fresh_version_is_not_cold_within_its_grace_however_soon_others_are() -> None:
    settings = RolloutSettings(cold_after_days=1, grace_days=14)
    control = VersionControl(status="active", activated_s=(NOW_H - 10 * DAY) * HOUR)
    assert "warm" == standing(control, {}, settings, NOW_H * HOUR, is_needed=False).temperature
    assert "cold" == standing(control, {}, settings, (NOW_H + 5 * DAY) * HOUR, is_needed=False).temperature


def test_version_is_over_when_it_has_been_cold_for_as_long_as_configured() -> None:
    now_s = NOW_H * HOUR + 60
    assert not stands({39 * DAY: 1}).is_over(SETTINGS, now_s)
    assert stands({41 * DAY: 1}).is_over(SETTINGS, now_s)
    assert not stands({41 * DAY: 1}).is_over(RolloutSettings(), now_s), "off by default"


def test_usage_that_is_read_is_enough_to_tell() -> None:
    assert usage_since_hour(SETTINGS, NOW_H * HOUR) <= NOW_H - 40 * DAY
    assert 0 == usage_since_hour(SETTINGS, 5.0)
