"""Deadlines: whom a sweep interrupts."""

import asyncio
from time import perf_counter

import httpx

from perdure import App
from tests.calls import deadlines_of, run, serving


def hanging(release: asyncio.Event, started: list[str]) -> App:
    app = App("t")

    @app.get("/quick", timeout_s=1)
    async def quick() -> str:
        started.append("quick")
        await release.wait()
        return "quick"

    @app.get("/slow", timeout_s=100)
    async def slow() -> str:
        started.append("slow")
        await release.wait()
        return "slow"

    return app


async def until(started: list[str], count: int) -> None:
    while len(started) < count:
        await asyncio.sleep(0)


def test_a_sweep_interrupts_those_that_are_over_their_own_time() -> None:
    async def scenario() -> list[httpx.Response]:
        release, started = asyncio.Event(), list[str]()
        app = hanging(release, started)
        async with serving(app) as client:
            sent = [asyncio.create_task(client.get(path)) for path in ("/quick", "/slow", "/quick")]
            await until(started, 3)
            deadlines = deadlines_of(app)
            assert 3 == len(deadlines)
            deadlines.sweep(perf_counter() + 50)
            assert 1 == len(deadlines)
            await asyncio.sleep(0)
            release.set()
            answers = await asyncio.gather(*sent)
            assert 0 == len(deadlines)
            return answers

    assert [504, 200, 504] == [response.status_code for response in run(scenario())]


def test_interrupting_all_spares_neither_the_young_nor_the_old() -> None:
    async def scenario() -> list[httpx.Response]:
        release, started = asyncio.Event(), list[str]()
        app = hanging(release, started)
        async with serving(app) as client:
            sent = [asyncio.create_task(client.get("/slow"))]
            await until(started, 1)
            deadlines = deadlines_of(app)
            deadlines.sweep(perf_counter() + 50)  # from now on this one is old
            sent += [asyncio.create_task(client.get(path)) for path in ("/quick", "/slow")]
            await until(started, 3)
            assert 3 == app.interrupt()
            assert 0 == len(deadlines)
            return list(await asyncio.gather(*sent))

    assert [503, 503, 503] == [response.status_code for response in run(scenario())]


def test_sweeping_twice_interrupts_once() -> None:
    async def scenario() -> httpx.Response:
        release, started = asyncio.Event(), list[str]()
        app = hanging(release, started)
        async with serving(app) as client:
            sent = asyncio.create_task(client.get("/quick"))
            await until(started, 1)
            for seconds in (50, 51, 52):
                deadlines_of(app).sweep(perf_counter() + seconds)
            return await sent

    assert 504 == run(scenario()).status_code


def test_one_app_serves_in_several_event_loops_one_after_the_other() -> None:
    app = App("t")
    started: list[str] = []

    @app.get("/", timeout_s=1)
    async def handle() -> None:
        started.append("once more")
        await asyncio.Event().wait()

    async def time_out() -> httpx.Response:
        before = len(started)
        async with serving(app) as client:
            sent = asyncio.create_task(client.get("/"))
            await until(started, before + 1)
            deadlines_of(app).sweep(perf_counter() + 2)
            return await sent

    assert [504, 504] == [run(time_out()).status_code for _ in range(2)]


def test_time_passes_by_itself() -> None:
    app = App("t")

    @app.get("/", timeout_s=0.05)
    async def handle() -> None:
        await asyncio.Event().wait()

    async def scenario() -> httpx.Response:
        async with serving(app) as client:
            return await client.get("/")

    assert 504 == run(scenario()).status_code
