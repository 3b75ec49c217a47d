"""A header that is no text."""

from msgspec import Struct

from perdure import App, Request, Response

app = App("shop")


class Order(Struct):
    quantity: int


@app.post("/orders")
async def create(req: Request[Order], res: Response) -> None:
    res.set_header("x-quantity", req.body.quantity)  # expect: arg-type
