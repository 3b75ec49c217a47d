"""The shop as its newest clients see it."""

import asyncio
import csv
import json
import os
import re
import shlex
import subprocess
import sys
import threading
from base64 import urlsafe_b64encode
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from sqlite3 import Connection
from typing import Any

import httpx
import pytest
from shop.database import Database

from tests.examples.conftest import SHOP, Shop, bearer, load_shop, new_order
from tests.servers import Server

PROBLEM = "application/problem+json"


def catalogue() -> list[dict[str, str]]:
    with (SHOP / "products.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


async def walk(shop: Shop, path: str, **query: str) -> list[dict[str, Any]]:
    """Return all items of a list, page by page."""
    items: list[dict[str, Any]] = []
    cursor: str | None = None
    while True:
        page = (await shop.client.get(path, params=query | ({"cursor": cursor} if cursor else {}))).json()
        assert 0 < len(page["items"]) <= int(query["limit"])
        items += page["items"]
        cursor = page["next_cursor"]
        if cursor is None:
            return items


async def place(shop: Shop, *lines: tuple[str, int]) -> dict[str, Any]:
    answer = await shop.client.post("/orders", json=new_order(*lines))
    assert answer.status_code == 201, answer.text
    order: dict[str, Any] = answer.json()
    return order


async def test_products_walked_by_cursor_are_each_met_once(shop: Shop) -> None:
    products = await walk(shop, "/products", limit="7")
    assert [product["sku"] for product in products] == [row["sku"] for row in catalogue()]


async def test_products_without_a_limit_come_by_twenty(shop: Shop) -> None:
    page = (await shop.client.get("/products")).json()
    assert len(page["items"]) == 20
    assert isinstance(page["next_cursor"], str)


async def test_last_page_that_is_full_has_no_cursor(shop: Shop) -> None:
    page = (await shop.client.get("/products", params={"limit": "100", "tag": "tea"})).json()
    full = (await shop.client.get("/products", params={"limit": str(len(page["items"])), "tag": "tea"})).json()
    assert full == page
    assert full["next_cursor"] is None


async def test_products_with_a_tag_are_those_of_the_catalogue(shop: Shop) -> None:
    products = await walk(shop, "/products", limit="3", tag="coffee")
    assert [product["sku"] for product in products] == [
        row["sku"] for row in catalogue() if "coffee" in row["tags"].split()
    ]


async def test_product_has_price_and_tags_and_a_description_only_if_it_needs_one(shop: Shop) -> None:
    pot = (await shop.client.get("/products/coffee-pot")).json()
    bag = (await shop.client.get("/products/bag-cotton")).json()
    assert pot | {"stock": 0} == {
        "sku": "coffee-pot", "name": "Coffee pot", "description": "Enamel, one litre", "stock": 0,
        "price": {"amount": "31.00", "currency": "EUR"}, "tags": ["coffee", "kitchen", "metal"],
    }  # fmt: skip
    assert "description" not in bag


async def test_unknown_product_is_a_problem(shop: Shop) -> None:
    answer = await shop.client.get("/products/unicorn")
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert answer.json()["detail"] == "there is no product 'unicorn'"


@pytest.mark.parametrize("limit", ["0", "101", "-1", "x"])
@pytest.mark.parametrize("path", ["/products", "/orders"])
async def test_limit_out_of_range_is_refused_with_its_place(shop: Shop, path: str, limit: str) -> None:
    answer = await shop.client.get(path, params={"limit": limit})
    assert answer.status_code == 400
    assert [(fault["in"], fault["pointer"]) for fault in answer.json()["errors"]] == [("query", "/limit")]


def as_cursor(text: str) -> str:
    return urlsafe_b64encode(text.encode()).rstrip(b"=").decode()


@pytest.mark.parametrize("path", ["/products", "/orders"])
@pytest.mark.parametrize(
    "cursor",
    [
        "", "x", "%FF", "ä", "=", as_cursor("[]"), as_cursor('["products",1]'), as_cursor('["orders","a"]'),
        as_cursor('["orders",-1]'), as_cursor(f'["orders",{2**63}]'), as_cursor("[" * 300), "A" * 501,
    ],
)  # fmt: skip
async def test_cursor_nobody_was_given_is_refused(shop: Shop, path: str, cursor: str) -> None:
    answer = await shop.client.get(path, params={"cursor": cursor})
    assert (answer.status_code, answer.headers["content-type"]) == (400, PROBLEM)


async def test_cursor_of_another_list_is_refused(shop: Shop) -> None:
    products = (await shop.client.get("/products", params={"limit": "1"})).json()["next_cursor"]
    assert (await shop.client.get("/orders", params={"cursor": products})).status_code == 400


async def test_order_placed_has_prices_total_and_time_and_takes_stock(shop: Shop) -> None:
    before = [await shop.stock("jam-quince"), await shop.stock("oil-olive")]
    body = new_order(("jam-quince", 3), ("oil-olive", 1)) | {"note": "Ring twice"}
    answer = await shop.client.post("/orders", json=body)
    order = answer.json()
    assert answer.status_code == 201
    assert order["customer"] == body["customer"]
    assert order["lines"] == [
        {"sku": "jam-quince", "quantity": 3, "unit_price": {"amount": "5.30", "currency": "EUR"}},
        {"sku": "oil-olive", "quantity": 1, "unit_price": {"amount": "17.80", "currency": "EUR"}},
    ]
    assert (order["status"], order["note"]) == ("pending", "Ring twice")
    assert order["total"] == {"amount": str(3 * Decimal("5.30") + Decimal("17.80")), "currency": "EUR"}
    assert order["created_at"].endswith("Z")
    assert timedelta(0) <= datetime.now(UTC) - datetime.fromisoformat(order["created_at"]) < timedelta(minutes=1)
    assert [await shop.stock("jam-quince"), await shop.stock("oil-olive")] == [before[0] - 3, before[1] - 1]
    assert (await shop.client.get(f"/orders/{order['id']}")).json() == order


async def test_order_without_a_note_has_none(shop: Shop) -> None:
    assert "note" not in await place(shop, ("salt-sea", 1))


async def test_unknown_skus_are_a_problem_and_nothing_is_taken(shop: Shop) -> None:
    before = await shop.stock("tea-assam")
    lines = new_order(("tea-assam", 1), ("unicorn", 1), ("dragon", 2))
    answer = await shop.client.post("/orders", json=lines)
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
    assert answer.json()["skus"] == ["unicorn", "dragon"]
    assert await shop.stock("tea-assam") == before


async def test_too_little_in_stock_is_a_problem_and_nothing_is_taken(shop: Shop) -> None:
    before = {sku: await shop.stock(sku) for sku in ("tea-assam", "lamp-oil")}
    answer = await shop.client.post("/orders", json=new_order(("tea-assam", 1), ("lamp-oil", before["lamp-oil"] + 1)))
    assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
    assert answer.json()["stock"] == {"lamp-oil": before["lamp-oil"]}
    assert {sku: await shop.stock(sku) for sku in before} == before


async def test_lines_of_one_product_add_up(shop: Shop) -> None:
    before = await shop.stock("bowl-salad")
    half = before // 2 + 1
    answer = await shop.client.post("/orders", json=new_order(("bowl-salad", half), ("bowl-salad", half)))
    assert answer.status_code == 409
    assert await shop.stock("bowl-salad") == before
    order = await place(shop, ("bowl-salad", 1), ("bowl-salad", 2))
    assert [line["quantity"] for line in order["lines"]] == [1, 2]
    assert await shop.stock("bowl-salad") == before - 3


async def test_twenty_at_once_for_the_last_five_leave_fifteen_without(shop: Shop) -> None:
    await shop.reduce_stock("coffee-mill", to=5)
    answers = await asyncio.gather(
        *(shop.client.post("/orders", json=new_order(("coffee-mill", 1))) for _ in range(20))
    )
    assert sorted(answer.status_code for answer in answers) == [201] * 5 + [409] * 15
    assert await shop.stock("coffee-mill") == 0


@pytest.mark.parametrize("order_id", ["nonsense", "00000000-0000-0000-0000-000000000000", "%00", "ä"])
async def test_unknown_order_is_a_problem(shop: Shop, order_id: str) -> None:
    read = await shop.client.get(f"/orders/{order_id}")
    cancelled = await shop.client.post(f"/orders/{order_id}/cancel")
    expected = 400 if order_id == "%00" else 404
    assert [(each.status_code, each.headers["content-type"]) for each in (read, cancelled)] == [(expected, PROBLEM)] * 2


async def test_cancelled_order_gives_its_stock_back_once(shop: Shop) -> None:
    before = await shop.stock("pan-iron")
    order = await place(shop, ("pan-iron", 2), ("pan-iron", 1))
    cancelled = await shop.client.post(f"/orders/{order['id']}/cancel")
    again = await shop.client.post(f"/orders/{order['id']}/cancel")
    assert cancelled.status_code == again.status_code == 200
    assert cancelled.json() == again.json() == order | {"status": "cancelled"}
    assert await shop.stock("pan-iron") == before


def ship(shop: Shop, order_id: str) -> subprocess.CompletedProcess[str]:
    """Complete an order as the warehouse does, while the shop is open."""
    environment = {**os.environ, "SHOP_DB": str(shop.database)}
    command = [sys.executable, "-m", "shop.ship", order_id]
    return subprocess.run(command, cwd=SHOP.parent, env=environment, capture_output=True, text=True, check=False)


async def test_completed_order_cannot_be_cancelled(shop: Shop) -> None:
    order = await place(shop, ("pot-clay", 1))
    left = await shop.stock("pot-clay")
    assert ship(shop, order["id"]).returncode == 0
    answer = await shop.client.post(f"/orders/{order['id']}/cancel")
    assert (answer.status_code, answer.headers["content-type"]) == (409, PROBLEM)
    assert (await shop.client.get(f"/orders/{order['id']}")).json()["status"] == "completed"
    assert await shop.stock("pot-clay") == left


async def test_cancelled_order_does_not_leave_the_house(shop: Shop) -> None:
    order = await place(shop, ("pot-clay", 1))
    await shop.client.post(f"/orders/{order['id']}/cancel")
    shipped = ship(shop, order["id"])
    assert (shipped.returncode, shipped.stderr.strip()) == (
        1, f"order {order['id']!r} is cancelled; nothing leaves the house",
    )  # fmt: skip


async def test_orders_walked_by_cursor_are_each_met_once_newest_first(shop: Shop) -> None:
    placed = [(await place(shop, ("glass-jam", 1)))["id"] for _ in range(7)]
    walked = [order["id"] for order in await walk(shop, "/orders", limit="3")]
    assert walked[:7] == placed[::-1]
    assert len(set(walked)) == len(walked)


async def test_orders_placed_during_a_walk_do_not_disturb_it(shop: Shop) -> None:
    placed = [(await place(shop, ("glass-jam", 1)))["id"] for _ in range(4)]
    first = (await shop.client.get("/orders", params={"limit": "2"})).json()
    await place(shop, ("glass-jam", 1))
    second = (await shop.client.get("/orders", params={"limit": "2", "cursor": first["next_cursor"]})).json()
    assert [order["id"] for order in first["items"] + second["items"]] == placed[::-1]


async def test_orders_with_a_status_are_only_those(shop: Shop) -> None:
    kept, cancelled = [(await place(shop, ("fork-cake", 1)))["id"] for _ in range(2)]
    await shop.client.post(f"/orders/{cancelled}/cancel")
    found = {
        status: [order["id"] for order in (await shop.client.get("/orders", params={"status": status})).json()["items"]]
        for status in ("pending", "cancelled")
    }
    assert kept in found["pending"]
    assert kept not in found["cancelled"]
    assert cancelled in found["cancelled"]
    assert cancelled not in found["pending"]


async def test_faults_of_an_order_are_listed_all_at_once(shop: Shop) -> None:
    body = {"customer": {"first_name": "", "email": "nobody"}, "lines": [{"sku": "tea-assam", "quantity": 1001}]}
    answer = await shop.client.post("/orders", json=body)
    assert answer.status_code == 400
    assert {fault["pointer"] for fault in answer.json()["errors"]} == {
        "/customer/first_name", "/customer/last_name", "/customer/email", "/lines/0/quantity",
    }  # fmt: skip


async def test_order_that_fails_after_it_was_placed_is_undone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app = load_shop(tmp_path / "shop.db", monkeypatch)

    @app.after
    def fail_after_orders(res: Any) -> None:
        if res.status == 201:
            raise RuntimeError("the printer is on fire")

    await app.start()
    database = tmp_path / "shop.db"
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://test", headers=bearer(database)) as client:
        shop = Shop(client, database)
        before = await shop.stock("tea-pot")
        answer = await client.post("/orders", json=new_order(("tea-pot", 2)))
        assert answer.status_code == 500
        assert await shop.stock("tea-pot") == before
        assert (await client.get("/orders")).json()["items"] == []
    await app.stop()


async def test_change_whose_caller_is_cancelled_is_finished_first(tmp_path: Path) -> None:
    database = Database(tmp_path / "x.db")
    await database.write(lambda db: db.execute("CREATE TABLE marks (mark TEXT)"))
    began, may_end = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def change(db: Connection) -> None:
        loop.call_soon_threadsafe(began.set)
        may_end.wait(10)
        db.execute("INSERT INTO marks VALUES ('done')")

    writing = asyncio.create_task(database.write(change))
    await began.wait()
    writing.cancel()
    loop.call_later(0.01, may_end.set)
    with pytest.raises(asyncio.CancelledError):
        await writing
    found = await database.read(lambda db: [tuple(row) for row in db.execute("SELECT mark FROM marks")])
    database.close()
    assert found == [("done",)]


def test_shop_that_is_opened_again_knows_everything(start_server: Callable[..., Server], tmp_path: Path) -> None:
    environment = {"SHOP_DB": str(tmp_path / "shop.db")}
    first = start_server(SHOP / "app.py", env=environment)
    clerk = bearer(tmp_path / "shop.db", "clerk")
    order = httpx.post(f"{first.url}/orders", json=new_order(("tin-tea", 5)) | {"note": "ö"}, headers=clerk)
    products = httpx.get(f"{first.url}/products", params={"limit": "100"}).json()
    assert first.stop() == 0
    second = start_server(SHOP / "app.py", env=environment)
    assert httpx.get(f"{second.url}/orders/{order.json()['id']}", headers=clerk).json() == order.json()
    assert httpx.get(f"{second.url}/products", params={"limit": "100"}).json() == products


def test_several_workers_share_the_stock_and_welcome_once(start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server(SHOP / "app.py", "--workers", "2", env={"SHOP_DB": str(tmp_path / "shop.db")})
    assert len(re.findall(r"^Ada orders", server.printed, re.MULTILINE)) == 1

    async def order_all() -> list[int]:
        async with httpx.AsyncClient(base_url=server.url, headers=bearer(tmp_path / "shop.db")) as client:
            await Shop(client, tmp_path).reduce_stock("coffee-mill", to=5)
            orders = (client.post("/orders", json=new_order(("coffee-mill", 1))) for _ in range(20))
            return sorted(answer.status_code for answer in await asyncio.gather(*orders))

    assert asyncio.run(order_all()) == [201] * 5 + [409] * 15


def test_welcome_shows_commands_that_work(start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server(SHOP / "app.py", env={"SHOP_DB": str(tmp_path / "shop.db")})
    commands = re.findall(r"^\s*(curl .*)$", server.printed, re.MULTILINE)
    answers = [
        subprocess.run(
            [*shlex.split(command), "-s", "-w", "\n%{http_code}"], capture_output=True, text=True, check=True
        )
        for command in commands
    ]
    assert ["200", "201", "201", "200"] == [answer.stdout.splitlines()[-1] for answer in answers]
    ordered = json.loads(answers[3].stdout.splitlines()[0])["items"]
    assert ["Hopper", "Lovelace"] == [order["customer"]["last_name"] for order in ordered]


def test_credentials_are_their_owners_alone_and_last(start_server: Callable[..., Server], tmp_path: Path) -> None:
    environment = {"SHOP_DB": str(tmp_path / "shop.db")}
    folder = tmp_path / ".perdure" / "credentials"
    start_server(SHOP / "app.py", env=environment).stop()
    made = {file.name: file.read_text() for file in folder.iterdir()}
    server = start_server(SHOP / "app.py", env=environment)
    assert {"ada", "grace", "clerk", "staff.pem", "staff.jwks.json"} == {*made}
    assert {"ada", "grace", "clerk", "staff.pem"} == {f.name for f in folder.iterdir() if f.stat().st_mode & 0o077 == 0}
    for name in ("ada", "grace", "staff.pem", "staff.jwks.json"):
        assert made[name] == (folder / name).read_text()
    field, _, value = made["ada"].strip().partition(": ")
    assert 200 == httpx.get(f"{server.url}/orders", headers={field: value}).status_code


async def test_customer_sees_and_cancels_only_what_it_ordered(shop: Shop) -> None:
    order = await place(shop, ("tea-assam", 1))
    other = bearer(shop.database)
    assert 404 == (await shop.client.get(f"/orders/{order['id']}", headers=other)).status_code
    assert 404 == (await shop.client.post(f"/orders/{order['id']}/cancel", headers=other)).status_code
    assert [] == (await shop.client.get("/orders", headers=other)).json()["items"]
    assert "pending" == (await shop.client.get(f"/orders/{order['id']}")).json()["status"]


async def test_clerk_may_cancel_what_others_ordered(shop: Shop) -> None:
    order = await place(shop, ("tea-assam", 1))
    clerk = bearer(shop.database, "clerk")
    cancelled = await shop.client.post(f"/orders/{order['id']}/cancel", headers=clerk)
    assert (200, "cancelled") == (cancelled.status_code, cancelled.json()["status"])


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/orders"), ("POST", "/orders"), ("GET", "/orders/1"), ("POST", "/orders/1/cancel")],
)
async def test_orders_are_for_nobody_without_a_role(method: str, path: str, shop: Shop) -> None:
    nobody = {"Authorization": ""}
    refused = [
        await shop.client.request(method, path, headers=headers)
        for headers in (nobody, bearer(shop.database, "passer-by"))
    ]
    assert [401, 403] == [answer.status_code for answer in refused]
    assert 'Bearer realm="shop"' in refused[0].headers["www-authenticate"]


async def test_expired_token_is_401_without_a_word_about_it(shop: Shop) -> None:
    expired = bearer(shop.database, exp=1)
    answer = await shop.client.get("/orders", headers=expired)
    assert (401, "Credentials that are good are needed here.") == (answer.status_code, answer.json()["detail"])


async def test_catalogue_is_for_everyone(shop: Shop) -> None:
    for headers in ({"Authorization": ""}, {"Authorization": "Bearer nonsense"}, {"Authorization": "Basic eA=="}):
        assert 200 == (await shop.client.get("/products", headers=headers)).status_code


async def test_who_orders_too_often_has_to_wait(shop: Shop) -> None:
    eager = bearer(shop.database, subject=f"eager-{id(shop)}")
    answers = [await shop.client.post("/orders", json={}, headers=eager) for _ in range(61)]
    assert [400] * 60 + [429] == [answer.status_code for answer in answers]
    assert 0 < int(answers[-1].headers["retry-after"]) <= 60
    assert 200 == (await shop.client.get("/orders", headers=eager)).status_code
    assert 400 == (await shop.client.post("/orders", json={})).status_code
