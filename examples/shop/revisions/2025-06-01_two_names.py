"""Two names

Customers have a first and a last name, an order has lines with a quantity, and its states have other names.

- DELETE /orders/{order_id} is now POST /orders/{order_id}/cancel.
- Customer: the required property "first_name" was added.
- Customer: the required property "last_name" was added.
- Customer: the required property "name" was removed.
- Line: the property "qty" is now called "quantity".
- NewOrder: the property "items" is now called "lines".
- Order: the property "items" is now called "lines".
- OrderLine: the property "qty" is now called "quantity".
- OrderStatus: "closed" is now called "cancelled".
- OrderStatus: "done" is now called "completed".
"""

from perdure import Revision

revision = Revision("2025-06-01", label="v2.0.0", after="2025-01-15_the_shop_opens")

revision.moved("DELETE /orders/{order_id}", to="POST /orders/{order_id}/cancel")

NEW_ORDER_STATUS = {"pending": "pending", "done": "completed", "closed": "cancelled"}
OLD_ORDER_STATUS = {"pending": "pending", "completed": "done", "cancelled": "closed"}


@revision.request("Customer")
def upgrade_customer(customer: dict[str, str]) -> dict[str, str]:
    """Make first_name and last_name from name."""
    name = customer.pop("name")
    first_name, *last_name = name.split(maxsplit=1) or [name]
    customer["first_name"] = first_name
    customer["last_name"] = "".join(last_name)  # who has only one name has no last name
    return customer


@revision.response("Customer")
def downgrade_customer(customer: dict[str, str]) -> dict[str, str]:
    """Make name from first_name and last_name."""
    first_name = customer.pop("first_name")
    last_name = customer.pop("last_name")
    customer["name"] = f"{first_name} {last_name}" if last_name else first_name
    return customer


@revision.request("Line")
def upgrade_line(line: dict[str, object]) -> dict[str, object]:
    """Rename qty to quantity."""
    line["quantity"] = line.pop("qty")
    return line


@revision.request("NewOrder")
def upgrade_new_order(new_order: dict[str, object]) -> dict[str, object]:
    """Rename items to lines."""
    new_order["lines"] = new_order.pop("items")
    return new_order


@revision.response("Order")
def downgrade_order(order: dict[str, object]) -> dict[str, object]:
    """Rename lines to items."""
    order["items"] = order.pop("lines")
    return order


@revision.response("OrderLine")
def downgrade_order_line(order_line: dict[str, object]) -> dict[str, object]:
    """Rename quantity to qty."""
    order_line["qty"] = order_line.pop("quantity")
    return order_line


@revision.request("OrderStatus")
def upgrade_order_status(order_status: str) -> str:
    """Rename done to completed; rename closed to cancelled."""
    return NEW_ORDER_STATUS[order_status]


@revision.response("OrderStatus")
def downgrade_order_status(order_status: str) -> str:
    """Rename completed to done; rename cancelled to closed."""
    return OLD_ORDER_STATUS[order_status]
