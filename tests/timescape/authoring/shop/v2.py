"""The shop's API of 2025-06-01: what its code declared then, without what its handlers did."""

from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Generic, NewType, TypeVar

from msgspec import Meta, Struct

from perdure import ApiKeySettings, App, AuthSettings, Config, Request

app = App("shop", config=Config(auth=AuthSettings(api_keys=ApiKeySettings())))

T = TypeVar("T")
Sku = Annotated[str, Meta(min_length=1, max_length=64)]
Money = NewType("Money", float)


class Product(Struct, kw_only=True, omit_defaults=True):
    """Something the shop sells."""

    sku: Sku
    name: str
    description: str | None = None
    price: Money
    stock: Annotated[int, Meta(ge=0)]
    tags: list[str]


class OrderStatus(StrEnum):
    """How far an order has come."""

    PENDING = "pending"
    COMPLETED = "completed"
    CANCELLED = "cancelled"


class Customer(Struct):
    """Who orders. Some people have one name only: that is their first."""

    first_name: Annotated[str, Meta(min_length=1)]
    last_name: str
    email: Annotated[str, Meta(max_length=254, pattern="^[^@ ]+@[^@ ]+$")]


class Line(Struct):
    """How many of a product are wanted."""

    sku: Sku
    quantity: Annotated[int, Meta(ge=1, le=1000)]


class OrderLine(Line):
    """How many of a product were ordered, and at which price."""

    unit_price: Money


class NewOrder(Struct):
    """What a customer asks for."""

    customer: Customer
    lines: Annotated[list[Line], Meta(min_length=1, max_length=100)]
    note: Annotated[str, Meta(max_length=500)] | None = None


class Order(Struct, kw_only=True, omit_defaults=True):
    """What a customer was promised."""

    id: str
    status: OrderStatus
    customer: Customer
    lines: list[OrderLine]
    total: Money
    note: str | None = None
    created_at: Annotated[datetime, Meta(tz=True)]


class Page(Struct, Generic[T]):
    """A part of a list. Ask again with the cursor for what follows; there is none after the last page."""

    items: list[T]
    next_cursor: str | None


class PageQuery(Struct, kw_only=True):
    """Which part of a list is wanted."""

    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: Annotated[str, Meta(max_length=500)] | None = None


class ProductQuery(PageQuery, kw_only=True):
    """Which products are wanted."""

    tag: str | None = None


class OrderQuery(PageQuery, kw_only=True):
    """Which orders are wanted."""

    status: OrderStatus | None = None


class ProductPath(Struct):
    """Which product a path names."""

    sku: str


class OrderPath(Struct):
    """Which order a path names."""

    order_id: str


@app.get("/products", public=True)
async def list_products(req: Request[None, Any, ProductQuery]) -> Page[Product]:
    raise NotImplementedError


@app.get("/products/{sku}", public=True)
async def get_product(req: Request[None, ProductPath]) -> Product:
    raise NotImplementedError


@app.post("/orders", status=201, roles={"customer", "clerk"}, rate_limit="60/minute")
async def place_order(req: Request[NewOrder]) -> Order:
    raise NotImplementedError


@app.get("/orders", roles={"customer", "clerk"})
async def list_orders(req: Request[None, Any, OrderQuery]) -> Page[Order]:
    raise NotImplementedError


@app.get("/orders/{order_id}", roles={"customer", "clerk"})
async def get_order(req: Request[None, OrderPath]) -> Order:
    raise NotImplementedError


@app.post("/orders/{order_id}/cancel", roles={"customer", "clerk"})
async def cancel_order(req: Request[None, OrderPath]) -> Order:
    raise NotImplementedError
