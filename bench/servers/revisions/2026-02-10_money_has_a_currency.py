"""Money becomes an amount with a currency."""

from perdure import Revision

revision = Revision("2026-02-10", label="v3.0.0", after="2025-06-01_two_names")


@revision.request("Money")
def add_currency(amount: float) -> dict[str, str]:
    """Say that it is EUR."""
    return {"amount": f"{amount:.2f}", "currency": "EUR"}


@revision.response("Money")
def drop_currency(money: dict[str, str]) -> float:
    """Leave the amount."""
    return float(money["amount"])
