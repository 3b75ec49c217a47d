"""A body set on the response that is of another type than the declared one."""

from msgspec import Struct

from perdure import App, Request, Response

app = App("shop")


class Order(Struct):
    quantity: int


@app.post("/orders")
async def create(req: Request, res: Response[Order]) -> None:
    res.body = "an order"  # expect: assignment
