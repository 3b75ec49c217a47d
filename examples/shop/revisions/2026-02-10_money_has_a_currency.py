"""Money, a plain number in EUR before, has a currency."""

from decimal import Decimal

from perdure import Revision

revision = Revision("2026-02-10", label="v3.0.0", after="2025-06-01_two_names")


@revision.request("Money")
def add_currency(amount: float) -> dict[str, str]:
    """Say that it is in EUR; through its shortest decimal form, as a float is a little beside the amount it means."""
    return {"amount": f"{Decimal(str(amount)):.2f}", "currency": "EUR"}


@revision.response("Money")
def drop_currency(money: dict[str, str]) -> float:
    """Leave the amount."""
    return float(money["amount"])
