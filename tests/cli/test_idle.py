"""Connections that carry no request, held by whoever likes, over real sockets."""

import socket
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

from tests.servers import Server

_DESCRIPTORS = 160
_DEADLINE_S = 20.0

APP = """
import asyncio

from perdure import App

app = App("probe")
released = asyncio.Event()
waiting = []


@app.get("/wait")
async def wait() -> str:
    waiting.append(1)
    await released.wait()
    return "waited"


@app.get("/waiting")
async def count() -> int:
    return len(waiting)


@app.post("/release")
async def release() -> None:
    released.set()
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    (tmp_path / "app.py").write_text(dedent(APP))
    serve = f"ulimit -n {_DESCRIPTORS}; exec {sys.executable} -m perdure serve {tmp_path}/app.py --port 0"
    with Server(["sh", "-c", serve], tmp_path / "log", _url_in) as running:
        yield running


def _url_in(printed: str) -> str | None:
    return next((word for word in printed.split() if word.startswith("http://")), None)


def connected(server: Server, sent: bytes = b"") -> socket.socket:
    url = httpx.URL(server.url)
    opened = socket.create_connection((url.host, url.port or 0))
    opened.sendall(sent)
    return opened


def waiting_request(server: Server, others: int) -> socket.socket:
    opened = connected(server, b"GET /wait HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
    until(lambda: httpx.get(f"{server.url}/waiting").text == str(others + 1))
    return opened


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _DEADLINE_S
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def is_healthy(server: Server) -> bool:
    try:
        return httpx.get(f"{server.url}/healthz", timeout=1.0).is_success
    except httpx.TransportError:
        return False


def is_cut(connection: socket.socket) -> bool:
    try:
        return connection.recv(1, socket.MSG_DONTWAIT) == b""
    except BlockingIOError:
        return False
    except ConnectionError:
        return True


def read_all(connection: socket.socket) -> bytes:
    connection.settimeout(_DEADLINE_S)
    return b"".join(iter(lambda: connection.recv(4096), b""))


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells how long a connection has been silent")
def test_who_holds_connections_without_a_request_keeps_nobody_else_out(server: Server) -> None:
    with ExitStack() as stack:
        before = stack.enter_context(waiting_request(server, 0))
        flood = [stack.enter_context(connected(server)) for _ in range(_DESCRIPTORS + 50)]
        until(lambda: is_healthy(server))
        for each in flood:
            each.close()
        until(lambda: is_healthy(server))
        flood = [stack.enter_context(connected(server)) for _ in range(_DESCRIPTORS // 2 + 20)]
        meanwhile = stack.enter_context(waiting_request(server, 1))
        until(lambda: all(map(is_cut, flood)))
        httpx.post(f"{server.url}/release").raise_for_status()
        assert read_all(before).endswith(b"waited")
        assert read_all(meanwhile).endswith(b"waited")
    assert "connections that carried no request were cut" in server.printed
