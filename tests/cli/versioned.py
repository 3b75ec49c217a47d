"""A small project with two recorded versions, and code that has gone on since."""

from pathlib import Path

from perdure.gtype.nodes import Field, Integer, Node, Object, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.delta import delta, write_delta

APP = '''
from msgspec import Struct

from perdure import App, Request

app = App("probe")


class Order(Struct):
    """What was ordered."""

    id: str
    total: int
    note: str


class Filter(Struct):
    """Which orders."""

    limit: int = 20


@app.get("/orders")
async def list_orders(req: Request[None, None, Filter]) -> list[Order]:
    return []


@app.get("/orders/{order_id}")
async def get_order(req: Request) -> Order:
    return Order("1", 2, "")
'''

_BEGIN, _END = APP.index('@app.get("/orders")'), APP.index('@app.get("/orders/{order_id}")')
RECORDED = (APP[:_BEGIN] + APP[_END:]).replace("    note: str\n", "").replace('Order("1", 2, "")', 'Order("1", 2)')
"""The code as the last revision records it."""


def order(*fields: Field) -> dict[str, Node]:
    return {"Order": Object(fields=(Field(name="id", node=String()), *fields))}


GET = Endpoint(
    handler="get_order", body_media=(), params=Object(fields=(Field(name="order_id", node=String()),)),
    response=Ref(name="Order"),
)  # fmt: skip
ONE = Api(types=order(Field(name="sum", node=Integer())), endpoints={"GET /order/{order_id}": GET})
TWO = Api(types=order(Field(name="total", node=Integer())), endpoints={"GET /orders/{order_id}": GET})


def write_project(folder: Path, app: str = APP) -> Path:
    """Write the project into *folder* and return its app's file."""
    revisions = folder / "revisions"
    revisions.mkdir()
    (revisions / "2026-01-01_first.py").write_text(
        '"""It begins."""\nfrom perdure import Revision\n\nrevision = Revision("2026-01-01", label="v1.0.0")\n'
    )
    (revisions / "2026-02-01_total.py").write_text(
        '"""The sum is called total, as everywhere."""\n\nfrom perdure import Revision\n\n'
        'revision = Revision("2026-02-01", label="v2.0.0", after="2026-01-01_first")\n'
        'revision.moved("GET /order/{order_id}", to="GET /orders/{order_id}")\n\n\n'
        '@revision.response("Order")\ndef call_it_sum(order: dict[str, object]) -> dict[str, object]:\n'
        '    order["sum"] = order.pop("total")\n    return order\n'
    )
    write_delta(revisions, "2026-01-01_first", delta(Api(), ONE))
    write_delta(revisions, "2026-02-01_total", delta(ONE, TWO))
    file = folder / "app.py"
    file.write_text(app)
    return file
