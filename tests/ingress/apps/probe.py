"""What the conformance suite asks: every kind of body, answer and failure, and what became of each request."""

import asyncio
import hashlib
import os
import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Annotated, Any

from msgspec import Meta, Struct

from perdure import (
    App,
    Config,
    Empty,
    Event,
    EventStream,
    File,
    Form,
    FormData,
    GlobalContext,
    Html,
    LocalContext,
    Problem,
    Redirect,
    Request,
    Response,
    Stream,
    Text,
    UploadFile,
    WebSocket,
)

CONFIG = Config(
    request_timeout_s=20, body_limit_bytes=256 * 1024, upload_limit_bytes=48 * 1024 * 1024, header_limit_count=60,
    header_limit_bytes=8 * 1024,
)  # fmt: skip

app = App("probe", config=CONFIG)

_FOLDER = Path(tempfile.mkdtemp(prefix="perdure-probe-"))
_happened: dict[str, list[str]] = {}
_gates: dict[str, asyncio.Event] = {}


def _note(key: str, what: str) -> None:
    _happened.setdefault(key, []).append(what)


def _gate(key: str) -> asyncio.Event:
    return _gates.setdefault(key, asyncio.Event())


class Deputy:
    """A module that fails."""

    async def fail(self) -> None:
        raise RuntimeError("password=hunter2")


app.module("deputy", Deputy())


@app.startup
def _write_file() -> None:
    (_FOLDER / "digits.txt").write_bytes(bytes(48 + index % 10 for index in range(1000)))
    os.utime(_FOLDER / "digits.txt", (1_700_000_000, 1_700_000_000))


@app.before
async def _stamp(lctx: LocalContext) -> None:
    lctx.set("stamp", lctx.request_id)


@app.after
async def _sign(res: Response, lctx: LocalContext) -> None:
    res.set_header("x-probe", "signed" if lctx.get("stamp") == lctx.request_id else "mixed up")


# -- what became of requests ------------------------------------------------------------------------------------------


@app.get("/happened/{key}")
async def happened(req: Request) -> dict[str, Any]:
    return {"what": _happened.get(req.params["key"], [])}


@app.post("/gates/{key}")
async def open_gate(req: Request) -> dict[str, bool]:
    _gate(req.params["key"]).set()
    return {"open": True}


@app.get("/process")
async def process() -> dict[str, int]:
    fields = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines() if ":" in line)
    return {"pid": os.getpid(), "rss_kib": int(fields["VmRSS"].split()[0]), "peak_kib": int(fields["VmHWM"].split()[0])}


@app.post("/process/peak")
async def forget_peak() -> dict[str, bool]:
    Path("/proc/self/clear_refs").write_text("5")
    return {"forgotten": True}


# -- paths and headers ------------------------------------------------------------------------------------------------


@app.get("/items/{name}")
async def item(req: Request) -> dict[str, str]:
    return {"name": req.params["name"]}


@app.put("/items/{name}")
async def put_item(req: Request) -> dict[str, str]:
    return {"name": req.params["name"]}


@app.get("/numbers/{number:int}")
async def number(req: Request) -> dict[str, int]:
    return {"number": req.params["number"]}


@app.get("/tree/{rest:path}")
async def tree(req: Request) -> dict[str, str]:
    return {"rest": req.params["rest"]}


@app.get("/query")
async def query(req: Request) -> dict[str, list[str]]:
    return {name: req.query.values_of(name) for name in req.query}


@app.get("/host")
async def host(req: Request) -> dict[str, str]:
    return {"host": req.host, "version": req.http_version}


@app.get("/reflect")
async def reflect(req: Request, res: Response) -> dict[str, bool]:
    res.set_header("x-reflected", req.query["value"])
    return {"reflected": True}


@app.get("/elsewhere")
async def elsewhere(req: Request) -> Redirect:
    return Redirect(req.query["to"])


@app.get("/reflect-problem")
async def reflect_problem(req: Request) -> None:
    raise Problem(409, "reflected", headers={"x-reflected": req.query["value"]})


@app.get("/reflect-cookie")
async def reflect_cookie(req: Request, res: Response) -> dict[str, bool]:
    res.set_cookie("choice", req.query["value"])
    return {"reflected": True}


@app.get("/reflect-file")
async def reflect_file(req: Request) -> File:
    return File(_FOLDER / "digits.txt", filename=req.query["value"])


@app.get("/trace")
async def trace(req: Request, lctx: LocalContext) -> dict[str, str]:
    return {"trace_id": lctx.meta.trace_id, "request_id": lctx.request_id, "version": lctx.meta.version}


# -- bodies -----------------------------------------------------------------------------------------------------------


class Line(Struct, forbid_unknown_fields=True):
    sku: Annotated[str, Meta(min_length=1)]
    quantity: Annotated[int, Meta(ge=1, le=1000)]


class Order(Struct):
    lines: Annotated[list[Line], Meta(min_length=1)]
    note: str | None = None
    weight: float = 0.0


class Paging(Struct):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    tag: list[str] = []


class Wanted(Struct):
    x_level: Annotated[int, Meta(ge=0)] = 0


class Login(Struct):
    user: str
    age: int = 0


@app.post("/orders", status=201)
async def create_order(req: Request[Order]) -> Order:
    return req.body


@app.post("/strict/{number:int}")
async def strict(req: Request[Order, Any, Paging, Wanted]) -> Order:
    return req.body


@app.post("/tree-data")
async def tree_data(req: Request[Any]) -> dict[str, str]:
    return {"kind": type(req.body).__name__}


@app.post("/any")
async def take_any(req: Request) -> dict[str, Any]:
    body: Any = req.body
    shown = body.hex() if isinstance(body, bytes) else dict(body) if isinstance(body, FormData) else body
    return {"kind": type(body).__name__, "body": shown}


@app.post("/raw")
async def raw(req: Request[bytes]) -> dict[str, Any]:
    return {"size": len(req.body), "sha": hashlib.sha256(req.body).hexdigest()}


@app.post("/text")
async def text(req: Request[str]) -> dict[str, str]:
    return {"text": req.body}


@app.post("/stream")
async def stream(req: Request[AsyncIterator[bytes]]) -> dict[str, Any]:
    size, digest = 0, hashlib.sha256()
    async for chunk in req.body:
        size += len(chunk)
        digest.update(chunk)
    return {"size": size, "sha": digest.hexdigest()}


@app.post("/stream-back")
async def stream_back(req: Request[AsyncIterator[bytes]]) -> AsyncIterator[bytes]:
    async for chunk in req.body:
        yield chunk


@app.post("/stream-first")
async def stream_first(req: Request[AsyncIterator[bytes]]) -> dict[str, int]:
    """Answer when the first piece is there, and leave the rest."""
    async for chunk in req.body:
        return {"size": len(chunk)}
    return {"size": 0}


@app.post("/ignore")
async def ignore() -> dict[str, bool]:
    """Read no body at all."""
    return {"ignored": True}


@app.post("/form")
async def form(req: Request[Form[Login]]) -> Login:
    return req.body


@app.post("/upload")
async def upload(req: Request[FormData]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, values in req.body.items():
        for value in values:
            if isinstance(value, UploadFile):
                digest = hashlib.sha256()
                while chunk := await value.read(1 << 20):
                    digest.update(chunk)
                found[name] = {"filename": value.filename, "size": value.size, "sha": digest.hexdigest(),
                               "type": value.content_type}  # fmt: skip
            else:
                found[name] = value
    return found


@app.post("/slow-body", timeout_s=0.4)
async def slow_body(req: Request[bytes]) -> dict[str, int]:
    return {"size": len(req.body)}


# -- failures ---------------------------------------------------------------------------------------------------------


@app.get("/raise")
async def fail() -> None:
    raise RuntimeError("password=hunter2")


@app.get("/raise-sync")
def fail_sync() -> None:
    raise RuntimeError("password=hunter2")


@app.get("/problem")
async def problem() -> None:
    raise Problem(409, "only 2 left", title="Not enough stock", type="urn:probe:stock", left=2)


@app.get("/module")
async def module(gctx: GlobalContext) -> None:
    await gctx.modules.deputy.fail()


@app.get("/hang", timeout_s=0.2)
async def hang() -> None:
    await asyncio.Event().wait()


@app.get("/invalid-answer")
async def invalid_answer() -> Line:
    return Line(sku="", quantity=0)


@app.get("/wait/{key}")
async def wait(req: Request, lctx: LocalContext) -> dict[str, bool]:
    return await _wait(req, lctx)


@app.get("/insist/{key}", cancel_on_disconnect=False)
async def insist(req: Request, lctx: LocalContext) -> dict[str, bool]:
    return await _wait(req, lctx)


@app.post("/wait/{key}")
async def wait_with_body(req: Request[bytes], lctx: LocalContext) -> dict[str, bool]:
    return await _wait(req, lctx)


@app.post("/wait-ignoring/{key}")
async def wait_ignoring_body(lctx: LocalContext) -> dict[str, bool]:
    """As above, without ever looking at the body."""
    return await _wait_for(lctx.meta.path.rpartition("/")[2], lctx)


async def _wait(req: Request[Any], lctx: LocalContext) -> dict[str, bool]:
    return await _wait_for(req.params["key"], lctx)


async def _wait_for(key: str, lctx: LocalContext) -> dict[str, bool]:
    lctx.catch(lambda error: _note(key, f"caught {type(error).__name__}"))
    lctx.compensate(_note, key, "compensated")
    _note(key, "started")
    try:
        await _gate(key).wait()
    except asyncio.CancelledError:
        _note(key, "cancelled")
        raise
    _note(key, "finished")
    return {"waited": True}


@app.get("/odd-status/{status:int}")
async def odd_status(req: Request, res: Response) -> dict[str, bool]:
    res.status = req.params["status"]
    return {"odd": True}


@app.get("/odd-header/{name}")
async def odd_header(req: Request, res: Response) -> dict[str, bool]:
    res.add_header(req.params["name"], "1000")
    return {"odd": True}


# -- answers ----------------------------------------------------------------------------------------------------------


@app.get("/answers/text")
async def answer_text() -> str:
    return "grüße"


@app.get("/answers/csv")
async def answer_csv() -> Text:
    return Text("a,b\n", "text/csv; charset=utf-8")


@app.get("/answers/html")
async def answer_html() -> Html:
    return Html("<p>grüße")


@app.get("/answers/bytes")
async def answer_bytes() -> bytes:
    return bytes(range(256))


@app.get("/answers/none")
async def answer_none() -> None:
    return None


@app.get("/answers/empty-text")
async def answer_empty_text() -> str:
    return ""


@app.get("/answers/empty/{status:int}")
async def answer_empty(req: Request) -> Empty:
    return Empty(req.params["status"])


@app.get("/answers/redirect")
async def answer_redirect() -> Redirect:
    return Redirect("/answers/text?q=ü", 308)


@app.get("/answers/sync")
def answer_sync() -> dict[str, bool]:
    return {"sync": True}


@app.get("/answers/file")
async def answer_file() -> File:
    return File(_FOLDER / "digits.txt", filename="zahlen ü.txt", download=True)


@app.get("/answers/gone-file")
async def answer_gone_file() -> File:
    return File(_FOLDER / "nothing.txt")


@app.get("/answers/cookies")
async def answer_cookies(res: Response) -> dict[str, bool]:
    res.set_cookie("a", "1")
    res.set_cookie("b", "2")
    return {"cookies": True}


@app.get("/answers/order")
async def answer_order() -> Order:
    return Order([Line("a", 1)], note="ü")


@app.get("/streams/short")
async def stream_short() -> AsyncIterator[str]:
    for index in range(3):
        yield f"{index};"


@app.get("/streams/sync")
def stream_sync() -> Iterator[bytes]:
    for index in range(3):
        yield b"%d;" % index


@app.get("/streams/nothing")
async def stream_nothing() -> AsyncIterator[bytes]:
    for _ in range(0):
        yield b""


@app.get("/streams/gated/{key}")
async def stream_gated(req: Request) -> Stream:
    return Stream(_gated(req.params["key"]), "text/plain")


async def _gated(key: str) -> AsyncIterator[bytes]:
    try:
        yield b"first"
        _note(key, "waiting")
        await _gate(key).wait()
        yield b"last"
        _note(key, "finished")
    finally:
        _note(key, "closed")


@app.get("/streams/endless/{key}")
async def stream_endless(req: Request) -> Stream:
    return Stream(_endless(req.params["key"]))


async def _endless(key: str) -> AsyncIterator[bytes]:
    count = 0
    try:
        while True:
            yield bytes(65536)
            count += 1
            _happened[key] = [str(count)]
            await asyncio.sleep(0)
    finally:
        _note(key, "closed")


@app.get("/streams/large")
async def stream_large(req: Request) -> Stream:
    return Stream(_large(int(req.query["chunks"])))


async def _large(chunks: int) -> AsyncIterator[bytes]:
    chunk = bytes(65536)
    for _ in range(chunks):
        yield chunk


@app.get("/streams/breaks")
async def stream_breaks() -> Stream:
    return Stream(_breaks())


async def _breaks() -> AsyncIterator[bytes]:
    yield b"first"
    raise RuntimeError("password=hunter2")


@app.get("/streams/breaks-at-once")
async def stream_breaks_at_once() -> Stream:
    return Stream(_breaks_at_once())


async def _breaks_at_once() -> AsyncIterator[bytes]:
    if CONFIG.check_responses:
        raise RuntimeError("password=hunter2")
    yield b""


@app.get("/streams/wrong")
async def stream_wrong() -> Stream:
    return Stream(_wrong())


async def _wrong() -> AsyncIterator[Any]:
    yield b"first"
    yield 5


@app.get("/events")
async def events() -> EventStream:
    return EventStream(_three_events())


async def _three_events() -> AsyncIterator[object]:
    yield Event("one\ntwo", event="lines", id="1")
    yield {"n": 2}
    yield Event("grüße", retry=50)


@app.get("/events/silent/{key}")
async def events_silent(req: Request) -> EventStream:
    return EventStream(_gated_events(req.params["key"]), ping_s=0.05)


async def _gated_events(key: str) -> AsyncIterator[object]:
    try:
        yield "first"
        await _gate(key).wait()
        yield "last"
    finally:
        _note(key, "closed")


# -- sockets ----------------------------------------------------------------------------------------------------------


class Move(Struct):
    x: int
    y: Annotated[int, Meta(ge=0)] = 0


@app.websocket("/ws/echo")
async def ws_echo(ws: WebSocket) -> None:
    async for message in ws:
        await ws.send(message)


@app.websocket("/ws/moves")
async def ws_moves(ws: WebSocket[Move, Move]) -> None:
    while True:
        move = await ws.receive_json()
        await ws.send_json(Move(move.x + 1, move.y))


@app.websocket("/ws/rooms/{room}")
async def ws_room(req: Request, ws: WebSocket, lctx: LocalContext) -> None:
    await ws.send(f"{req.params['room']} {lctx.meta.version} {lctx.get('stamp') == lctx.request_id}")


@app.websocket("/ws/close")
async def ws_close(ws: WebSocket) -> None:
    await ws.receive()
    await ws.close(4001)


@app.websocket("/ws/odd-code")
async def ws_odd_code(ws: WebSocket) -> None:
    await ws.receive()
    await ws.close(70_000)


@app.websocket("/ws/raise")
async def ws_raise(ws: WebSocket) -> None:
    await ws.receive()
    raise RuntimeError("password=hunter2")


@app.websocket("/ws/wait/{key}")
async def ws_wait(req: Request, ws: WebSocket) -> None:
    key = req.params["key"]
    _note(key, "started")
    try:
        async for _ in ws:
            _note(key, "message")
        _note(key, "left")
    finally:
        _note(key, "ended")


@app.websocket("/ws/undone/{key}")
async def ws_undone(req: Request, ws: WebSocket, lctx: LocalContext) -> None:
    """Fail at the message ``fail``, end at any other; with work beside, and something to undo."""
    key = req.params["key"]
    lctx.catch(lambda error: _note(key, f"caught {type(error).__name__}"))
    lctx.compensate(_note, key, "compensated")
    lctx.spawn("waiting", _wait_and_note(key))
    if await ws.receive() == "fail":
        raise RuntimeError("password=hunter2")


async def _wait_and_note(key: str) -> None:
    _note(key, "spawned")
    try:
        await asyncio.Event().wait()
    finally:
        _note(key, "work ended")


@app.websocket("/ws/push/{key}")
async def ws_push(req: Request, ws: WebSocket) -> None:
    """Send to a client that may have left."""
    key = req.params["key"]
    _note(key, "started")
    try:
        while True:
            await ws.send("x" * 1000)
            await asyncio.sleep(0.001)
    finally:
        _note(key, "ended")


def _refuse() -> bool:
    return True


@app.websocket("/ws/refused", before=[_refuse])
async def ws_refused(ws: WebSocket) -> None:
    await ws.send("never")


def _refuse_with_problem() -> None:
    raise Problem(403, "not you")


@app.websocket("/ws/forbidden", before=[_refuse_with_problem])
async def ws_forbidden(ws: WebSocket) -> None:
    await ws.send("never")
