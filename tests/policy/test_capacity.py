"""Capacity: who is let in when there is too much to do."""

import asyncio
import contextlib

import pytest

from perdure.config import CapacitySettings, Priority
from perdure.errors import OverloadedError
from perdure.policy.capacity import Capacity
from perdure.policy.clients import Clients
from tests.policy.exchanges import from_address
from tests.policy.queue_model import Crowd, Outcome, run

WORK_S = 0.002
UNWATCHED = CapacitySettings(fair_lag_s=None, lag_limit_s=None)
WATCHED = CapacitySettings(fair_lag_s=0.02, lag_limit_s=0.5)
GUESTS = Crowd("guests", tuple(f"10.0.0.{number}:1" for number in range(10)), pause_s=0.1)


def capacity(settings: CapacitySettings) -> Capacity:
    return Capacity(settings, Clients())


def filled(max_requests: int, priority: Priority, address: str | None = None) -> tuple[Capacity, list[str | None]]:
    """Let in what comes until somebody is turned away; each from an address of its own, or all from *address*."""
    found = capacity(CapacitySettings(max_requests=max_requests))
    tickets: list[str | None] = []
    with contextlib.suppress(OverloadedError):
        for number in range(max_requests + 1):
            tickets.append(found.enter(from_address(address or f"10.{number // 250}.{number % 250}.1:1"), priority))
    assert len(tickets) == found.count
    return found, tickets


def flooded(settings: CapacitySettings, *crowds: Crowd) -> Outcome:
    return run(capacity(settings), [GUESTS, *crowds], WORK_S, ends_s=15, counted_from_s=5)


@pytest.mark.parametrize(("priority", "expected"), [("low", 500), ("normal", 900), ("high", 1000), ("critical", 1001)])
def test_places_run_out_earlier_for_lower_priority(priority: Priority, expected: int) -> None:
    assert expected == filled(1000, priority)[0].count


def test_somebody_leaves_somebody_comes_in() -> None:
    found, tickets = filled(1000, "normal")
    with pytest.raises(OverloadedError):
        found.enter(from_address("192.0.2.1:1"), "normal")
    found.leave(tickets.pop())
    found.enter(from_address("192.0.2.1:1"), "normal")


def test_one_client_holds_all_it_can_get_there_is_room_for_others() -> None:
    found, _ = filled(1000, "normal", "192.0.2.66:1")
    assert 700 < found.count < 850
    for number in range(20):
        found.enter(from_address(f"192.0.2.{number}:1"), "normal")
    with pytest.raises(OverloadedError):
        found.enter(from_address("192.0.2.66:1"), "normal")


def test_everybody_leaves_nothing_is_remembered_and_all_comes_in_again() -> None:
    found, tickets = filled(1000, "normal", "192.0.2.66:1")
    for ticket in tickets:
        found.leave(ticket)
    assert 0 == found.count
    again = [found.enter(from_address("192.0.2.66:1"), "normal") for _ in tickets]
    assert len(tickets) == len(again)


@pytest.mark.parametrize("max_requests", [1, 2, 3])
@pytest.mark.parametrize("priority", ["low", "normal", "high"])
def test_few_places_there_is_always_one(max_requests: int, priority: Priority) -> None:
    assert 1 <= filled(max_requests, priority)[0].count <= max_requests


def test_who_is_turned_away_reads_when_to_come_again() -> None:
    found = capacity(CapacitySettings(max_requests=1, retry_after_s=3))
    found.enter(from_address("10.0.0.1:1"), "normal")
    with pytest.raises(OverloadedError) as raised:
        found.enter(from_address("10.0.0.2:1"), "normal")
    assert 3 == raised.value.retry_after_s


def test_ten_thousand_requests_of_one_client_come_in_by_default() -> None:
    found = capacity(CapacitySettings())
    for _ in range(10_000):
        found.enter(from_address("127.0.0.1:1"), "normal")
    assert 10_000 == found.count


def test_nobody_floods_nobody_is_turned_away() -> None:
    outcome = flooded(CapacitySettings())
    assert 0 == outcome.refused["guests"]
    assert outcome.slowest_s("guests", 0.99) < 0.006


def test_one_client_floods_the_others_hardly_notice() -> None:
    """150 connections of one address ask for three times of what can be done."""
    flood = Crowd("flood", ("10.9.9.9:1",) * 150, pause_s=0.1)
    unguarded = flooded(UNWATCHED, flood)
    assert unguarded.slowest_s("guests", 0.5) > 0.15
    guarded = flooded(WATCHED, flood)
    assert guarded.refused_part("guests") < 0.01
    assert guarded.slowest_s("guests", 0.99) < 0.04
    assert guarded.refused_part("flood") > 0.5
    # What can be done is done: most of the time is not spent on turning away.
    done = len(guarded.answered["flood"]) + len(guarded.answered["guests"])
    assert done > 0.85 * (len(unguarded.answered["flood"]) + len(unguarded.answered["guests"]))


def test_refused_flood_comes_again_at_once_the_others_hardly_notice() -> None:
    outcome = flooded(WATCHED, Crowd("flood", ("10.9.9.9:1",) * 150, pause_s=0.001))
    assert outcome.refused_part("guests") < 0.01
    assert outcome.slowest_s("guests", 0.99) < 0.04


def test_too_many_clients_wait_is_bounded_and_low_priority_goes_first() -> None:
    crowds = [
        Crowd("low", tuple(f"10.1.{n // 200}.{n % 200}:1" for n in range(1000)), 0.2, "low"),
        Crowd("high", tuple(f"10.3.{n}.1:1" for n in range(20)), 0.1, "high"),
        Crowd("critical", ("10.4.1.1:1",), 0.1, "critical"),
    ]
    outcome = flooded(WATCHED, *crowds)
    assert outcome.refused_part("low") > 0.5
    assert outcome.refused_part("guests") < 0.2
    assert outcome.refused_part("high") < 0.05
    assert 0 == outcome.refused["critical"]
    assert outcome.slowest_s("guests", 0.99) < 0.5
    assert flooded(UNWATCHED, *crowds).slowest_s("guests", 0.99) > 1.5


def test_flood_is_over_everybody_comes_in() -> None:
    found = capacity(CapacitySettings(fair_lag_s=0.02, lag_limit_s=0.1))
    flood = Crowd("flood", tuple(f"10.9.{n // 250}.{n % 250}:1" for n in range(500)), 0.1, ends_s=10.0)
    assert run(found, [GUESTS, flood], WORK_S, ends_s=10.0).refused["guests"] > 0
    assert 0 == run(found, [GUESTS], WORK_S, ends_s=30.0, counted_from_s=20.0).refused["guests"]
    assert found.enter(from_address("10.0.0.1:1"), "normal") is None  # nobody counts who it is any more


def test_one_slow_moment_turns_nobody_away() -> None:
    found = capacity(CapacitySettings())
    for lag_s in [0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0]:
        found.note_lag(lag_s)
        for number in range(50):
            found.leave(found.enter(from_address("10.0.0.1:1"), "low" if number % 2 else "normal"))


def test_log_tells_when_it_begins_and_ends_not_each_request(caplog: pytest.LogCaptureFixture) -> None:
    found, tickets = filled(100, "normal")
    for _ in range(500):
        with pytest.raises(OverloadedError):
            found.enter(from_address("10.0.0.1:1"), "normal")
        found.note_lag(0.0)
    for ticket in tickets:
        found.leave(ticket)
    for _ in range(100):
        found.note_lag(0.0)
    assert [
        "too much to do: requests are turned away, with 90 in the works and the event loop 0 ms late",
        "no more requests are turned away; 501 were",
    ] == caplog.messages


async def test_event_loop_is_late_is_noticed() -> None:
    found = capacity(CapacitySettings(lag_limit_s=0.001, fair_lag_s=None))
    found.start()
    loop = asyncio.get_running_loop()
    give_up_s, turned_away = loop.time() + 20.0, 0
    while not turned_away and loop.time() < give_up_s:
        busy_until_s = loop.time() + 0.01
        while loop.time() < busy_until_s:
            try:
                found.leave(found.enter(from_address("10.0.0.1:1"), "low"))
            except OverloadedError:
                turned_away += 1
        await asyncio.sleep(0)
    found.stop()
    assert turned_away


def test_capacity_that_is_shut_lets_nobody_in_until_it_is_open_again(caplog: pytest.LogCaptureFixture) -> None:
    found = capacity(CapacitySettings(retry_after_s=3))
    found.admit(False)
    priorities: tuple[Priority, ...] = ("low", "critical")
    for priority in priorities:
        with pytest.raises(OverloadedError) as raised:
            found.enter(from_address("10.0.0.1:1"), priority)
        assert 3 == raised.value.retry_after_s
    found.note_lag(0.0)
    with pytest.raises(OverloadedError):
        found.enter(from_address("10.0.0.1:1"), "high")
    assert 0 == found.count
    assert ["requests are turned away: what they do could not be recorded"] == caplog.messages
    found.admit(True)
    found.leave(found.enter(from_address("10.0.0.1:1"), "low"))
    assert 0 == found.count
