"""Counting in memory: for a bounded number of clients, the right ones forgotten."""

import pytest

from perdure.clock import FakeClock
from perdure.config import RateSettings
from perdure.policy.counters import REFUSED, Limit, Standings
from perdure.policy.memory import MemoryCounters

MINUTE_US = 60_000_000
LIMIT = (Limit("orders", "client", 10, MINUTE_US),)


class Counting:
    """Counters of one strategy with a hundred places."""

    def __init__(self, strategy: str) -> None:
        self.clock = FakeClock()
        settings = RateSettings(client_limit=100, strategy="exact" if strategy == "exact" else "approximate")
        self.counters = MemoryCounters(settings, self.clock)

    def spend(self, *keys: str, limits: tuple[Limit, ...] = LIMIT) -> int:
        counted = self.counters.bind(limits).spend(keys)
        assert isinstance(counted, tuple)
        standings: Standings = counted
        return min(left for left, _ in standings)


@pytest.fixture(params=["exact", "approximate"])
def counting(request: pytest.FixtureRequest) -> Counting:
    return Counting(request.param)


def test_addresses_are_made_up_memory_stays_bounded(counting: Counting) -> None:
    for number in range(5000):
        counting.spend(f"@{number}")
    assert 100 == counting.counters.size


def test_addresses_are_made_up_client_that_used_its_limit_is_not_forgotten(counting: Counting) -> None:
    for _ in range(10):
        counting.spend("@used up")
    for number in range(5000):
        counting.spend(f"@{number}")
        counting.spend(f"@{number}")
    assert REFUSED == counting.spend("@used up")


def test_addresses_are_made_up_no_named_client_is_forgotten(counting: Counting) -> None:
    for number in range(100):
        counting.spend(f"staff:{number}")
    for number in range(2000):
        for _ in range(5):
            counting.spend(f"@{number}")
    assert [8] * 100 == [counting.spend(f"staff:{number}") for number in range(100)]


def test_clients_stay_away_their_places_are_given_up(counting: Counting) -> None:
    for number in range(80):
        counting.spend(f"@{number}")
    counting.clock.advance(121)
    for number in range(60):
        counting.spend(f"@later {number}")
    assert counting.counters.size <= 62


def test_refused_requests_of_unknown_clients_take_no_place(counting: Counting) -> None:
    limits = (Limit("orders", "handler", 1, MINUTE_US), *LIMIT)
    for number in range(50):
        counting.spend("", f"@{number}", limits=limits)
    assert 2 == counting.counters.size


def test_places_are_as_few_as_limits_each_request_still_counts() -> None:
    clock = FakeClock()
    counters = MemoryCounters(RateSettings(client_limit=1), clock)
    limits = (
        Limit("a", "client", 3, MINUTE_US),
        Limit("b", "client", 3, MINUTE_US),
        Limit("c", "client", 3, MINUTE_US),
    )
    spend = counters.bind(limits).spend
    for number in range(300):
        spend((f"@{number}",) * 3)
        assert counters.size <= 1


def test_window_of_many_requests_moves_at_once() -> None:
    clock = FakeClock()
    counters = MemoryCounters(RateSettings(), clock)
    spend = counters.bind((Limit("orders", "client", 50_000, MINUTE_US),)).spend
    for _ in range(50_000):
        spend(("ada",))
    clock.advance(30)
    assert ((REFUSED, 30_000_000),) == spend(("ada",))
    clock.advance(30)
    assert ((49_999, MINUTE_US),) == spend(("ada",))


def test_approximate_counts_the_window_before_in_proportion() -> None:
    counting = Counting("approximate")
    counting.clock.advance(60)
    for _ in range(10):
        counting.spend("ada")
    counting.clock.advance(60 + 30)  # half of the window before still counts
    assert 4 == counting.spend("ada")
