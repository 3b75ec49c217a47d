"""What follows a failure."""

import asyncio
import gc
import logging

import pytest

from perdure import App, Config, LocalContext, Problem
from tests.calls import call, executions_of


def test_compensations_run_in_reverse_sync_and_async_and_with_their_arguments() -> None:
    app = App("t")
    ran: list[object] = []

    async def later(name: str, number: int) -> None:
        await asyncio.sleep(0)
        ran.append((name, number))

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "first")
        lctx.compensate(later, "second", 2)
        lctx.compensate(lambda: later("third", 3))
        raise Problem(418)

    assert 418 == call(app, "GET", "/").status_code
    assert [("third", 3), ("second", 2), "first"] == ran


def test_compensations_do_not_run_when_nothing_fails() -> None:
    app = App("t")
    ran: list[str] = []

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "first")

    assert 204 == call(app, "GET", "/").status_code
    assert [] == ran


def test_a_failing_compensation_is_an_alert_and_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")
    ran: list[str] = []
    executions = executions_of(app)

    async def fail() -> None:
        raise ConnectionError("payment provider is away")

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "first")
        lctx.compensate(fail)
        lctx.compensate(ran.append, "third")
        raise Problem(418)

    response = call(app, "GET", "/")
    assert 418 == response.status_code
    assert ["third", "first"] == ran
    (alert,) = (record for record in caplog.records if record.levelno == logging.CRITICAL)
    assert "compensation fail failed: payment provider is away" == alert.message
    assert response.headers["x-request-id"] == alert.__dict__["request_id"]
    events = [event for event in executions[0].events if event.stage == "compensation" and event.kind != "start"]
    assert [("append", "end"), ("fail", "error"), ("append", "end")] == [(event.name, event.kind) for event in events]
    assert "ConnectionError" == events[1].error


@pytest.mark.parametrize("what", ["catch hook", "compensation", "work"])
def test_cleanup_that_hangs_is_ended(what: str, caplog: pytest.LogCaptureFixture) -> None:
    app = App("t", config=Config(cleanup_timeout_s=0.02))
    ran: list[str] = []

    async def hang() -> None:
        await asyncio.Event().wait()

    async def refuse_to_end() -> None:
        for _ in range(2):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                ran.append("refused")

    @app.catch
    async def catch() -> None:
        if what == "catch hook":
            await hang()

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "compensated")
        if what == "compensation":
            lctx.compensate(hang)
        if what == "work":
            lctx.spawn("stubborn", refuse_to_end())
            await asyncio.sleep(0)
        raise Problem(418)

    assert 418 == call(app, "GET", "/").status_code
    assert "took longer than 0.02 s" in caplog.text
    assert "compensated" in ran


def test_cleanup_that_is_cancelled_from_within_is_one_failed_step(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")
    ran: list[str] = []

    async def cancelled() -> None:
        raise asyncio.CancelledError

    app.catch(cancelled)

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "first")
        lctx.compensate(cancelled)
        raise Problem(418)

    assert 418 == call(app, "GET", "/").status_code
    assert ["first"] == ran
    assert ["catch hook cancelled", "compensation cancelled"] == [
        each.message.partition(" failed")[0] for each in caplog.records
    ]


def test_work_whose_end_fails_is_part_of_the_failure() -> None:
    app = App("t")

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        async def fails_when_cancelled() -> None:
            try:
                await asyncio.Event().wait()
            finally:
                raise OSError("could not close")

        lctx.spawn("work", fails_when_cancelled())
        await asyncio.sleep(0)
        raise Problem(418)

    assert 418 == call(app, "GET", "/").status_code


class Unusual(BaseException):
    """Neither an error nor an end."""


@pytest.mark.parametrize("error", [SystemExit(1), Unusual("x")])
@pytest.mark.parametrize("where", ["handler", "thread", "before", "after"])
def test_what_is_no_exception_is_a_failure_like_others(
    where: str, error: BaseException, caplog: pytest.LogCaptureFixture
) -> None:
    app = App("t")
    ran: list[object] = []

    @app.catch
    def caught(error: BaseException) -> None:
        ran.append(error)

    def fail(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "undone")
        raise error

    async def handle(lctx: LocalContext) -> None:
        if where == "handler":
            fail(lctx)

    app.get("/", before=[fail] if where == "before" else [], after=[fail] if where == "after" else [])(
        fail if where == "thread" else handle
    )
    response = call(app, "GET", "/")
    assert 500 == response.status_code
    assert "application/problem+json" == response.headers["content-type"]
    assert [error, "undone"] == ran
    assert "failed" in caplog.text


def test_cleanup_that_exits_stops_no_other(caplog: pytest.LogCaptureFixture) -> None:
    app = App("t")
    ran: list[object] = []

    def leave(*_: object) -> None:
        raise SystemExit(3)

    @app.catch
    def first() -> None:
        ran.append("first")

    @app.catch
    def second() -> None:
        leave()

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "undone")
        lctx.compensate(leave)
        raise Problem(418)

    assert 418 == call(app, "GET", "/").status_code
    assert ["first", "undone"] == ran
    assert "catch hook second failed" in caplog.text
    assert "compensation leave failed" in caplog.text


def test_an_interruption_of_the_server_is_passed_on() -> None:
    app = App("t")
    ran: list[object] = []

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.compensate(ran.append, "undone")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        call(app, "GET", "/")
    assert ["undone"] == ran
    gc.collect()  # here, and not during some other test, asyncio says that nobody asked for the task's error
