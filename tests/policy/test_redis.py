"""Counting in Redis: by many processes together, and when it fails."""

import asyncio
import logging
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

import pytest
from redis.asyncio import Redis

from perdure.clock import FakeClock
from perdure.config import RateSettings
from perdure.context.secret import Secret
from perdure.errors import ConfigError, OverloadedError, SecretMissingError, SecretUnavailableError
from perdure.policy.counters import REFUSED, Limit, Standings
from perdure.policy.memory import MemoryCounters
from perdure.policy.opening import open_counters
from tests.policy.redis_server import RedisServer, redis_binary, redis_server

HOUR_US = 3_600_000_000
LIMIT = (Limit("orders", "client", 3, HOUR_US),)
Spend = Callable[[tuple[str, ...]], Standings | Awaitable[Standings]]


@pytest.fixture
def server() -> Iterator[RedisServer]:
    """A server of the test's own, to be ended and started as it likes."""
    found = RedisServer(redis_binary())
    yield found
    found.close()


async def no_secret(name: str) -> Secret:
    raise AssertionError(name)


@asynccontextmanager
async def counting(
    url: str, clock: FakeClock, fails: Literal["allow", "refuse"] = "allow", timeout_s: float = 5.0
) -> AsyncIterator[Spend]:
    settings = RateSettings(store_url=url, when_store_fails=fails, store_timeout_s=timeout_s, store_retry_s=1.0)
    counters = open_counters(settings, "shop", clock, no_secret)
    await counters.start()
    try:
        yield counters.bind(LIMIT).spend
    finally:
        await counters.stop()


async def ask(spend: Spend, key: str = "ada") -> int:
    counted = spend((key,))
    standings: Standings = await counted if isinstance(counted, Awaitable) else counted
    return standings[0][0]


async def test_four_processes_ask_at_once_no_window_has_more_than_allowed() -> None:
    url, allowed, length_s = redis_server().url, 10, 0.1
    script = Path(__file__).with_name("hammer.py")
    command = [sys.executable, str(script), url, str(allowed), str(round(length_s * 1e6)), "0.8"]
    processes = [subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) for _ in range(4)]
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    printed = [process.communicate(timeout=60)[0] for process in processes]
    assert all(printed), "each process was let in at least once"
    spans = sorted(
        (float(sent), float(answered)) for text in printed for sent, answered in map(str.split, text.splitlines())
    )
    for begun, _ in spans:
        surely_within = [each for each in spans if each[0] >= begun and each[1] <= begun + length_s * 0.999]
        assert len(surely_within) <= allowed
    assert len(spans) > 3 * allowed


async def test_apps_share_a_store_each_counts_for_itself() -> None:
    settings = RateSettings(store_url=redis_server().url)
    found = []
    for app in ("one app", "another"):
        counters = open_counters(settings, app, FakeClock(), no_secret)
        await counters.start()
        found.append(await ask(counters.bind(LIMIT).spend))
        await counters.stop()
    assert [2, 2] == found


async def test_store_dies_requests_pass_counted_alone_until_it_answers_again(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    clock = FakeClock()
    with caplog.at_level(logging.WARNING, "perdure.policy"):
        async with counting(server.url, clock) as spend:
            assert [2, 1] == [await ask(spend) for _ in range(2)]
            server.kill()
            assert [2, 1, 0, REFUSED] == [await ask(spend) for _ in range(4)]
            server.start()
            assert REFUSED == await ask(spend)  # it is left alone for a while
            clock.advance(1.0)
            assert [2, 1] == [await ask(spend) for _ in range(2)]
    began, ended = caplog.messages
    assert began.startswith(f"rate limits: {server.url} cannot be asked (ConnectionError")
    assert began.endswith("until it can, requests pass, counted by each process alone")
    assert ended == f"rate limits: {server.url} answers again, after 1.0 s"


async def test_store_is_away_at_start_requests_pass_and_it_is_found_later(server: RedisServer) -> None:
    clock = FakeClock()
    server.kill()
    async with counting(server.url, clock) as spend:
        assert 2 == await ask(spend)
        server.start()
        clock.advance(1.0)
        assert 2 == await ask(spend)
        assert 1 == await ask(spend)


async def test_store_dies_requests_are_refused_where_that_is_asked_for(
    server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    async with counting(server.url, FakeClock(), "refuse") as spend:
        assert 2 == await ask(spend)
        server.kill()
        for _ in range(3):
            with pytest.raises(OverloadedError):
                await ask(spend)
    (told,) = caplog.messages
    assert told.endswith("limited routes answer 503")


async def test_store_hangs_only_those_wait_who_asked_first(server: RedisServer) -> None:
    clock = FakeClock()
    async with counting(server.url, clock, timeout_s=1.0) as spend:
        assert 2 == await ask(spend)
        server.pause()
        begun_s = time.monotonic()
        found = await asyncio.gather(*(ask(spend, f"client {number}") for number in range(200)))
        assert [2] * 200 == found
        for _ in range(1000):
            assert not isinstance(spend((f"client {_}",)), Awaitable), "it is not asked again"
        clock.advance(1.0)
        first, others = spend(("ada",)), [spend((f"later {number}",)) for number in range(100)]
        assert isinstance(first, Awaitable), "one tries"
        assert not any(isinstance(each, Awaitable) for each in others), "the others go on"
        await first
        assert time.monotonic() - begun_s < 30
        server.resume()
        clock.advance(1.0)
        assert 1 == await ask(spend)


async def test_store_forgets_the_script_it_is_told_again(server: RedisServer) -> None:
    async with counting(server.url, FakeClock()) as spend, Redis.from_url(server.url) as redis:
        assert 2 == await ask(spend)
        await redis.script_flush()
        assert [1, 0, REFUSED] == await asyncio.gather(*(ask(spend) for _ in range(3)))


async def test_connection_is_cut_nobody_notices(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async with counting(server.url, FakeClock()) as spend, Redis.from_url(server.url) as redis:
        assert 2 == await ask(spend)
        await redis.client_kill_filter(_type="normal", skipme=True)
        assert [1, 0, REFUSED] == [await ask(spend) for _ in range(3)]
    assert [] == caplog.messages


async def test_store_cannot_write_is_an_outage(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async with counting(server.url, FakeClock()) as spend, Redis.from_url(server.url) as redis:
        await redis.config_set("maxmemory", "1")
        while not caplog.messages:  # it takes a moment to notice
            await ask(spend)
        assert [2, 1, 0, REFUSED] == [await ask(spend, "bob") for _ in range(4)]
    (told,) = caplog.messages
    assert "cannot be asked" in told


async def test_request_is_cancelled_while_it_waits_the_others_are_answered() -> None:
    async with counting(redis_server().url, FakeClock()) as spend:
        tasks = [asyncio.ensure_future(ask(spend, f"cancelled {number}")) for number in range(20)]
        await asyncio.sleep(0)
        for task in tasks[::2]:
            task.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
    assert [2] * 10 == found[1::2]
    assert all(isinstance(each, asyncio.CancelledError) for each in found[::2])


async def test_counters_stop_while_requests_wait_nobody_hangs(server: RedisServer) -> None:
    async with counting(server.url, FakeClock()) as spend:
        server.pause()
        waiting = [asyncio.ensure_future(ask(spend)) for _ in range(5)]
        await asyncio.sleep(0)
    assert [2, 1, 0, REFUSED, REFUSED] == await asyncio.gather(*waiting)
    server.resume()


@pytest.mark.parametrize("user", ["", "default@"])
async def test_store_wants_a_password_it_is_read_for_each_connection(
    user: str, caplog: pytest.LogCaptureFixture
) -> None:
    server = RedisServer(redis_binary(), "--requirepass", "first")
    passwords = ["first"]

    async def read(name: str) -> Secret:
        assert "redis_password" == name
        return Secret(passwords[-1])

    url = server.url.replace("//", f"//{user}")
    clock = FakeClock()
    counters = open_counters(RateSettings(store_url=url, secret="redis_password"), "shop", clock, read)
    await counters.start()
    spend = counters.bind(LIMIT).spend
    assert 2 == await ask(spend)
    async with Redis.from_url(server.url, password="first") as redis:
        await redis.config_set("requirepass", "second")
        await redis.client_kill_filter(_type="normal", skipme=True)
    passwords.append("second")
    assert 1 == await ask(spend)
    await counters.stop()
    server.close()
    assert [] == caplog.messages


async def test_nobody_has_the_password_the_app_does_not_start(server: RedisServer) -> None:
    async def read(name: str) -> Secret:
        raise SecretMissingError(f"no provider has {name}")

    counters = open_counters(RateSettings(store_url=server.url, secret="redis_pass"), "shop", FakeClock(), read)
    with pytest.raises(ConfigError, match=r"rates\.secret: no provider has redis_pass"):
        await counters.start()


async def test_password_cannot_be_read_requests_pass_counted_alone(server: RedisServer) -> None:
    async def read(_: str) -> Secret:
        raise SecretUnavailableError("the vault does not answer")

    counters = open_counters(RateSettings(store_url=server.url, secret="redis_pass"), "shop", FakeClock(), read)
    await counters.start()
    assert 2 == await ask(counters.bind(LIMIT).spend)
    assert 1 == await ask(counters.bind(LIMIT).spend)
    await counters.stop()


async def test_password_is_wrong_is_told_without_it(server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    async with counting(server.url.replace("//", "//:geheim@"), FakeClock()) as spend:
        assert 2 == await ask(spend)
    assert f"rate limits: {server.url} cannot be asked" in caplog.text
    assert "geheim" not in caplog.text


@pytest.mark.parametrize("kind", ["valkey", "unix"])
async def test_other_urls_lead_to_the_same_store(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    server = redis_server()
    url = server.socket_url if kind == "unix" else server.url.replace("redis", "valkey")
    async with counting(url, FakeClock()) as spend:
        counted = spend((f"over {kind}",))
        assert isinstance(counted, Awaitable), "the store was not asked"
        assert 2 == (await counted)[0][0]
    assert [] == caplog.messages


@pytest.mark.parametrize(("back_s", "expected"), [(60, REFUSED), (7_200, 2)])
async def test_clock_of_the_store_is_set_back(server: RedisServer, back_s: int, expected: int) -> None:
    """By less than the window: the moments counted stay. By more: nobody waits for a clock that is wrong."""
    async with counting(server.url, FakeClock()) as spend, Redis.from_url(server.url) as redis:
        for _ in range(3):
            await ask(spend)
        (key,) = await redis.keys("*")
        moments = [int(moment) + back_s * 1_000_000 for moment in await redis.lrange(key, 0, -1)]
        await redis.delete(key)
        await redis.rpush(key, *moments)
        counted = spend(("ada",))
        assert isinstance(counted, Awaitable)
        ((left, reset_us),) = await counted
        assert expected == left
        assert 0 < reset_us <= HOUR_US + back_s * 1_000_000
        assert await redis.pttl(key) > 0 or expected == REFUSED


def test_no_store_is_named_counts_in_memory() -> None:
    assert isinstance(open_counters(RateSettings(), "shop", FakeClock(), no_secret), MemoryCounters)


def test_client_is_not_installed_tells_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "perdure.policy.redis")
    monkeypatch.setitem(sys.modules, "redis.asyncio", None)
    with pytest.raises(ConfigError, match=r"rates.store_url needs the Redis client: pip install 'perdure\[redis\]'"):
        open_counters(RateSettings(store_url="redis://127.0.0.1"), "shop", FakeClock(), no_secret)
