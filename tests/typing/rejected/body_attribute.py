"""An attribute the body's type does not have."""

from msgspec import Struct

from perdure import App, Request, Response

app = App("shop")


class Order(Struct):
    quantity: int


@app.post("/orders")
async def create(req: Request[Order], res: Response) -> None:
    assert req.body.quantitty  # expect: attr-defined
