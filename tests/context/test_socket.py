"""WebSockets: contexts, hooks, messages, ends. Over real servers see `tests/ingress`."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from msgspec import Struct

from perdure import App, GlobalContext, LocalContext, Request, WebSocket
from perdure.errors import MalformedRequestError, PhaseError, SocketClosedError
from tests.calls import run

Message = dict[str, Any]


async def converse(
    app: App, path: str, sent: Sequence[str | bytes], headers: dict[str, str] | None = None
) -> list[Message]:
    """Open a WebSocket by ASGI, send messages and leave; return what came back."""
    events: list[Message] = [{"type": "websocket.connect"}]
    events += [{"type": "websocket.receive", "text" if isinstance(each, str) else "bytes": each} for each in sent]
    events.append({"type": "websocket.disconnect", "code": 1000})
    incoming = iter(events)
    answers: list[Message] = []

    async def receive() -> Message:
        event = next(incoming, None)
        if event is None:
            await asyncio.Event().wait()
            return {}
        return event

    async def send(message: Any) -> None:
        answers.append(dict(message))

    scope: dict[str, Any] = {
        "type": "websocket", "path": path, "raw_path": path.encode(), "query_string": b"", "http_version": "1.1",
        "headers": [(name.encode(), value.encode()) for name, value in (headers or {}).items()], "scheme": "ws",
        "client": None, "server": None, "subprotocols": [],
    }  # fmt: skip
    await app(scope, receive, send)
    return answers


def kinds(answers: list[Message]) -> list[str]:
    return [answer["type"].removeprefix("websocket.") for answer in answers]


def test_text_and_bytes_come_back() -> None:
    app = App("t")

    @app.websocket("/echo/{name}")
    async def echo(req: Request, ws: WebSocket, lctx: LocalContext, gctx: GlobalContext) -> None:
        await ws.send(f"{req.params['name']} {lctx.meta.route} {gctx.config.worker_threads}")
        async for message in ws:
            await ws.send(message)

    answers = run(converse(app, "/echo/ada", ["a", b"\xff"]))
    assert ["accept", "send", "send", "send"] == kinds(answers)[:4]
    assert ["ada /echo/{name} 16", "a", b"\xff"] == [
        answer.get("text", answer.get("bytes")) for answer in answers if answer["type"] == "websocket.send"
    ]


def test_connection_that_asks_for_no_version_there_is_is_refused() -> None:
    app = App("t")
    app.websocket("/echo")(_nothing)
    for asked in ("", "nonsense", "tsv:0-echo-000"):
        assert ["close"] == kinds(run(converse(app, "/echo", [], {"API-Version": asked}))), asked


async def _nothing(ws: WebSocket) -> None:
    await ws.send("never")


def test_connection_counts_as_use_of_its_version_when_it_begins() -> None:
    app = App("t")
    counted: list[tuple[str, int]] = []

    @app.websocket("/echo")
    async def echo(ws: WebSocket) -> None:
        await ws.send(str(len(counted)))

    app._compiled().controller.tally = lambda version, exchange, status, duration_s: counted.append((version, status))
    answers = run(converse(app, "/echo", []))
    assert "1" == next(answer["text"] for answer in answers if answer["type"] == "websocket.send")
    assert [("unversioned", 101)] == counted


class Bid(Struct):
    amount: int


def test_json_messages_have_their_types() -> None:
    app = App("t")

    @app.websocket("/bids")
    async def bids(ws: WebSocket[Bid, Bid]) -> None:
        bid = await ws.receive_json()
        await ws.send_json(Bid(bid.amount + 1))
        for _ in range(3):
            with pytest.raises(MalformedRequestError, match="not what is expected"):
                await ws.receive_json()
        await ws.close(3001)
        await ws.close()
        with pytest.raises(SocketClosedError):
            await ws.send("too late")
        with pytest.raises(SocketClosedError):
            await ws.receive()

    answers = run(converse(app, "/bids", ['{"amount": 1}', '{"amount": "x"}', "{", b"[" * 100_000]))
    assert ["accept", "send", "close"] == kinds(answers)
    assert ('{"amount":2}', 3001) == (answers[1]["text"], answers[2]["code"])


def test_a_handler_that_ends_closes_normally_and_hooks_run_around_it() -> None:
    app = App("t")
    ran: list[str] = []
    app.before(lambda lctx: ran.append(f"before {lctx.meta.handler}"))
    app.after(lambda: ran.append("after"))

    @app.websocket("/ws", before=[lambda: ran.append("route")])
    async def live() -> None:
        ran.append("handler")

    answers = run(converse(app, "/ws", []))
    assert (["accept", "close"], 1000) == (kinds(answers), answers[1]["code"])
    assert ["before live", "route", "handler", "after"] == ran


def test_a_before_hook_that_answers_refuses_the_connection() -> None:
    app = App("t")
    app.before(lambda: "no")

    @app.websocket("/ws")
    async def live() -> None:
        raise AssertionError("not reached")

    assert ["close"] == kinds(run(converse(app, "/ws", [])))


@pytest.mark.parametrize(("path", "version"), [("/nowhere", ""), ("/ws", "v9")])
def test_a_connection_nobody_serves_is_refused_before_it_is_accepted(path: str, version: str) -> None:
    app = App("t")

    @app.websocket("/ws")
    async def live() -> None: ...

    headers = {"api-version": version} if version else {}
    assert ["close"] == kinds(run(converse(app, path, [], headers)))


def test_a_handler_that_fails_closes_with_1011_and_is_cleaned_up(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")
    ran: list[str] = []
    app.catch(lambda error: ran.append(type(error).__name__))

    @app.websocket("/ws")
    async def live(ws: WebSocket, lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "compensated")
        lctx.catch(lambda: ran.append("local"))
        lctx.spawn("beside", asyncio.Event().wait())
        raise ValueError("secret")

    answers = run(converse(app, "/ws", []))
    assert (["accept", "close"], 1011) == (kinds(answers), answers[1]["code"])
    assert "secret" not in str(answers)
    assert "secret" in caplog.text
    assert ["local", "ValueError", "compensated"] == ran


def test_a_client_that_leaves_ends_the_handler_without_an_error(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")
    ran: list[str] = []
    app.catch(lambda: ran.append("catch"))

    @app.websocket("/ws")
    async def live(ws: WebSocket) -> None:
        while True:
            ran.append(str(await ws.receive()))

    run(converse(app, "/ws", ["a", "b"]))
    assert ["a", "b"] == ran
    assert [] == [each for each in caplog.records if each.name.startswith("perdure")]


def test_a_connections_own_hooks_run_and_what_after_hooks_return_is_ignored() -> None:
    app = App("t")
    ran: list[str] = []

    def note(name: str) -> Callable[[], str | None]:
        def hook() -> str | None:
            ran.append(name)
            return name if name.startswith("after") else None

        return hook

    @app.before
    def register(lctx: LocalContext) -> None:
        lctx.before(note("before local"))
        lctx.after(note("after local"))

    app.after(note("after global one"))
    app.after(note("after global two"))

    @app.websocket("/ws")
    async def live(lctx: LocalContext) -> None:
        with pytest.raises(PhaseError):
            lctx.before(note("too late"))
        ran.append("handler")

    assert ["accept", "close"] == kinds(run(converse(app, "/ws", [])))
    assert ["before local", "handler", "after local", "after global two", "after global one"] == ran
