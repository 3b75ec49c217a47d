"""API keys with real servers and the real command line."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from perdure.store.opening import open_store
from tests.servers import Server

APP = """
import logging
from perdure import ApiKeySettings, App, AuthSettings, Config, LocalContext

logging.basicConfig(level=logging.DEBUG)
app = App("shop", config=Config(auth=AuthSettings(api_keys=ApiKeySettings(query="api_key"))))

@app.get("/open", public=True)
async def open() -> str:
    return "for all"

@app.get("/mine", auth="required")
async def mine(lctx: LocalContext) -> str:
    who = lctx.meta.principal
    return f"{who.key} {who.client_id}"

@app.get("/staff", roles={"clerk"}, scopes={"orders:read"})
async def staff() -> str:
    return "for clerks"

@app.get("/broken", auth="required")
async def broken() -> str:
    raise RuntimeError("it broke")
"""

Perdure = Callable[..., str]


@pytest.fixture
def store_url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/store.db"


@pytest.fixture
def perdure(tmp_path: Path, store_url: str) -> Perdure:
    """Run ``perdure keys`` in a process of its own; it must succeed."""
    (tmp_path / "app.py").write_text(APP)

    def run(*arguments: str) -> str:
        command = [sys.executable, "-m", "perdure", "keys", *arguments]
        env = {**os.environ, "PERDURE_STORE_URL": store_url}
        ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=30, env=env)
        assert (0, "") == (ended.returncode, ended.stderr)
        return ended.stdout

    return run


def status(server: Server, path: str, key: str) -> int:
    return httpx.get(f"{server.url}{path}", headers={"x-api-key": key}).status_code


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once *condition* holds."""
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up


@pytest.mark.slow
def test_keys_come_and_go_while_servers_run(
    perdure: Perdure, store_url: str, tmp_path: Path, start_server: Callable[..., Server]
) -> None:
    first = perdure("create", "--subject", "till-3", "--quiet").strip()
    servers = [start_server(tmp_path / "app.py", "--store", store_url) for _ in range(2)]
    for server in servers:
        assert f"api_key:till-3 {first[4:12]}" == httpx.get(f"{server.url}/mine", headers={"x-api-key": first}).text
        assert 200 == httpx.get(f"{server.url}/mine?api_key={first}").status_code
        assert [403, 200] == [status(server, path, first) for path in ("/staff", "/open")]
    clerk = perdure("create", "--subject", "ada", "--role", "clerk", "--scope", "orders:read", "--quiet").strip()
    wait_for(lambda: {status(server, "/staff", clerk) for server in servers} == {200})
    perdure("revoke", first[4:12])
    wait_for(lambda: {status(server, "/mine", first) for server in servers} == {401})
    assert {200} == {status(server, "/staff", clerk) for server in servers}
    server = servers[0]
    assert [401] * 3 == [status(server, "/mine", key) for key in ("", clerk[:-1], clerk[:13] + first[13:])]
    assert 401 == httpx.get(f"{server.url}/mine?api_key={clerk}", headers={"x-api-key": clerk}).status_code
    assert 200 == status(server, "/open", "no key at all"), "where nobody need be known, nobody minds"
    assert 500 == status(server, "/broken", clerk)
    with closing(open_store(store_url)) as store:
        wait_for(lambda: all(key.last_used_s is not None for key in store.api_keys("shop")))
    printed = "".join(each.printed for each in servers)
    assert f"the API key {first[4:12]} was revoked" in printed
    assert "it broke" in printed
    for key in (first, clerk):
        assert not any(key[start : start + 8] in printed for start in range(13, 55))
