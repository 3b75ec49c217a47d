"""What servers write, read as a collector does."""

import json
import os
import re
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from perdure.cli.main import main
from tests.logs.lines import Line
from tests.servers import Server

pytestmark = pytest.mark.slow

APP = """
import asyncio
import logging
import warnings

import structlog

from perdure import App, LocalContext

logging.getLogger("shop").warning("while it is imported")
app = App("shop")
log = logging.getLogger("shop")
structured = structlog.get_logger("shop.structured")


@app.get("/orders/{sku}")
async def order(lctx: LocalContext) -> str:
    lctx.log.info("ordered %s", lctx.meta.path, quantity=2, name="Ada", api_key="hunter2-is-long")
    log.info("plain\\nline", extra={"sku": "A"})
    structured.info("structured %s", "too", basket=["A"])
    warnings.warn("careful")
    await lctx.spawn("work", work())
    return "ok"


async def work() -> None:
    log.info("in spawned work")


@app.get("/sync")
def in_thread() -> str:
    log.info("in a thread")
    log.debug("finely")
    return "ok"


@app.get("/fail")
async def fail() -> str:
    structured.error("soon")
    raise RuntimeError("no")


@app.get("/long")
async def long(lctx: LocalContext) -> str:
    for _ in range(20):
        lctx.log.info("x" * 12_000)
    return "ok"
"""


def write_app(folder: Path, settings: str = "") -> Path:
    (folder / "perdure.toml").write_text(settings)
    app = folder / "app.py"
    app.write_text(APP)
    return app


def lines_of(server: Server) -> list[Line]:
    """Return what was logged; the announcement alone is none."""
    written = [line for line in server.printed.split("\n") if line and not re.search(r"\(\d workers?\)$", line)]
    return [json.loads(line) for line in written]


def wait_lines(server: Server, is_there: Callable[[list[Line]], bool]) -> list[Line]:
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        if server.printed.endswith("\n") and is_there(lines_of(server)):
            return lines_of(server)
        time.sleep(0.02)
    raise AssertionError(server.printed)


def by_message(lines: list[Line], message: str) -> Line:
    (found,) = [line for line in lines if line["message"] == message]
    return found


def test_a_server_writes_json_lines_of_everybodys_records(start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server(write_app(tmp_path, "[logs]\naccess = true\n"))
    with httpx.Client(base_url=server.url) as client:
        answer = client.get("/orders/a%22b?token=hunter2-is-long", headers={"user-agent": "a\tb"})
        client.get("/sync")
        client.get("/fail")
        client.get("/nowhere")
    assert 0 == server.stop()
    lines = lines_of(server)
    assert "hunter2" not in server.printed
    request_id = answer.headers["x-request-id"]
    trace_id = answer.headers["traceparent"].split("-")[1]
    ordered = by_message(lines, 'ordered /orders/a"b')
    assert {
        "level": "info", "logger": "perdure.handler", "request_id": request_id, "handler": "order",
        "version": "unversioned", "trace_id": trace_id, "quantity": 2, "name": "Ada", "api_key": "***",
    }.items() <= ordered.items()  # fmt: skip
    for message in ("plain\nline", "structured too", "in spawned work"):
        found = by_message(lines, message)
        assert (request_id, trace_id, "order") == (found["request_id"], found["trace_id"], found["handler"])
        assert 16 == len(str(found["span_id"]))
    assert any("careful" in str(line["message"]) and line["logger"] == "py.warnings" for line in lines)
    assert "in_thread" == by_message(lines, "in a thread")["handler"]
    failed = by_message(lines, "fail failed: no")
    assert "RuntimeError" == failed["exception"][0]["exc_type"]  # type: ignore[index]
    assert "request_id" not in by_message(lines, "while it is imported")
    access = [line for line in lines if line["logger"] == "perdure.access"]
    assert [200, 200, 500, 404] == [line["status"] for line in access]
    assert ('/orders/a"b', request_id) == (access[0]["path"], access[0]["request_id"])


def test_workers_do_not_write_into_each_others_lines(start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server(write_app(tmp_path), "--workers", "2")
    with httpx.Client(base_url=server.url) as client, ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda _: client.get("/long"), range(40)))
    assert 0 == server.stop()
    long = [line for line in lines_of(server) if line["logger"] == "perdure.handler"]
    assert 800 == len(long)
    assert {"x" * 12_000} == {line["message"] for line in long}


def test_levels_change_while_it_runs(
    start_server: Callable[..., Server], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_server(write_app(tmp_path))
    monkeypatch.chdir(tmp_path)

    def is_fine(lines: list[Line]) -> bool:
        httpx.get(f"{server.url}/sync")
        return any(line["message"] == "finely" for line in lines)

    httpx.get(f"{server.url}/sync")
    assert 0 == main(["logs", "level", "shop=debug", "--for", "1h"])
    wait_lines(server, is_fine)
    assert 0 == main(["logs", "level", "--reset"])
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        before = server.printed.count("finely")
        httpx.get(f"{server.url}/sync")
        time.sleep(0.05)
        if before == server.printed.count("finely"):
            break
    else:
        raise AssertionError("it goes on")


@pytest.mark.parametrize(
    ("format", "line"),
    [
        ("logfmt", r'level=info logger=shop message="in a thread"'),
        ("console", r"\d\d:\d\d:\d\d\.\d+ \[info\] in a thread"),
    ],
)
def test_other_formats_can_be_had(format: str, line: str, start_server: Callable[..., Server], tmp_path: Path) -> None:
    server = start_server(write_app(tmp_path), "--set", f"logs.format={format}", "--set", "logs.levels.shop=info")
    httpx.get(f"{server.url}/sync")
    assert 0 == server.stop()
    assert re.search(line, server.printed)
    assert "\x1b" not in server.printed


def test_while_somebody_works_on_it_lines_are_for_people_and_tell_requests(tmp_path: Path) -> None:
    app = write_app(tmp_path)
    command = [sys.executable, "-m", "perdure", "dev", str(app), "--port", "0"]

    def find_url(printed: str) -> str | None:
        found = re.search(r"(http://\S+) \(1 worker\)", printed)
        return found[1] if found else None

    with Server(command, tmp_path / "log", find_url) as server:
        httpx.get(f"{server.url}/sync")
        assert 0 == server.stop()
        assert re.search(r"^\d\d:\d\d:\d\d\.\d+ \[info\] in a thread .*handler=in_thread", server.printed, re.MULTILINE)
        assert re.search(r"\[info\] GET /sync 200 [\d.]+ ms +\[perdure\.access\]", server.printed)


def test_a_program_that_has_set_up_logging_itself_is_left_alone(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    app = write_app(tmp_path)
    app.write_text(f"import logging\nlogging.basicConfig(level='INFO', format='MINE %(message)s')\n{APP}")
    server = start_server(app)
    httpx.get(f"{server.url}/sync")
    assert 0 == server.stop()
    assert "MINE in a thread" in server.printed
    again = start_server(app, "--set", "logs.format=json")
    httpx.get(f"{again.url}/sync")
    assert 0 == again.stop()
    assert "MINE in a thread" not in again.printed
    (line,) = [each for each in again.printed.splitlines() if "in a thread" in each]
    assert "in_thread" == json.loads(line)["handler"]


def test_what_the_parent_tells_is_a_line_like_all(start_server: Callable[..., Server], tmp_path: Path) -> None:
    app = write_app(tmp_path)
    app.write_text(f"{APP}\n\n@app.get('/die')\nasync def die() -> str:\n    import os\n    os._exit(9)\n")
    server = start_server(app)
    with pytest.raises(httpx.HTTPError):
        httpx.get(f"{server.url}/die")
    lines = wait_lines(server, lambda lines: any(line["logger"] == "perdure.server" for line in lines))
    assert re.fullmatch(r"worker \d+ ended by itself \(exit code 9\); starting another", str(lines[-1]["message"]))


@pytest.mark.parametrize("stderr", ["/dev/full", "&-"])
def test_a_log_that_cannot_be_written_disturbs_no_request(stderr: str, tmp_path: Path) -> None:
    app = write_app(tmp_path, "[logs]\naccess = true\n")
    command = ["sh", "-c", f'exec "$0" -m perdure serve "$1" --port 0 2>{stderr}', sys.executable, str(app)]

    def find_url(printed: str) -> str | None:
        found = re.search(r"(http://\S+) \(1 worker\)", printed)
        return found[1] if found else None

    with Server(command, tmp_path / "log", find_url) as server, httpx.Client(base_url=server.url) as client:
        assert [200, 500, 404] * 20 == [client.get(path).status_code for path in ("/sync", "/fail", "/no") * 20]
        assert 0 == server.stop()


def test_a_log_that_nobody_reads_disturbs_no_request(tmp_path: Path) -> None:
    app = write_app(tmp_path, "[logs]\naccess = true\nbacklog_limit_bytes = 100000\n")
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reading = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    command = ["sh", "-c", 'exec "$0" -m perdure serve "$1" --port 0 2>"$2"', sys.executable, str(app), str(pipe)]

    def find_url(printed: str) -> str | None:
        found = re.search(r"(http://\S+) \(1 worker\)", printed)
        return found[1] if found else None

    with Server(command, tmp_path / "log", find_url) as server, httpx.Client(base_url=server.url, timeout=5) as client:
        assert {200} == {client.get("/long").status_code for _ in range(10)}
        os.set_blocking(reading, True)
        received = b""
        lost = 0
        while lost < 100:
            client.get("/sync")
            received += os.read(reading, 65536)
            lines = [json.loads(line) for line in received.split(b"\n")[:-1]]
            lost = sum(line.get("lost", 0) for line in lines)
        assert 0 == server.stop()
    os.close(reading)
