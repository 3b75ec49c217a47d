"""One request from validation to reply, when things go wrong."""

import asyncio
import logging
import threading
from collections.abc import AsyncIterator
from time import perf_counter
from typing import Any

import httpx
import pytest

from perdure import App, Config, Execution, GlobalContext, LocalContext, Problem, Request, Work, current_context
from tests.calls import call, deadlines_of, executions_of, run, serving


class Stock:
    """A module."""

    async def take(self) -> None:
        raise ConnectionError("stock-db.internal:5432 refused")

    def count(self) -> int:
        raise LookupError("secret table")

    async def refuse(self) -> None:
        raise Problem(409, "out of stock")


def test_a_handlers_error_is_a_500_that_gives_nothing_away(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")

    @app.get("/")
    async def handle() -> None:
        raise ValueError("password=hunter2")

    response = call(app, "GET", "/")
    assert 500 == response.status_code
    assert "application/problem+json" == response.headers["content-type"]
    assert response.headers["x-request-id"] == response.json()["instance"]
    assert "hunter2" not in response.text
    assert "ValueError" not in response.text
    assert "hunter2" in caplog.text


def test_a_problem_is_answered_with_its_members_and_headers_and_is_not_logged(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")

    @app.get("/")
    async def handle() -> None:
        raise Problem(
            409, "only 3 left", title="Not enough stock", type="https://shop.example/not-enough",
            headers={"Retry-After": "60"}, sku="A-1", left=3,
        )  # fmt: skip

    response = call(app, "GET", "/")
    assert 409 == response.status_code
    assert {
        "type": "https://shop.example/not-enough", "title": "Not enough stock", "status": 409, "detail": "only 3 left",
        "instance": response.headers["x-request-id"], "sku": "A-1", "left": 3,
    } == response.json()  # fmt: skip
    assert "60" == response.headers["retry-after"]
    assert [] == [each for each in caplog.records if each.name.startswith("perdure")]


@pytest.mark.parametrize("method", ["take", "count"])
def test_a_modules_failure_is_a_502(method: str) -> None:
    app = App("t")
    app.module("stock", Stock())
    seen: list[str] = []

    @app.catch
    def catch(error: Exception) -> None:
        seen.append(f"{type(error).__name__} from {type(error.__cause__).__name__}")

    @app.get("/")
    async def handle(gctx: GlobalContext) -> None:
        outcome = getattr(gctx.modules.stock, method)()
        if method == "take":
            await outcome

    response = call(app, "GET", "/")
    assert 502 == response.status_code
    assert "urn:perdure:problem:module-failed" == response.json()["type"]
    assert "internal" not in response.text
    assert "secret" not in response.text
    assert [f"ModuleError from {'ConnectionError' if method == 'take' else 'LookupError'}"] == seen


def test_a_modules_failure_in_a_sync_handler_is_a_502() -> None:
    app = App("t")
    app.module("stock", Stock())

    @app.get("/")
    def handle(gctx: GlobalContext) -> int:
        count: int = gctx.modules.stock.count()
        return count

    assert 502 == call(app, "GET", "/").status_code


def test_a_modules_failure_that_the_handler_deals_with_is_none() -> None:
    app = App("t")
    app.module("stock", Stock())

    @app.get("/dealt-with")
    async def dealt_with(gctx: GlobalContext) -> str:
        try:
            await gctx.modules.stock.take()
        except ConnectionError:
            return "unknown"
        return "taken"

    @app.get("/another")
    async def another(gctx: GlobalContext) -> str:
        try:
            await gctx.modules.stock.take()
        except ConnectionError as error:
            raise ValueError from error
        return "taken"

    assert (200, "unknown") == ((response := call(app, "GET", "/dealt-with")).status_code, response.text)
    assert 500 == call(app, "GET", "/another").status_code


def test_a_problem_a_module_raises_is_the_answer() -> None:
    app = App("t")
    app.module("stock", Stock())

    @app.get("/")
    async def handle(gctx: GlobalContext) -> None:
        await gctx.modules.stock.refuse()

    assert 409 == call(app, "GET", "/").status_code


async def time_out(app: App, started: asyncio.Event, path: str = "/", timeout_s: float = 30) -> httpx.Response:
    """Send a request, wait until it has *started*, and let its time pass."""
    async with serving(app) as client:
        sent = asyncio.create_task(client.get(path))
        await started.wait()
        deadlines_of(app).sweep(perf_counter() + timeout_s)
        return await sent


def test_a_timeout_is_a_504_and_cancels_the_handler() -> None:
    app = App("t", config=Config(request_timeout_s=30))
    started, ended = asyncio.Event(), asyncio.Event()

    @app.get("/")
    async def handle() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()

    response = run(time_out(app, started))
    assert 504 == response.status_code
    assert ended.is_set()


def test_a_handler_that_swallows_its_cancellation_is_a_504_all_the_same() -> None:
    app = App("t")
    started = asyncio.Event()
    executions = executions_of(app)
    ran: list[str] = []

    @app.get("/")
    async def handle(lctx: LocalContext) -> str:
        lctx.compensate(ran.append, "compensated")
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            return "as if nothing had been"
        return ""

    assert 504 == run(time_out(app, started)).status_code
    assert ["compensated"] == ran
    assert 504 == executions[0].status


def test_a_timeout_does_not_wait_for_a_sync_handlers_thread() -> None:
    app = App("t")
    release = threading.Event()

    async def scenario() -> httpx.Response:
        loop, started = asyncio.get_running_loop(), asyncio.Event()

        @app.get("/")
        def handle() -> str:
            loop.call_soon_threadsafe(started.set)
            release.wait(20)
            return "too late"

        return await time_out(app, started)

    try:
        assert 504 == run(scenario()).status_code
    finally:
        release.set()


def test_a_route_has_a_timeout_of_its_own() -> None:
    app = App("t", config=Config(request_timeout_s=30))
    started = asyncio.Event()

    @app.get("/", timeout_s=300)
    async def handle() -> str:
        started.set()
        await asyncio.sleep(0)
        return "done"

    assert 200 == run(time_out(app, started, timeout_s=40)).status_code


def test_a_body_that_does_not_arrive_in_time_is_a_408() -> None:
    app = App("t")

    @app.post("/")
    async def handle(req: Request[list[int]]) -> None: ...

    async def scenario() -> httpx.Response:
        waiting = asyncio.Event()

        async def body() -> AsyncIterator[bytes]:
            yield b"[1,"
            waiting.set()
            await asyncio.Event().wait()

        async with serving(app) as client:
            sent = asyncio.create_task(client.post("/", content=body()))
            await waiting.wait()
            deadlines_of(app).sweep(perf_counter() + 30)
            return await sent

    assert 408 == run(scenario()).status_code


# --- clients that leave --------------------------------------------------------------------------------------------

SCOPE: dict[str, Any] = {
    "type": "http", "method": "GET", "path": "/", "raw_path": b"/", "query_string": b"", "headers": [],
    "http_version": "1.1", "scheme": "http", "client": ("127.0.0.1", 5), "server": ("t", 80),
}  # fmt: skip


async def leave(app: App, started: asyncio.Event) -> list[Any]:
    """Send a request by ASGI and leave once it has *started*; return what was sent back."""
    messages: list[Any] = []
    left = asyncio.Event()

    async def receive() -> dict[str, Any]:
        await left.wait()
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        messages.append(message)

    serving = asyncio.create_task(app(dict(SCOPE), receive, send))
    await started.wait()
    deadlines_of(app).sweep(perf_counter() + 1)  # from now on its client is watched
    left.set()
    await serving
    return messages


def test_a_client_that_leaves_cancels_its_request_and_runs_cleanup() -> None:
    app = App("t")
    started = asyncio.Event()
    executions = executions_of(app)
    ran: list[str] = []

    @app.catch
    def catch(error: Exception) -> str:
        ran.append(type(error).__name__)
        return "an answer nobody reads"

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "compensated")
        started.set()
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            ran.append("cancelled")
            raise

    run(leave(app, started))
    assert ["cancelled", "ClientDisconnectedError", "compensated"] == ran
    assert [499] == [execution.status for execution in executions]


def test_a_handler_that_opted_out_goes_on_when_its_client_leaves() -> None:
    app = App("t")
    started = asyncio.Event()
    executions = executions_of(app)

    @app.get("/", cancel_on_disconnect=False)
    async def handle() -> str:
        started.set()
        for _ in range(20):
            await asyncio.sleep(0)
        return "done"

    run(leave(app, started))
    assert [200] == [execution.status for execution in executions]


def test_a_request_the_server_cancels_is_cleaned_up_and_stays_cancelled() -> None:
    app = App("t")
    started = asyncio.Event()
    ran: list[str] = []
    executions = executions_of(app)

    @app.catch
    def catch(error: BaseException) -> None:
        ran.append(type(error).__name__)

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "compensated")
        started.set()
        await asyncio.Event().wait()

    async def scenario() -> None:
        async with serving(app) as client:
            sent = asyncio.create_task(client.get("/"))
            await started.wait()
            sent.cancel()
            with pytest.raises(asyncio.CancelledError):
                await sent

    run(scenario())
    assert ["CancelledError", "compensated"] == ran
    assert 1 == len(executions)
    assert ("request", "error") == (executions[0].events[-1].stage, executions[0].events[-1].kind)


# --- spawned work --------------------------------------------------------------------------------------------------


def test_a_request_is_answered_when_all_its_work_has_ended() -> None:
    app = App("t")
    ran: list[str] = []

    @app.after
    def after() -> None:
        ran.append("after")

    @app.get("/")
    async def handle(lctx: LocalContext) -> str:
        async def inner() -> None:
            await asyncio.sleep(0)
            ran.append("inner")

        async def outer() -> None:
            await asyncio.sleep(0)
            lctx.spawn("inner", inner())
            ran.append("outer")

        lctx.spawn("outer", outer())
        return "done"

    assert "done" == call(app, "GET", "/").text
    assert ["outer", "inner", "after"] == ran


def test_awaited_work_gives_its_result_or_its_error() -> None:
    app = App("t")

    async def double(number: int) -> int:
        return 2 * number

    async def fail() -> int:
        raise LookupError("nothing there")

    @app.get("/")
    async def handle(lctx: LocalContext) -> list[object]:
        good: Work[int] = lctx.spawn("good", double(21))
        bad = lctx.spawn("bad", fail())
        try:
            await bad
        except LookupError as error:
            return [await good, str(error), good.done]
        return []

    response = call(app, "GET", "/")
    assert (200, [42, "nothing there", True]) == (response.status_code, response.json())


def test_an_error_of_work_nobody_awaited_fails_the_request() -> None:
    app = App("t")
    seen: list[str] = []

    @app.catch
    def catch(error: Exception) -> None:
        seen.append(str(error))

    @app.get("/")
    async def handle(lctx: LocalContext) -> str:
        async def fail() -> None:
            raise ValueError("in the background")

        lctx.spawn("bad", fail())
        return "done"

    assert 500 == call(app, "GET", "/").status_code
    assert ["in the background"] == seen


def test_a_failing_request_cancels_its_work_before_it_is_answered() -> None:
    app = App("t")
    ended: list[str] = []

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        async def endless(name: str) -> None:
            try:
                await asyncio.Event().wait()
            finally:
                ended.append(name)

        lctx.spawn("one", endless("one"))
        lctx.spawn("two", endless("two"))
        await asyncio.sleep(0)
        raise Problem(418)

    assert 418 == call(app, "GET", "/").status_code
    assert ["one", "two"] == sorted(ended)


def test_work_cancelled_by_its_handler_fails_nothing() -> None:
    app = App("t")

    @app.get("/")
    async def handle(lctx: LocalContext) -> str:
        lctx.spawn("unneeded", asyncio.Event().wait()).cancel()
        return "done"

    assert 200 == call(app, "GET", "/").status_code


def test_a_cancellation_that_comes_out_of_the_handler_itself_is_a_500() -> None:
    app = App("t")
    ran: list[str] = []

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "compensated")
        work = lctx.spawn("unneeded", asyncio.Event().wait())
        work.cancel()
        await work

    assert 500 == call(app, "GET", "/").status_code
    assert ["compensated"] == ran


def test_work_knows_whose_it_is() -> None:
    app = App("t")

    @app.get("/")
    async def handle(lctx: LocalContext) -> bool:
        async def ask() -> bool:
            return current_context() is lctx

        return await lctx.spawn("ask", ask())

    assert call(app, "GET", "/").json() is True
    assert current_context() is None


def test_a_sync_handler_runs_in_a_thread_that_knows_its_request() -> None:
    app = App("t")

    @app.get("/")
    def handle(lctx: LocalContext) -> list[bool]:
        return [threading.current_thread() is threading.main_thread(), current_context() is lctx]

    assert [False, True] == call(app, "GET", "/").json()


# --- observers -----------------------------------------------------------------------------------------------------


def test_an_observer_that_fails_is_logged_and_disturbs_nobody(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")

    def broken(execution: Execution) -> None:
        raise OSError("the disk is full")

    app.observe(broken)
    executions = executions_of(app)

    @app.get("/")
    async def handle() -> str:
        return "done"

    with caplog.at_level(logging.ERROR):
        assert "done" == call(app, "GET", "/").text
    assert 1 == len(executions)
    assert "the disk is full" in caplog.text


def test_an_execution_says_what_happened() -> None:
    app = App("t")
    executions = executions_of(app)

    @app.get("/", status=201)
    async def handle() -> str:
        return "done"

    response = call(app, "GET", "/")
    (execution,) = executions
    assert 201 == execution.status
    assert response.headers["x-request-id"] == execution.meta.request_id
    assert execution.duration_s == execution.events[-1].at_s > 0


# --- many at once --------------------------------------------------------------------------------------------------


def test_ten_thousand_requests_at_once_of_which_every_tenth_fails() -> None:
    count = 10_000
    app = App("t")
    arrived = 0
    gate = asyncio.Event()
    executions = executions_of(app)
    caught: list[int] = []
    undone: list[int] = []

    @app.catch
    def catch(lctx: LocalContext) -> None:
        caught.append(lctx.get("number"))

    @app.get("/numbers/{number:int}")
    async def handle(req: Request, lctx: LocalContext) -> dict[str, object]:
        nonlocal arrived
        number = req.params["number"]
        lctx.set("number", number)
        lctx.compensate(undone.append, number)
        arrived += 1
        if arrived == count:
            gate.set()
        await gate.wait()
        if number % 10 == 3:
            raise ValueError(number)
        return {"number": lctx.get("number"), "id": lctx.meta.request_id}

    async def send_all() -> list[tuple[int, dict[bytes, bytes], bytes]]:
        return await asyncio.gather(*(send_one(app, number) for number in range(count)))

    logging.getLogger("perdure.lifecycle").disabled = True
    try:
        answers = run(send_all(), 120)
    finally:
        logging.getLogger("perdure.lifecycle").disabled = False
    failing = [number for number in range(count) if number % 10 == 3]
    assert failing == sorted(caught) == sorted(undone)
    assert count == len({headers[b"x-request-id"] for _, headers, _ in answers}) == len(executions)
    for number, (status, headers, body) in enumerate(answers):
        if number % 10 == 3:
            assert 500 == status
        else:
            expected = b'{"number":%d,"id":"%s"}' % (number, headers[b"x-request-id"])
            assert (200, expected) == (status, body)


async def send_one(app: App, number: int) -> tuple[int, dict[bytes, bytes], bytes]:
    """Send a request by ASGI itself: ten thousand clients of httpx take a minute."""
    messages: list[Any] = []
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if asked:
            await asyncio.Event().wait()
        asked = True
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    await app({**SCOPE, "path": f"/numbers/{number}"}, receive, send)
    return messages[0]["status"], dict(messages[0]["headers"]), b"".join(each.get("body", b"") for each in messages[1:])
