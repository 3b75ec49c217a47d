"""A route option that does not exist."""

from msgspec import Struct

from perdure import App, Request, Response

app = App("shop")


class Order(Struct):
    quantity: int


@app.get("/orders", timeout=3)  # expect: call-arg
async def listed(req: Request[Order], res: Response) -> None: ...
