"""What the shop sells: ``/products``."""

from typing import Any

from perdure import GlobalContext, Problem, Request, Router
from shop.errors import UnknownSkuError
from shop.models import Page, Product, ProductPath, ProductQuery
from shop.pages import ProductPosition, read_cursor, write_cursor
from shop.store import Modules

__all__ = ["router"]

router = Router("/products")


@router.get("/", public=True)
async def list_products(req: Request[None, Any, ProductQuery], gctx: GlobalContext[Modules]) -> Page[Product]:
    """List the products, by sku; those with a tag, if one is given."""
    query = req.query
    products, following = await gctx.modules.store.list_products(
        tag=query.tag, after=read_cursor(query.cursor, ProductPosition), limit=query.limit
    )
    return Page(products, write_cursor(following))


@router.get("/{sku}", public=True)
async def get_product(req: Request[None, ProductPath], gctx: GlobalContext[Modules]) -> Product:
    """Return a product."""
    try:
        return await gctx.modules.store.find_product(req.params.sku)
    except UnknownSkuError as error:
        raise Problem(404, str(error)) from error
