"""The shop as the clients of its three versions see it: one set of handlers, the same data, each in its own shape."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.gtype.nodes import Array, Enum, Node, Object, Ref, Union
from perdure.manifest.records import Api
from perdure.timescape.loading import load_revisions
from perdure.timescape.recorded import RecordedRevision
from tests.examples.conftest import SHOP, Shop, load_shop

NAMES = {"v1": "2025-01-15", "v2": "2025-06-01", "v3": "2026-02-10"}
STATES = {
    "v1": ("pending", "done", "closed"),
    "v2": ("pending", "completed", "cancelled"),
    "v3": ("pending", "completed", "cancelled"),
}


class Client(NamedTuple):
    """A client that was written for one version and has not changed since."""

    shop: Shop
    version: str

    async def ask(self, method: str, path: str, **options: Any) -> Any:
        """Return the body of the answer, which must be a success of the client's own version."""
        answer = await self.try_to(method, path, **options)
        assert answer.is_success, answer.text
        return answer.json()

    async def try_to(self, method: str, path: str, **options: Any) -> Any:
        answer = await self.shop.client.request(method, path, headers={"API-Version": self.version}, **options)
        assert answer.headers["API-Version"] == NAMES[self.version]
        return answer

    def order(self, sku: str, quantity: int) -> dict[str, object]:
        """Return what this client sends to order something."""
        if self.version == "v1":
            customer: dict[str, str] = {"name": "Ada Lovelace", "email": "ada@example.com"}
            return {"customer": customer, "items": [{"sku": sku, "qty": quantity}]}
        customer = {"first_name": "Ada", "last_name": "Lovelace", "email": "ada@example.com"}
        return {"customer": customer, "lines": [{"sku": sku, "quantity": quantity}]}

    def expected(self, sent: dict[str, object], facts: "Facts") -> dict[str, object]:
        """Return what this client understands of an order it might have sent as *sent*."""
        price, total = (
            ({"amount": f"{facts.price:.2f}", "currency": "EUR"}, {"amount": f"{facts.total:.2f}", "currency": "EUR"})
            if self.version == "v3"
            else (facts.price, facts.total)
        )
        name = "items" if self.version == "v1" else "lines"
        lines: Any = sent[name]
        return {
            "id": facts.id, "status": STATES[self.version][facts.state], "customer": sent["customer"],
            name: [line | {"unit_price": price} for line in lines], "total": total, "created_at": facts.created_at,
        }  # fmt: skip

    async def cancel(self, order_id: str) -> Any:
        """Cancel an order the way this client knows."""
        if self.version == "v1":
            return await self.ask("DELETE", f"/orders/{order_id}")
        return await self.ask("POST", f"/orders/{order_id}/cancel")


class Facts(NamedTuple):
    """What is true of an order in every version."""

    id: str
    created_at: str
    price: float
    total: float
    state: int = 0


@pytest.mark.parametrize("buyer", NAMES)
async def test_order_of_any_client_is_read_listed_and_cancelled_by_all_in_their_own_shapes(
    shop: Shop, buyer: str
) -> None:
    clients = [Client(shop, version) for version in NAMES]
    placing = Client(shop, buyer)
    before = await shop.stock("plate-dinner")
    placed = await placing.ask("POST", "/orders", json=placing.order("plate-dinner", 3))
    facts = Facts(placed["id"], placed["created_at"], 15.5, 46.5)
    assert placed == placing.expected(placing.order("plate-dinner", 3), facts)
    assert await shop.stock("plate-dinner") == before - 3
    for client in clients:
        expected = client.expected(client.order("plate-dinner", 3), facts)
        assert await client.ask("GET", f"/orders/{facts.id}") == expected
        assert expected in (await client.ask("GET", "/orders"))["items"]
    for client in clients:
        cancelled = facts._replace(state=2)
        expected = client.expected(client.order("plate-dinner", 3), cancelled)
        assert await client.cancel(facts.id) == expected
        assert await client.ask("GET", f"/orders/{facts.id}") == expected
    assert await shop.stock("plate-dinner") == before


@pytest.mark.parametrize(
    ("version", "price"), [("v1", 12.5), ("v2", 12.5), ("v3", {"amount": "12.50", "currency": "EUR"})]
)
async def test_price_is_a_number_until_money_has_a_currency(shop: Shop, version: str, price: object) -> None:
    client = Client(shop, version)
    assert (await client.ask("GET", "/products/coffee-house"))["price"] == price
    listed = (await client.ask("GET", "/products", params={"tag": "coffee"}))["items"]
    assert price in [product["price"] for product in listed]


@pytest.mark.parametrize("version", NAMES)
@pytest.mark.parametrize("state", [0, 2])
async def test_orders_are_filtered_by_the_clients_own_words(shop: Shop, version: str, state: int) -> None:
    client = Client(shop, version)
    pending, cancelled = [
        (await client.ask("POST", "/orders", json=client.order("jam-apricot", 1)))["id"] for _ in range(2)
    ]
    await client.cancel(cancelled)
    word = STATES[version][state]
    found = (await client.ask("GET", "/orders", params={"status": word}))["items"]
    assert {order["status"] for order in found} == {word}
    assert {order["id"] for order in found} & {pending, cancelled} == {pending if state == 0 else cancelled}


@pytest.mark.parametrize(
    ("version", "word"), [("v1", "completed"), ("v1", "cancelled"), ("v2", "done"), ("v3", "done"), ("v3", "closed")]
)
async def test_words_of_another_version_are_refused(shop: Shop, version: str, word: str) -> None:
    answer = await Client(shop, version).try_to("GET", "/orders", params={"status": word})
    assert answer.status_code == 400
    (fault,) = answer.json()["errors"]
    assert (fault["in"], fault["pointer"], fault["code"]) == ("query", "/status", "enum")
    assert fault["expected"] == "one of " + ", ".join(f'"{each}"' for each in STATES[version])


@pytest.mark.parametrize(
    ("version", "pointers"),
    [
        ("v1", {"/customer/name", "/items/0/qty", "/items/1/sku", "/items/1/qty"}),
        (
            "v2",
            {"/customer/first_name", "/customer/last_name", "/lines/0/quantity", "/lines/1/sku", "/lines/1/quantity"},
        ),
    ],
)
async def test_faults_are_told_in_the_clients_own_names(shop: Shop, version: str, pointers: set[str]) -> None:
    lines, quantity = ("items", "qty") if version == "v1" else ("lines", "quantity")
    body = {
        "customer": {"email": "ada@example.com"},
        lines: [{"sku": "tea-assam", quantity: 0}, {"sku": "", quantity: "3"}],
    }
    answer = await Client(shop, version).try_to("POST", "/orders", json=body)
    assert answer.status_code == 400
    assert {fault["pointer"] for fault in answer.json()["errors"]} == pointers


@pytest.mark.parametrize(("version", "other"), [("v1", "v3"), ("v2", "v1"), ("v3", "v1")])
async def test_shape_of_another_version_is_refused(shop: Shop, version: str, other: str) -> None:
    body = Client(shop, other).order("tea-assam", 1)
    assert (await Client(shop, version).try_to("POST", "/orders", json=body)).status_code == 400


@pytest.mark.parametrize("version", NAMES)
async def test_refusals_of_the_shop_are_the_same_for_all(shop: Shop, version: str) -> None:
    client = Client(shop, version)
    left = await shop.stock("lamp-oil")
    unknown = await client.try_to("POST", "/orders", json=client.order("unicorn", 1))
    short = await client.try_to("POST", "/orders", json=client.order("lamp-oil", left + 1))
    assert (unknown.status_code, unknown.json()["skus"]) == (404, ["unicorn"])
    assert (short.status_code, short.json()["stock"]) == (409, {"lamp-oil": left})
    assert await shop.stock("lamp-oil") == left


@pytest.mark.parametrize("version", ["v2", "v3"])
async def test_orders_are_not_deleted_since_they_are_cancelled(shop: Shop, version: str) -> None:
    client = Client(shop, version)
    order = await client.ask("POST", "/orders", json=client.order("tea-assam", 1))
    answer = await client.try_to("DELETE", f"/orders/{order['id']}")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "GET, HEAD, OPTIONS")
    assert (await client.ask("GET", f"/orders/{order['id']}"))["status"] == "pending"


async def test_orders_could_not_be_cancelled_before_they_could_be_deleted(shop: Shop) -> None:
    client = Client(shop, "v1")
    order = await client.ask("POST", "/orders", json=client.order("tea-assam", 1))
    assert (await client.try_to("POST", f"/orders/{order['id']}/cancel")).status_code == 404
    options = await client.try_to("OPTIONS", f"/orders/{order['id']}")
    assert options.headers["Allow"] == "DELETE, GET, HEAD, OPTIONS"
    assert (await client.ask("GET", f"/orders/{order['id']}"))["status"] == "pending"


@pytest.mark.parametrize(
    ("name", "first_name", "last_name"),
    [
        ("Ada Lovelace", "Ada", "Lovelace"),
        ("Ada King Lovelace", "Ada", "King Lovelace"),
        ("Plato", "Plato", ""),
        ("李小龙", "李小龙", ""),
        (" ", " ", ""),
        ("x" * 5000, "x" * 5000, ""),
    ],
)
async def test_any_name_of_an_old_client_is_taken_and_comes_back(
    shop: Shop, name: str, first_name: str, last_name: str
) -> None:
    old, new = Client(shop, "v1"), Client(shop, "v3")
    body = old.order("tea-assam", 1) | {"customer": {"name": name, "email": "a@b"}}
    order = await old.ask("POST", "/orders", json=body)
    assert order["customer"] == {"name": name, "email": "a@b"}
    assert (await new.ask("GET", f"/orders/{order['id']}"))["customer"] == {
        "first_name": first_name, "last_name": last_name, "email": "a@b",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("asked", "got"),
    [
        ("v1", "v1"), ("v1.0", "v1"), ("v1.0.0", "v1"), ("1.x", "v1"), ("2025-01-15", "v1"), ("2025-05-31", "v1"),
        ("2025-05-31T23:59:59Z", "v1"), ("v2", "v2"), ("2025-06-01", "v2"), ("2025-06-01T02:00:00+02:00", "v2"),
        ("2026-02-09T23:59:59.999Z", "v2"), ("v3", "v3"), ("v3.0.0", "v3"), ("2026-02-10", "v3"), ("2099-01-01", "v3"),
        ("stable", "v3"), ("latest", "v3"), ("tsv:1736899200-get_product-000", "v1"),
        ("tsv:1770681600-get_product-000", "v3"),
    ],
)  # fmt: skip
async def test_version_is_found_by_any_of_its_names(shop: Shop, asked: str, got: str) -> None:
    by_header = await shop.client.get("/products/tea-assam", headers={"API-Version": asked})
    by_query = await shop.client.get("/products/tea-assam", params={"version": asked})
    assert [answer.headers["API-Version"] for answer in (by_header, by_query)] == [NAMES[got]] * 2
    assert isinstance(by_header.json()["price"], dict) == (got == "v3")
    assert by_header.json() == by_query.json()


async def test_client_that_names_no_version_gets_the_newest(shop: Shop) -> None:
    assert (await shop.client.get("/products/tea-assam")).headers["API-Version"] == NAMES["v3"]


@pytest.mark.parametrize("asked", ["v4", "2025-01-14", "nonsense", "0.x", "tsv:1736899200-get_order-000"])
async def test_unknown_version_is_told_which_there_are(shop: Shop, asked: str) -> None:
    answer = await shop.client.get("/products/tea-assam", headers={"API-Version": asked})
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "application/problem+json")
    assert set(NAMES.values()) <= set(answer.json()["known"])


# What the recorded revisions say, against what the shop once published, written down by hand.

CUSTOMER = {"v1": ["name", "email"], "v2": ["first_name", "last_name", "email"]}
LINES = {"v1": ("items", "qty"), "v2": ("lines", "quantity")}
ENDPOINTS = {
    "GET /products", "GET /products/{sku}", "POST /orders", "GET /orders/{order_id}", "GET /orders",
}  # fmt: skip


@pytest.fixture(scope="module")
def revisions() -> tuple[RecordedRevision, ...]:
    return load_revisions(SHOP / "revisions")


def members(api: Api, name: str) -> dict[str, tuple[bool, Node]]:
    node = api.types[name]
    assert isinstance(node, Object)
    return {field.name: (field.required, field.node) for field in node.fields}


def test_newest_revision_is_what_the_code_declares(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, revisions: tuple[RecordedRevision, ...]
) -> None:
    app = load_shop(tmp_path / "unused.db", monkeypatch)
    assert app.api() == revisions[-1].after


def test_each_revision_is_a_version_with_its_label(revisions: tuple[RecordedRevision, ...]) -> None:
    assert [(each.name[:10], each.label) for each in revisions] == [
        ("2025-01-15", "v1.0.0"), ("2025-06-01", "v2.0.0"), ("2026-02-10", "v3.0.0"),
    ]  # fmt: skip


@pytest.mark.parametrize("version", NAMES)
def test_recorded_endpoints_are_those_that_were_published(
    revisions: tuple[RecordedRevision, ...], version: str
) -> None:
    api = revisions[list(NAMES).index(version)].after
    cancelling = "DELETE /orders/{order_id}" if version == "v1" else "POST /orders/{order_id}/cancel"
    assert set(api.endpoints) == ENDPOINTS | {cancelling}
    assert {key: endpoint.status for key, endpoint in api.endpoints.items() if endpoint.status != 200} == {
        "POST /orders": 201
    }


@pytest.mark.parametrize("version", NAMES)
def test_recorded_types_are_those_that_were_published(revisions: tuple[RecordedRevision, ...], version: str) -> None:
    api = revisions[list(NAMES).index(version)].after
    shape = "v1" if version == "v1" else "v2"
    lines, quantity = LINES[shape]
    assert list(members(api, "Customer")) == CUSTOMER[shape]
    assert list(members(api, "Line")) == ["sku", quantity]
    assert list(members(api, "OrderLine")) == ["sku", quantity, "unit_price"]
    assert list(members(api, "NewOrder")) == ["customer", lines, "note"]
    assert list(members(api, "Order")) == ["id", "status", "customer", lines, "total", "note", "created_at"]
    assert list(members(api, "Product")) == ["sku", "name", "description", "price", "stock", "tags"]
    assert list(members(api, "Page[Order]")) == list(members(api, "Page[Product]")) == ["items", "next_cursor"]
    assert {
        (name, member)
        for name in ("Customer", "Line", "OrderLine", "NewOrder", "Order", "Product", "Page[Order]", "Page[Product]")
        for member, (required, _) in members(api, name).items()
        if not required
    } == {("NewOrder", "note"), ("Order", "note"), ("Product", "description")}
    assert isinstance(members(api, "Order")[lines][1], Array)
    status = api.types["OrderStatus"]
    assert isinstance(status, Enum)
    assert tuple(value for _, value in status.members) == STATES[version]


@pytest.mark.parametrize("version", NAMES)
def test_money_is_one_named_type_wherever_it_occurs(revisions: tuple[RecordedRevision, ...], version: str) -> None:
    api = revisions[list(NAMES).index(version)].after
    assert api.types["Money"].__struct_config__.tag == ("object" if version == "v3" else "number")
    for holder, name in (("Product", "price"), ("OrderLine", "unit_price"), ("Order", "total")):
        assert members(api, holder)[name][1] == Ref(name="Money")


def test_status_of_a_query_is_the_one_of_orders(revisions: tuple[RecordedRevision, ...]) -> None:
    for revision in revisions:
        query = revision.after.endpoints["GET /orders"].query
        assert query is not None
        (status,) = [field.node for field in query.fields if field.name == "status"]
        assert isinstance(status, Union)
        assert Ref(name="OrderStatus") in status.members


def function(revisions: tuple[RecordedRevision, ...], direction: str, target: str) -> Callable[[Any], Any]:
    (found,) = [
        each.function
        for revision in revisions
        for each in revision.transformers
        if (each.direction, each.target) == (direction, target)
    ]
    return found


@given(name=st.text(min_size=1))
def test_names_are_split_and_joined_without_losing_a_word(revisions: tuple[RecordedRevision, ...], name: str) -> None:
    split = function(revisions, "request", "Customer")({"name": name, "email": "a@b"})
    joined = function(revisions, "response", "Customer")(dict(split))
    assert split["first_name"]
    assert (joined["name"].split(), joined["email"]) == (name.split(), "a@b")


@given(cents=st.integers(0, 10**13 - 1))
def test_amounts_keep_every_cent(revisions: tuple[RecordedRevision, ...], cents: int) -> None:
    amount = f"{cents // 100}.{cents % 100:02}"
    number = function(revisions, "response", "Money")({"amount": amount, "currency": "EUR"})
    assert isinstance(number, float)
    assert f"{Decimal(str(number)):.2f}" == amount
