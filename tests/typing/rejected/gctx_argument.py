"""An argument a module's method does not take."""

from typing import Protocol

from perdure import App, GlobalContext

app = App("shop")


class Stock(Protocol):
    def count(self, sku: str) -> int: ...


class Modules(Protocol):
    @property
    def stock(self) -> Stock: ...


@app.get("/stock")
async def stock(gctx: GlobalContext[Modules]) -> int:
    return gctx.modules.stock.count(7)  # expect: arg-type
