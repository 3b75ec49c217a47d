"""An app behind proxies, for pages of other origins, answering for two hosts only."""

from perdure import App, Config, LocalContext, Request, Response
from perdure.config import CorsSettings, ProxySettings

app = App(
    "hardened",
    config=Config(
        hosts=("shop.example", "*.shops.example", "127.0.0.1"),
        proxies=ProxySettings(trusted=("127.0.0.1", "10.0.0.0/8")),
        cors=CorsSettings(origins=("https://page.example", "https://*.pages.example"), credentials=True),
        response_headers={"X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY"},
        hsts_s=3600,
        parameter_limit_count=3,
        url_limit_bytes=200,
    ),
)


@app.get("/origin")
async def origin(req: Request, lctx: LocalContext) -> dict[str, str]:
    """Tell where the request came from."""
    return {"client": lctx.meta.client.rpartition(":")[0] or req.client, "scheme": req.scheme, "host": req.host}


@app.get("/open", cors=CorsSettings(origins=("*",)))
async def everybody() -> dict[str, str]:
    """Let every page read this."""
    return {}


@app.post("/open")
async def nobody_else() -> dict[str, str]:
    """Be there as another method of a shared path."""
    return {}


@app.get("/framed")
async def framed(res: Response[dict[str, str]]) -> dict[str, str]:
    """Say something else than every answer does."""
    res.set_header("X-Frame-Options", "SAMEORIGIN")
    return {}
