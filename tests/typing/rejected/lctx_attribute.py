"""Something the Local Context does not have."""

from perdure import App, LocalContext

app = App("shop")


@app.get("/orders")
async def listed(lctx: LocalContext) -> None:
    lctx.put("a", 1)  # expect: attr-defined
