"""Hooks at three levels: order, short cuts, timeouts, retries, failures."""

import asyncio
import logging
import threading
from collections.abc import Callable

import pytest

from perdure import App, Hook, LocalContext, Problem, Request, Response, Router
from perdure.errors import ConfigError, DeadlineExceededError, PhaseError, SignatureError
from tests.calls import call, executions_of


def noting(ran: list[str], name: str, *, is_async: bool = False) -> Callable[[], object]:
    async def later() -> None:
        ran.append(name)

    return later if is_async else lambda: ran.append(name)


def test_before_hooks_run_from_the_app_inwards_and_after_hooks_back() -> None:
    ran: list[str] = []
    app = App("t")
    router = Router(before=[noting(ran, "before router")], after=[noting(ran, "after router", is_async=True)])
    app.mount(router)
    for name in ("one", "two"):
        app.before(noting(ran, f"before global {name}", is_async=name == "one"))
        app.after(noting(ran, f"after global {name}"))

    @router.get("/", before=[noting(ran, "before route")], after=[noting(ran, "after route")])
    async def handle(lctx: LocalContext) -> None:
        ran.append("handler")
        lctx.after(noting(ran, "after local one"))
        lctx.after(noting(ran, "after local two", is_async=True))

    assert 204 == call(app, "GET", "/").status_code
    assert [
        "before global one", "before global two", "before router", "before route", "handler", "after local two",
        "after local one", "after route", "after router", "after global two", "after global one",
    ] == ran  # fmt: skip


def test_catch_hooks_run_from_the_route_outwards_when_the_handler_fails() -> None:
    ran: list[str] = []
    app = App("t")
    app.catch(noting(ran, "global one"))
    app.catch(noting(ran, "global two", is_async=True))
    app.after(noting(ran, "after"))

    @app.get("/", catch=[noting(ran, "route one"), noting(ran, "route two")])
    async def handle(lctx: LocalContext) -> None:
        lctx.catch(noting(ran, "local"))
        raise ValueError

    assert 500 == call(app, "GET", "/").status_code
    assert ["local", "route two", "route one", "global two", "global one"] == ran


@pytest.mark.parametrize("is_async", [False, True])
def test_what_a_before_hook_returns_is_the_answer_in_place_of_the_handlers(is_async: bool) -> None:
    ran: list[str] = []
    app = App("t")

    @app.before
    def allowed() -> None:
        ran.append("first")

    async def answer_later(res: Response) -> dict[str, str]:
        res.status = 203
        return {"from": "hook"}

    def answer(res: Response) -> dict[str, str]:
        res.status = 203
        return {"from": "hook"}

    app.before(answer_later if is_async else answer)
    app.before(noting(ran, "third"))
    app.after(noting(ran, "after"))

    @app.get("/")
    async def handle() -> dict[str, str]:
        ran.append("handler")
        return {"from": "handler"}

    response = call(app, "GET", "/")
    assert (203, {"from": "hook"}) == (response.status_code, response.json())
    assert ["first", "after"] == ran


def test_a_hook_that_takes_too_long_ends_in_504() -> None:
    app = App("t")
    seen: list[BaseException] = []
    cancelled: list[bool] = []

    @app.before(timeout_s=0.01)
    async def slow() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    @app.catch
    def catch(error: Exception) -> None:
        seen.append(error)

    @app.get("/")
    async def handle() -> None:
        raise AssertionError("not reached")

    response = call(app, "GET", "/")
    assert 504 == response.status_code
    assert "slow" not in response.text
    assert [True] == cancelled
    assert isinstance(seen[0], DeadlineExceededError)
    assert ("hook slow", 0.01) == (seen[0].what, seen[0].timeout_s)


def test_a_sync_hook_with_a_timeout_runs_in_a_thread_and_ends_in_504() -> None:
    app = App("t")
    release = threading.Event()
    threads: list[int] = []

    @app.before(timeout_s=0.01)
    def slow() -> None:
        threads.append(threading.get_ident())
        release.wait(10)

    @app.catch
    def let_go() -> None:
        release.set()

    @app.get("/")
    async def handle() -> None: ...

    assert 504 == call(app, "GET", "/").status_code
    assert threads != [threading.get_ident()]


def test_a_timeout_error_of_the_hooks_own_is_no_deadline() -> None:
    app = App("t")

    @app.before(timeout_s=30)
    async def fails() -> None:
        raise TimeoutError("a database took too long")

    @app.get("/")
    async def handle() -> None: ...

    assert 500 == call(app, "GET", "/").status_code


def test_a_failing_hook_is_tried_again_as_often_as_asked() -> None:
    app = App("t")
    attempts: list[int] = []
    executions = executions_of(app)

    @app.before(retries=2)
    async def flaky() -> None:
        attempts.append(1)
        if len(attempts) < 3:
            raise OSError("not yet")

    @app.get("/")
    async def handle() -> str:
        return "done"

    assert 200 == call(app, "GET", "/").status_code
    assert 3 == len(attempts)
    kinds = [event.kind for event in executions[0].events if event.name == "flaky"]
    assert ["start", "error", "start", "error", "start", "end"] == kinds


def test_a_hook_that_goes_on_failing_fails_the_request_with_its_last_error() -> None:
    app = App("t")
    attempts: list[int] = []

    def flaky() -> None:
        attempts.append(1)
        raise Problem(400 + len(attempts))

    @app.get("/", before=[Hook(flaky, retries=1)])
    async def handle() -> None: ...

    assert 402 == call(app, "GET", "/").status_code


def test_a_failing_after_hook_fails_the_request() -> None:
    app = App("t")
    caught: list[str] = []

    @app.after
    def fails() -> None:
        raise ValueError("after")

    @app.catch
    def catch(error: Exception) -> None:
        caught.append(str(error))

    @app.get("/")
    async def handle() -> str:
        return "done"

    assert 500 == call(app, "GET", "/").status_code
    assert ["after"] == caught


def test_an_after_hook_changes_status_and_headers() -> None:
    app = App("t")

    @app.after
    def stamp(res: Response) -> str:
        res.set_header("x-stamp", "1")
        res.status = 202
        return "ignored"

    @app.get("/")
    async def handle() -> dict[str, int]:
        return {"a": 1}

    response = call(app, "GET", "/")
    assert (202, "1", {"a": 1}) == (response.status_code, response.headers["x-stamp"], response.json())


def test_what_a_catch_hook_returns_is_the_answer_and_the_first_one_counts() -> None:
    app = App("t")
    ran: list[str] = []

    @app.catch
    async def outer() -> dict[str, str]:
        ran.append("outer")
        return {"from": "outer"}

    @app.catch
    def inner(error: Exception, res: Response) -> dict[str, str]:
        ran.append("inner")
        res.status = 503
        return {"from": "inner", "error": type(error).__name__}

    @app.get("/")
    async def handle() -> None:
        raise KeyError("k")

    response = call(app, "GET", "/")
    assert (503, {"from": "inner", "error": "KeyError"}) == (response.status_code, response.json())
    assert ["inner", "outer"] == ran


def test_a_failing_catch_hook_stops_neither_the_others_nor_the_compensations(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")
    ran: list[str] = []
    app.catch(noting(ran, "outer"))

    @app.catch
    async def fails() -> None:
        raise OSError("log server is away")

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "compensation")
        lctx.catch(noting(ran, "local"))
        raise Problem(418)

    assert 418 == call(app, "GET", "/").status_code
    assert ["local", "outer", "compensation"] == ran
    assert ["catch hook fails failed: log server is away"] == [record.message for record in caplog.records]


def test_a_local_catch_hook_that_cannot_be_called_stops_nothing(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")
    ran: list[str] = []
    app.catch(noting(ran, "outer"))

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.catch(noting(ran, "local"))
        lctx.catch(lambda what: None)
        lctx.compensate(ran.append, "compensation")
        raise Problem(418)

    assert 418 == call(app, "GET", "/").status_code
    assert ["local", "outer", "compensation"] == ran
    assert "parameter 'what'" in caplog.text


def test_a_catch_hooks_answer_of_the_wrong_type_ends_in_500(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")

    @app.catch
    def catch() -> str:
        return "no number"

    @app.get("/")
    async def handle() -> list[int]:
        raise Problem(418)

    response = call(app, "GET", "/")
    assert 500 == response.status_code
    assert "answered what its response type does not allow" in caplog.text


def test_a_local_before_hook_added_by_one_runs_after_it_and_may_answer() -> None:
    app = App("t")
    ran: list[str] = []

    @app.before
    def first(lctx: LocalContext) -> None:
        def second(lctx: LocalContext) -> None:
            ran.append("second")
            lctx.before(third)

        async def third(req: Request) -> str:
            ran.append("third")
            return req.path

        lctx.before(second)

    @app.get("/here", before=[noting(ran, "route")])
    async def handle() -> str:
        raise AssertionError("not reached")

    response = call(app, "GET", "/here")
    assert (200, "/here") == (response.status_code, response.text)
    assert ["route", "second", "third"] == ran


def test_a_local_hook_keeps_its_timeout_and_retries() -> None:
    app = App("t")
    attempts: list[int] = []

    @app.before
    def first(lctx: LocalContext) -> None:
        async def hangs() -> None:
            attempts.append(1)
            await asyncio.Event().wait()

        lctx.before(hangs, timeout_s=0.01, retries=1)

    @app.get("/")
    async def handle() -> None: ...

    assert 504 == call(app, "GET", "/").status_code
    assert 2 == len(attempts)


def test_a_local_before_hook_registered_too_late_is_refused() -> None:
    app = App("t")

    @app.get("/")
    async def handle(lctx: LocalContext) -> str:
        with pytest.raises(PhaseError, match="already run"):
            lctx.before(lambda: None)
        return "refused"

    assert "refused" == call(app, "GET", "/").text


@pytest.mark.parametrize("options", [{"timeout_s": 0}, {"timeout_s": -1}, {"retries": -1}])
def test_a_hook_with_impossible_options_is_refused(options: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=r"test_hooks\.py:\d+"):
        Hook(lambda: None, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize("register", ["app", "route", "router"])
@pytest.mark.parametrize("kind", ["before", "after", "catch"])
def test_a_hook_that_takes_something_else_is_refused_where_it_is_registered(kind: str, register: str) -> None:
    def hook(request: object) -> None: ...

    ways: dict[str, Callable[[], object]] = {
        "app": lambda: getattr(App("t"), kind)(hook),
        "route": lambda: App("t").get("/", **{kind: [hook]})(lambda: None),  # type: ignore[arg-type]
        "router": lambda: Router(**{kind: [hook]}),  # type: ignore[arg-type]
    }
    with pytest.raises(SignatureError, match=r"hook \(.*test_hooks\.py:\d+\): parameter 'request' is none of"):
        ways[register]()


def test_error_is_for_catch_hooks_only() -> None:
    def hook(error: Exception) -> None: ...

    app = App("t")
    app.catch(hook)
    with pytest.raises(SignatureError, match="'error' is none of"):
        app.before(hook)


def test_catch_hooks_see_client_errors_too() -> None:
    app = App("t")
    seen: list[str] = []

    @app.catch
    def catch(error: Exception) -> None:
        seen.append(type(error).__name__)

    @app.post("/")
    async def handle(req: Request[list[int]]) -> None: ...

    assert 400 == call(app, "POST", "/", content=b"nonsense").status_code
    assert ["MalformedRequestError"] == seen


def test_errors_of_hooks_are_logged_with_the_requests_ids(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")

    @app.before
    def fails() -> None:
        raise ValueError("what only we may know")

    @app.get("/", id="mine")
    async def handle() -> None: ...

    with caplog.at_level(logging.ERROR):
        response = call(app, "GET", "/")
    assert "what only we may know" not in response.text
    (record,) = caplog.records
    assert response.headers["x-request-id"] == record.__dict__["request_id"]
    assert "mine" == record.__dict__["handler"]
