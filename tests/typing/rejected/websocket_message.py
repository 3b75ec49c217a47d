"""A message of another type than the declared one."""

from msgspec import Struct

from perdure import App, WebSocket

app = App("shop")


class Bid(Struct):
    amount: int


@app.websocket("/bids")
async def bids(ws: WebSocket[Bid, Bid]) -> None:
    await ws.send_json("a bid")  # expect: arg-type
