"""A method a module does not have."""

from typing import Protocol

from perdure import App, GlobalContext

app = App("shop")


class Stock(Protocol):
    def count(self, sku: str) -> int: ...


class Modules(Protocol):
    @property
    def stock(self) -> Stock: ...


@app.get("/stock")
async def stock(gctx: GlobalContext[Modules]) -> None:
    gctx.modules.stock.counts("a")  # expect: attr-defined
