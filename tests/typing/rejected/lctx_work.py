"""A result of spawned work used as another type."""

from perdure import App, LocalContext

app = App("shop")


async def answer() -> int:
    return 42


@app.get("/orders")
async def listed(lctx: LocalContext) -> str:
    spawned = lctx.spawn("answer", answer())
    return await spawned  # expect: return-value
