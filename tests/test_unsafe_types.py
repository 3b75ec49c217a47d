"""Types of users that msgspec would corrupt memory with, through whole apps: see `perdure.gtype.unsafe_unions`.

What corrupts memory kills the process at some later time, so each app runs in a process of its own, which looks for
damage at every allocation and collection.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAD = """
import dataclasses, gc, sys
from pathlib import Path
from typing import Annotated, Any
from msgspec import Meta, Struct
from perdure import App, Request, Response, WebSocket
from tests.calls import call, run
from tests.context.test_socket import converse
from tests.recording import Step, record

Tag = Annotated[str, Meta(pattern="^[a-z]+$")]
Size = Annotated[int, Meta(ge=1)]

def ask(app, version, expected, path, body):
    response = call(app, "POST", path, json=body, headers={"api-version": version} if version else {})
    assert expected == response.status_code, response.text
    gc.collect()
    return response.json()
"""
CALLS = """
def declare(app):
    class Item(Struct):
        tags: Tag | list[Tag]
        size: Size | tuple[int, int] = 1

    class Search(Struct):
        tags: list[str] | Tag = "none"

    @app.post("/items")
    async def items(req: Request[Item]) -> Item:
        assert isinstance(req.body, Item)
        return req.body

    @app.post("/bare")
    async def bare(req: Request[Tag | list[int]]) -> dict[str, Tag | list[int]]:
        return {"was": req.body}

    @app.post("/sizes")
    async def sizes(req: Request[Size | tuple[int, str]]) -> list[Size | tuple[int, str]]:
        return [req.body]

    @app.get("/search")
    async def search(req: Request[None, None, Search]) -> Search:
        return req.query

    @app.websocket("/talk")
    async def talk(ws: WebSocket[Tag | list[int], Any]) -> None:
        for _ in range(2):
            await ws.send_json(await ws.receive_json())
    return app

PASSING = '''
@revision.request("Item")
def forward(value):
    return value | {"size": value["size"] + 1 if isinstance(value["size"], int) else value["size"]}

@revision.response("Item")
def back(value):
    return value
'''
for again in range(4):
    folder = Path(sys.argv[1]) / str(again)
    steps = [("2025-01-01", "", "v1.0.0"), ("2026-01-01", PASSING, "v2.0.0")]
    record(folder, [Step(day, declare(App("t")), source, label) for day, source, label in steps])
    app = declare(App("t", revisions=folder))
    for version in (None, "v1"):
        assert {"tags": "a", "size": 4} == ask(app, version, 200, "/items", {"tags": "a", "size": 4 - bool(version)})
        lists = {"tags": ["a", "b"], "size": [1, 2]}
        assert lists == ask(app, version, 200, "/items", lists)
        (fault,) = ask(app, version, 400, "/items", {"tags": ["a", "B"], "size": 1})["errors"]
        assert ("/tags/1", "pattern") == (fault["pointer"], fault["code"])
        (fault,) = ask(app, version, 400, "/items", {"tags": "a", "size": 0})["errors"]
        assert ("/size", "minimum") == (fault["pointer"], fault["code"])
        assert {"was": "ab"} == ask(app, version, 200, "/bare", "ab")
        assert {"was": [1]} == ask(app, version, 200, "/bare", [1])
        ask(app, version, 400, "/bare", "AB")
        assert [2] == ask(app, version, 200, "/sizes", 2)
        assert [[0, "a"]] == ask(app, version, 200, "/sizes", [0, "a"])
        ask(app, version, 400, "/sizes", 0)
        assert {"tags": "x"} == call(app, "GET", "/search?tags=x").json()
    for message in ('"ab"', "[1,2]"):
        assert message == run(converse(app, "/talk", [message, '"AB"']))[1]["text"]
    del app
    gc.collect()
"""
REFUSED = """
import pydantic

@dataclasses.dataclass
class Outer:
    inner: "Inner"
    both: list[int] | set[int]

@dataclasses.dataclass
class Inner:
    outer: "Outer | None" = None

app = App("t")

@app.post("/outer")
async def outer(req: Request[Outer]) -> Outer:
    return req.body

@app.post("/inner")
async def inner(req: Request[Inner]) -> Inner:
    return req.body

body = {"outer": {"inner": {"outer": None}, "both": [1]}}
for _ in range(20):
    assert body == ask(app, None, 200, "/inner", body)
    assert body["outer"] == ask(app, None, 200, "/outer", body["outer"])
"""


@pytest.mark.parametrize(
    "probe",
    [
        pytest.param(CALLS, id="patterns beside lists, tuples beside bounds"),
        pytest.param(REFUSED, id="classes that hold one msgspec refuses"),
    ],
)
def test_no_call_corrupts_memory(tmp_path: Path, probe: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-X", "faulthandler", "-c", HEAD + probe, str(tmp_path)], cwd=ROOT, capture_output=True,
        text=True, errors="replace", check=False, env={**os.environ, "PYTHONMALLOC": "debug"},
    )  # fmt: skip
    assert (0, "") == (ended.returncode, ended.stderr)
