"""The shop, served in two ways: by a server process over TCP (RSGI), and in this process (ASGI)."""

import importlib
import itertools
import sys
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import httpx
import pytest
from joserfc import jwt
from joserfc.jwk import ECKey

from perdure import App
from tests.servers import Server, serve

SHOP = Path(__file__).parents[2] / "examples" / "shop"


_numbers = itertools.count()


def bearer(database: Path, role: str = "customer", subject: str | None = None, **claims: object) -> dict[str, str]:
    """Return the header that lets somebody into the shop upon *database*: by default a customer nobody else is."""
    key = ECKey.import_key((database.parent / ".perdure" / "credentials" / "staff.pem").read_text())
    told = {
        "iss": "https://staff.shop.example", "aud": "shop", "sub": subject or f"somebody-{next(_numbers)}",
        "roles": [role], "exp": int(time.time()) + 600, **claims,
    }  # fmt: skip
    return {"Authorization": f"Bearer {jwt.encode({'alg': 'ES256', 'kid': 'development'}, told, key)}"}


class Shop(NamedTuple):
    """A shop that is open."""

    client: httpx.AsyncClient
    database: Path

    async def stock(self, sku: str) -> int:
        """Return how much there is of a product."""
        answer = await self.client.get(f"/products/{sku}")
        stock: int = answer.json()["stock"]
        return stock

    async def reduce_stock(self, sku: str, to: int) -> None:
        """Order all of a product but *to*."""
        surplus = await self.stock(sku) - to
        assert (await self.client.post("/orders", json=new_order((sku, surplus)))).status_code == 201


def new_order(*lines: tuple[str, int]) -> dict[str, object]:
    """Return what a client of the newest version sends."""
    return {
        "customer": {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"},
        "lines": [{"sku": sku, "quantity": quantity} for sku, quantity in lines],
    }


def load_shop(database: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    """Import the shop afresh, upon *database*."""
    monkeypatch.setenv("SHOP_DB", str(database))
    monkeypatch.delitem(sys.modules, "shop.app", raising=False)
    app = importlib.import_module("shop.app").app
    assert isinstance(app, App)
    return app


class Served(NamedTuple):
    """The server process, and the database it uses."""

    server: Server
    database: Path


@pytest.fixture(scope="session")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests: what they order is their own, the stock is shared."""
    folder = tmp_path_factory.mktemp("shop")
    database = folder / "shop.db"
    with serve(SHOP / "app.py", log=folder / "server.log", env={"SHOP_DB": str(database)}) as server:
        yield Served(server, database)


@pytest.fixture(params=["rsgi", "asgi"])
async def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Shop]:
    """A shop that is open, served in both ways."""
    if request.param == "rsgi":
        running: Served = request.getfixturevalue("served")
        async with httpx.AsyncClient(base_url=running.server.url, headers=bearer(running.database)) as client:
            yield Shop(client, running.database)
        return
    app = load_shop(tmp_path / "shop.db", monkeypatch)
    await app.start()
    try:
        database = tmp_path / "shop.db"
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=bearer(database)) as client:
            yield Shop(client, database)
    finally:
        await app.stop()
