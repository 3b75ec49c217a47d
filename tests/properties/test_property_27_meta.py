"""Property 27: ``meta`` holds request id, path, version, flags.

An API with three versions, the oldest two apart from the newest by a transformer at one of its endpoints, is asked for
drawn paths in drawn versions. The oracle is what was sent, and what came back in the headers.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import quote

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Struct

from perdure import App, Config, LocalContext, Meta, Request
from tests.calls import run, serving
from tests.recording import Step, record

TRANSFORMER = """
@revision.request("POST /orders/{order_id}")
def forward(parts: RequestParts) -> None:
    parts.body["note"] = "from an old client"
"""
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"
NAMES = ["2024-01-01", "2025-06-01", "2026-02-10"]
SPELLINGS = {
    "2024-01-01": 0, "2024-12-31T23:59:59Z": 0, "v1.0.0": 0, "1.x": 0, "2025-06-01": 1, "v2": 1, "2026-02-10": 2,
    "v3.0.0": 2, "stable": 2, "latest": 2,
}  # fmt: skip


class Order(Struct):
    quantity: int
    note: str


class OldOrder(Struct):
    quantity: int


def declare(app: App, body: Any, see: Callable[[Meta], None]) -> App:
    async def post(req: Any, lctx: LocalContext) -> None:
        see(lctx.meta)

    post.__annotations__["req"] = Request[body]
    app.post("/orders/{order_id}", id="orders.post")(post)

    @app.get("/files/{rest:path}", id="files.get", timeout_s=7)
    async def get(lctx: LocalContext) -> None:
        see(lctx.meta)

    return app


@pytest.fixture(scope="module")
def revisions() -> Iterator[Path]:
    def see(meta: Meta) -> None: ...

    old, new = declare(App("old"), OldOrder, see), declare(App("new"), Order, see)
    steps = [Step(NAMES[0], old, label="v1.0.0"), Step(NAMES[1], old, label="v2.0.0"),
             Step(NAMES[2], new, TRANSFORMER, "v3.0.0")]  # fmt: skip
    with TemporaryDirectory() as name:
        yield record(Path(name), steps)


segments = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zs", "Zl", "Zp", "Cf", "Cn", "Co"),
                                 exclude_characters="/\\\ufffd%"), min_size=1, max_size=8)  # fmt: skip
segments = segments.filter(lambda text: text.strip(".") != "")


@settings(max_examples=200, deadline=None)
@given(
    is_order=st.booleans(), names=st.lists(segments, min_size=1, max_size=3),
    asked=st.none() | st.sampled_from(sorted(SPELLINGS)), by_query=st.booleans(),
    inbound=st.none() | st.from_regex(r"[A-Za-z0-9._-]{1,40}", fullmatch=True) | st.just("not well formed!"),
    traced=st.booleans(),
)  # fmt: skip
def test_meta_says_what_was_sent_and_what_came_back(
    revisions: Path, is_order: bool, names: list[str], asked: str | None, by_query: bool, inbound: str | None,
    traced: bool,
) -> None:  # fmt: skip
    seen: list[Meta] = []
    app = declare(App("drawn", revisions=revisions, config=Config(trust_request_id=True)), Order, seen.append)
    path = "/orders/" + names[0] if is_order else "/files/" + "/".join(names)
    index = SPELLINGS[asked] if asked is not None else 2
    headers: dict[str, str] = {}
    if asked is not None and not by_query:
        headers["api-version"] = asked
    if inbound is not None:
        headers["x-request-id"] = inbound
    if traced:
        headers["traceparent"] = f"00-{TRACE_ID}-00f067aa0ba902b7-01"
    url = quote(path) + (f"?version={quote(asked)}" if asked is not None and by_query else "")
    body = {"quantity": 1, "note": "new"} if index == 2 else {"quantity": 1}

    async def send() -> httpx.Response:
        async with serving(app) as client:
            if is_order:
                return await client.post(url, json=body, headers=headers)
            return await client.get(url, headers=headers)

    response = run(send())
    assert 204 == response.status_code, response.text
    (meta,) = seen
    assert response.headers["x-request-id"] == meta.request_id
    if inbound is not None:
        assert (meta.request_id == inbound) == (inbound != "not well formed!")
    assert (path, "POST" if is_order else "GET") == (meta.path, meta.method)
    assert NAMES[index] == meta.version == response.headers["api-version"]
    assert frozenset({"transformed"} if is_order and index < 2 else ()) == meta.flags
    expected = ("/orders/{order_id}", "orders.post") if is_order else ("/files/{rest}", "files.get")
    assert expected == (meta.route, meta.handler)
    assert f"00-{meta.trace_id}-{meta.span_id}" == response.headers["traceparent"][:-3]
    assert (meta.trace_id == TRACE_ID) == traced
    with pytest.raises(AttributeError):
        meta.version = "another"  # type: ignore[misc]
