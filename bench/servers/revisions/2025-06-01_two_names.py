"""The customer's name is split; items become lines, and their qty becomes quantity."""

from perdure import Revision

revision = Revision("2025-06-01", label="v2.0.0", after="2025-01-15_first")


@revision.request("Customer")
def split_name(customer: dict[str, str]) -> dict[str, str]:
    """Take the first word for the first name."""
    first_name, _, last_name = customer["name"].partition(" ")
    return {"first_name": first_name, "last_name": last_name, "email": customer["email"]}


@revision.response("Customer")
def join_names(customer: dict[str, str]) -> dict[str, str]:
    """Put both names into one."""
    return {"name": f"{customer['first_name']} {customer['last_name']}", "email": customer["email"]}


@revision.request("Line")
def name_quantity(line: dict[str, object]) -> dict[str, object]:
    """Rename qty."""
    line["quantity"] = line.pop("qty")
    return line


@revision.response("OrderLine")
def name_qty(line: dict[str, object]) -> dict[str, object]:
    """Rename quantity."""
    line["qty"] = line.pop("quantity")
    return line


@revision.request("NewOrder")
def name_lines(order: dict[str, object]) -> dict[str, object]:
    """Rename items."""
    order["lines"] = order.pop("items")
    return order


@revision.response("Order")
def name_items(order: dict[str, object]) -> dict[str, object]:
    """Rename lines."""
    order["items"] = order.pop("lines")
    return order
