"""An attempt to change what is fixed."""

from perdure import App, LocalContext

app = App("shop")


@app.get("/orders")
async def listed(lctx: LocalContext) -> None:
    lctx.meta.version = "v1"  # expect: misc
