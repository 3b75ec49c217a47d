"""Cadwyn with the same three versions Perdure serves, as its documentation writes them.

Cadwyn runs converters per request or response schema, not for what lies nested in it, so lists and nested objects are
walked by hand here. Its converters are methods without ``self``, as it wants them.
"""

# ruff: noqa: N805

from datetime import date

from cadwyn import (
    Cadwyn,
    RequestInfo,
    ResponseInfo,
    Version,
    VersionBundle,
    VersionChange,
    VersionedAPIRouter,
    convert_request_to_next_version_for,
    convert_response_to_previous_version_for,
    schema,
)
from models import Customer, Line, NewOrder, Order, OrderLine, User, find_user, place
from pydantic import Field


class MoneyHasACurrency(VersionChange):
    """Money becomes an amount with a currency."""

    description = "Money was a plain number in EUR"
    instructions_to_migrate_to_previous_version = (
        schema(OrderLine).field("unit_price").had(type=float),
        schema(Order).field("total").had(type=float),
    )

    @convert_response_to_previous_version_for(Order)
    def downgrade_order(response: ResponseInfo) -> None:
        """Turn every money into a number."""
        body = response.body
        body["total"] = float(body["total"]["amount"])
        for line in body["lines"]:
            line["unit_price"] = float(line["unit_price"]["amount"])


class TwoNamesAndLines(VersionChange):
    """The customer's name is split; items become lines."""

    description = "A customer had one name; an order had items, each with a qty"
    instructions_to_migrate_to_previous_version = (
        schema(Customer).field("name").existed_as(type=str, info=Field(max_length=100, pattern=r"^\S+ .+$")),
        schema(Customer).field("first_name").didnt_exist,
        schema(Customer).field("last_name").didnt_exist,
        schema(Line).field("quantity").had(name="qty"),
        schema(OrderLine).field("quantity").had(name="qty"),
        schema(NewOrder).field("lines").had(name="items"),
        schema(Order).field("lines").had(name="items"),
    )

    @convert_request_to_next_version_for(NewOrder)
    def upgrade_order(request: RequestInfo) -> None:
        """Split the name, rename items and qty."""
        body = request.body
        customer = body["customer"]
        customer["first_name"], _, customer["last_name"] = customer.pop("name").partition(" ")
        body["lines"] = body.pop("items")
        for line in body["lines"]:
            line["quantity"] = line.pop("qty")

    @convert_response_to_previous_version_for(Order)
    def downgrade_order(response: ResponseInfo) -> None:
        """Join the name, rename lines and quantity."""
        body = response.body
        customer = body["customer"]
        customer["name"] = f"{customer.pop('first_name')} {customer.pop('last_name')}"
        body["items"] = body.pop("lines")
        for line in body["items"]:
            line["qty"] = line.pop("quantity")


router = VersionedAPIRouter()


@router.get("/users/{user_id}")
async def get_user(user_id: int) -> User:
    """Return one user."""
    return find_user(user_id)


@router.post("/orders", status_code=201)
async def create_order(order: NewOrder) -> Order:
    """Place an order."""
    return place(order)


app = Cadwyn(
    versions=VersionBundle(
        Version(date(2026, 2, 10), MoneyHasACurrency),
        Version(date(2025, 6, 1), TwoNamesAndLines),
        Version(date(2025, 1, 15)),
    ),
    api_version_parameter_name="api-version",
    changelog_url=None,
)
app.generate_and_include_versioned_routers(router)
