"""An attempt to change the configuration."""

from perdure import App, GlobalContext

app = App("shop")


@app.get("/stock")
async def stock(gctx: GlobalContext) -> None:
    gctx.config.worker_threads = 3  # expect: misc
