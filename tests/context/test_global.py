"""The Global Context."""

from typing import Any

import pytest

from perdure import App, Config, GlobalContext
from perdure.errors import UnknownVersionError
from tests.calls import call


def test_every_request_sees_the_same_one() -> None:
    app = App("t", config=Config(settings={"currency": "EUR"}))
    seen: list[GlobalContext[Any]] = []

    @app.get("/")
    async def handle(gctx: GlobalContext) -> str:
        seen.append(gctx)
        return str(gctx.config.settings["currency"])

    assert ["EUR", "EUR"] == [call(app, "GET", "/").text for _ in range(2)]
    assert seen[0] is seen[1]


@pytest.mark.parametrize("name", ["config", "modules", "timescape", "something"])
def test_nothing_of_it_can_be_replaced(name: str) -> None:
    app = App("t")

    @app.get("/")
    async def handle(gctx: GlobalContext) -> str:
        with pytest.raises(AttributeError):
            setattr(gctx, name, None)
        with pytest.raises(AttributeError):
            delattr(gctx, name)
        return str(gctx.config.worker_threads)

    assert "16" == call(app, "GET", "/").text


def test_timescape_answers_about_versions() -> None:
    app = App("t", config=Config(tags={"partners": "v1"}))

    @app.get("/", version="v1.0.0")
    async def old() -> None: ...

    @app.get("/", version="v2.0.0")
    async def new(gctx: GlobalContext) -> list[Any]:
        with pytest.raises(UnknownVersionError):
            gctx.timescape.resolve_name("v9")
        timescape = gctx.timescape
        return [
            timescape.versions(),
            timescape.tags(),
            timescape.resolve_name("partners"),
            timescape.transformers("new"),
        ]

    tags = {"latest": "v2.0.0", "stable": "v2.0.0", "partners": "v1.0.0"}
    assert [["v1.0.0", "v2.0.0"], tags, "v1.0.0", []] == call(app, "GET", "/").json()
