"""Who is pinned on first use by a whole app: those whom a handler has answered, and nobody else."""

from pathlib import Path

import pytest

from perdure import App, Config, Request, Response, RolloutSettings
from perdure.store.opening import open_store
from tests.calls import run, serving

CLIENT = {"x-client-id": "ada"}


def app_at(store: Path) -> App:
    settings = RolloutSettings(pin_on_first_use=True, client_header="x-client-id")
    app = App("pets", config=Config(rollout=settings, store_url=f"sqlite:///{store}"))

    @app.get("/pets", version="v1.0.0")
    async def pets_v1() -> list[str]:
        return ["Rex"]

    @app.get("/pets", version="v2.0.0")
    async def pets_v2() -> list[int]:
        return [1]

    @app.get("/fails")
    async def fails() -> None:
        raise RuntimeError

    @app.get("/refuses")
    async def refuses(res: Response[None]) -> None:
        res.status = 403

    @app.post("/pets")
    async def add(req: Request[dict[str, int]]) -> None:
        return None

    return app


def pinned_after(store: Path, *requests: tuple[str, str, dict[str, str]]) -> list[tuple[str, str]]:
    """Return who is pinned to what after *requests*: method, path and headers."""
    app = app_at(store)

    async def scenario() -> None:
        await app.start()
        async with serving(app) as client:
            for method, path, headers in requests:
                await client.request(method, path, headers=CLIENT | headers)
        await app.stop()

    run(scenario())
    opened = open_store(f"sqlite:///{store}")
    pins = [(pin.client, pin.version) for pin in opened.pins("pets")[0]]
    opened.close()
    return pins


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/healthz", {}),
        ("GET", "/readyz", {}),
        ("GET", "/openapi.json", {}),
        ("GET", "/nothing", {}),
        ("DELETE", "/pets", {}),
        ("OPTIONS", "/pets", {}),
        ("GET", "/pets", {"API-Version": "v1"}),
        ("GET", "/pets?version=v2", {}),
        ("GET", "/pets", {"API-Version": "v9"}),
        ("GET", "/pets", {f"x-{number}": "1" for number in range(200)}),
        ("GET", "/fails", {}),
        ("GET", "/refuses", {}),
    ],
)
def test_client_is_not_pinned_by_what_no_handler_answered(
    tmp_path: Path, method: str, path: str, headers: dict[str, str]
) -> None:
    assert [] == pinned_after(tmp_path / "store.db", (method, path, headers))


@pytest.mark.parametrize(("method", "path"), [("GET", "/pets"), ("HEAD", "/pets"), ("POST", "/pets")])
def test_client_is_pinned_by_the_first_answer_of_a_handler(tmp_path: Path, method: str, path: str) -> None:
    found = pinned_after(tmp_path / "store.db", ("GET", "/nothing", {}), (method, path, {}), ("GET", "/pets", {}))
    assert [("ada", "v2.0.0")] == found
