"""Customers have two names, an order's items are lines with a quantity, and its states have other names."""

from perdure import Revision

revision = Revision("2025-06-01", label="v2.0.0", after="2025-01-15_first")

revision.moved("DELETE /orders/{order_id}", to="POST /orders/{order_id}/cancel")

NEW_STATES = {"pending": "pending", "done": "completed", "closed": "cancelled"}
OLD_STATES = {new: old for old, new in NEW_STATES.items()}


@revision.request("Customer")
def split_name(customer: dict[str, str]) -> dict[str, str]:
    """Take the first word for the first name. Who has only one has no last name."""
    first_name, *last_name = customer["name"].split(maxsplit=1) or [customer["name"]]
    return {"first_name": first_name, "last_name": "".join(last_name), "email": customer["email"]}


@revision.response("Customer")
def join_names(customer: dict[str, str]) -> dict[str, str]:
    """Write both names as one."""
    name = f"{customer['first_name']} {customer['last_name']}" if customer["last_name"] else customer["first_name"]
    return {"name": name, "email": customer["email"]}


@revision.request("Line")
def call_it_quantity(line: dict[str, object]) -> dict[str, object]:
    """Rename ``qty``."""
    line["quantity"] = line.pop("qty")
    return line


@revision.response("OrderLine")
def call_it_qty(line: dict[str, object]) -> dict[str, object]:
    """Rename ``quantity``."""
    line["qty"] = line.pop("quantity")
    return line


@revision.request("NewOrder")
def call_them_lines(order: dict[str, object]) -> dict[str, object]:
    """Rename ``items``."""
    order["lines"] = order.pop("items")
    return order


@revision.response("Order")
def call_them_items(order: dict[str, object]) -> dict[str, object]:
    """Rename ``lines``."""
    order["items"] = order.pop("lines")
    return order


@revision.request("OrderStatus")
def new_state(status: str) -> str:
    """Say it in the new words; so far clients only send it in the query of ``GET /orders``."""
    return NEW_STATES[status]


@revision.response("OrderStatus")
def old_state(status: str) -> str:
    """Say it in the old words."""
    return OLD_STATES[status]
