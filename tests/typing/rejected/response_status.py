"""A status that is no number."""

from msgspec import Struct

from perdure import App, Request, Response

app = App("shop")


class Order(Struct):
    quantity: int


@app.post("/orders")
async def create(req: Request[Order], res: Response) -> None:
    res.status = "created"  # expect: assignment
