"""A module that is not registered."""

from typing import Protocol

from perdure import App, GlobalContext

app = App("shop")


class Modules(Protocol):
    @property
    def stock(self) -> object: ...


@app.get("/stock")
async def stock(gctx: GlobalContext[Modules]) -> object:
    return gctx.modules.orders  # expect: attr-defined
