"""Many requests at once, one in ten of them failing in one way or another; none of the others may notice."""

import asyncio
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from perdure import App, Execution, LocalContext, Problem, Request
from tests.ingress.wire import request

if TYPE_CHECKING:
    from tests.ingress.conftest import Server

TOTAL = 10_000
CONNECTIONS = 200


def fate(index: int) -> str:
    """Return what becomes of a request: one in ten fails."""
    return {0: "raise", 10: "hang", 20: "problem", 30: "leave"}.get(index % 40, "right")


async def read_answer(reader: asyncio.StreamReader) -> tuple[int, dict[str, str], bytes]:
    lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
    return int(lines[0].split(" ")[1]), fields, await reader.readexactly(int(fields.get("content-length", "0")))


class Crowd:
    """Clients that share the requests between them."""

    def __init__(self, port: int, key: str) -> None:
        self.port = port
        self.key = key
        self.left: list[str] = []
        self.ids: list[str] = []
        self.seen: Counter[str] = Counter()
        self._pending = iter(range(TOTAL))

    async def run(self) -> None:
        await asyncio.gather(*(self._client() for _ in range(CONNECTIONS)))

    async def _client(self) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        for index in self._pending:
            kind = fate(index)
            if kind == "leave":
                reader, writer = await self._leave(index, writer)
                self.seen[kind] += 1
                continue
            target = {"raise": "/raise", "hang": "/hang", "problem": "/problem"}.get(kind, f"/items/{index}")
            writer.write(request("GET", target))
            status, fields, body = await read_answer(reader)
            self.ids.append(fields["x-request-id"])
            members = json.loads(body)
            if kind == "right":
                is_right = (status, members, fields["x-probe"]) == (200, {"name": str(index)}, "signed")
            else:
                is_right = status == {"raise": 500, "hang": 504, "problem": 409}[kind]
                is_right = is_right and members["instance"] == fields["x-request-id"]
            self.seen[kind if is_right else f"wrong: {kind} {status} {body!r}"] += 1
        writer.close()

    async def _leave(
        self, index: int, leaving: asyncio.StreamWriter
    ) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """Leave a request that waits; return a connection to go on with."""
        name = f"{self.key}-{index}"
        self.left.append(name)
        leaving.write(request("GET", f"/wait/{name}"))
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        what: list[str] = []
        while "started" not in what:
            writer.write(request("GET", f"/happened/{name}"))
            what = json.loads((await read_answer(reader))[2])["what"]
        leaving.close()
        return reader, writer


@pytest.mark.slow
def test_ten_thousand_requests_of_which_one_in_ten_fails(server: "Server", key: str) -> None:
    crowd = Crowd(server.port, key)
    asyncio.run(crowd.run())
    assert crowd.seen == {"right": 9000, "raise": 250, "hang": 250, "problem": 250, "leave": 250}
    assert len(set(crowd.ids)) == TOTAL - 250
    for name in crowd.left:
        server.wait_happened(name, "compensated")
        assert server.happened(name) == ["started", "cancelled", "caught ClientDisconnectedError", "compensated"]


class Called:
    """One request put to an app as an ASGI server would; nothing of a client library between."""

    def __init__(self, app: App, path: str) -> None:
        self._app = app
        self._path = path
        self.sent: list[Any] = []
        self.leave = asyncio.Event()
        self._asked = False

    async def run(self) -> tuple[int, dict[str, Any]]:
        scope = {"type": "http", "method": "GET", "path": self._path, "query_string": b"", "headers": [(b"host", b"a")]}
        await self._app(scope, self._receive, self._send)
        return self.sent[0]["status"], json.loads(b"".join(message["body"] for message in self.sent[1:]))

    async def _receive(self) -> dict[str, Any]:
        if not self._asked:
            self._asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await self.leave.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        self.sent.append(message)


async def test_ten_thousand_requests_in_flight_at_the_same_time() -> None:
    app = App("crowd")
    gate, undone, finished = asyncio.Event(), list[str](), list[Execution]()
    app.observe(finished.append)
    arrived = 0

    @app.get("/{kind}/{index:int}", timeout_s=60)
    async def wait(req: Request, lctx: LocalContext) -> dict[str, Any]:
        nonlocal arrived
        index = req.params["index"]
        lctx.set("index", index)
        lctx.compensate(undone.append, f"{req.params['kind']} {index}")
        arrived += 1
        await gate.wait()
        match req.params["kind"]:
            case "raise":
                raise RuntimeError(f"{index}")
            case "problem":
                raise Problem(409, index=index)
        return {"index": lctx.get("index"), "id": lctx.request_id}

    kinds = {0: "raise", 10: "leave", 20: "problem", 30: "cancel"}
    calls = [Called(app, f"/{kinds.get(index % 40, 'right')}/{index}") for index in range(TOTAL)]
    tasks = [asyncio.ensure_future(call.run()) for call in calls]
    async with asyncio.timeout(60):
        while arrived < TOTAL:
            await asyncio.sleep(0)
        for index in range(10, TOTAL, 40):
            calls[index].leave.set()
        for index in range(30, TOTAL, 40):
            tasks[index].cancel()
        while len(undone) < 500:
            await asyncio.sleep(0.005)
        gate.set()
        answers = await asyncio.gather(*tasks, return_exceptions=True)

    ids = set()
    for index, answer in enumerate(answers):
        kind = kinds.get(index % 40, "right")
        if kind == "cancel":
            assert isinstance(answer, asyncio.CancelledError)
            continue
        assert isinstance(answer, tuple)
        status, body = answer
        assert status == {"right": 200, "raise": 500, "problem": 409, "leave": 499}[kind], (index, body)
        if kind == "right":
            assert body["index"] == index
        if kind == "problem":
            assert body["index"] == index
        ids.add(body.get("id") or body["instance"])
    assert len(ids) == TOTAL - 250
    assert len(undone) == len(set(undone)) == 1000
    assert not any(entry.startswith("right") for entry in undone)
    assert len({execution.meta.request_id for execution in finished}) == len(finished) == TOTAL
