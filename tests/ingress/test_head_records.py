"""What is told of HEAD: no body is sent, however long the one of GET would be."""

import logging
from pathlib import Path
from typing import Any

import httpx
import pytest

from perdure import App, AuditSettings, Config, LogSettings
from perdure.telemetry.families import Buckets
from tests.audit.logs import records
from tests.calls import run


def probe(folder: Path) -> App:
    app = App("probe", config=Config(
        audit=AuditSettings(dir=str(folder), fsync="never", unserved=True), logs=LogSettings(access=True),
    ))  # fmt: skip

    @app.get("/text")
    async def text() -> str:
        return "12345678"

    @app.get("/broken")
    async def broken() -> str:
        raise RuntimeError("no")

    return app


async def sizes(app: App) -> list[tuple[str, int, float]]:
    found = []
    for family in await app._compiled()._metrics.collect():
        if family.name == "http.server.response.body.size":
            for sample in family.samples:
                assert isinstance(sample.value, Buckets)
                found.append((dict(sample.labels)["http.request.method"], sum(sample.value.counts), sample.value.total))
    return sorted(found)


@pytest.mark.parametrize("path", ["/text", "/broken", "/nowhere", "/openapi.json", "/healthz"])
def test_head_sends_no_bytes(path: str, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "perdure.access")
    app = probe(tmp_path)

    async def scenario() -> tuple[int, list[tuple[str, int, float]]]:
        await app.start()
        transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            body = (await client.get(path)).content
            assert b"" == (await client.head(path)).content
            counted = await sizes(app)
        await app.stop()
        return len(body), counted

    size, counted = run(scenario())
    assert size > 0
    told: list[dict[str, Any]] = records(tmp_path, "request", "refusal")
    assert [("GET", size), ("HEAD", 0)] == [(each["method"], each["bytes"]) for each in told]
    assert [("GET", 1, size), ("HEAD", 1, 0)] == counted
    facts = [vars(record) for record in caplog.records if record.name == "perdure.access"]
    lines = {each["method"]: each["sent_bytes"] for each in facts}
    assert {"GET": size, "HEAD": 0}.items() >= lines.items()  # health checks have no line
