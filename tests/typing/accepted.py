"""A program as users write it; mypy --strict takes it as it is."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Annotated, Protocol, TypedDict, assert_type
from uuid import UUID

from msgspec import Meta, Struct

from perdure import (
    App,
    Config,
    Empty,
    Event,
    EventStream,
    Execution,
    File,
    Form,
    FormData,
    GlobalContext,
    Hook,
    LocalContext,
    Problem,
    Redirect,
    Request,
    RequestParts,
    Response,
    ResponseParts,
    Revision,
    Router,
    Snapshot,
    Stream,
    Text,
    Values,
    WebSocket,
    Work,
    current_context,
)  # fmt: skip

__all__ = ["app", "revision"]


class Line(Struct):
    sku: str
    quantity: Annotated[int, Meta(ge=1, le=1000)]


class NewOrder(Struct):
    lines: list[Line]


class Order(NewOrder):
    id: UUID


class OrderPath(TypedDict):
    order_id: UUID


@dataclass
class Page:
    limit: int = 20
    tag: list[str] | None = None


class Tenant(Struct):
    x_tenant: str


class Login(Struct):
    name: str


class Orders(Protocol):
    async def create(self, order: NewOrder) -> Order: ...
    async def find(self, order_id: UUID) -> Order | None: ...
    def count(self) -> int: ...


class Modules(Protocol):
    @property
    def orders(self) -> Orders: ...


Gctx = GlobalContext[Modules]


@asynccontextmanager
async def lifespan(gctx: GlobalContext[Modules]) -> AsyncIterator[None]:
    assert_type(gctx.modules.orders.count(), int)
    yield


app = App("shop", config=Config(settings={"currency": "EUR"}, tags={"partners": "latest"}), lifespan=lifespan)
orders = Router("/orders", before=[lambda lctx: None], catch=[Hook(lambda error: None, timeout_s=1)])


@orders.post("/", status=201, timeout_s=5, summary="Place an order")
async def create_order(req: Request[NewOrder], res: Response[Order], lctx: LocalContext, gctx: Gctx) -> Order:
    assert_type(req.body, NewOrder)
    assert_type(req.body.lines[0].quantity, int)
    order = await gctx.modules.orders.create(req.body)
    assert_type(order, Order)
    lctx.compensate(print, "undo", order.id)
    res.set_header("Location", f"/orders/{order.id}")
    res.status = 201
    return order


@orders.get("/{order_id:uuid}")
async def get_order(req: Request[None, OrderPath, Page, Tenant], gctx: Gctx) -> Order:
    assert_type(req.params["order_id"], UUID)
    assert_type(req.query, Page)
    assert_type(req.query.limit, int)
    assert_type(req.headers.x_tenant, str)
    order = await gctx.modules.orders.find(req.params["order_id"])
    if order is None:
        raise Problem(404, f"no order {req.params['order_id']}", headers={"x-hint": "1"}, order_id="7")
    return order


@orders.get("/")
def list_orders(req: Request, lctx: LocalContext) -> list[Order]:
    assert_type(req.query, Values)
    assert_type(req.query.values_of("tag"), list[str])
    assert_type(lctx.meta.request_id, str)
    assert_type(lctx.meta.flags, frozenset[str])
    return []


@app.post("/login")
async def login(req: Request[Form[Login]], res: Response) -> Redirect:
    assert_type(req.body.name, str)
    res.set_cookie("session", "1", max_age_s=60, same_site="strict")
    return Redirect("/", 303)


@app.post("/upload")
async def upload(req: Request[FormData]) -> Text | Empty:
    return Text(str(len(req.body)))


@app.get("/stream")
async def stream() -> Stream:
    async def pieces() -> AsyncIterator[bytes]:
        yield b"a"

    return Stream(pieces())


@app.get("/events")
async def events() -> EventStream:
    async def each() -> AsyncIterator[Event]:
        yield Event({"a": 1})

    return EventStream(each())


@app.get("/report")
def report() -> File:
    return File("report.csv", download=True)


@app.websocket("/live")
async def live(ws: WebSocket[Line, Order], lctx: LocalContext) -> None:
    line = await ws.receive_json()
    assert_type(line, Line)
    async for message in ws:
        assert_type(message, str | bytes)
    await ws.send("bye")


@app.get("/work")
async def work(lctx: LocalContext) -> int:
    async def answer() -> int:
        await asyncio.sleep(0)
        return 42

    spawned = lctx.spawn("answer", answer())
    assert_type(spawned, Work[int])
    snapshot = lctx.snapshot()
    assert_type(snapshot, Snapshot)
    lctx.restore(snapshot)
    assert_type(await lctx.publish("topic", 1), int)
    return await spawned


@app.before
async def authenticate(req: Request, lctx: LocalContext) -> None:
    lctx.set("user", req.header("authorization"))


@app.after(timeout_s=1, retries=2)
def count(res: Response) -> None:
    assert_type(res.status, int)


@app.catch
def explain(error: Exception) -> dict[str, str] | None:
    context = current_context()
    return {"id": context.request_id} if context is not None else None


@app.startup
async def start(gctx: Gctx) -> None:
    gctx.modules.orders.count()


def watch(execution: Execution) -> None:
    assert_type(execution.status, int)
    assert_type(execution.duration_s, float)


app.observe(watch)
app.mount(orders)

# What a decorator gives back is the function itself.
assert_type(create_order.__name__, str)

revision = Revision("2026-02-10", label="v3.0.0", after="2025-06-01_two_names")


@revision.request("Money")
def upgrade(amount: float) -> dict[str, str]:
    return {"amount": f"{amount:.2f}", "currency": "EUR"}


@revision.request("POST /orders")
def forward(parts: RequestParts) -> None:
    parts.headers["x"] = "1"


@revision.problem()
def older(parts: ResponseParts) -> None:
    parts.status = 400
