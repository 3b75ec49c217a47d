"""Memory, when clients, paths, ids, versions and names are never the same twice."""

import asyncio
import gc
import logging
import tracemalloc
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from perdure import (
    App,
    AuditSettings,
    AuthSettings,
    Config,
    GlobalContext,
    JwtSettings,
    LocalContext,
    MetricsSettings,
    ProxySettings,
    RateSettings,
    Request,
    RolloutSettings,
    TraceSettings,
)
from tests.calls import run
from tests.identity.tokens import AUDIENCE, ISSUER, SECRET, token

ROUND, ROUNDS, WARM = 800, 5, 2
MOST_BYTES = 45
"""Per request; a name that is kept, of some of them, is more."""
ADDRESSES = 500
"""Clients' addresses; some thousands may be remembered, so that these come again."""


def app_with_small_limits(folder: Path) -> App:
    issuer = JwtSettings(issuer=ISSUER, audience=(AUDIENCE,), algorithms=("HS256",), secret="token_key")
    config = Config(
        audit=AuditSettings(dir=str(folder / "audit"), fsync="never", flush_s=0.01),
        auth=AuthSettings(jwt={"login": issuer}, cache_entries=50), metrics=MetricsSettings(series_limit=20),
        proxies=ProxySettings(trusted=("127.0.0.1",)), rates=RateSettings(client_limit=100),
        rollout=RolloutSettings(pin_on_first_use=True, pin_limit=50, usage_client_limit=20), store_url="memory:",
        traces=TraceSettings(exporter="none"), trust_request_id=True,
    )  # fmt: skip
    app = App("flat", config=config)

    @app.get("/things/{name}", rate_limit="1000/minute")
    async def get_thing(req: Request, lctx: LocalContext, gctx: GlobalContext) -> str:
        lctx.set(req.params["name"], req.path)
        gctx.metrics.counter("flat.things", labels=["name"]).bind(name=req.params["name"]).add()
        return await lctx.spawn(req.params["name"], name_of(req))

    return app


async def name_of(req: Request) -> str:
    return str(req.params["name"])


async def ask(app: App, number: int) -> int:
    """Send request *number*, which is unlike any other; return the status of its answer."""
    method, path, address = "GET", f"/things/{number}", number % ADDRESSES
    headers = {
        "x-forwarded-for": f"10.0.{address >> 8}.{address & 255}", "x-request-id": f"request-{number}",
        "user-agent": f"agent {number}", "tracestate": f"a={number}",
    }  # fmt: skip
    match number % 6:
        case 0:
            path = f"/nowhere/{number}"
        case 1:
            method = f"BREW{number}"
        case 2:
            headers["authorization"] = f"Bearer {number}"
        case 3:
            headers["api-version"] = f"v1.{number}.0"
        case 4:
            claims: dict[str, Any] = {"sub": f"client {number}", "exp": 4_102_444_800, "iat": None}
            headers["authorization"] = f"Bearer {token('HS256', SECRET.encode(), **claims)}"
        case _:
            pass
    return await status_of(app, method, path, f"page={number}", headers)


async def status_of(app: App, method: str, path: str, query: str, headers: Mapping[str, str]) -> int:
    statuses: list[int] = []
    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": method, "scheme": "http",
        "path": path, "raw_path": path.encode(), "query_string": query.encode(), "root_path": "",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": ("127.0.0.1", 4711), "server": ("test", 80),
    }  # fmt: skip

    is_told = False

    async def receive() -> dict[str, object]:
        nonlocal is_told
        if is_told:
            await asyncio.Event().wait()  # nothing more: whoever watches for the client's leaving would ask for ever
        is_told = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            statuses.append(message["status"])

    await app(scope, receive, send)
    return statuses[0]


def is_recorded(folder: Path, number: int) -> bool:
    """Return whether the record of request *number* is written: what waits to be written takes memory, too."""
    return any(f'"request-{number}"'.encode() in file.read_bytes() for file in folder.rglob("*.jsonl"))


def test_memory_stays_flat_when_no_two_requests_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TOKEN_KEY", SECRET)
    caplog.set_level(logging.CRITICAL, "perdure")  # what pytest keeps of the log grows
    app = app_with_small_limits(tmp_path)

    async def scenario() -> list[int]:
        taken: list[int] = []
        await app.start()
        for start in range(0, ROUNDS * ROUND, ROUND):
            seen = {await ask(app, number) for number in range(start, start + ROUND)}
            assert {200, 400, 401, 404, 405} == seen
            while not is_recorded(tmp_path, start + ROUND - 1):
                await asyncio.sleep(0.01)
            gc.collect()
            taken.append(tracemalloc.get_traced_memory()[0])
        await app.stop()
        return taken

    tracemalloc.start()
    try:
        taken = run(scenario(), 120)
    finally:
        tracemalloc.stop()
    assert (taken[-1] - taken[WARM]) / ((ROUNDS - 1 - WARM) * ROUND) < MOST_BYTES, taken
