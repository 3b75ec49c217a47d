"""The tables, and what is in them when the shop opens for the first time."""

import csv
import json
from pathlib import Path
from sqlite3 import Connection

__all__ = ["prepare"]

_TABLES = (
    """CREATE TABLE IF NOT EXISTS products (
        sku TEXT PRIMARY KEY, name TEXT NOT NULL, description TEXT, price TEXT NOT NULL,
        stock INTEGER NOT NULL CHECK (stock >= 0), tags TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS orders (
        number INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, status TEXT NOT NULL,
        first_name TEXT NOT NULL, last_name TEXT NOT NULL, email TEXT NOT NULL,
        total TEXT NOT NULL, note TEXT, created_at TEXT NOT NULL
    )""",
    """CREATE TABLE IF NOT EXISTS order_lines (
        order_id TEXT NOT NULL REFERENCES orders (id) ON DELETE CASCADE, position INTEGER NOT NULL,
        sku TEXT NOT NULL REFERENCES products (sku), quantity INTEGER NOT NULL, unit_price TEXT NOT NULL,
        PRIMARY KEY (order_id, position)
    )""",
)


def prepare(db: Connection, catalogue: Path) -> None:
    """Make the tables, and fill the one of products from *catalogue* where it is empty."""
    for table in _TABLES:
        db.execute(table)
    if "owner" not in [column["name"] for column in db.execute("PRAGMA table_info(orders)")]:
        db.execute("ALTER TABLE orders ADD COLUMN owner TEXT")  # what was ordered before is nobody's: clerks see it
    if db.execute("SELECT 1 FROM products").fetchone() is None:
        with catalogue.open(encoding="utf-8", newline="") as file:
            rows = [
                (row["sku"], row["name"], row["description"] or None, row["price"], row["stock"], _tags(row["tags"]))
                for row in csv.DictReader(file)
            ]
        db.executemany("INSERT INTO products VALUES (?, ?, ?, ?, ?, ?)", rows)


def _tags(words: str) -> str:
    return json.dumps(words.split())
