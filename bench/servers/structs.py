"""The payloads as msgspec Structs: shared by the floor, Litestar and Perdure, so all decode and encode the same."""

from typing import Annotated, Literal

from msgspec import Meta, Struct

PRICE_CENTS = 1250


class User(Struct):
    """Answer of ``GET /users/{user_id}``."""

    id: int
    name: str
    email: str
    active: bool


class Customer(Struct):
    """Who orders."""

    first_name: Annotated[str, Meta(min_length=1, max_length=100)]
    last_name: Annotated[str, Meta(min_length=1, max_length=100)]
    email: Annotated[str, Meta(max_length=200)]


class Line(Struct):
    """What is ordered."""

    sku: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, Meta(ge=1, le=1000)]


class NewOrder(Struct):
    """Body of ``POST /orders``."""

    customer: Customer
    lines: Annotated[list[Line], Meta(min_length=1, max_length=100)]
    note: Annotated[str, Meta(max_length=500)] | None = None


class Money(Struct):
    """An amount with its currency."""

    amount: Annotated[str, Meta(pattern=r"^\d+\.\d{2}$")]
    currency: str


class OrderLine(Struct):
    """A line with its price."""

    sku: Annotated[str, Meta(min_length=1, max_length=64)]
    quantity: Annotated[int, Meta(ge=1, le=1000)]
    unit_price: Money


class Order(Struct):
    """Answer of ``POST /orders``."""

    id: str
    status: Literal["pending", "completed", "cancelled"]
    customer: Customer
    lines: list[OrderLine]
    total: Money
    note: str | None = None


def euros(cents: int) -> Money:
    """Return *cents* as an amount in EUR."""
    return Money(amount=f"{cents // 100}.{cents % 100:02d}", currency="EUR")


def find_user(user_id: int) -> User:
    """Return the one user there is, under any id: the work of a handler is not what is measured."""
    return User(id=user_id, name="Ada Lovelace", email="ada@example.com", active=True)


def place(order: NewOrder) -> Order:
    """Return *order* as placed, every sku at the same price."""
    return Order(
        id="o-1",
        status="pending",
        customer=order.customer,
        lines=[OrderLine(sku=line.sku, quantity=line.quantity, unit_price=euros(PRICE_CENTS)) for line in order.lines],
        total=euros(PRICE_CENTS * sum(line.quantity for line in order.lines)),
        note=order.note,
    )
