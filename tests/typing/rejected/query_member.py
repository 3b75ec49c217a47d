"""A member the typed query does not have."""

from msgspec import Struct

from perdure import App, Request, Response

app = App("shop")


class Order(Struct):
    quantity: int


@app.get("/orders")
async def listed(req: Request[None, object, Order], res: Response) -> None:
    assert req.query.limit  # expect: attr-defined
