"""What the warehouse runs when an order leaves the house; no client can do this: ``python -m shop.ship ORDER_ID``."""

import asyncio
import sys

from shop.app import store
from shop.errors import StoreError

__all__ = ["ship"]


async def ship(order_id: str) -> None:
    """Complete an order, in the database the servers use too.

    Raises:
        StoreError: There is no such order, or it is cancelled.
    """
    await store.open()
    try:
        await store.complete(order_id)
    finally:
        store.close()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m shop.ship ORDER_ID")
    try:
        asyncio.run(ship(sys.argv[1]))
    except StoreError as error:
        sys.exit(str(error))
