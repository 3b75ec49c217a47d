"""A route option of the wrong type."""

from msgspec import Struct

from perdure import App, Request, Response

app = App("shop")


class Order(Struct):
    quantity: int


@app.get("/orders", status="created")  # expect: arg-type
async def listed(req: Request[Order], res: Response) -> None: ...
