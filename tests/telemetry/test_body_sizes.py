"""Sizes of request bodies of every kind, sent over HTTP to real servers and read from their page."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest

from tests.servers import Server, serve, serve_with_granian
from tests.telemetry.reading import OPEN, Scraped, parsed

APP = """
from collections.abc import AsyncGenerator, AsyncIterator

from msgspec import Struct

from perdure import App, Form, FormData, Request

app = App("sizes")


class Login(Struct):
    name: str


@app.post("/data")
async def data(req: Request[list[int]]) -> int:
    return len(req.body)


@app.post("/bytes")
async def raw(req: Request[bytes]) -> int:
    return len(req.body)


@app.post("/text")
async def text(req: Request[str]) -> int:
    return len(req.body)


@app.post("/form")
async def form(req: Request[Form[Login]]) -> str:
    return req.body.name


@app.post("/upload")
async def upload(req: Request[FormData]) -> int:
    return sum(file.size for file in req.body.files())


@app.post("/any")
async def anything(req: Request) -> str:
    return type(req.body).__name__


@app.post("/stream")
async def stream(req: Request[AsyncIterator[bytes]]) -> int:
    return sum([len(chunk) async for chunk in req.body])


@app.post("/first")
async def first(req: Request[AsyncIterator[bytes]]) -> int:
    return len(await anext(req.body))


@app.post("/unread")
async def unread(req: Request[AsyncIterator[bytes]]) -> str:
    return "no, thanks"


@app.post("/echo")
async def echo(req: Request[AsyncIterator[bytes]]) -> AsyncGenerator[bytes, None]:
    async for chunk in req.body:
        yield chunk


@app.get("/none")
async def none() -> str:
    return ""
"""
FILE = b"x" * 3_000_000
"""Larger than what is kept in memory of a file."""


def pieces(*sizes: int) -> Iterator[bytes]:
    return (b"y" * size for size in sizes)


@contextmanager
def served(kind: str, folder: Path) -> Iterator[Server]:
    (folder / "app.py").write_text(APP)
    environ = {"PERDURE_METRICS__PATH": "/metrics"}
    if kind == "rsgi":
        with serve(folder / "app.py", log=folder / "log", env=environ) as server:
            yield server
    else:
        with serve_with_granian("app:app", "asgi", folder=folder, log=folder / "log", env=environ) as server:
            yield server


def sizes_on(page: Scraped) -> dict[str, tuple[float, float]]:
    """Return, of each route, how many bodies were counted, and their bytes."""
    of = "http_server_request_body_size_bytes"
    counts, sums = page.by(f"{of}_count", "http_route"), page.by(f"{of}_sum", "http_route")
    return {route: (count, sums[route,]) for (route,), count in counts.items()}


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["rsgi", "asgi"])
def test_bodies_of_every_kind_are_counted_by_what_was_read_of_them(kind: str, tmp_path: Path) -> None:
    json, packed = {"content-type": "application/json"}, {"content-type": "application/msgpack"}
    told: dict[str, tuple[float, float]] = {}
    with served(kind, tmp_path) as server, httpx.Client(base_url=server.url) as client:

        def send(path: str, expected_bytes: int | None = None, **options: Any) -> httpx.Response:
            request = client.build_request("POST", path, **options)
            sent = int(request.headers.get("content-length", 0)) if expected_bytes is None else expected_bytes
            if sent:
                count, total = told.get(path, (0, 0))
                told[path] = count + 1, total + sent
            answer = client.send(request)
            assert answer.status_code == 200, answer.text
            return answer

        send("/data", content=b"[1,2,3]", headers=json)
        send("/data", 4, content=iter((b"[1", b"1]")), headers=json)
        send("/bytes", content=b"abc")
        send("/bytes", content=b"")
        send("/bytes", 12, content=pieces(5, 7))
        send("/text", content="zwölf".encode(), headers={"content-type": "text/plain; charset=utf-8"})
        assert "Ada" == send("/form", data={"name": "Ada"}).text
        assert len(FILE) == send("/upload", files={"file": ("a.bin", FILE), "small": ("b", b"b")}).json() - 1
        for options in (
            {"content": b"[1]", "headers": json}, {"content": msgspec.msgpack.encode([1]), "headers": packed},
            {"content": b"text", "headers": {"content-type": "text/plain"}}, {"content": b"raw"},
            {"data": {"a": "b"}}, {"content": b""},
        ):  # fmt: skip
            send("/any", **options)
        assert 70_000 == send("/stream", content=b"z" * 70_000).json()
        assert 70_001 == send("/stream", 70_001, content=pieces(1, 30_000, 40_000)).json()
        closing = {"connection": "close"}  # what a body leaves unread, a server may end its connection over
        some = send("/first", content=b"z" * 500_000, expected_bytes=0, headers=closing).json()
        send("/unread", content=b"abc", expected_bytes=0, headers=closing)
        assert b"yyy" == send("/echo", 0, content=pieces(1, 2)).content
        assert 200 == client.get("/none").status_code
        found = sizes_on(parsed(client.get("/metrics", headers=OPEN).text))
    assert (1, some) == found.pop("/first")
    assert 0 < some
    assert told == found
