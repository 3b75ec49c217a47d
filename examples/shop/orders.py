"""What customers want: ``/orders``.

The problems are told in words that are true in every version of the API, so that no revision has to translate them.
"""

from typing import Any
from uuid import uuid4

from perdure import GlobalContext, LocalContext, Problem, Request, Router
from shop.errors import OrderClosedError, OutOfStockError, UnknownOrderError, UnknownSkuError
from shop.models import NewOrder, Order, OrderPath, OrderQuery, Page
from shop.pages import OrderPosition, read_cursor, write_cursor
from shop.store import Modules

__all__ = ["router"]

router = Router("/orders")


@router.post("/", status=201)
async def place_order(req: Request[NewOrder], lctx: LocalContext, gctx: GlobalContext[Modules]) -> Order:
    """Place an order: all of it, or none."""
    store, order_id = gctx.modules.store, str(uuid4())
    # If anything fails from here on, be it that the client leaves, nobody ever learns of the order: undo it.
    lctx.compensate(store.discard, order_id)
    try:
        return await store.place(order_id, req.body)
    except UnknownSkuError as error:
        raise Problem(404, str(error), skus=error.skus) from error
    except OutOfStockError as error:
        raise Problem(409, str(error), stock=error.stock) from error


@router.get("/")
async def list_orders(req: Request[None, Any, OrderQuery], gctx: GlobalContext[Modules]) -> Page[Order]:
    """List the orders, the newest first; those with a status, if one is given."""
    query = req.query
    orders, following = await gctx.modules.store.list_orders(
        status=query.status, before=read_cursor(query.cursor, OrderPosition), limit=query.limit
    )
    return Page(orders, write_cursor(following))


@router.get("/{order_id}")
async def get_order(req: Request[None, OrderPath], gctx: GlobalContext[Modules]) -> Order:
    """Return an order."""
    try:
        return await gctx.modules.store.find_order(req.params.order_id)
    except UnknownOrderError as error:
        raise Problem(404, str(error)) from error


@router.post("/{order_id}/cancel")
async def cancel_order(req: Request[None, OrderPath], gctx: GlobalContext[Modules]) -> Order:
    """Cancel an order that is not completed. Cancelling it again changes nothing, so a client may safely retry."""
    try:
        return await gctx.modules.store.cancel(req.params.order_id)
    except UnknownOrderError as error:
        raise Problem(404, str(error)) from error
    except OrderClosedError as error:
        raise Problem(409, str(error)) from error
