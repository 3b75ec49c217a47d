"""The access log, as whoever has set up logging gets it."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator

import httpx
import pytest

from perdure import ApiKeySettings, App, AuthSettings, Config, LocalContext, LogSettings, Stream
from perdure.clock import FakeClock
from perdure.context.recording import Recorder
from perdure.context.refusal import Refusal
from perdure.logs.access import AccessLog


async def records(app: App, *paths: str, headers: dict[str, str] | None = None) -> None:
    await app.start()
    transport = httpx.ASGITransport(app, client=("127.0.0.1", 123))
    async with httpx.AsyncClient(transport=transport, base_url="http://shop.example") as client:
        for path in paths:
            await client.get(path, headers=headers)
    await app.stop()


def shop(settings: LogSettings, auth: AuthSettings | None = None) -> App:
    app = App("shop", config=Config(logs=settings, auth=auth or AuthSettings(), store_url="memory:"))

    @app.get("/orders/{sku}", id="order")
    async def order() -> str:
        return "ok"

    @app.get("/stream")
    async def stream() -> Stream:
        async def parts() -> AsyncIterator[bytes]:
            yield b"a"

        return Stream(parts(), media_type="text/plain")

    @app.get("/fail")
    async def fail() -> str:
        raise RuntimeError("no")

    return app


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [" ".join(record.message.split()[:3]) for record in caplog.records if record.name == "perdure.access"]


async def test_a_request_is_one_record_with_all_there_is_to_say(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    before = time.time()
    await records(shop(LogSettings(access=True)), "/orders/A1?token=x", headers={"user-agent": "probe"})
    (record,) = (each for each in caplog.records if each.name == "perdure.access")
    facts = vars(record)
    assert {
        "method": "GET", "path": "/orders/A1", "status": 200, "sent_bytes": 2, "received_bytes": 0,
        "client": "127.0.0.1:123", "user_agent": "probe", "handler": "order", "route": "/orders/{sku}",
        "version": "unversioned",
    }.items() <= facts.items()  # fmt: skip
    assert {"request_id", "trace_id", "span_id", "duration_ms"} <= facts.keys()
    assert before <= record.created <= time.time()
    assert "token" not in record.message


async def test_refusals_failures_and_streams_are_written_and_health_checks_are_not(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    await records(shop(LogSettings(access=True)), "/nowhere", "/healthz", "/readyz", "/fail", "/stream")
    assert ["GET /nowhere 404", "GET /fail 500", "GET /stream 200"] == told(caplog)
    stream = [each for each in caplog.records if each.name == "perdure.access"][-1]
    assert (1, "complete") == (vars(stream)["sent_bytes"], vars(stream)["stream"])


async def test_who_was_not_let_in_is_written_with_the_reason(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    auth = AuthSettings(mode="required", api_keys=ApiKeySettings())
    await records(shop(LogSettings(access=True), auth), "/orders/A1")
    (record,) = (each for each in caplog.records if each.name == "perdure.access")
    assert (401, "UnauthenticatedError", "order") == tuple(
        vars(record)[name] for name in ("status", "reason", "handler")
    )


async def test_without_being_asked_for_there_is_none(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await records(shop(LogSettings()), "/orders/A1")
    assert [] == told(caplog)


async def test_a_share_is_written_evenly_and_all_faults(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    paths = [f"/orders/{number}" for number in range(40)]
    await records(shop(LogSettings(access=True, access_share=0.1)), *paths, "/fail", "/fail")
    assert ["GET /orders/0 200", "GET /orders/10 200", "GET /orders/20 200", "GET /orders/30 200"] == told(caplog)[:4]
    assert ["GET /fail 500"] * 2 == told(caplog)[4:]


async def test_a_share_of_nothing_still_writes_faults(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await records(shop(LogSettings(access=True, access_share=0.0)), "/orders/1", "/orders/2", "/fail")
    assert ["GET /fail 500"] == told(caplog)


async def test_more_than_a_second_may_have_are_counted(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    clock = FakeClock()
    access = AccessLog(LogSettings(access_per_s=3), clock)
    app = shop(LogSettings())
    app.compile()
    seen: list[object] = []
    app.observe(seen.append)
    finished: list[tuple[LocalContext, int, int, float]] = []

    class Keeper(Recorder):
        def finished(self, lctx: LocalContext, status: int, size_bytes: int, ended: float) -> None:
            finished.append((lctx, status, size_bytes, ended))

        def refused(self, refusal: Refusal) -> None: ...

    runtime = app._runtime
    assert runtime is not None
    monkeypatch.setattr(runtime.controller, "_recorders", (Keeper(),))
    await records(app, "/orders/1")
    access.start()
    for _ in range(5):
        access.finished(*finished[0])
    clock.advance(1.0)
    access.finished(*finished[0])
    await asyncio.to_thread(access.stop)
    assert ["GET /orders/1 200"] * 4 == told(caplog)[:4]
    assert "2 requests were not written" == caplog.messages[-1]


async def test_a_path_cannot_forge_a_line(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    await records(shop(LogSettings(access=True)), "/orders/a%0A2026-01-01%20forged%1b%5B31m%E2%80%A8x%C2%85", "/a%0Db")
    messages = [record.message for record in caplog.records if record.name == "perdure.access"]
    assert 2 == len(messages)
    assert all(message.isprintable() for message in messages)
