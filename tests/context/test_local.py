"""The Local Context, from inside a request."""

import asyncio
import logging

import pytest

from perdure import App, LocalContext, current_context
from tests.calls import call, executions_of, run, serving


def test_state_is_kept_from_hook_to_handler_to_hook() -> None:
    app = App("t")
    seen: list[object] = []

    @app.before
    def before(lctx: LocalContext) -> None:
        lctx.set("a", [1])
        lctx.set("b", 2)

    @app.after
    def after(lctx: LocalContext) -> None:
        seen.extend([lctx.get("a"), lctx.get("b"), lctx.get("c"), lctx.get("c", 3)])

    @app.get("/")
    async def handle(lctx: LocalContext) -> list[bool]:
        lctx.get("a").append(2)
        return [lctx.delete("b"), lctx.delete("b")]

    assert [True, False] == call(app, "GET", "/").json()
    assert [[1, 2], None, None, 3] == seen


def test_none_is_a_value_like_others() -> None:
    app = App("t")

    @app.get("/")
    async def handle(lctx: LocalContext) -> list[object]:
        lctx.set("a", None)
        return [lctx.get("a", "default"), lctx.delete("a"), lctx.get("a", "default")]

    assert [None, True, "default"] == call(app, "GET", "/").json()


def test_clean_forgets_everything() -> None:
    app = App("t")

    @app.get("/")
    async def handle(lctx: LocalContext) -> object:
        lctx.set("a", 1)
        lctx.clean()
        return {"a": lctx.get("a")}

    assert {"a": None} == call(app, "GET", "/").json()


def test_meta_cannot_be_changed() -> None:
    app = App("t")

    @app.get("/orders/{order_id}")
    async def handle(lctx: LocalContext) -> list[object]:
        meta = lctx.meta
        with pytest.raises(AttributeError):
            meta.path = "/elsewhere"  # type: ignore[misc]
        assert meta is lctx.meta
        return [meta.path, meta.route, meta.handler, meta.method, meta.version, sorted(meta.flags), meta.client]

    expected = ["/orders/é", "/orders/{order_id}", "handle", "GET", "unversioned", [], "127.0.0.1:123"]
    assert expected == call(app, "GET", "/orders/%C3%A9").json()


def test_the_log_carries_the_requests_ids_and_the_callers_extra(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")

    @app.get("/", id="mine")
    async def handle(lctx: LocalContext) -> None:
        lctx.log.info("hello %s", "you", extra={"sku": "A"})

    with caplog.at_level(logging.INFO, "perdure.handler"):
        response = call(app, "GET", "/")
    (record,) = (each for each in caplog.records if each.name == "perdure.handler")
    assert "hello you" == record.message
    trace_id = response.headers["traceparent"].split("-")[1]
    facts = (record.__dict__[name] for name in ("request_id", "handler", "version", "trace_id", "sku"))
    assert [response.headers["x-request-id"], "mine", "unversioned", trace_id, "A"] == list(facts)


def test_a_listener_may_add_and_remove_listeners_while_it_is_called() -> None:
    app = App("t")
    heard: list[str] = []

    @app.get("/")
    async def handle(lctx: LocalContext) -> list[int]:
        def first(payload: object) -> None:
            heard.append("first")
            stop()
            lctx.subscribe("topic", lambda payload: heard.append("third"))

        lctx.subscribe("topic", first)
        stop = lctx.subscribe("topic", lambda payload: heard.append("second"))
        counts = [await lctx.publish("topic"), await lctx.publish("topic"), await lctx.publish("nobody")]
        stop()
        return counts

    assert [2, 2, 0] == call(app, "GET", "/").json()
    assert ["first", "second", "first", "third"] == heard


def test_a_listeners_error_is_the_publishers() -> None:
    app = App("t")
    executions = executions_of(app)
    heard: list[object] = []

    @app.get("/")
    async def handle(lctx: LocalContext) -> str:
        async def fail(payload: object) -> None:
            raise LookupError(payload)

        lctx.subscribe("topic", fail)
        lctx.subscribe("topic", heard.append)
        with pytest.raises(LookupError, match="payload"):
            await lctx.publish("topic", "payload")
        return "dealt with"

    assert "dealt with" == call(app, "GET", "/").text
    assert [] == heard
    ends = [(event.kind, event.error) for event in executions[0].events if event.stage == "publish"]
    assert [("start", ""), ("error", "LookupError")] == ends


def test_the_current_context_is_that_of_each_request() -> None:
    app = App("t")
    barrier = asyncio.Barrier(20)

    def deep() -> str:
        lctx = current_context()
        assert lctx is not None
        return lctx.request_id

    @app.get("/")
    async def handle(lctx: LocalContext) -> bool:
        await barrier.wait()
        in_thread = await asyncio.to_thread(deep)
        async with asyncio.TaskGroup() as group:
            in_task = group.create_task(asyncio.sleep(0, deep()))
        return in_thread == in_task.result() == lctx.request_id

    async def send_all() -> list[object]:
        async with serving(app) as client:
            return [response.json() for response in await asyncio.gather(*(client.get("/") for _ in range(20)))]

    assert [True] * 20 == run(send_all())


def test_events_so_far_are_there_to_be_read() -> None:
    app = App("t")

    @app.before
    def before() -> None: ...

    @app.get("/")
    async def handle(lctx: LocalContext) -> list[str]:
        return [f"{event.stage} {event.name} {event.kind}" for event in lctx.events]

    assert [
        "request request start", "validation request start", "validation request end", "hook before start",
        "hook before end", "handler handler start",
    ] == call(app, "GET", "/").json()  # fmt: skip


def test_the_deadline_is_the_routes_own() -> None:
    from time import perf_counter

    app = App("t")

    @app.get("/", timeout_s=100)
    async def handle(lctx: LocalContext) -> float:
        return lctx.meta.deadline - perf_counter()

    assert 90 < call(app, "GET", "/").json() <= 100
