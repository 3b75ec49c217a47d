"""Where a page of a list ends, as text that clients hand back without looking into it."""

import binascii
from base64 import b64decode, urlsafe_b64encode
from typing import Annotated, TypeVar

import msgspec
from msgspec import Meta, Struct

from perdure import Problem

__all__ = ["OrderPosition", "ProductPosition", "read_cursor", "write_cursor"]


class ProductPosition(Struct, frozen=True, array_like=True, tag="products"):
    """After a product, in the order of skus."""

    sku: str


class OrderPosition(Struct, frozen=True, array_like=True, tag="orders"):
    """Before an order, the newest being first."""

    number: Annotated[int, Meta(ge=0, le=2**63 - 1)]


Position = TypeVar("Position", ProductPosition, OrderPosition)


def write_cursor(position: ProductPosition | OrderPosition | None) -> str | None:
    """Return *position* as a cursor; None stays None."""
    return None if position is None else urlsafe_b64encode(msgspec.json.encode(position)).rstrip(b"=").decode()


def read_cursor(cursor: str | None, kind: type[Position]) -> Position | None:
    """Return what `write_cursor` made *cursor* of.

    Raises:
        Problem: It was not made by it, or of a position in another list: 400.
    """
    if cursor is None:
        return None
    try:
        text = b64decode(cursor.encode("ascii") + b"=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        return msgspec.json.decode(text, type=kind)
    except (UnicodeError, binascii.Error, msgspec.DecodeError) as error:
        raise Problem(400, "this cursor does not belong to this list; leave it out to begin at the start") from error
