"""An undeclared query used as if it were typed."""

from msgspec import Struct

from perdure import App, Request, Response

app = App("shop")


class Order(Struct):
    quantity: int


@app.get("/orders")
async def listed(req: Request, res: Response) -> int:
    return req.query["limit"]  # expect: return-value
