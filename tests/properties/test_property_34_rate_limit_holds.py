"""Property 34: a rate limit holds in every window.

Requests come in an order and at times that are drawn, from clients and under limits that are drawn, through the gates
of several handlers. The oracle knows nothing of windows that move: it has the list of who was let in and when, and
counts. A request comes in iff, for each of its limits, fewer than allowed were let in within the window that ends with
it; so no window of that length, wherever it begins, has more. Who waits as long as the answer says comes in, if nobody
else came; and no second less would do.

In Redis time cannot be drawn: there, what was surely let in within a window is counted, by when requests were sent and
answered.
"""

import asyncio
import itertools
import time
from collections.abc import Awaitable
from typing import NamedTuple

from hypothesis import example, given, settings
from hypothesis import strategies as st

from perdure import Config
from perdure.clock import FakeClock, SystemClock
from perdure.config import RateLimit, RateSettings
from perdure.context.exchange import Exchange
from perdure.context.principal import Principal
from perdure.errors import RateLimitedError
from perdure.policy.base import RoutePolicy
from perdure.policy.clients import Clients
from perdure.policy.counters import REFUSED, Counters, Limit
from perdure.policy.gate import Gate
from perdure.policy.gates import Gates
from perdure.policy.memory import MemoryCounters
from perdure.policy.redis import RedisCounters
from tests.policy.exchanges import from_address, from_principal
from tests.policy.redis_server import redis_server

ADDRESSES = ("192.0.2.1:1", "192.0.2.1:2", "[2001:db8::1]:1", "[2001:db8::2]:1", "")
NETWORKS = ("192.0.2.1", "192.0.2.1", "2001:db8::", "2001:db8::", "")
NAMES = (None, "ada", "bob")
HANDLERS = ("orders", "refunds")

LIMITS = st.builds(
    RateLimit,
    st.builds("{}/{} seconds".format, st.integers(1, 6), st.integers(1, 12)),
    st.sampled_from(["client", "address", "handler"]),
)


class Arrival(NamedTuple):
    """One request: how long after the one before, for what, and from whom."""

    after_us: int
    handler: int
    address: int
    name: int


ARRIVALS = st.builds(
    Arrival,
    st.one_of(st.just(0), st.integers(1, 999), st.integers(0, 14_000_000), st.integers(1, 12).map((1_000_000).__mul__)),
    st.integers(0, 1),
    st.integers(0, len(ADDRESSES) - 1),
    st.integers(0, len(NAMES) - 1),
)


def exchange_of(arrival: Arrival) -> Exchange:
    name, address = NAMES[arrival.name], ADDRESSES[arrival.address]
    return from_address(address) if name is None else from_principal(Principal(subject=name, scheme="staff"), address)


def sharer(limit: RateLimit, arrival: Arrival, is_shared: bool) -> tuple[object, ...]:
    """Return what requests have in common that a limit counts together."""
    scope = "all" if is_shared else HANDLERS[arrival.handler]
    if limit.per == "handler":
        return (scope,)
    name = NAMES[arrival.name]
    if limit.per == "client" and name is not None:
        return (scope, "name", name)
    return (scope, "address", NETWORKS[arrival.address])


def gates_of(shared: list[RateLimit], own: list[list[RateLimit]], counters: Counters) -> list[Gate | None]:
    gates = Gates(Config(rates=RateSettings(limits=tuple(shared))), (), "shop", counters, Clients())
    return [
        gates.gate(handler, RoutePolicy(rate_limits=tuple(limits)))
        for handler, limits in zip(HANDLERS, own, strict=True)
    ]


def has_room(
    rules: list[tuple[RateLimit, bool]], let_in: list[tuple[int, Arrival]], arrival: Arrival, at_us: int
) -> bool:
    """Count, for each limit, who was let in within the window that ends at *at_us*."""
    return all(
        limit.allowed
        > sum(
            sharer(limit, earlier, is_shared) == sharer(limit, arrival, is_shared)
            for then_us, earlier in let_in
            if then_us > at_us - limit.window_s * 1_000_000
        )
        for limit, is_shared in rules
    )


def refused_for_s(gate: Gate, exchange: Exchange) -> int:
    """Let *exchange* in and return 0, or return how long it is told to wait."""
    try:
        gate.admit(exchange, None)
    except RateLimitedError as error:
        return error.retry_after_s
    gate.leave()
    return 0


@settings(max_examples=200)
@given(
    st.lists(LIMITS, max_size=2), st.tuples(*(st.lists(LIMITS, max_size=3) for _ in HANDLERS)).map(list),
    st.lists(ARRIVALS, min_size=1, max_size=30),
)  # fmt: skip
@example(
    [], [[RateLimit("2/second"), RateLimit("1/second", per="address")], []],
    [Arrival(0, 0, 0, 1), Arrival(1_000_000, 0, 0, 0), Arrival(0, 0, 0, 0)],
)  # fmt: skip
@example([RateLimit("2/10 seconds")], [[], []], [Arrival(gap, 0, 0, 0) for gap in (1, 9_000_000, 999_999, 1, 1)])
def test_requests_come_in_iff_every_window_has_room(
    shared: list[RateLimit], own: list[list[RateLimit]], arrivals: list[Arrival]
) -> None:
    clock = FakeClock(monotonic=0.1)
    counters = MemoryCounters(RateSettings(), clock)
    gates = gates_of(shared, own, counters)
    let_in: list[tuple[int, Arrival]] = []
    now_us = 0
    for arrival in arrivals:
        clock.advance(arrival.after_us / 1_000_000)
        now_us += arrival.after_us
        gate = gates[arrival.handler]
        if gate is None:
            assert not shared
            assert not own[arrival.handler]
            continue
        rules = [(limit, True) for limit in shared] + [(limit, False) for limit in own[arrival.handler]]
        wait_s = refused_for_s(gate, exchange_of(arrival))
        if wait_s:
            assert not has_room(rules, let_in, arrival, now_us)
            assert has_room(rules, let_in, arrival, now_us + wait_s * 1_000_000)
            assert not has_room(rules, let_in, arrival, now_us + (wait_s - 1) * 1_000_000)
        else:
            assert has_room(rules, let_in, arrival, now_us)
            let_in.append((now_us, arrival))
    for limit in shared:  # and once more as the property is put: no window has more than allowed
        for begun_us, first in let_in:
            within = [
                each
                for each in let_in
                if 0 <= each[0] - begun_us < limit.window_s * 1_000_000
                and sharer(limit, each[1], True) == sharer(limit, first, True)
            ]
            assert len(within) <= limit.allowed


_numbers = itertools.count()


@settings(max_examples=40)
@given(
    st.integers(1, 5), st.integers(3, 40), st.integers(1, 5),
    st.lists(st.tuples(st.integers(0, 30), st.integers(1, 4)), min_size=3, max_size=12), st.uuids(),
)  # fmt: skip
def test_shared_counters_have_no_window_with_more_than_allowed(
    allowed: int, length_ms: int, processes: int, bursts: list[tuple[int, int]], name: object
) -> None:
    """Several counters on one server, as many processes have: each with a connection of its own."""
    url = redis_server().url
    limits = (Limit("orders", "client", allowed, length_ms * 1000),)
    spans: list[tuple[float, float]] = []

    async def ask(counters: RedisCounters) -> None:
        sent_s = time.monotonic()
        counted = counters.bind(limits).spend(("ada",))
        assert isinstance(counted, Awaitable), "the store was not asked"
        if (await counted)[0][0] != REFUSED:
            spans.append((sent_s, time.monotonic()))

    async def run() -> None:
        rates = RateSettings(when_store_fails="refuse", store_timeout_s=10.0)
        # Whatever was drawn before, nobody has counted for an app of this name.
        app = f"{name}-{next(_numbers)}"
        fleet = [RedisCounters(rates, url, app, SystemClock(), None) for _ in range(processes)]
        await asyncio.gather(*(counters.start() for counters in fleet))
        for pause_ms, size in bursts:
            await asyncio.sleep(pause_ms / 1000)
            await asyncio.gather(*(ask(counters) for counters in fleet for _ in range(size)))
        await asyncio.gather(*(counters.stop() for counters in fleet))

    asyncio.run(run())
    assert len(spans) >= min(allowed, processes * bursts[0][1])
    for begun_s, _ in spans:
        ends_s = begun_s + length_ms / 1000 * 0.999
        surely_within = [each for each in spans if each[0] >= begun_s and each[1] <= ends_s]
        assert len(surely_within) <= allowed
