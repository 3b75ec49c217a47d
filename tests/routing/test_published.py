"""What the clients of each version are told the API is."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from openapi_spec_validator import OpenAPIV31SpecValidator
from shop.app import app as shop

from perdure import App, AuthSettings, Config, Request
from perdure.errors import UnknownVersionError
from perdure.openapi.reading import read_openapi
from tests.recording import Step, record


class Money(Struct):
    amount: str


class Order(Struct):
    price: Money


class OldMoney(Struct):
    cents: int


class OldOrder(Struct):
    price: OldMoney


OldMoney.__name__, OldOrder.__name__ = "Money", "Order"


def old_app() -> App:
    app = App("orders")

    @app.post("/orders", id="create")
    async def create(req: Request[OldOrder]) -> OldOrder:
        return req.body

    @app.delete("/gone")
    async def remove() -> int:
        return 1

    return app


def new_app(folder: Path, version: str | None = None, config: Config | None = None) -> App:
    app = App("orders", revisions=folder, config=config)

    @app.post("/orders", id="create", version=version, status=201)
    async def create(req: Request[Order]) -> Order:
        """Order.

        At once.
        """
        return req.body

    @app.get("/unrecorded", version=version)
    async def unrecorded() -> Money:
        return Money("1")

    return app


TO_AND_FRO = """
@revision.request("Money")
def forward(money: dict[str, int]) -> dict[str, str]:
    return {"amount": str(money["cents"])}


@revision.response("Money")
def back(money: dict[str, str]) -> dict[str, int]:
    return {"cents": int(money["amount"])}
"""


def described(app: App, version: str | None = None) -> Any:
    document = app.openapi(version)
    OpenAPIV31SpecValidator(document).validate()
    return document


def test_older_version_is_as_recorded_and_newest_as_the_code_has_it(tmp_path: Path) -> None:
    published = App("orders")

    @published.post("/orders", id="create", status=201)
    async def create(req: Request[Order]) -> Order:
        return req.body

    folder = record(
        tmp_path / "revisions",
        [Step("2025-01-01T00:00:00Z", old_app(), label="v1.0.0"), Step("2026-01-01T00:00:00Z", published, TO_AND_FRO)],
    )
    app = new_app(folder)
    older, newest = described(app, "v1.0.0"), described(app)
    assert {"cents"} == older["components"]["schemas"]["Money"]["properties"].keys()
    assert {"amount"} == newest["components"]["schemas"]["Money"]["properties"].keys()
    assert ["/orders"] == list(older["paths"]), "what no handler serves any more is not there"
    assert ["/orders", "/unrecorded"] == list(newest["paths"])
    told = older["paths"]["/orders"]["post"]
    assert ("Order.", "At once.", ["orders"]) == (told["summary"], told["description"], told["tags"])
    assert ["200", "201"] == [next(iter(found["paths"]["/orders"]["post"]["responses"])) for found in (older, newest)]
    assert "v1.0.0" == older["info"]["version"]
    assert "2026-01-01" == newest["info"]["version"]


def test_types_of_code_that_were_something_else_when_recorded_are_told_apart(tmp_path: Path) -> None:
    folder = record(
        tmp_path / "revisions",
        [Step("2025-01-01T00:00:00Z", old_app()), Step("2026-01-01T00:00:00Z", new_app(tmp_path), TO_AND_FRO)],
    )
    app = new_app(folder)

    @app.get("/extra", version="2025-01-01")
    async def extra() -> list[Order]:
        return []

    schemas = described(app, "2025-01-01")["components"]["schemas"]
    assert {"Money", "Order", "Money-new", "Order-new", "Problem"} == schemas.keys()
    assert {"cents"} == schemas["Money"]["properties"].keys()
    assert {"amount"} == schemas["Money-new"]["properties"].keys()
    assert {"$ref": "#/components/schemas/Money-new"} == schemas["Order-new"]["properties"]["price"]


def test_who_may_call_is_told_as_of_now_whatever_was_recorded(tmp_path: Path) -> None:
    folder = record(
        tmp_path / "revisions",
        [Step("2025-01-01T00:00:00Z", old_app()), Step("2026-01-01T00:00:00Z", new_app(tmp_path), TO_AND_FRO)],
    )
    closed = new_app(folder, config=Config(auth=AuthSettings(deny_by_default=True)))
    for version in ("2025-01-01", "2026-01-01"):
        assert [{"nobody": []}] == described(closed, version)["paths"]["/orders"]["post"]["security"]
        assert "security" not in described(new_app(folder), version)["paths"]["/orders"]["post"]


@pytest.mark.parametrize("version", ["v1", "v2", "v3"])
def test_every_endpoint_that_is_served_is_described(version: str) -> None:
    name = {"v1": "2025-01-15", "v2": "2025-06-01", "v3": "2026-02-10"}[version]
    served = {f"{route.method} {route.path}" for route in shop.routes() if name in route.versions}
    assert served == read_openapi(described(shop, version)).endpoints.keys()


def test_version_that_does_not_exist_is_refused() -> None:
    with pytest.raises(UnknownVersionError):
        shop.openapi("v9")
