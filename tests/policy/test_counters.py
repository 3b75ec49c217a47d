"""What all counters promise: in memory and in Redis, exact and approximate."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from perdure.policy.counters import REFUSED, Limit
from tests.policy.places import KINDS, Place, place_of, spend

HOUR_US = 3_600_000_000
SHORT_US = 40_000


@pytest.fixture(params=KINDS)
async def place(request: pytest.FixtureRequest) -> AsyncIterator[Place]:
    found = await place_of(request.param)
    yield found
    await found.close()


def left(standings: tuple[tuple[int, int], ...]) -> list[int]:
    return [each[0] for each in standings]


async def test_limit_lets_as_many_pass_as_allowed(place: Place) -> None:
    limits = (Limit("orders", "client", 3, HOUR_US),)
    counted = [left(await spend(place.counters, limits, ("ada",))) for _ in range(6)]
    assert [[2], [1], [0], [REFUSED], [REFUSED], [REFUSED]] == counted


async def test_clients_are_counted_apart(place: Place) -> None:
    limits = (Limit("orders", "client", 1, HOUR_US),)
    for key in ("ada", "bob", "@192.0.2.1", "@2001:db8::/64", "key: with {braces} and ü"):
        assert [0] == left(await spend(place.counters, limits, (key,)))
        assert [REFUSED] == left(await spend(place.counters, limits, (key,)))


async def test_scopes_kinds_and_rates_are_counted_apart(place: Place) -> None:
    for limit in (
        Limit("orders", "client", 1, HOUR_US), Limit("refunds", "client", 1, HOUR_US), Limit("", "client", 1, HOUR_US),
        Limit("orders", "address", 1, HOUR_US), Limit("orders", "client", 2, HOUR_US),
        Limit("orders", "client", 1, 2 * HOUR_US),
    ):  # fmt: skip
        assert [limit.allowed - 1] == left(await spend(place.counters, (limit,), ("ada",)))


async def test_equal_limits_are_counted_together_whoever_counts(place: Place) -> None:
    limit, other = Limit("", "client", 2, HOUR_US), Limit("orders", "client", 9, HOUR_US)
    assert [1] == left(await spend(place.counters, (limit,), ("ada",)))
    assert [8, 0] == left(await spend(place.counters, (other, limit), ("ada", "ada")))
    assert [REFUSED] == left(await spend(place.counters, (limit,), ("ada",)))


async def test_one_of_several_limits_refuses_none_counts(place: Place) -> None:
    wide, narrow = Limit("orders", "handler", 5, HOUR_US), Limit("orders", "client", 1, HOUR_US)
    assert [4, 0] == left(await spend(place.counters, (wide, narrow), ("", "ada")))
    for _ in range(9):
        assert [4, REFUSED] == left(await spend(place.counters, (wide, narrow), ("", "ada")))
    assert [3, 0] == left(await spend(place.counters, (wide, narrow), ("", "bob")))


async def test_reset_is_within_the_time_the_strategy_needs(place: Place) -> None:
    limits = (Limit("orders", "client", 1, HOUR_US),)
    for _ in range(3):
        ((_, reset_us),) = await spend(place.counters, limits, ("ada",))
        assert 0 < reset_us <= HOUR_US + 1


async def test_who_waits_as_long_as_told_passes(place: Place) -> None:
    limits = (Limit("orders", "client", 2, SHORT_US), Limit("orders", "address", 3, 3 * SHORT_US))
    refused = 0
    for _ in range(12):
        standings = await spend(place.counters, limits, ("ada", "@192.0.2.1"))
        waits_us = [reset_us for spare, reset_us in standings if spare == REFUSED]
        if waits_us:
            refused += 1
            await place.pass_us(max(waits_us))
            standings = await spend(place.counters, limits, ("ada", "@192.0.2.1"))
        assert REFUSED not in left(standings)
    assert refused


async def test_client_was_away_longer_than_two_windows_begins_anew(place: Place) -> None:
    limits = (Limit("orders", "client", 4, SHORT_US),)
    for _ in range(4):
        await spend(place.counters, limits, ("ada",))
    await place.pass_us(2 * SHORT_US)
    assert [3] == left(await spend(place.counters, limits, ("ada",)))


async def test_many_at_once_are_counted_one_by_one(place: Place) -> None:
    limits = (Limit("orders", "client", 100, HOUR_US), Limit("orders", "handler", 60, HOUR_US))
    found = await asyncio.gather(*(spend(place.counters, limits, ("ada", "")) for _ in range(700)))
    assert 60 == sum(REFUSED not in left(each) for each in found)
    assert {(spare - 40, spare) for spare in range(40, 100)} == {
        (handler, client) for client, handler in map(left, found) if handler != REFUSED
    }
