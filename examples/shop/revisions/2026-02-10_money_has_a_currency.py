"""Money has a currency

It was a plain number, in EUR.

- Money: the type was number and is now object.
"""

from typing import Any

from perdure import Revision

revision = Revision("2026-02-10", label="v3.0.0", after="2025-06-01_two_names")


@revision.response("Money")
def downgrade_money(money: dict[str, Any]) -> float:
    """Carry Money back."""
    return float(money["amount"])
