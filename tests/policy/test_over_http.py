"""Limits and capacity of a served app, as its clients see them."""

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from tests.policy.redis_server import redis_server
from tests.servers import Server

Start = Callable[..., Server]

APP = """
import asyncio, os
from perdure import App, CapacitySettings, Config, RateLimit, RateSettings

app = App("shop", config=Config(
    capacity=CapacitySettings(max_requests=10, retry_after_s=2),
    rates=RateSettings(store_url=os.environ.get("REDIS"), store_timeout_s=10.0),
))
open_ = asyncio.Event()


@app.get("/limited", rate_limit=RateLimit("100/hour", per="address"))
async def limited() -> int:
    return os.getpid()


@app.get("/wait")
async def wait() -> str:
    await open_.wait()
    return "waited"


@app.get("/narrow", concurrency=1)
async def narrow() -> str:
    await open_.wait()
    return "waited"


@app.post("/open", priority="critical")
async def open_all() -> str:
    open_.set()
    return "open"
"""


@pytest.fixture
def app(tmp_path: Path) -> Path:
    file = tmp_path / "app.py"
    file.write_text(APP)
    return file


async def fetch(client: httpx.AsyncClient, path: str, **headers: str) -> httpx.Response:
    return await client.get(path, headers=headers)


async def test_processes_share_a_limit_whatever_a_client_says_of_its_address(app: Path, start_server: Start) -> None:
    server = start_server(app, "--workers", "2", env={"REDIS": redis_server().url})
    counted: Counter[int] = Counter()
    answering = set()
    for burst in range(15):  # each on connections of its own, which the workers share out
        async with httpx.AsyncClient(base_url=server.url) as client:
            forged = {"X-Forwarded-For": f"198.51.100.{burst}", "Forwarded": f"for=198.51.100.{burst}"}
            for answer in await asyncio.gather(*(fetch(client, "/limited", **forged) for _ in range(8))):
                counted[answer.status_code] += 1
                assert '"address";q=100;w=3600' == answer.headers["ratelimit-policy"]
                if answer.status_code == 200:
                    answering.add(answer.json())
                else:
                    assert 3500 < int(answer.headers["retry-after"]) <= 3600
                    assert answer.headers["ratelimit"].startswith('"address";r=0;t=3')
    assert {200: 100, 429: 20} == counted
    assert len(answering) == 2, "both processes had some"


async def test_capacity_is_used_up_answers_503_and_health_checks_are_answered(app: Path, start_server: Start) -> None:
    server = start_server(app)
    async with httpx.AsyncClient(base_url=server.url, limits=httpx.Limits(max_connections=100)) as client:
        tasks = [asyncio.create_task(fetch(client, "/wait")) for _ in range(30)]
        while sum(task.done() for task in tasks) < 21:
            await asyncio.sleep(0.01)
        for path in ("/healthz", "/readyz"):
            assert 200 == (await client.get(path)).status_code
        assert 200 == (await client.post("/open")).status_code
        answers = await asyncio.gather(*tasks)
        refused = [answer for answer in answers if answer.status_code == 503]
        assert {"2"} == {answer.headers["retry-after"] for answer in refused}
        assert {"application/problem+json"} == {answer.headers["content-type"] for answer in refused}
        assert 200 == (await client.get("/wait")).status_code


async def test_concurrency_of_a_route_is_used_up_other_routes_are_answered(app: Path, start_server: Start) -> None:
    server = start_server(app)
    async with httpx.AsyncClient(base_url=server.url) as client:
        tasks = [asyncio.create_task(fetch(client, "/narrow")) for _ in range(3)]
        while sum(task.done() for task in tasks) < 2:
            await asyncio.sleep(0.01)
        assert 200 == (await client.get("/limited")).status_code
        await client.post("/open")
        assert {200: 1, 503: 2} == Counter([answer.status_code for answer in await asyncio.gather(*tasks)])
        for _ in range(3):
            assert 200 == (await client.get("/narrow")).status_code
