"""More than the server can do: what is turned away, who is not, and what is left afterwards."""

import asyncio
import textwrap
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.servers import Server

APP = """
    import asyncio, resource
    from perdure import App, CapacitySettings, Config, Request

    app = App("busy", config=Config(capacity=CapacitySettings(max_requests=240, retry_after_s=3, lag_limit_s=None)))

    @app.get("/work", priority="low")
    async def work() -> str:
        await asyncio.sleep(0.02)
        return "work"

    @app.get("/pay", priority="high")
    async def pay() -> str:
        await asyncio.sleep(0.02)
        return "pay"

    @app.post("/upload")
    async def upload(req: Request[bytes]) -> int:
        return len(req.body)

    @app.get("/one", concurrency=1)
    async def one() -> str:
        await asyncio.sleep(0.05)
        return "one"

    @app.get("/peak", priority="critical")
    async def peak() -> int:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
"""


@pytest.fixture
def busy(start_server: Callable[..., Server], tmp_path: Path) -> Server:
    (tmp_path / "app.py").write_text(textwrap.dedent(APP))
    return start_server(tmp_path / "app.py", "--store", "memory:")


async def dawdle(url: httpx.URL) -> None:
    """Send a body that never ends, a byte at a time; whoever is turned away leaves."""
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write(b"POST /upload HTTP/1.1\r\nHost: busy\r\nContent-Length: 1000\r\n\r\n")
        while not reader.at_eof() and not writer.is_closing():
            writer.write(b"x")
            await asyncio.sleep(0.05)
    finally:
        writer.transport.abort()


async def test_flood_beside_slow_clients_turns_nobody_away_who_may_not_wait(busy: Server) -> None:
    limits = httpx.Limits(max_connections=None)
    async with httpx.AsyncClient(base_url=busy.url, limits=limits, timeout=30) as client:
        before_kib = (await client.get("/peak")).json()
        slow = [asyncio.ensure_future(dawdle(client.base_url)) for _ in range(100)]
        flooding = True

        async def flood() -> list[httpx.Response]:
            return [await client.get("/work") for _ in range(6)]

        async def pay() -> list[httpx.Response]:
            return [await client.get("/pay") for _ in range(10)]

        async def look() -> list[int]:
            found = []
            while flooding:
                found.append((await client.get("/readyz")).status_code)
            return found

        looking = asyncio.ensure_future(look())
        paying = [asyncio.ensure_future(pay()) for _ in range(4)]
        answers = [answer for each in await asyncio.gather(*(flood() for _ in range(120))) for answer in each]
        paid = [answer.status_code for each in await asyncio.gather(*paying) for answer in each]
        flooding = False
        assert {200} == {*await looking}
        for each in slow:
            each.cancel()
        await asyncio.gather(*slow, return_exceptions=True)
        after_kib = (await client.get("/peak")).json()
        later = await client.get("/work")

    told = Counter(answer.status_code for answer in answers)
    assert {200, 503} == {*told}
    assert {"3"} == {answer.headers["retry-after"] for answer in answers if answer.status_code == 503}
    assert {200} == {*paid}
    assert 200 == later.status_code
    assert after_kib - before_kib < 64 * 1024


async def test_route_at_its_own_limit_answers_503_and_others_go_on(busy: Server) -> None:
    async with httpx.AsyncClient(base_url=busy.url) as client:
        answers = await asyncio.gather(*(client.get("/one") for _ in range(4)), client.get("/pay"))
        assert [200, 503, 503, 503] == sorted(answer.status_code for answer in answers[:4])
        assert 200 == answers[4].status_code
        assert 200 == (await client.get("/one")).status_code
