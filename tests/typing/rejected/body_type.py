"""A body used as another type."""

from msgspec import Struct

from perdure import App, Request, Response

app = App("shop")


class Order(Struct):
    quantity: int


@app.post("/orders")
async def create(req: Request[Order], res: Response) -> str:
    return req.body.quantity  # expect: return-value
