"""An answer of another type than the declared one."""

from msgspec import Struct

from perdure import App, Request, Response

app = App("shop")


class Order(Struct):
    quantity: int


@app.post("/orders")
async def create(req: Request[Order], res: Response) -> Order:
    return {"quantity": 1}  # expect: return-value
