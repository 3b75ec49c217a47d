"""A cookie policy that does not exist."""

from msgspec import Struct

from perdure import App, Request, Response

app = App("shop")


class Order(Struct):
    quantity: int


@app.post("/orders")
async def create(req: Request[Order], res: Response) -> None:
    res.set_cookie("a", "1", same_site="sometimes")  # expect: arg-type
