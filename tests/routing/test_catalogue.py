"""Manifests, routes and the API as recorded."""

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest
from msgspec import Struct

from perdure import App, Hook, Request, Router
from tests.calls import call

PROGRAM = """
import sys
from msgspec import Struct
from perdure import App, Request

class Line(Struct):
    sku: str
    quantity: int = 1

class Order(Struct):
    lines: list[Line]
    tags: set[str] = set()

app = App("shop")

def routes():
    @app.post("/orders", status=201)
    async def create(req: Request[Order]) -> Order: ...
    yield
    @app.get("/orders/{order_id:uuid}")
    async def show(req: Request[None]) -> Order | None: ...
    yield
    @app.get("/lines")
    def lines() -> dict[str, Line]: ...
    yield

async def check(): ...

REGISTER
for manifest in app.manifests():
    print(manifest.id, manifest.fingerprint)
"""


def fingerprints(register: str, seed: str) -> list[str]:
    """Return what a process of its own prints about the same program."""
    command = [sys.executable, "-c", PROGRAM.replace("REGISTER", register)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PYTHONHASHSEED": seed})
    return done.stdout.split("\n")


def test_fingerprints_are_the_same_in_every_process_and_order() -> None:
    first = fingerprints("list(routes())", "1")
    assert 4 == len(first)
    assert first == fingerprints("list(routes())", "2")


class Order(Struct):
    quantity: int


def test_a_fingerprint_is_the_hash_of_the_canonical_document() -> None:
    app = App("t")

    @app.post("/orders")
    async def create(req: Request[Order]) -> Order:
        return req.body

    (manifest,) = app.manifests()
    raw = manifest.canonical()
    assert hashlib.sha256(raw).hexdigest() == manifest.fingerprint
    document = json.loads(raw)
    assert raw == json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
    assert manifest == msgspec.json.decode(raw, type=type(manifest))


def test_anything_said_of_a_handler_changes_its_fingerprint() -> None:
    def manifest_of(**options: Any) -> str:
        app = App("t")

        async def create(req: Request[Order]) -> Order:
            return req.body

        app.post("/orders", **options)(create)
        return app.manifests()[0].fingerprint

    async def hook() -> None: ...

    variants: list[dict[str, Any]] = [
        {}, {"status": 201}, {"timeout_s": 3}, {"id": "x"}, {"summary": "s"}, {"deprecated": True},
        {"body_limit_bytes": 5}, {"cancel_on_disconnect": False}, {"before": [hook]}, {"after": [hook]},
        {"catch": [hook]}, {"before": [Hook(hook, retries=1)]}, {"before": [Hook(hook, timeout_s=1)]},
        {"version": "2026-01-01"},
    ]  # fmt: skip
    assert len(variants) == len({manifest_of(**options) for options in variants})


def test_ids_tell_every_handler_from_every_other() -> None:
    app = App("t")

    def handle() -> str:
        return ""

    for path in ("/a", "/b", "/a/b", "/a.b", "/{a}", "/"):
        app.get(path)(handle)
    app.post("/a")(handle)
    app.get("/own", id="mine")(handle)
    ids = [manifest.id for manifest in app.manifests()]
    assert 8 == len(ids) == len(set(ids))
    assert "mine" in ids
    assert len(ids) == len({manifest.version for manifest in app.manifests()})


def test_a_handler_alone_under_its_name_is_called_by_it() -> None:
    app = App("t")

    @app.route("/orders", ["GET", "POST"])
    def orders() -> str:
        return ""

    assert ["orders"] == [manifest.id for manifest in app.manifests()]


def test_handlers_of_one_endpoint_at_several_versions_share_their_id() -> None:
    app = App("t")

    def orders() -> str:
        return ""

    app.get("/orders", version="2024-01-01")(orders)
    app.get("/orders", version="2026-02-10")(orders)
    assert [("orders", "tsv:1704067200-orders-000"), ("orders", "tsv:1770681600-orders-000")] == [
        (manifest.id, manifest.version) for manifest in app.manifests()
    ]


def test_routes_say_where_each_endpoint_is_served_and_since_when() -> None:
    app, router = App("t"), Router("/orders")

    @router.get("/{order_id:int}", summary="One order")
    async def show() -> None: ...

    @router.websocket("/live")
    async def live() -> None:
        """Follow along.

        More.
        """

    @app.post("/new", version="2026-02-10")
    async def new() -> None: ...

    app.mount(router)
    app.get("/old", version="2024-01-01")(show)
    routes = app.routes()
    assert [("POST", "/new"), ("GET", "/old"), ("WEBSOCKET", "/orders/live"), ("GET", "/orders/{order_id:int}")] == [
        (info.method, info.path) for info in routes
    ]
    new_info, old_info, live_info, show_info = routes
    assert ("2026-02-10",) == new_info.versions
    assert ("2024-01-01", "2026-02-10") == old_info.versions == live_info.versions == show_info.versions
    assert ("One order", "Follow along.") == (show_info.summary, live_info.summary)
    assert Path(__file__) == Path(show_info.file)
    lines = Path(__file__).read_text().splitlines()
    assert "router.get" in lines[show_info.line - 1]
    assert show_info.function.endswith("show")


def test_the_api_is_what_a_revision_would_record() -> None:
    app = App("t")

    @app.post("/orders/{order_id:int}", status=201)
    async def create(req: Request[Order]) -> list[Order]:
        return [req.body]

    api = app.api()
    assert {"POST /orders/{order_id}"} == api.endpoints.keys()
    assert {"Order"} == api.types.keys()
    assert 201 == api.endpoints["POST /orders/{order_id}"].status


@pytest.mark.parametrize("versions", [("2025-01-01", "2026-01-01"), ("2026-01-01", "2025-01-01")])
def test_the_api_of_several_handlers_for_one_endpoint_is_that_of_the_newest(versions: tuple[str, str]) -> None:
    app = App("t")
    for version in versions:

        async def handle() -> None: ...

        app.get("/orders", version=version, status=int(version[2:4]) + 177)(handle)
    assert 203 == app.api().endpoints["GET /orders"].status


def test_a_websocket_is_no_part_of_the_recorded_api() -> None:
    app = App("t")

    @app.websocket("/ws")
    async def live() -> None: ...

    assert {} == app.api().endpoints
    assert 404 == call(app, "GET", "/ws").status_code
