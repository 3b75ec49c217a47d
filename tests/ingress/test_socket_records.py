"""WebSockets are told of as requests are: what observers, metrics and the audit log get of them."""

import asyncio
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perdure import App, AuditSettings, Config, Execution, OtlpSettings, Problem, TraceSettings, WebSocket
from perdure.ingress.asgi import Message
from perdure.telemetry.families import Buckets
from tests.calls import run
from tests.telemetry.otlp_receiver import attributes_of, http_collector


async def connect(app: App, path: str, *messages: str) -> list[Message]:
    """Offer a WebSocket at *path*, send *messages*, leave; return what the app sent."""
    scope = {"type": "websocket", "path": path, "headers": [(b"host", b"test")], "subprotocols": []}
    incoming: asyncio.Queue[Message] = asyncio.Queue()
    incoming.put_nowait({"type": "websocket.connect"})
    for message in messages:
        incoming.put_nowait({"type": "websocket.receive", "text": message})
    incoming.put_nowait({"type": "websocket.disconnect", "code": 1000})
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    await app(scope, incoming.get, send)
    return sent


def probe(config: Config | None = None) -> tuple[App, list[Execution]]:
    app, executions = App("probe", config=config), list[Execution]()
    app.observe(executions.append)

    @app.websocket("/echo")
    async def echo(ws: WebSocket[str, str]) -> None:
        async for text in ws:
            if text == "break":
                raise ValueError(text)
            await ws.send(text)

    def refuse() -> None:
        raise Problem(403, "no")

    @app.websocket("/closed", before=[refuse])
    async def closed(ws: WebSocket[str, str]) -> None: ...

    return app, executions


@pytest.mark.parametrize(
    ("path", "message", "status", "kinds"),
    [("/echo", "hello", 101, ["end"]), ("/echo", "break", 101, ["error", "end"]), ("/closed", "", 403, ["error"])],
)
def test_socket_that_ended_is_one_execution(path: str, message: str, status: int, kinds: list[str]) -> None:
    app, executions = probe()
    run(connect(app, path, message))
    [execution] = executions
    assert status == execution.status
    assert "request" == execution.events[0].stage == execution.events[-1].stage
    assert kinds[0] in [event.kind for event in execution.events]
    assert execution.meta.path == path


async def counted(app: App) -> dict[str, int]:
    found: dict[str, int] = {}
    for family in await app._compiled()._metrics.collect():
        if family.name == "http.server.request.duration":
            for sample in family.samples:
                assert isinstance(sample.value, Buckets)
                found[dict(sample.labels)["http.response.status_code"]] = sum(sample.value.counts)
    return found


def test_sockets_are_counted_by_what_their_offer_was_answered_with() -> None:
    app, _ = probe()

    async def scenario() -> dict[str, int]:
        for path in ("/echo", "/echo", "/closed", "/nothing"):
            await connect(app, path)
        return await counted(app)

    assert {"101": 2, "403": 1, "404": 1} == run(scenario())


def test_sockets_are_in_the_audit_log(tmp_path: Path) -> None:
    app, _ = probe(Config(audit=AuditSettings(dir=str(tmp_path))))

    async def scenario() -> None:
        await app.start()
        for path in ("/echo", "/nothing"):
            await connect(app, path, "hello")
        await app.stop()

    run(scenario())
    lines: Callable[[], Any] = lambda: (  # noqa: E731
        json.loads(line) for file in tmp_path.glob("*.jsonl") for line in file.read_text().splitlines()
    )
    records = {line["path"]: line for line in lines() if "path" in line}
    assert 101 == records["/echo"]["status"]
    assert 404 == records["/nothing"]["status"]


def test_a_socket_that_lasts_is_no_slow_request() -> None:
    with http_collector() as collector:
        traces, otlp = TraceSettings(ratio=0.0, slow_s=1e-9), OtlpSettings(endpoint=collector.url, metrics=False)
        app, _ = probe(Config(traces=traces, otlp=otlp))

        async def scenario() -> None:
            await app.start()
            await connect(app, "/echo", "hello")
            await connect(app, "/closed")
            await app.stop()

        run(scenario())
        (server,) = collector.servers()
        assert 403 == attributes_of(server.attributes)["http.response.status_code"]


def test_a_socket_that_breaks_has_failed_for_whoever_is_told(tmp_path: Path) -> None:
    with http_collector() as collector:
        traces, otlp = TraceSettings(ratio=0.0), OtlpSettings(endpoint=collector.url, metrics=False)
        app, executions = probe(Config(traces=traces, otlp=otlp, audit=AuditSettings(dir=str(tmp_path))))

        async def scenario() -> None:
            await app.start()
            await connect(app, "/echo", "hello")
            await connect(app, "/echo", "break")
            await app.stop()

        run(scenario())
        (server,) = collector.servers()
    assert ("ValueError", 2) == (attributes_of(server.attributes)["error.type"], server.status.code)
    assert ["end", "error"] == [execution.events[-1].kind for execution in executions]
    lines = "".join(file.read_text() for file in tmp_path.glob("*.jsonl")).splitlines()
    requests = [record for line in lines if (record := json.loads(line))["kind"] == "request"]
    assert ["", "ValueError"] == [record.get("error", "") for record in requests]
