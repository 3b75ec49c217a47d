import pytest

from perdure import RolloutSettings
from perdure.rollout.standing import Standing, days_used, hours_used, recent_usage, standing
from perdure.store.memory import MemoryStore
from perdure.store.records import UsageCount, VersionControl

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


def days(*ago: int) -> frozenset[int]:
    """Return the days so many days ago."""
    return frozenset(NOW_H // DAY - each for each in ago)


def test_version_is_over_when_it_has_been_cold_for_as_long_as_configured() -> None:
    now_s, always = NOW_H * HOUR + 60, days(*range(60))
    assert not stands({39 * DAY: 1}).is_over(SETTINGS, now_s, always)
    assert stands({41 * DAY: 1}).is_over(SETTINGS, now_s, always)
    assert not stands({41 * DAY: 1}).is_over(RolloutSettings(), now_s, always), "off by default"


@pytest.mark.parametrize(
    ("used", "is_over"), [(range(20), True), (range(19), False), (range(41, 400), False), ((), False), ([0, -1], False)]
)
def test_version_is_over_only_if_others_were_used_on_half_the_days_since(used: range, is_over: bool) -> None:
    assert is_over is stands({41 * DAY: 1}).is_over(SETTINGS, NOW_H * HOUR + 60, days(*used))


def test_usage_that_is_forgotten_early_is_not_waited_for() -> None:
    settings = RolloutSettings(cold_after_days=30, grace_days=14, retire_after_days=10, usage_days=10)
    over = standing(OLD, {}, settings, NOW_H * HOUR, is_needed=False)
    assert over.is_over(settings, NOW_H * HOUR, days(*range(5)))
    assert not over.is_over(settings, NOW_H * HOUR, days(*range(4)))


def test_usage_that_is_read_is_enough_to_tell() -> None:
    """Whatever the hours, what is read of the store says the same as all there is."""
    store, now_s = MemoryStore(), NOW_H * HOUR + 60
    hours = {NOW_H - ago: 60 for ago in (0, 5, 23, 24, 167, 168, 190, 191, 192, 700, 39 * DAY, 40 * DAY)}
    for hour, requests in hours.items():
        count = UsageCount(version="v1", client="ada", hour=hour, requests=requests, last_s=hour * HOUR)
        store.add_usage("shop", [count])
        uses = recent_usage(store, "shop", SETTINGS, now_s)
        known = {each: hours[each] for each in hours if each in {count.hour for count in store.usage("shop")}}
        assert standing(OLD, known, SETTINGS, now_s, is_needed=False) == standing(
            OLD, hours_used(uses)["v1"], SETTINGS, now_s, is_needed=False
        )
        assert days_used(uses) == {each // DAY for each in known}
