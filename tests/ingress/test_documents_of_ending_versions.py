"""What documents say of versions that are deprecated, retired or not active yet."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from perdure import App
from perdure.timescape.steering import Closed, Steering
from tests.calls import serving


@pytest.fixture
async def app() -> AsyncIterator[App]:
    app = App("ending")

    @app.get("/x", version="v1.0.0", id="x")
    async def first() -> int:
        return 1

    @app.get("/x", version="v2.0.0", id="x")
    async def second() -> int:
        return 2

    @app.get("/x", version="v3.0.0", id="x")
    async def third() -> int:
        return 3

    yield app
    await app.stop()


async def get(app: App, target: str) -> httpx.Response:
    async with serving(app) as client:
        return await client.get(target)


async def steer(app: App, steering: Steering) -> None:
    """Decide something about versions in a running *app*."""
    await app.start()
    app._compiled().catalogue.timescape.steer(steering)


async def test_deprecated_version_says_so_as_soon_as_it_is(app: App) -> None:
    before = await get(app, "/openapi.json?version=v1")
    assert "description" not in before.json()["info"]
    told = (("deprecation", "@1688169599"), ("sunset", "Fri, 01 Jan 2027 00:00:00 GMT"))
    await steer(app, Steering(headers={0: told}))
    after = await get(app, "/openapi.json?version=v1")
    assert (
        "**This version is deprecated since 2023-06-30.** It may not be served any more after "
        "Fri, 01 Jan 2027 00:00:00 GMT."
    ) == after.json()["info"]["description"]
    assert ">v1.0.0 (deprecated)<" in (await get(app, "/docs")).text
    assert before.headers["etag"] != after.headers["etag"]
    assert "description" not in (await get(app, "/openapi.json?version=v2")).json()["info"]


async def test_retired_version_has_no_document_and_the_page_offers_the_others(app: App) -> None:
    await steer(app, Steering(closed={0: Closed(reason="it was retired", successor="v2.0.0")}))
    assert (await get(app, "/openapi.json?version=v1")).status_code == 410
    page = await get(app, "/docs?version=v1.0.0")
    assert page.status_code == 200
    assert "it was retired" in page.text
    assert ["v3.0.0", "v2.0.0"] == _options(page.text)
    assert (await get(app, "/docs/docs.css?version=v1")).status_code == 200


async def test_version_that_is_not_active_is_not_there(app: App) -> None:
    await steer(app, Steering(hidden=frozenset({2})))
    assert ["v2.0.0", "v1.0.0"] == _options((await get(app, "/docs")).text)
    assert (await get(app, "/openapi.json?version=v3.0.0")).status_code == 400
    assert (await get(app, "/openapi.json")).json()["info"]["version"] == "v2.0.0"


def _options(page: str) -> list[Any]:
    return [part.partition('"')[0] for part in page.split('<option value="')[1:]]
