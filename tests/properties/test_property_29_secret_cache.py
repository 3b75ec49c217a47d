"""Property 29: a secret is cached within its TTL, fetched again after it.

Time passes in steps that are drawn, the secret changes and is read in between, by one or by many at once, of whom some
give up. The provider notes when it was asked, and what it had then. The oracle goes by that alone: what is read must be
what the provider had less than a TTL ago, and it must have been asked then, and only then, when nothing that young was
there.
"""

import asyncio
from itertools import pairwise
from typing import Literal

from hypothesis import example, given, settings
from hypothesis import strategies as st

from perdure.clock import FakeClock
from perdure.config.secrets import SecretSettings
from perdure.secrets.manager import SecretsManager
from tests.secrets.fakes import FakeProvider, settle

Step = tuple[Literal["pass"], float] | tuple[Literal["change"], None] | tuple[Literal["read"], int]

# Eighths of a second, so that sums are exact, and ends are met to the point.
seconds = st.integers(0, 80).map(lambda eighths: eighths / 8)
steps: st.SearchStrategy[list[Step]] = st.lists(
    st.one_of(
        st.tuples(st.just("pass"), seconds),
        st.tuples(st.just("change"), st.none()),
        st.tuples(st.just("read"), st.integers(1, 4)),
    ),
    max_size=25,
)
ttls = st.integers(8, 64).map(lambda eighths: eighths / 8)


@settings(max_examples=200, deadline=None)
@given(ttl_s=ttls, course=steps, given_up=st.booleans())
@example(ttl_s=2.0, course=[("read", 1), ("change", None), ("pass", 2.0), ("read", 1)], given_up=False)
@example(ttl_s=2.0, course=[("read", 1), ("change", None), ("pass", 1.875), ("read", 4)], given_up=True)
def test_a_secret_is_cached_within_its_ttl_and_fetched_again_after_it(
    ttl_s: float, course: list[Step], given_up: bool
) -> None:
    asyncio.run(check(ttl_s, course, given_up))


async def check(ttl_s: float, course: list[Step], given_up: bool) -> None:
    clock = FakeClock()
    provider = FakeProvider(clock)
    current, changes = "value 0", 0
    provider.values["it"] = current
    asked: list[tuple[float, str]] = []  # when it must have been asked, and what it had then
    async with SecretsManager([provider], SecretSettings(ttl_s=ttl_s, refresh_at=1.0), clock) as manager:
        for kind, what in course:
            now = clock.monotonic()
            if kind == "pass":
                clock.advance(what or 0.0)
                await settle()
            elif kind == "change":
                changes += 1
                provider.values["it"] = current = f"value {changes}"
            else:
                if not asked or now - asked[-1][0] >= ttl_s:
                    asked.append((now, current))
                readers = [asyncio.create_task(manager.read("it", "test")) for _ in range(int(what or 0))]
                await asyncio.sleep(0)
                if given_up and len(readers) > 1:
                    readers.pop(0).cancel()
                read = {secret.reveal() for secret in await asyncio.gather(*readers)}
                assert {asked[-1][1]} == read
            assert [(at, "it") for at, _ in asked] == provider.asked


@settings(max_examples=100, deadline=None)
@given(ttl_s=st.integers(8, 480).map(lambda eighths: eighths / 8), gaps=st.lists(st.integers(1, 38), max_size=10))
def test_a_secret_in_use_is_fetched_before_its_ttl_ends_so_that_nobody_waits(ttl_s: float, gaps: list[int]) -> None:
    asyncio.run(check_in_use(ttl_s, gaps))


async def check_in_use(ttl_s: float, gaps: list[int]) -> None:
    """Read after each gap, in 64ths of the time to live, so that sums are exact: at most 0.6 of it."""
    clock = FakeClock()
    provider = FakeProvider(clock)
    provider.values["it"] = "value"
    async with SecretsManager([provider], SecretSettings(ttl_s=ttl_s, refresh_at=0.75), clock) as manager:
        await settle()  # the task that refreshes has begun to wait
        await manager.read("it", "test")
        for gap in gaps:
            for _ in range(gap):
                clock.advance(ttl_s / 64)
                await settle()
            before = provider.count
            await manager.read("it", "test")
            assert before == provider.count
            assert clock.monotonic() - provider.asked[-1][0] < ttl_s
    times = [at for at, _ in provider.asked]
    assert all(later - sooner >= ttl_s * 0.75 for sooner, later in pairwise(times)), "no sooner than need be"
    assert len(times) >= sum(gaps) / 64 / 1.5, "and again and again"
