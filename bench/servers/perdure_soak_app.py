"""What is asked a million times by ever new clients: all that remembers anything is on, with limits that are reached.

The versions are those of the other rows; the store is in a file.
"""

import asyncio
import os

from perdure_routes import recording, tracing
from structs import NewOrder, Order, User, find_user, place

from perdure import (
    App,
    AuthSettings,
    CapacitySettings,
    CorsSettings,
    GlobalContext,
    JwtSettings,
    LocalContext,
    MetricsSettings,
    ProxySettings,
    RateSettings,
    Request,
    RolloutSettings,
)

_SOAK = JwtSettings(issuer="https://bench.example", audience=("bench",), algorithms=("HS256",), secret="token_key")

app = App(
    "soak",
    revisions="revisions",
    config=recording(
        **tracing(0.01), auth=AuthSettings(jwt={"bench": _SOAK}), capacity=CapacitySettings(max_requests=1000),
        cors=CorsSettings(origins=("https://*.shop.example",)), metrics=MetricsSettings(path="/metrics"),
        proxies=ProxySettings(trusted=("127.0.0.1",)), rates=RateSettings(client_limit=20_000),
        rollout=RolloutSettings(pin_on_first_use=True, pin_limit=20_000),
        worker_threads=4, store_url=f"sqlite:///{os.environ['SCRATCH']}/store.db", trust_request_id=True,
    ),
)  # fmt: skip


@app.get("/pid", public=True)
async def pid() -> int:
    """Tell which process answers."""
    return os.getpid()


@app.get("/users/{user_id:int}", rate_limit="30/minute")
async def get_user(req: Request, lctx: LocalContext) -> User:
    """Return one user; remember and spawn a little meanwhile."""
    lctx.set("asked", req.path)
    await lctx.spawn(f"look {req.params['user_id'] % 10}", asyncio.sleep(0))
    return find_user(req.params["user_id"])


@app.get("/things/{name}")
def get_thing(req: Request, gctx: GlobalContext) -> dict[str, str]:
    """Answer from a thread, and count by a label that is never the same."""
    gctx.metrics.counter("soak.things", labels=["name"]).bind(name=req.params["name"]).add()
    return {"name": req.params["name"]}


@app.get("/slow/{user_id:int}")
async def get_slowly(req: Request) -> int:
    """Wait, for clients that leave."""
    await asyncio.sleep(0.05)
    return req.params["user_id"]


@app.get("/broken/{name}")
async def break_down(req: Request) -> None:
    """Fail with something new each time."""
    raise RuntimeError(req.params["name"])


@app.post("/orders", status=201)
async def create_order(req: Request[NewOrder]) -> Order:
    """Place an order."""
    return place(req.body)
