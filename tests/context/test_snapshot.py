"""Snapshots and restoring, by example."""

import asyncio

import pytest

from perdure import App, LocalContext
from perdure.errors import SnapshotError
from tests.calls import call


def test_a_snapshot_is_not_changed_by_what_comes_after() -> None:
    app = App("t")

    @app.get("/")
    async def handle(lctx: LocalContext) -> list[object]:
        basket = ["a"]
        lctx.set("basket", basket)
        lctx.set("same", basket)
        snapshot = lctx.snapshot()
        basket.append("b")
        lctx.set("more", 1)
        lctx.restore(snapshot)
        restored = lctx.get("basket")
        return [restored, restored is lctx.get("same"), restored is basket, lctx.get("more")]

    assert [["a"], True, False, None] == call(app, "GET", "/").json()


def test_a_snapshot_can_be_restored_more_than_once() -> None:
    app = App("t")

    @app.get("/")
    async def handle(lctx: LocalContext) -> list[object]:
        lctx.set("a", [1])
        snapshot = lctx.snapshot()
        seen: list[object] = []
        for _ in range(2):
            lctx.restore(snapshot)
            lctx.get("a").append(2)
            seen.append(list(lctx.get("a")))
        return seen

    assert [[1, 2], [1, 2]] == call(app, "GET", "/").json()


def test_what_cannot_be_copied_is_named() -> None:
    app = App("t")

    @app.get("/")
    async def handle(lctx: LocalContext) -> str:
        lctx.set("fine", 1)
        lctx.set("task", asyncio.current_task())
        with pytest.raises(SnapshotError, match=r"'task' holds a .*Task"):
            lctx.snapshot()
        return "refused"

    assert "refused" == call(app, "GET", "/").text


def test_what_pickle_refuses_is_copied_all_the_same() -> None:
    class Local:
        def __init__(self) -> None:
            self.items = [1]

    app = App("t")

    @app.get("/")
    async def handle(lctx: LocalContext) -> list[object]:
        local = Local()
        lctx.set("local", local)
        snapshot = lctx.snapshot()
        local.items.append(2)
        lctx.restore(snapshot)
        return [type(lctx.get("local")) is Local, lctx.get("local").items]

    assert [True, [1]] == call(app, "GET", "/").json()


def test_a_snapshot_says_where_it_was_taken() -> None:
    app = App("t")
    stages: list[str] = []

    @app.before
    def look(lctx: LocalContext) -> None:
        stages.append(lctx.snapshot().stage)

    @app.get("/")
    async def handle(lctx: LocalContext) -> None:
        lctx.subscribe("topic", lambda payload: stages.append(lctx.snapshot().stage))
        await lctx.publish("topic")
        stages.append(lctx.snapshot().stage)

    assert 204 == call(app, "GET", "/").status_code
    assert ["hook look", "publish topic", "handler handler"] == stages
