"""What the store refuses. The handlers say how a client is told."""

from collections.abc import Sequence

__all__ = ["OrderClosedError", "OutOfStockError", "StoreError", "UnknownOrderError", "UnknownSkuError"]


class StoreError(Exception):
    """The store will not do what it was asked; nothing has changed."""


class UnknownSkuError(StoreError):
    """The shop does not sell some of what was asked for."""

    def __init__(self, skus: Sequence[str]) -> None:
        super().__init__(f"there is no product {' or '.join(map(repr, skus))}")
        self.skus = skus


class OutOfStockError(StoreError):
    """There is less of some products than was asked for; *stock* says how much, by sku."""

    def __init__(self, stock: dict[str, int]) -> None:
        left = ", ".join(f"{amount} of {sku!r}" for sku, amount in stock.items())
        super().__init__(f"there is not enough in stock: only {left}")
        self.stock = stock


class UnknownOrderError(StoreError):
    """There is no such order."""

    def __init__(self, order_id: str) -> None:
        super().__init__(f"there is no order {order_id!r}")


class OrderClosedError(StoreError):
    """The order has come too far for this."""
