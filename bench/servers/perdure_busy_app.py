"""What is put under more load than it can take: a handler that waits.

The process has room for 240 requests, 120 of them of low priority.
"""

import asyncio

from perdure import App, CapacitySettings, Config, Request

app = App("busy", config=Config(capacity=CapacitySettings(max_requests=240)))


@app.get("/work", priority="low")
async def work() -> dict[str, str]:
    """Do what may wait when there is too much to do."""
    await asyncio.sleep(0.02)
    return {"done": "work"}


@app.get("/pay", priority="high")
async def pay() -> dict[str, str]:
    """Do the same for who may not wait."""
    await asyncio.sleep(0.02)
    return {"done": "pay"}


@app.post("/upload")
async def upload(req: Request[bytes]) -> dict[str, int]:
    """Read a body, however long that takes."""
    return {"length": len(req.body)}
