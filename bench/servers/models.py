"""The payloads as Pydantic models: shared by FastAPI, Cadwyn and BlackSheep. The same rules as in ``structs.py``."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

PRICE_CENTS = 1250


class User(BaseModel):
    """Answer of ``GET /users/{user_id}``."""

    id: int
    name: str
    email: str
    active: bool


class Customer(BaseModel):
    """Who orders."""

    first_name: Annotated[str, Field(min_length=1, max_length=100)]
    last_name: Annotated[str, Field(min_length=1, max_length=100)]
    email: Annotated[str, Field(max_length=200)]


class Line(BaseModel):
    """What is ordered."""

    sku: Annotated[str, Field(min_length=1, max_length=64)]
    quantity: Annotated[int, Field(ge=1, le=1000)]


class NewOrder(BaseModel):
    """Body of ``POST /orders``."""

    customer: Customer
    lines: Annotated[list[Line], Field(min_length=1, max_length=100)]
    note: Annotated[str, Field(max_length=500)] | None = None


class Money(BaseModel):
    """An amount with its currency."""

    amount: Annotated[str, Field(pattern=r"^\d+\.\d{2}$")]
    currency: str


class OrderLine(BaseModel):
    """A line with its price."""

    sku: Annotated[str, Field(min_length=1, max_length=64)]
    quantity: Annotated[int, Field(ge=1, le=1000)]
    unit_price: Money


class Order(BaseModel):
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
