import pytest

from perdure import RolloutSettings
from perdure.rollout.health import Health, Seen

SETTINGS = RolloutSettings(
    health_window_s=10.0, health_min_requests=10, unhealthy_percent=25.0, probe_requests=5, slow_after_s=1.0
)


def judged(health: Health, *moments: tuple[float, int, int]) -> list[str]:
    """Let there have been so many requests and errors at these times; return what was judged at each."""
    conditions: list[str] = []
    for now_s, requests, errors in moments:
        health.add(Seen(requests, errors, 0), now_s)
        conditions.append(health.judge(now_s))
    return conditions


def out(settings: RolloutSettings = SETTINGS) -> Health:
    """Return one that went out at 0 s."""
    health = Health(settings)
    assert ["out"] == judged(health, (0.0, 10, 10))
    return health


@pytest.mark.parametrize(
    ("requests", "errors", "condition"),
    [(9, 9, "healthy"), (10, 2, "healthy"), (10, 3, "out"), (100, 24, "healthy"), (100, 25, "out"), (0, 0, "healthy")],
)
def test_version_is_out_when_enough_of_enough_answers_fail(requests: int, errors: int, condition: str) -> None:
    assert [condition] == judged(Health(SETTINGS), (0.0, requests, errors))


def test_slow_answers_count_like_failing_ones() -> None:
    health = Health(SETTINGS)
    health.add(Seen(10, 0, 3), 0.0)
    assert "out" == health.judge(0.0)


def test_answers_count_only_within_the_window() -> None:
    assert ["healthy"] * 3 == judged(Health(SETTINGS), (0.0, 9, 9), (9.9, 0, 0), (10.0, 9, 0))
    assert ["healthy", "out"] == judged(Health(SETTINGS), (0.0, 9, 9), (9.9, 1, 0))


def test_what_other_processes_saw_counts() -> None:
    health = Health(SETTINGS)
    health.hear(Seen(8, 8, 0))
    assert ["out"] == judged(health, (0.0, 2, 0))


def test_version_that_is_out_is_left_alone_for_longer_than_the_window() -> None:
    assert ["out", "out", "trial"] == judged(out(), (10.0, 0, 0), (14.9, 0, 0), (15.0, 0, 0))


def test_trial_starts_with_few_requests_of_few_clients_and_takes_in_more_while_they_do_not_come() -> None:
    health = out()
    judged(health, (15.0, 0, 0))
    assert (5, 0.05) == (health.granted, health.share(15.0))
    health.granted = 0
    judged(health, (15.1, 0, 0))
    assert 0 == health.granted, "no more of them before the next step"
    judged(health, (17.5, 0, 0))
    assert (5, 0.1) == (health.granted, health.share(17.5))
    judged(health, (40.0, 0, 0))
    assert 1.0 == health.share(40.0)


def test_trial_that_goes_well_ends_it() -> None:
    health = out()
    assert ["trial", "trial", "healthy"] == judged(health, (15.0, 0, 0), (15.5, 4, 0), (16.0, 1, 0))
    assert 1.0 == health.share(16.0)


def test_trial_needs_half_of_the_failures_that_put_it_out() -> None:
    # 25 % would be healthy enough for a version that is; 1 of 5 is not for one that was out.
    assert ["trial", "out"] == judged(out(), (15.0, 0, 0), (16.0, 5, 1))


def test_trial_that_fails_doubles_the_pause_up_to_a_limit() -> None:
    health, now_s, pauses = out(), 0.0, []
    for _ in range(8):
        began_s = now_s
        while health.judge(now_s) == "out":
            now_s += 0.5
        pauses.append(now_s - began_s)
        judged(health, (now_s, 5, 5))
        assert "out" == health.condition
    assert [15.0, 30.0, 60.0, 120.0, 200.0, 200.0, 200.0, 200.0] == pauses


def test_pause_is_short_again_after_a_long_time_of_health() -> None:
    health = out()
    judged(health, (15.0, 0, 0), (16.0, 5, 5), (46.0, 0, 0), (47.0, 5, 0))
    assert "healthy" == health.condition
    judged(health, (200.0, 0, 0), (201.0, 10, 10))
    assert ["out", "trial"] == judged(health, (215.9, 0, 0), (216.0, 0, 0))


@pytest.mark.parametrize(("failing", "after_s"), [(10, 7.5), (5, 15.0), (4, 18.75), (3, 25.0), (2, None)])
def test_version_in_steady_use_is_found_out_when_a_quarter_of_the_window_failed(
    failing: int, after_s: float | None
) -> None:
    """Ten requests a second, of which so many fail."""
    health, found_s = Health(RolloutSettings()), None
    for step in range(4 * 80):
        now_s = step * 0.25
        errors = failing if now_s >= 40 and step % 4 == 0 else 0
        health.add(Seen(10 if step % 4 == 0 else 0, errors, 0), now_s)
        if health.judge(now_s) == "out":
            found_s = now_s - 40
            break
    assert found_s == pytest.approx(after_s, abs=1.0) if after_s is not None else found_s is None
