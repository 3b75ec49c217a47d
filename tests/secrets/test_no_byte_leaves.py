"""No value of a secret is in any byte a server writes: over a run in which secrets are read, used, and everything fails
that can fail, with the value in the error, and all of it logged at debug."""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from textwrap import dedent

import httpx
import pytest

from tests.servers import Server

ENVIRONMENT_VALUE = "in-the-environment-7Qx'é"
FILE_VALUE = 'in-a-file-Zk3"\\-8'
WORDS = ("in-the-environment", "in-a-file")

APP = """
import asyncio
import logging
import sys
import threading

import structlog
from rich.console import Console
from rich.logging import RichHandler

from perdure import App, Config, GlobalContext, LocalContext, Request, SecretSettings, Stream
from perdure.context.secret import Secret

logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
logging.getLogger().addHandler(
    RichHandler(console=Console(file=sys.stderr, width=300), rich_tracebacks=True, tracebacks_show_locals=True)
)
log = logging.getLogger("shop")
structured = structlog.get_logger("shop.structured")
NAMES = ["db_password", "signing_key"]


class Holder:
    def __init__(self, value: str) -> None:
        self.value = value

    def __str__(self) -> str:
        return f"holds {self.value}"


class Database:
    async def connect(self, dsn: str) -> None:
        raise ConnectionError(f"refused: {dsn}")


app = App("shop", config=Config(secrets=SecretSettings(folder=FOLDER, ttl_s=1.0)))
app.module("database", Database())


@app.startup
async def begin(gctx: GlobalContext) -> None:
    secret = await gctx.secrets.get("db_password")
    log.info("starting with %s, %r, as %s", secret, {"secret": secret}, f"postgres://shop:{secret.reveal()}@db")
    if FAILS:
        raise RuntimeError(f"cannot start with {secret.reveal()}")


async def dsn_of(gctx: GlobalContext) -> str:
    first, second = [await gctx.secrets.get(name) for name in NAMES]
    return f"postgres://{first.reveal()}:{second.reveal()}@db"


@app.get("/raise", secrets=NAMES)
async def fail(gctx: GlobalContext) -> str:
    dsn = await dsn_of(gctx)
    raise RuntimeError(dsn)


@app.get("/local", secrets=NAMES)
async def fail_with_local(gctx: GlobalContext) -> str:
    settings = {"dsn": [await dsn_of(gctx)]}
    raise RuntimeError(f"{len(settings)} settings")


@app.get("/module", secrets=NAMES)
async def fail_in_module(gctx: GlobalContext) -> str:
    await gctx.modules.database.connect(await dsn_of(gctx))
    return ""


@app.get("/work", secrets=NAMES)
async def fail_in_work(lctx: LocalContext, gctx: GlobalContext) -> str:
    async def work() -> None:
        raise LookupError(await dsn_of(gctx))

    lctx.spawn(await dsn_of(gctx), work())
    return ""


@app.get("/compensate", secrets=NAMES)
async def fail_twice(lctx: LocalContext, gctx: GlobalContext) -> str:
    dsn = await dsn_of(gctx)

    def undo(what: str) -> None:
        raise OSError(f"cannot undo {what}")

    lctx.compensate(undo, dsn)
    raise RuntimeError(dsn)


@app.get("/stream", secrets=NAMES)
async def stream(gctx: GlobalContext) -> Stream:
    async def parts():
        yield b"begun"
        raise RuntimeError(await dsn_of(gctx))

    return Stream(parts(), media_type="text/plain")


@app.get("/answer", secrets=NAMES)
async def answer(gctx: GlobalContext) -> dict[str, object]:
    return {"secret": await gctx.secrets.get("db_password")}


@app.get("/wrong", secrets=NAMES)
async def wrong(gctx: GlobalContext) -> int:
    return await dsn_of(gctx)


@app.get("/log", secrets=NAMES)
async def log_all(lctx: LocalContext, gctx: GlobalContext) -> str:
    dsn = await dsn_of(gctx)
    secret = await gctx.secrets.get("db_password")
    lctx.set("secret", secret)
    snapshot = lctx.snapshot()
    for logger in (log, lctx.log, logging.getLogger("sqlalchemy.engine")):
        logger.debug("%s %r %s %s", secret, [secret], snapshot, lctx.events, extra={"dsn": dsn})
        logger.info(dsn)
        logger.warning("%s", dsn.encode())
        logger.error("%s %s", dsn)
        logger.critical("stack", stack_info=True, extra={"dsn": {"deep": [dsn]}})

    structured.info("%s", dsn, dsn=dsn, deep={"a": [{"b": {"c": {"d": [dsn]}}}]}, secret=secret)
    structured.bind(holder=Holder(dsn)).warning("held", raw=dsn.encode())
    lctx.log.warning("fields", dsn=dsn, holder=Holder(dsn), deep=[[[[[[dsn]]]]]])
    for tell in (log.exception, structured.exception, lctx.log.exception):
        try:
            raise LookupError(f"told by {tell.__self__.__class__.__name__}: {dsn}")
        except LookupError:
            tell("failed as %s", "expected")
    structured.error("given", exc_info=OSError(dsn))

    def in_thread() -> None:
        raise ValueError(dsn)

    async def unseen() -> None:
        raise ValueError(dsn)

    thread = threading.Thread(target=in_thread)
    thread.start()
    thread.join()
    await asyncio.wait([asyncio.create_task(unseen())])
    asyncio.get_running_loop().call_soon(lambda: 1 / len(dsn[:0]))
    return "logged"


@app.get("/denied", secrets=["db_password"])
async def denied(gctx: GlobalContext) -> str:
    return (await gctx.secrets.get("signing_key")).reveal()


@app.catch
async def catch(error: Exception, lctx: LocalContext) -> None:
    lctx.log.info("caught %r", error)
"""


def write_app(folder: Path, *, fails: bool = False) -> Path:
    (folder / "secrets").mkdir(exist_ok=True)
    (folder / "secrets" / "signing_key").write_text(f"{FILE_VALUE}\n")
    app = folder / "app.py"
    source = dedent(APP).replace("FOLDER", repr(str(folder / "secrets"))).replace("FAILS", str(fails))
    app.write_text(source)
    return app


def read_stream(client: httpx.Client, parts: list[bytes]) -> None:
    with client.stream("GET", "/stream") as response:
        parts.extend(response.iter_raw())


@pytest.mark.slow
@pytest.mark.parametrize("format", ["auto", "json", "logfmt", "console"])
def test_no_value_is_in_any_byte_a_server_writes(
    format: str, start_server: Callable[..., Server], tmp_path: Path
) -> None:
    store = tmp_path / "store.db"
    logs = ["--set", f"logs.format={format}", "--set", "logs.level=debug", "--set", "logs.access=true"]
    logs += ["--set", f"audit.dir={tmp_path / 'audit'}", "--set", "audit.unserved=true"]
    server = start_server(
        write_app(tmp_path), *logs,
        env={"DB_PASSWORD": ENVIRONMENT_VALUE, "PERDURE_STORE_URL": f"sqlite:///{store}"},
    )  # fmt: skip
    answers = b""
    statuses: dict[str, int] = {}
    paths = ("raise", "local", "module", "work", "compensate", "answer", "wrong", "log", "denied", "openapi.json")
    with httpx.Client(base_url=server.url, timeout=20) as client:
        for _ in range(2):  # the second time, all values are known from the first
            for path in paths:
                response = client.get(f"/{path}")
                statuses[path] = response.status_code
                answers += response.content + repr(response.headers.raw).encode()
        begun: list[bytes] = []
        with pytest.raises(httpx.HTTPError):
            read_stream(client, begun)
        answers += b"".join(begun)
    assert 0 == server.stop()
    assert {
        "raise": 500, "local": 500, "module": 502, "work": 500, "compensate": 500, "answer": 500, "wrong": 500,
        "log": 200, "denied": 500, "openapi.json": 200,
    } == statuses  # fmt: skip
    printed = server.printed
    texts = (
        "ConnectionError: refused: postgres://", "LookupError: postgres://", "OSError: cannot undo postgres://",
    )  # fmt: skip
    own = ("holds postgres://", "told by Logger: postgres://", "told by BoundLogger", "told by RequestLog", "given")
    for proof in (
        *(each.partition(": ")[2] if format == "json" else each for each in texts), *(own if format != "auto" else ()),
        "1 settings", "starting with Secret(***)", "ZeroDivisionError", "Task exception was never retrieved",
        "Exception in thread", "does not declare the secret 'signing_key'", "GET /raise 500",
    ):  # fmt: skip
        assert proof in printed, f"{proof} was to be seen, or the test shows nothing:\n{printed}"
    kept = b"".join(path.read_bytes() for path in tmp_path.glob("store.db*"))
    audited = b"".join(path.read_bytes() for path in (tmp_path / "audit").iterdir())
    assert 21 == audited.count(b'"kind":"request"') + audited.count(b'"kind":"refusal"')
    assert audited.count(b'"stage":"secret","name":"signing_key"') >= 18
    with closing(sqlite3.connect(store)) as database:
        assert database.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
    for word in WORDS:
        lines = [line for line in printed.splitlines() if word in line]
        assert [] == lines
        assert word.encode() not in answers
        assert word.encode() not in kept
        assert word.encode() not in audited


@pytest.mark.slow
def test_a_start_that_fails_is_told_without_the_value(start_server: Callable[..., Server], tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="the server did not start") as raised:
        start_server(write_app(tmp_path, fails=True), env={"DB_PASSWORD": ENVIRONMENT_VALUE})
    printed = str(raised.value)
    assert "RuntimeError: cannot start with ***" in printed
    assert not any(word in printed for word in WORDS)
