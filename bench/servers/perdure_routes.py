"""The app that all of Perdure's own rows serve; what stands in a request's way is for them to say.

The hooks wait for nothing, so they are plain functions.

``revisions/`` holds the three versions; what is written here is the newest.
"""

import os

from structs import NewOrder, Order, User, find_user, place

from perdure import App, AuditSettings, Config, LocalContext, OtlpSettings, Request, Response, TraceSettings

__all__ = ["build", "recording", "tracing"]


def recording(**settings: object) -> Config:
    """Return *settings* with the audit log on."""
    return Config(audit=AuditSettings(dir=os.environ["SCRATCH"] + "/audit"), **settings)


def tracing(ratio: float) -> dict[str, object]:
    """Return settings by which that part of all requests is traced, whatever callers ask for."""
    traces = TraceSettings(ratio=ratio, follow_parent=False)
    return {"traces": traces, "otlp": OtlpSettings(endpoint=os.environ["COLLECTOR"], metrics=False)}


def build(config: Config | None = None, **route: object) -> App:
    """Return the app; *route* are options of each of its routes."""
    app = App("bench", revisions="revisions", config=config)

    @app.before
    def note_path(req: Request, lctx: LocalContext) -> None:
        """Remember something for the after hook."""
        lctx.set("asked", req.path)

    @app.after
    def use_path(res: Response, lctx: LocalContext) -> None:
        """Use what the before hook left."""
        lctx.get("asked")

    @app.get("/users/{user_id:int}", **route)
    async def get_user(req: Request) -> User:
        """Return one user."""
        return find_user(req.params["user_id"])

    @app.post("/orders", status=201, **route)
    async def create_order(req: Request[NewOrder]) -> Order:
        """Place an order."""
        return place(req.body)

    return app
