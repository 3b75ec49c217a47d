"""The shapes of the API as it is now. What they once were is recorded in ``revisions/``, and no handler has to know."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Generic, Literal, TypeVar

from msgspec import Meta, Struct

__all__ = [
    "Customer", "Line", "Money", "NewOrder", "Order", "OrderLine", "OrderPath", "OrderQuery", "OrderStatus", "Page",
    "PageQuery", "Product", "ProductPath", "ProductQuery",
]  # fmt: skip

T = TypeVar("T")

Sku = Annotated[str, Meta(min_length=1, max_length=64)]


class Money(Struct, frozen=True):
    """An amount in a currency."""

    amount: Annotated[str, Meta(pattern=r"^[0-9]+\.[0-9]{2}$")]
    currency: Literal["EUR"]

    @classmethod
    def euros(cls, amount: Decimal) -> "Money":
        """Return *amount*, which has no fractions of a cent, in EUR."""
        return cls(amount=f"{amount:.2f}", currency="EUR")


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
