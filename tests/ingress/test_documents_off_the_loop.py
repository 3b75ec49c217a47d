"""A large document is written beside the loop: others are answered meanwhile, and who leaves spoils nothing."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from msgspec import defstruct

from perdure import App, Request

ENDPOINTS = 300


def large_app() -> App:
    app = App("large")
    for number in range(ENDPOINTS):
        body = defstruct(f"Thing{number}", [(f"name{each}", str) for each in range(5)])
        handler = _handler(body)
        app.post(f"/things{number}", id=f"add{number}")(handler)
    return app


def _handler(body: type) -> Callable[[Any], Awaitable[None]]:
    async def add(req: Any) -> None: ...

    add.__annotations__["req"] = Request[body]  # type: ignore[valid-type]
    return add


async def ask(app: App) -> httpx.Response:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://x") as client:
        return await client.get("/openapi.json")


async def turns_until(done: "asyncio.Task[httpx.Response]") -> int:
    """Return how often the loop comes round until *done* is done."""
    turns = 0
    while not done.done():
        await asyncio.sleep(0)
        turns += 1
    return turns


def test_document_when_it_is_first_asked_for_leaves_the_loop_free() -> None:
    async def run() -> tuple[int, int, list[httpx.Response]]:
        app = large_app()
        app.compile()
        many = [asyncio.ensure_future(ask(app)) for _ in range(3)]
        first = await turns_until(many[0])
        answers = [await each for each in many]
        again = await turns_until(asyncio.ensure_future(ask(app)))
        return first, again, answers

    first, again, answers = asyncio.run(run())
    assert first > again + 20
    assert {200} == {answer.status_code for answer in answers}
    assert 1 == len({answer.headers["etag"] for answer in answers})
    assert ENDPOINTS == len(answers[0].json()["paths"])


def test_document_when_the_first_to_ask_leaves_is_there_for_the_others() -> None:
    async def run() -> httpx.Response:
        app = large_app()
        app.compile()
        first, second = (asyncio.ensure_future(ask(app)) for _ in range(2))
        for _ in range(40):
            await asyncio.sleep(0)
        first.cancel()
        return await second

    assert 200 == asyncio.run(run()).status_code
