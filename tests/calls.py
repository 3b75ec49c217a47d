"""Calling an app in process, the way an ASGI server would."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import httpx

from perdure import App, Execution
from perdure.lifecycle.deadlines import Deadlines

__all__ = ["call", "deadlines_of", "executions_of", "run", "serving"]

T = TypeVar("T")


@asynccontextmanager
async def serving(app: App) -> AsyncIterator[httpx.AsyncClient]:
    """Yield a client of *app*; nothing listens on a port."""
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://test") as client:
        yield client


def call(app: App, method: str, path: str, **options: Any) -> httpx.Response:
    """Send one request to *app*, in an event loop of its own."""

    async def send() -> httpx.Response:
        async with serving(app) as client:
            return await client.request(method, path, **options)

    return run(send())


def run(scenario: Coroutine[Any, Any, T], limit_s: float = 30) -> T:
    """Run *scenario* in an event loop of its own; one that hangs fails."""
    return asyncio.run(asyncio.wait_for(scenario, limit_s))


def executions_of(app: App) -> list[Execution]:
    """Return a list that gets the record of every request *app* finishes."""
    finished: list[Execution] = []
    app.observe(finished.append)
    return finished


def deadlines_of(app: App) -> Deadlines:
    """Return what interrupts the requests of *app*, so that a test can let their time pass without waiting."""
    return app._compiled().controller.deadlines
