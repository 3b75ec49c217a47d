"""What the shop knows: products, what is left of them, and orders. Handlers reach it as ``gctx.modules.store``."""

import json
from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from sqlite3 import Connection, Row
from typing import Protocol

from shop.database import Database
from shop.errors import OrderClosedError, OutOfStockError, UnknownOrderError, UnknownSkuError
from shop.models import Customer, Money, NewOrder, Order, OrderLine, OrderStatus, Product
from shop.pages import OrderPosition, ProductPosition
from shop.schema import prepare

__all__ = ["Modules", "Store"]


class Store:
    """Products and orders, in a SQLite file.

    Args:
        path: The file; where there is none, it is made, with the products of *catalogue*.
        catalogue: A CSV file.
    """

    def __init__(self, path: Path, catalogue: Path) -> None:
        self._path = path
        self._catalogue = catalogue

    async def open(self) -> None:
        """Make what is missing. Comes before everything else, and again after `close`."""
        self._database = Database(self._path)
        await self._database.write(lambda db: prepare(db, self._catalogue))

    def close(self) -> None:
        """Close the file."""
        self._database.close()

    async def list_products(
        self, *, tag: str | None, after: ProductPosition | None, limit: int
    ) -> tuple[list[Product], ProductPosition | None]:
        """Return up to *limit* products, by sku, and where the next ones begin if there are more."""

        def query(db: Connection) -> tuple[list[Product], ProductPosition | None]:
            rows = db.execute(
                "SELECT * FROM products WHERE sku > :after"
                " AND (:tag IS NULL OR EXISTS (SELECT 1 FROM json_each(tags) WHERE value = :tag))"
                " ORDER BY sku LIMIT :limit",
                {"after": after.sku if after else "", "tag": tag, "limit": limit + 1},
            ).fetchall()
            following = ProductPosition(rows[limit - 1]["sku"]) if len(rows) > limit else None
            return [_product(row) for row in rows[:limit]], following

        return await self._database.read(query)

    async def find_product(self, sku: str) -> Product:
        """Return a product.

        Raises:
            UnknownSkuError: There is none with this sku.
        """

        def query(db: Connection) -> Product:
            row = db.execute("SELECT * FROM products WHERE sku = ?", (sku,)).fetchone()
            if row is None:
                raise UnknownSkuError([sku])
            return _product(row)

        return await self._database.read(query)

    async def place(self, order_id: str, new: NewOrder, *, owner: str | None) -> Order:
        """Take what *new* asks for out of stock, and return the order it becomes, which is *owner*'s.

        Raises:
            UnknownSkuError: The shop does not sell some of it.
            OutOfStockError: There is not enough of some of it.
        """

        def change(db: Connection) -> Order:
            wanted = Counter[str]()
            for line in new.lines:
                wanted[line.sku] += line.quantity
            prices = _take(db, wanted)
            lines = [OrderLine(line.sku, line.quantity, Money.euros(prices[line.sku])) for line in new.lines]
            total = sum((prices[line.sku] * line.quantity for line in new.lines), Decimal(0))
            order = Order(
                id=order_id, status=OrderStatus.PENDING, customer=new.customer, lines=lines, total=Money.euros(total),
                note=new.note, created_at=datetime.now(UTC).replace(microsecond=0),
            )  # fmt: skip
            _insert(db, order, owner)
            return order

        return await self._database.write(change)

    async def discard(self, order_id: str) -> None:
        """Undo `place`, whether or not it got anywhere."""

        def change(db: Connection) -> None:
            _put_back(db, order_id)
            db.execute("DELETE FROM orders WHERE id = ?", (order_id,))

        await self._database.write(change)

    async def find_order(self, order_id: str, *, owner: str | None = None) -> Order:
        """Return an order, of *owner* if one is given.

        Raises:
            UnknownOrderError: There is none with this id.
        """
        return await self._database.read(lambda db: _find(db, order_id, owner))

    async def list_orders(
        self, *, owner: str | None = None, status: OrderStatus | None, before: OrderPosition | None, limit: int
    ) -> tuple[list[Order], OrderPosition | None]:
        """Return up to *limit* orders, of *owner* if one is given, the newest first, and where the next ones begin."""

        def query(db: Connection) -> tuple[list[Order], OrderPosition | None]:
            rows = db.execute(
                "SELECT * FROM orders WHERE (:before IS NULL OR number < :before)"
                " AND (:owner IS NULL OR owner = :owner) AND (:status IS NULL OR status = :status)"
                " ORDER BY number DESC LIMIT :limit",
                {"owner": owner, "before": before.number if before else None, "status": status, "limit": limit + 1},
            ).fetchall()
            following = OrderPosition(rows[limit - 1]["number"]) if len(rows) > limit else None
            return [_order(db, row) for row in rows[:limit]], following

        return await self._database.read(query)

    async def cancel(self, order_id: str, *, owner: str | None = None) -> Order:
        """Cancel an order, of *owner* if one is given, and put what it took back into stock.

        One that is cancelled already stays as it is.

        Raises:
            UnknownOrderError: There is none with this id.
            OrderClosedError: It is completed.
        """

        def change(db: Connection) -> Order:
            order = _find(db, order_id, owner)
            if order.status is OrderStatus.COMPLETED:
                raise OrderClosedError(f"order {order_id!r} is completed; it cannot be cancelled any more")
            if order.status is OrderStatus.PENDING:
                _put_back(db, order_id)
            return _set_status(db, order, OrderStatus.CANCELLED)

        return await self._database.write(change)

    async def complete(self, order_id: str) -> Order:
        """Note that an order has left the house.

        Raises:
            UnknownOrderError: There is none with this id.
            OrderClosedError: It is cancelled.
        """

        def change(db: Connection) -> Order:
            order = _find(db, order_id)
            if order.status is OrderStatus.CANCELLED:
                raise OrderClosedError(f"order {order_id!r} is cancelled; nothing leaves the house")
            return _set_status(db, order, OrderStatus.COMPLETED)

        return await self._database.write(change)


class Modules(Protocol):
    """What handlers find in ``gctx.modules``."""

    store: Store


def _take(db: Connection, wanted: Mapping[str, int]) -> dict[str, Decimal]:
    """Take *wanted* quantities, by sku, out of stock and return the prices, or raise and take nothing."""
    found = db.execute(
        "SELECT sku, price, stock FROM products WHERE sku IN (SELECT value FROM json_each(?))", (json.dumps([*wanted]),)
    )
    rows: dict[str, Row] = {row["sku"]: row for row in found}
    unknown = [sku for sku in wanted if sku not in rows]
    if unknown:
        raise UnknownSkuError(unknown)
    short = {sku: rows[sku]["stock"] for sku, quantity in wanted.items() if rows[sku]["stock"] < quantity}
    if short:
        raise OutOfStockError(short)
    db.executemany("UPDATE products SET stock = stock - ? WHERE sku = ?", [(wanted[sku], sku) for sku in wanted])
    return {sku: Decimal(row["price"]) for sku, row in rows.items()}


def _put_back(db: Connection, order_id: str) -> None:
    lines = db.execute("SELECT quantity, sku FROM order_lines WHERE order_id = ?", (order_id,)).fetchall()
    db.executemany("UPDATE products SET stock = stock + ? WHERE sku = ?", [tuple(line) for line in lines])


def _insert(db: Connection, order: Order, owner: str | None) -> None:
    who = order.customer
    db.execute(
        "INSERT INTO orders (id, status, first_name, last_name, email, total, note, created_at, owner)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            order.id, order.status, who.first_name, who.last_name, who.email, order.total.amount, order.note,
            order.created_at.isoformat(), owner,
        ),
    )  # fmt: skip
    db.executemany(
        "INSERT INTO order_lines VALUES (?, ?, ?, ?, ?)",
        [(order.id, place, line.sku, line.quantity, line.unit_price.amount) for place, line in enumerate(order.lines)],
    )


def _set_status(db: Connection, order: Order, status: OrderStatus) -> Order:
    db.execute("UPDATE orders SET status = ? WHERE id = ?", (status, order.id))
    order.status = status
    return order


def _find(db: Connection, order_id: str, owner: str | None = None) -> Order:
    row = db.execute(
        "SELECT * FROM orders WHERE id = ? AND (? IS NULL OR owner = ?)", (order_id, owner, owner)
    ).fetchone()
    if row is None:
        raise UnknownOrderError(order_id)
    return _order(db, row)


def _order(db: Connection, row: Row) -> Order:
    lines = db.execute("SELECT * FROM order_lines WHERE order_id = ? ORDER BY position", (row["id"],))
    return Order(
        id=row["id"], status=OrderStatus(row["status"]),
        customer=Customer(row["first_name"], row["last_name"], row["email"]),
        lines=[OrderLine(line["sku"], line["quantity"], _money(line["unit_price"])) for line in lines],
        total=_money(row["total"]), note=row["note"], created_at=datetime.fromisoformat(row["created_at"]),
    )  # fmt: skip


def _product(row: Row) -> Product:
    return Product(
        sku=row["sku"], name=row["name"], description=row["description"], price=_money(row["price"]),
        stock=row["stock"], tags=json.loads(row["tags"]),
    )  # fmt: skip


def _money(amount: str) -> Money:
    return Money.euros(Decimal(amount))
