"""Property 42: every execution is audited in full.

Requests of all kinds are drawn, several at a time: answered by a handler or a hook, in the newest version or an older
one, failing in every way there is, too slow, cancelled by the server, left by the client, refused at the door. The
oracle is a table that says of each kind what a person who watched would write down. Afterwards the log has exactly one
record of each, with exactly that, and verifies.
"""

import asyncio
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec import Struct

from perdure import (
    App,
    Config,
    GlobalContext,
    LocalContext,
    Principal,
    Problem,
    RateLimit,
    Request,
    Response,
    SecretSettings,
)
from perdure.config import AuditSettings
from perdure.context.exchange import Exchange
from perdure.errors import UnauthenticatedError
from tests.audit.logs import notes, records
from tests.calls import run, serving
from tests.recording import Step, record

V1, V2 = "2025-01-01", "2026-01-01"
MARK = "the-value-of-the-secret"


class Old(Struct):
    sum: int


class New(Struct):
    total: int


class Text(Struct):
    text: str


Old.__name__ = New.__name__ = "Order"
CARRY = """
@revision.response("Order")
def back(order: dict[str, int]) -> dict[str, int]:
    return {"sum": order["total"]}


@revision.request("Order")
def forward(order: dict[str, int]) -> dict[str, int]:
    return {"total": order["sum"]}
"""


class Names:
    """Who sends a name is who it says."""

    challenge, name = "Name", "names"

    def credential(self, exchange: Exchange) -> str | None:
        return exchange.header("x-name")

    def verify(self, credential: str) -> Principal:
        if credential == "nobody":
            raise UnauthenticatedError("nobody is known")
        return Principal(subject=credential, scheme="names", roles=frozenset({credential}))

    def remembered_s(self, principal: Principal) -> float:
        return 0

    async def start(self) -> None:
        pass

    async def stop(self) -> None:
        pass


class Stock:
    async def take(self) -> None:
        raise LookupError("out of stock")


def build(folder: Path) -> App:
    old, new = App("shop"), App("shop")

    @old.get("/orders/{number}", id="get_order")
    async def old_order() -> Old:
        return Old(1)

    @new.get("/orders/{number}", id="get_order")
    async def new_order() -> New:
        return New(1)

    recorded = record(
        folder / "revisions",
        [Step(V1, old), Step(V2, new, CARRY)],
    )
    (folder / "secrets").mkdir()
    (folder / "secrets" / "password").write_text(MARK)
    config = Config(
        audit=AuditSettings(dir=str(folder / "audit"), fsync="never"), trust_request_id=True, default_version="latest",
        secrets=SecretSettings(folder=str(folder / "secrets")), cleanup_timeout_s=1.0,
    )  # fmt: skip
    app = App("shop", config=config, auth=[Names()], revisions=recorded)
    app.module("stock", Stock())

    @app.before
    async def greet(req: Request, res: Response, lctx: LocalContext) -> dict[str, int] | None:
        if lctx._exchange.header("x-hook") == "answers":
            return {"total": 3}
        if lctx._exchange.header("x-hook") == "fails":
            raise ValueError("the hook failed")
        return None

    @app.get("/orders/{number}", id="get_order")
    async def get_order() -> New:
        return New(1)

    @app.post("/act/{what}", timeout_s=0.05, secrets={"password"})
    async def act(req: Request, lctx: LocalContext, gctx: GlobalContext) -> str:
        match req.params["what"]:
            case "fail":
                raise RuntimeError(MARK)
            case "refuse":
                raise Problem(418, "a teapot")
            case "wait" | "hang":
                await asyncio.sleep(60)
            case "secret":
                await gctx.secrets.get("password")
            case "other":
                await gctx.secrets.get("another")
            case "module":
                await gctx.modules.stock.take()
            case "spawn":
                lctx.spawn("work", asyncio.sleep(0))
        return "acted"

    @app.post("/slow", timeout_s=30.0)
    async def slow() -> str:
        await asyncio.sleep(60)
        return ""

    @app.post("/text")
    async def text(req: Request[Text]) -> str:
        return req.body.text

    @app.get("/clerks", roles={"clerk"})
    async def clerks() -> str:
        return "clerks"

    @app.get("/rare", rate_limit=RateLimit("1/day", per="handler"))
    async def rare() -> str:
        return "rare"

    return app


class Kind(NamedTuple):
    """A kind of request, and what is to be written down of it."""

    method: str
    path: str
    status: int
    kind: str = "request"
    handler: str | None = None
    error: str = ""
    headers: dict[str, str] = {}
    json: Any = None
    version: str = V2
    steps: tuple[str, ...] = ()
    """Steps besides those that all requests go through; those that ended badly with their error."""
    principal: str | None = None
    ends: str = "answered"


HOOK = "hook before:global greet"
CARRIED = "transform response"
DENIED = "SecretDeniedError"
KINDS = [
    Kind("GET", "/orders/1", 200, handler="get_order"),
    Kind("GET", "/orders/ü%20%22", 200, handler="get_order"),
    Kind("GET", "/orders/1", 200, handler="get_order", headers={"API-Version": V1}, version=V1, steps=(CARRIED,)),
    Kind("GET", "/orders/1", 200, handler="get_order", headers={"API-Version": V2, "x-name": "ada"}),
    Kind("GET", "/orders/1", 400, "refusal", error="UnknownVersionError", headers={"API-Version": "v9.0.0"}),
    Kind("GET", "/orders/1", 200, handler="get_order", headers={"x-hook": "answers"}),
    Kind("GET", "/orders/1", 500, handler="get_order", headers={"x-hook": "fails"}, error="ValueError"),
    Kind("POST", "/act/well", 200, handler="act"),
    Kind("POST", "/act/fail", 500, handler="act", error="RuntimeError"),
    Kind("POST", "/act/refuse", 418, handler="act", error="Problem"),
    Kind("POST", "/act/wait", 504, handler="act", error="DeadlineExceededError"),
    Kind("POST", "/act/secret", 200, handler="act", steps=("secret password",)),
    Kind("POST", "/act/other", 500, handler="act", error=DENIED, steps=(f"secret another {DENIED}",)),
    Kind("POST", "/act/module", 502, handler="act", error="LookupError", steps=("module stock.take LookupError",)),
    Kind("POST", "/act/spawn", 200, handler="act", steps=("spawn work",)),
    Kind("POST", "/slow", 499, handler="slow", error="CancelledError", ends="cancelled"),
    Kind("POST", "/slow", 499, handler="slow", error="ClientDisconnectedError", ends="left"),
    Kind("POST", "/text", 200, handler="text", json={"text": "hello"}),
    Kind("POST", "/text", 400, handler="text", json={"text": 1}, error="InvalidRequestError"),
    Kind("GET", "/clerks", 401, "refusal", "clerks", "UnauthenticatedError"),
    Kind("GET", "/clerks", 401, "refusal", "clerks", "UnauthenticatedError", headers={"x-name": "nobody"}),
    Kind("GET", "/clerks", 403, "refusal", "clerks", "ForbiddenError", {"x-name": "ada"}, principal="names:ada"),
    Kind("GET", "/clerks", 200, handler="clerks", headers={"x-name": "clerk"}, principal="names:clerk"),
    Kind("GET", "/rare", 429, "refusal", "rare", "RateLimitedError"),
    Kind("GET", "/nowhere", 404, "refusal", error="RouteNotFoundError"),
    Kind("DELETE", "/text", 405, "refusal", error="MethodNotAllowedError"),
]  # fmt: skip


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> tuple[App, Path, Callable[[], str]]:
    folder = tmp_path_factory.mktemp("shop")
    numbers = itertools.count(1)
    return build(folder), folder / "audit", lambda: f"ask-{next(numbers)}"


async def send(app: App, client: httpx.AsyncClient, kind: Kind, request_id: str) -> int:
    """Send a request of *kind*, and return the status its client read; 499 where it read none."""
    headers = {**kind.headers, "x-request-id": request_id}
    if kind.ends == "left":
        return await leave(app, kind, request_id)
    sending = asyncio.ensure_future(client.request(kind.method, kind.path, headers=headers, json=kind.json))
    if kind.ends == "cancelled":
        await asyncio.sleep(0.02)
        sending.cancel()
        with pytest.raises(asyncio.CancelledError):
            await sending
        return 499
    answer = await sending
    assert request_id == answer.headers["x-request-id"]
    return answer.status_code


async def leave(app: App, kind: Kind, request_id: str) -> int:
    """Send a request, and be gone when it is answered."""
    asked = iter([{"type": "http.request", "body": b"", "more_body": False}])
    sent: list[Any] = []

    async def receive() -> Any:
        return next(asked, {"type": "http.disconnect"})

    async def answer(message: Any) -> None:
        sent.append(message)

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": kind.method, "scheme": "http",
        "path": kind.path, "raw_path": kind.path.encode(), "query_string": b"", "root_path": "",
        "headers": [(b"host", b"test"), (b"x-request-id", request_id.encode())],
        "client": ("127.0.0.1", 123), "server": ("test", 80),
    }  # fmt: skip
    await app(scope, receive, answer)
    return 499


async def send_all(app: App, kinds: list[Kind], new_id: Callable[[], str]) -> dict[str, Kind]:
    """Send a request of each of *kinds*, all at once, between a start and a stop; return them by their ids."""
    await app.start()
    sent = {new_id(): kind for kind in kinds}
    async with serving(app) as client:
        read = await asyncio.gather(*(send(app, client, kind, each) for each, kind in sent.items()))
    await app.stop()
    assert [kind.status for kind in kinds] == list(read)
    return sent


def told_steps(found: dict[str, Any]) -> list[str]:
    if "events" not in found:
        return list(found["stages"])
    names = ((each["stage"], each.get("level"), each["name"], each.get("error")) for each in found["events"])
    return [" ".join(dict.fromkeys(part for part in each if part)) for each in names]


def expected_steps(kind: Kind) -> set[str]:
    if "InvalidRequestError" in kind.error:
        return {"validation request InvalidRequestError"}
    if kind.headers.get("x-hook") == "fails":
        return {"validation request", f"{HOOK} ValueError"}
    if kind.headers.get("x-hook") == "answers":
        return {"validation request", HOOK, "response"}
    interrupted = {"DeadlineExceededError": "CancelledError", "ClientDisconnectedError": "CancelledError"}
    handler = f"handler {interrupted.get(kind.error, kind.error)}".rstrip()
    own = {"validation request", HOOK, handler, *kind.steps}
    return own if kind.error else {*own, "response"}


def check(found: dict[str, Any], kind: Kind, manifests: dict[str, str]) -> None:
    path = '/orders/ü "' if "%20" in kind.path else kind.path
    assert (kind.kind, kind.method, path, kind.status) == tuple(found[n] for n in ("kind", "method", "path", "status"))
    assert (kind.handler, kind.version) == (found["handler"], found["version"])
    assert "127.0.0.1" in found["client"]
    assert kind.error == found.get("error", "")
    assert kind.principal == found["principal"] or "x-name" in kind.headers
    if kind.kind == "refusal":
        assert found["us"] >= 0
        assert found["reason"]
        return
    assert kind.handler is not None
    assert manifests[kind.handler] == found["manifest"]
    assert (["r1"] if kind.version == V1 else []) == found["transformers"]
    assert {"act": "/act/{what}", "get_order": "/orders/{number}"}.get(kind.handler, kind.path) == found["route"]
    assert expected_steps(kind) == set(told_steps(found)), found
    assert found["us"] == sorted(found["us"])
    assert 0 == found["us"][0]
    for each in found.get("events", ()):
        assert 0 <= each["at"] <= each["at"] + each["us"] <= found["us"][-1] + 1


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.sampled_from(KINDS), min_size=1, max_size=12))
def test_every_request_has_one_record_with_all_there_is_to_say(
    shop: tuple[App, Path, Callable[[], str]], kinds: list[Kind]
) -> None:
    app, folder, new_id = shop
    if not folder.exists():  # the one that may come
        run(send_all(app, [Kind("GET", "/rare", 200, handler="rare")], new_id))
    sent = run(send_all(app, kinds, new_id))
    manifests = {each.id: each.fingerprint for each in app.manifests()}
    found: dict[str, list[dict[str, Any]]] = {each: [] for each in sent}
    for each in records(folder, "request", "refusal"):
        if each["id"] in found:
            found[each["id"]].append(each)
    for request_id, kind in sent.items():
        assert 1 == len(found[request_id]), kind
        check(found[request_id][0], kind, manifests)
    secrets = [each for each in records(folder, "secret") if each["request"] in sent]
    assert sum("SecretDenied" in kind.error for kind in kinds) == len([s for s in secrets if s["outcome"] == "denied"])
    assert [] == notes(folder)
    assert MARK not in json.dumps(records(folder))
