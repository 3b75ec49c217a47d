"""Processes and threads that an app starts, and signals it takes: a server stops as ever, and only when it is told."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command

pytestmark = pytest.mark.slow

Run = Callable[..., "Command"]

APP = """
import asyncio
import multiprocessing
import os
import signal
import threading
import time
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

from perdure import App, Config, Request

app = App("probe", config=Config(drain_timeout_s=DRAIN_S))
started = []


def idle(seconds: float, mark: str) -> None:
    time.sleep(seconds)
    with open(mark, "w") as file:
        file.write("done")


def stubborn(mark: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    idle(0, mark)
    time.sleep(60)


@app.get("/word")
async def word() -> str:
    return "one"


@app.get("/pid")
async def pid() -> int:
    return os.getpid()


@app.get("/terminated")
async def terminated() -> dict[str, int]:
    child = multiprocessing.Process(target=time.sleep, args=(60,))
    child.start()
    child.terminate()
    await asyncio.to_thread(child.join, 10)
    return {"exit": child.exitcode or 0}


@app.get("/interrupted")
async def interrupted() -> dict[str, int]:
    child = os.fork()
    if child == 0:
        try:
            signal.raise_signal(signal.SIGINT)
        except KeyboardInterrupt:
            os._exit(7)
        os._exit(0)
    return {"exit": os.waitstatus_to_exitcode((await asyncio.to_thread(os.waitpid, child, 0))[1])}


@app.get("/pooled")
async def pooled() -> float:
    pool = ProcessPoolExecutor(2)
    started.append(pool)
    return await asyncio.get_running_loop().run_in_executor(pool, abs, -3.0)


@app.get("/hung")
async def hung() -> None:
    pool = ThreadPoolExecutor(1)
    pool.submit(threading.Event().wait)
    threading.Thread(target=threading.Event().wait).start()


@app.get("/stubborn")
async def start_stubborn() -> int:
    child = multiprocessing.Process(target=stubborn, args=("mark",))
    child.start()
    return child.pid or 0


@app.get("/idle/{seconds:int}")
async def start_idle(req: Request) -> int:
    child = multiprocessing.Process(target=idle, args=(req.params["seconds"], "mark"))
    child.start()
    return child.pid or 0
"""


@pytest.fixture
def serve(run: Run, tmp_path: Path) -> Callable[[float], tuple["Command", str]]:
    """Start the app with that much time to drain; return the server, and its URL."""

    def start(drain_s: float) -> tuple["Command", str]:
        (tmp_path / "app.py").write_text(APP.replace("DRAIN_S", str(drain_s)))
        server = run("serve", "--port", "0")
        return server, f"http://127.0.0.1:{server.wait_port()}"

    return start


Serve = Callable[[float], tuple["Command", str]]


def runs(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_process_that_is_terminated_takes_no_server_with_it(serve: Serve) -> None:
    server, url = serve(20)
    for _ in range(10):
        assert {"exit": -signal.SIGTERM} == httpx.get(f"{url}/terminated", timeout=15).json()
        assert "one" == httpx.get(f"{url}/word").text
    assert {"exit": 7} == httpx.get(f"{url}/interrupted", timeout=15).json()
    assert "one" == httpx.get(f"{url}/word").text
    assert [] == server.lines[1:]
    server.process.terminate()
    assert 0 == server.wait_end()


def test_a_pool_of_processes_ends_with_the_server(serve: Serve) -> None:
    server, url = serve(20)
    assert 3.0 == httpx.get(f"{url}/pooled", timeout=15).json()
    began_s = time.monotonic()
    server.process.terminate()
    assert 0 == server.wait_end()  # which is only once no process has the output any more
    assert time.monotonic() - began_s < 10
    assert [] == server.lines[1:]


def test_threads_that_hang_do_not_keep_the_server_from_ending(serve: Serve) -> None:
    server, url = serve(20)
    assert httpx.get(f"{url}/hung").is_success
    began_s = time.monotonic()
    server.process.terminate()
    assert 0 == server.wait_end()
    assert time.monotonic() - began_s < 10


def test_a_process_has_the_drain_time_to_finish(serve: Serve, tmp_path: Path) -> None:
    server, url = serve(20)
    httpx.get(f"{url}/idle/2").raise_for_status()
    server.process.terminate()
    assert 0 == server.wait_end()
    assert "done" == (tmp_path / "mark").read_text()


def test_a_process_that_does_not_end_is_ended_after_the_drain_time(serve: Serve, tmp_path: Path) -> None:
    server, url = serve(0.5)
    pid = httpx.get(f"{url}/stubborn").json()
    give_up = time.monotonic() + 10
    while not (tmp_path / "mark").exists():
        assert time.monotonic() < give_up
        time.sleep(0.01)
    server.process.terminate()
    assert 0 == server.wait_end()
    assert not runs(pid)


def test_a_process_does_not_keep_the_address(serve: Serve) -> None:
    server, url = serve(20)
    pid = httpx.get(f"{url}/idle/60").json()
    try:
        give_up = time.monotonic() + 15
        while server.process.poll() is None:  # the first is waited for, the second is not
            assert time.monotonic() < give_up
            server.process.terminate()
            time.sleep(0.1)
        with socket.create_server(("127.0.0.1", httpx.URL(url).port or 0)):
            pass
    finally:
        if runs(pid):
            os.kill(pid, signal.SIGKILL)


@pytest.mark.parametrize(
    "taking",
    [
        "asyncio.get_running_loop().add_signal_handler(signal.SIGINT, print, 'for the app')",
        "asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, print, 'for the app')",
        "signal.signal(signal.SIGINT, lambda *_: print('for the app'))",
    ],
    ids=["loop-int", "loop-term", "int"],
)
def test_an_app_that_takes_signals_stops_all_the_same(taking: str, run: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(f"""
import asyncio, signal
from perdure import App
app = App("probe")

@app.startup
async def take() -> None:
    {taking}
""")
    server = run("serve", "--port", "0")
    server.wait_port()
    server.process.terminate()
    assert 0 == server.wait_end(15)
    assert [] == server.lines[1:]


def test_a_server_whose_output_nobody_reads_reloads_and_stops(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP.replace("DRAIN_S", "20"))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    server = subprocess.Popen(
        [sys.executable, "-m", "perdure", "serve", "--port", "0"], cwd=tmp_path, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True,
    )  # fmt: skip
    assert server.stdout is not None
    assert server.stderr is not None
    try:
        found = re.search(r"http://\S+", server.stdout.readline())
        assert found
        server.stdout.close()
        first = httpx.get(f"{found[0]}/pid").json()
        server.send_signal(signal.SIGHUP)
        give_up = time.monotonic() + 20
        while httpx.get(f"{found[0]}/pid").json() == first or runs(first):
            assert time.monotonic() < give_up
            time.sleep(0.05)
        server.terminate()
        assert 0 == server.wait(20)
        assert "" == server.stderr.read()
    finally:
        server.kill()
        server.wait()
        server.stderr.close()


def test_a_command_that_is_interrupted_while_it_is_imported_ends_quietly(tmp_path: Path) -> None:
    command = [sys.executable, "-X", "importtime", "-m", "perdure", "serve", "--port", "0"]
    started = subprocess.Popen(command, cwd=tmp_path, text=True, stderr=subprocess.PIPE, start_new_session=True)
    assert started.stderr is not None
    with started:
        while not started.stderr.readline().endswith(" perdure.cli\n"):
            assert started.poll() is None
        started.send_signal(signal.SIGINT)
        assert "Traceback" not in started.stderr.read()
    assert 130 == started.returncode
