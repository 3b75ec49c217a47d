"""Property 22: every span carries request id, handler id, version.

Requests of drawn versions run through drawn hooks, module calls, spawned work, failures and refusals. What a collector
is sent, read with the protocol's own classes, is compared with what the client read, what the handler saw, and a list
of steps that the drawn program itself wrote down while it ran: none is missing, none too many, each in its place.
"""

import asyncio
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from perdure import App, Config, GlobalContext, LocalContext, OtlpSettings, Request, TraceSettings
from tests.calls import run, serving
from tests.recording import Step, record
from tests.telemetry.otlp_receiver import Received, attributes_of, http_collector

TRANSFORMER = """
@revision.request("POST /orders/{order_id}")
def forward(parts: RequestParts) -> None:
    parts.body["note"] = "from an old client"

@revision.response("POST /orders/{order_id}")
def back(parts: ResponseParts) -> None:
    del parts.body["note"]
"""
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"


class Order(Struct):
    quantity: int
    note: str


class OldOrder(Struct):
    quantity: int


@dataclass(frozen=True)
class Plan:
    version: str
    refused: str  # "", "path", "body"
    hooks: int
    actions: tuple[str, ...]
    beside: tuple[tuple[str, ...], ...]  # of each piece of spawned work, what it does
    fails: bool
    compensations: int
    sampled: bool


@dataclass
class Log:
    """What the program did: the name of each step, and of the one it was a part of."""

    steps: Counter[tuple[str, str]] = field(default_factory=Counter)
    handlers: set[str] = field(default_factory=set)


class Stock:
    """A module; ``deep`` calls another of its methods through the stub, as a part of itself."""

    def __init__(self) -> None:
        self.modules: Any = None

    async def take(self) -> None:
        await asyncio.sleep(0)

    async def deep(self) -> None:
        await self.modules.stock.take()
        await asyncio.sleep(0)


async def act(action: str, parent: str, log: Log, lctx: LocalContext, gctx: GlobalContext[Any]) -> None:
    if action == "publish":
        log.steps["publish topic", parent] += 1
        await lctx.publish("topic")
        return
    log.steps[f"module stock.{action}", parent] += 1
    if action == "deep":
        log.steps["module stock.take", "module stock.deep"] += 1
    await getattr(gctx.modules.stock, action)()


def declare(app: App, body: Any, plan: Plan, log: Log) -> App:
    stock = Stock()
    app.module("stock", stock)

    async def post(req: Any, lctx: LocalContext, gctx: GlobalContext) -> Any:
        log.handlers.add(lctx.meta.handler)
        stock.modules = gctx.modules
        for number in range(plan.compensations):
            lctx.compensate(undo, number)

        async def work(name: str, actions: tuple[str, ...]) -> None:
            await asyncio.sleep(0)
            for action in actions:
                await act(action, name, log, lctx, gctx)

        for number, actions in enumerate(plan.beside):
            name = f"spawn w{number}"
            log.steps[name, "handler|request"] += 1
            work_ = lctx.spawn(f"w{number}", work(name, actions))
            if number % 2:
                await work_
        for action in plan.actions:
            await act(action, "handler", log, lctx, gctx)
        if plan.beside and plan.fails:
            await lctx.spawn("last", asyncio.sleep(0))
            log.steps["spawn last", "handler|request"] += 1
        if plan.fails:
            for each in lctx._work or ():
                await each
            raise LookupError("a secret in a message")
        return req.body

    async def undo(number: int) -> None:
        log.steps["compensation undo", "request"] += 1

    post.__annotations__ |= {"req": Request[body], "return": body}
    app.post("/orders/{order_id}", id="orders.post")(post)
    for number in range(plan.hooks):
        app.before(named_hook(f"h{number}", log))
    return app


def named_hook(name: str, log: Log) -> Any:
    def hook(lctx: LocalContext) -> None:
        log.steps[f"hook {name}", "request"] += 1

    hook.__name__ = name
    return hook


@pytest.fixture(scope="module")
def revisions() -> Iterator[Path]:
    nothing = Plan("", "", 0, (), (), False, 0, False)
    old, new = declare(App("old"), OldOrder, nothing, Log()), declare(App("new"), Order, nothing, Log())
    steps = [Step("2025-06-01", old, label="v1.0.0"), Step("2026-02-10", new, TRANSFORMER, "v2.0.0")]
    with TemporaryDirectory() as name:
        yield record(Path(name), steps)


@pytest.fixture(scope="module")
def collector() -> Iterator[Received]:
    with http_collector() as received:
        yield received


actions = st.lists(st.sampled_from(["take", "deep", "publish"]), max_size=3).map(tuple)
plans = st.builds(
    Plan, st.sampled_from(["2025-06-01", "2026-02-10"]), st.sampled_from(["", "", "", "", "path", "body"]),
    st.integers(0, 3), actions, st.lists(actions, max_size=3).map(tuple), st.booleans(), st.integers(0, 2),
    st.booleans(),
)  # fmt: skip


@settings(max_examples=150, deadline=None)
@given(plan=plans)
def test_every_span_says_whose_it_is_and_lies_where_it_belongs(
    revisions: Path, collector: Received, plan: Plan
) -> None:
    collector.spans.clear()
    log = Log()
    config = Config(traces=TraceSettings(ratio=0), otlp=OtlpSettings(endpoint=collector.url, metrics=False))
    app = declare(App("drawn", revisions=revisions, config=config), Order, plan, log)
    response = ask(app, plan)

    is_seen = plan.sampled or response.status_code >= 500
    assert is_seen == bool(collector.spans)
    expected_status = {"path": 404, "body": 400}.get(plan.refused, 500 if plan.fails else 200)
    assert expected_status == response.status_code, response.text
    if not is_seen:
        return
    identity = (response.headers["x-request-id"], log.handlers.pop() if log.handlers else None, plan.version)
    by_id = {span.span_id: span for span in collector.spans}
    assert len(by_id) == len(collector.spans)
    assert {response.headers["traceparent"][3:35]} == {span.trace_id.hex() for span in collector.spans}
    found: Counter[tuple[str, str]] = Counter()
    for span in collector.spans:
        told = attributes_of(span.attributes)
        handler = identity[1] or ("" if plan.refused == "path" else "orders.post")
        mine = told["perdure.request_id"], told["perdure.handler"], told["perdure.version"]
        assert (identity[0], handler, identity[2]) == mine
        assert ("POST", response.status_code) == (told["http.request.method"], told["http.response.status_code"])
        if span.kind == Span.SPAN_KIND_SERVER:
            assert response.headers["traceparent"][36:52] == span.span_id.hex()
            continue
        parent = by_id[span.parent_span_id]
        assert parent.start_time_unix_nano <= span.start_time_unix_nano <= span.end_time_unix_nano
        assert span.end_time_unix_nano <= parent.end_time_unix_nano
        found[span.name, "request" if parent.kind == Span.SPAN_KIND_SERVER else parent.name] += 1
    assert steps_expected(plan, log, found) == found
    assert b"a secret in a message" not in b"".join(span.SerializeToString() for span in collector.spans)


def ask(app: App, plan: Plan) -> httpx.Response:
    """Send the drawn request; when the app has stopped, all its spans are sent."""
    flags = "01" if plan.sampled else "00"
    headers = {"api-version": plan.version, "traceparent": f"00-{TRACE_ID}-00f067aa0ba902b7-{flags}"}
    body: dict[str, object] = {"quantity": 1} if plan.version == "2025-06-01" else {"quantity": 1, "note": "n"}
    if plan.refused == "body":
        body["quantity"] = "many"

    async def send() -> httpx.Response:
        await app.start()
        async with serving(app) as client:
            path = "/nowhere" if plan.refused == "path" else "/orders/7"
            response = await client.post(path, json=body, headers=headers)
        await app.stop()
        return response

    return run(send())


def steps_expected(plan: Plan, log: Log, found: Counter[tuple[str, str]]) -> Counter[tuple[str, str]]:
    """Return what must be there: what the program noted, and what happens to every request."""
    expected: Counter[tuple[str, str]] = Counter()
    for (name, parent), count in log.steps.items():
        if parent == "handler|request":  # which of the two depends on whether it ended before the handler did
            places = found[name, "handler"], found[name, "request"]
            assert count == sum(places)
            expected += Counter({(name, "handler"): places[0], (name, "request"): places[1]})
        else:
            expected[name, parent] += count
    if plan.sampled or plan.refused == "path":
        expected["routing", "request"] += 1
    if plan.refused == "path":
        return expected
    expected["validation", "request"] += 1
    if plan.refused == "body":
        return expected
    is_old = plan.version == "2025-06-01"
    expected["handler", "request"] += 1
    expected["transform request", "request"] += is_old
    if not plan.fails:
        expected["response", "request"] += 1
        expected["transform response", "request"] += is_old
    return expected
