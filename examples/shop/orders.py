"""What customers want: ``/orders``. A customer has to do with its own orders only, a clerk with everybody's.

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

WHO = frozenset({"customer", "clerk"})


def seen_by(lctx: LocalContext) -> str | None:
    """Return whose orders the client may see; None: everybody's. Of others it does not even learn that they exist."""
    principal = lctx.meta.principal
    assert principal is not None, "every route here asks for a role"
    return None if "clerk" in principal.roles else principal.key


@router.post("/", status=201, roles=WHO, rate_limit="60/minute")
async def place_order(req: Request[NewOrder], lctx: LocalContext, gctx: GlobalContext[Modules]) -> Order:
    """Place an order: all of it, or none."""
    store, order_id, principal = gctx.modules.store, str(uuid4()), lctx.meta.principal
    # If anything fails from here on, be it that the client leaves, nobody ever learns of the order: undo it.
    lctx.compensate(store.discard, order_id)
    try:
        return await store.place(order_id, req.body, owner=principal.key if principal is not None else None)
    except UnknownSkuError as error:
        raise Problem(404, str(error), skus=error.skus) from error
    except OutOfStockError as error:
        raise Problem(409, str(error), stock=error.stock) from error


@router.get("/", roles=WHO)
async def list_orders(
    req: Request[None, Any, OrderQuery], lctx: LocalContext, gctx: GlobalContext[Modules]
) -> Page[Order]:
    """List the orders, the newest first; those with a status, if one is given."""
    query = req.query
    orders, following = await gctx.modules.store.list_orders(
        owner=seen_by(lctx), status=query.status, before=read_cursor(query.cursor, OrderPosition), limit=query.limit
    )
    return Page(orders, write_cursor(following))


@router.get("/{order_id}", roles=WHO)
async def get_order(req: Request[None, OrderPath], lctx: LocalContext, gctx: GlobalContext[Modules]) -> Order:
    """Return an order."""
    try:
        return await gctx.modules.store.find_order(req.params.order_id, owner=seen_by(lctx))
    except UnknownOrderError as error:
        raise Problem(404, str(error)) from error


@router.post("/{order_id}/cancel", roles=WHO)
async def cancel_order(req: Request[None, OrderPath], lctx: LocalContext, gctx: GlobalContext[Modules]) -> Order:
    """Cancel an order that is not completed. Cancelling it again changes nothing, so a client may safely retry."""
    try:
        return await gctx.modules.store.cancel(req.params.order_id, owner=seen_by(lctx))
    except UnknownOrderError as error:
        raise Problem(404, str(error)) from error
    except OrderClosedError as error:
        raise Problem(409, str(error)) from error
