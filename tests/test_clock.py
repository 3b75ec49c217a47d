"""The clocks."""

import asyncio

import pytest

from perdure.clock import Clock, FakeClock, SystemClock


def test_system_clock_satisfies_the_protocol_and_ticks() -> None:
    clock: Clock = SystemClock()
    before = clock.monotonic()
    assert clock.monotonic() >= before
    assert clock.time() > 1_700_000_000


async def test_system_clock_sleep_returns() -> None:
    await SystemClock().sleep(0)


def test_fake_clock_stands_still_until_advanced() -> None:
    clock = FakeClock(time=100.0, monotonic=5.0)
    assert (clock.time(), clock.monotonic()) == (100.0, 5.0)
    clock.advance(2.5)
    assert (clock.time(), clock.monotonic()) == (102.5, 7.5)


def test_fake_clock_set_time_leaves_monotonic_alone() -> None:
    clock = FakeClock(time=100.0)
    clock.set_time(50.0)
    assert (clock.time(), clock.monotonic()) == (50.0, 0.0)


def test_fake_clock_advance_refuses_to_go_back() -> None:
    with pytest.raises(ValueError, match="backwards"):
        FakeClock().advance(-1)


async def test_fake_clock_wakes_sleepers_in_order_and_not_before_their_time() -> None:
    clock = FakeClock()
    woken: list[str] = []

    async def sleeper(name: str, seconds: float) -> None:
        await clock.sleep(seconds)
        woken.append(name)

    tasks = [
        asyncio.create_task(sleeper(name, seconds)) for name, seconds in (("b", 2), ("a", 1), ("c", 3), ("now", 0))
    ]
    for _ in range(3):
        await asyncio.sleep(0)
    assert woken == ["now"]
    clock.advance(2)
    for _ in range(3):
        await asyncio.sleep(0)
    assert woken == ["now", "a", "b"]
    clock.advance(1)
    await asyncio.gather(*tasks)
    assert woken == ["now", "a", "b", "c"]


async def test_fake_clock_passes_over_a_sleeper_that_was_cancelled() -> None:
    clock = FakeClock()
    task = asyncio.create_task(clock.sleep(1))
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    clock.advance(2)
