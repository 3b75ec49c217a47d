import asyncio
import os
import re
import signal
import socket
import ssl
import subprocess
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command

pytestmark = pytest.mark.slow

Run = Callable[..., "Command"]


async def load(port: int, path: str, seen: Counter[str], *, reuse: bool, pause_s: float = 0.0) -> None:
    """Ask for *path* from 30 clients until each is refused; count answers, and requests that got none."""

    async def client() -> None:
        while True:
            try:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                return
            try:
                while True:
                    writer.write(f"GET {path} HTTP/1.1\r\nHost: probe\r\n\r\n".encode())
                    head = (await reader.readuntil(b"\r\n\r\n")).lower()
                    await reader.readexactly(int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0]))
                    seen["answered" if head.startswith(b"http/1.1 200") else head[:12].decode()] += 1
                    if not reuse or b"connection: close" in head:
                        break
                    await asyncio.sleep(pause_s)
            except (ConnectionError, asyncio.IncompleteReadError):
                seen["dropped"] += 1
            writer.close()

    await asyncio.gather(*(client() for _ in range(30)))


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize(
    ("path", "reuse", "pause_s"),
    [("/word", True, 0.0), ("/word", True, 0.2), ("/word", False, 0.0), ("/slow", True, 0.0)],
    ids=["busy", "pausing", "new-connections", "slow"],
)
async def test_serve_when_signalled_under_load_answers_every_request(
    path: str, reuse: bool, pause_s: float, ending: signal.Signals, run: Run, project: Path
) -> None:
    server = run("serve", "--port", "0", "--workers", "2")
    port = await asyncio.to_thread(server.wait_port)
    seen: Counter[str] = Counter()
    loading = asyncio.ensure_future(load(port, path, seen, reuse=reuse, pause_s=pause_s))
    while seen["answered"] < 100 and not loading.done():
        await asyncio.sleep(0.01)
    server.process.send_signal(ending)
    await loading
    assert {"answered"} == set(seen)
    assert seen["answered"] >= 100
    assert await asyncio.to_thread(server.wait_end) == 0
    assert {*server.lines[1:]} <= {"slowly"}


def test_serve_says_in_one_line_what_it_serves_where(run: Run, project: Path) -> None:
    server = run("serve", "app.py:app", "--port", "0")
    port = server.wait_port()
    assert httpx.get(f"http://127.0.0.1:{port}/word").text == "one"
    assert [f"probe: http://127.0.0.1:{port} (1 worker)"] == server.lines


def test_serve_when_nobody_asks_anything_stops_without_waiting_for_the_drain_time(run: Run, project: Path) -> None:
    app = project / "app.py"
    app.write_text(app.read_text().replace('App("probe")', 'App("probe", config=Config(drain_timeout_s=600))')
                   .replace("import App", "import App, Config"))  # fmt: skip
    server = run("serve", "--port", "0")
    server.wait_port()
    server.process.terminate()
    assert server.wait_end() == 0


def wait_closed(port: int) -> None:
    """Return once nothing takes connections on *port* any more."""
    give_up = time.monotonic() + 20
    with suppress(OSError):
        while time.monotonic() < give_up:
            socket.create_connection(("127.0.0.1", port), timeout=0.5).close()
            time.sleep(0.01)
        raise AssertionError("it still takes connections")


def test_serve_when_signalled_twice_does_not_wait(run: Run, project: Path) -> None:
    server = run("serve", "--port", "0")
    port = server.wait_port()
    with socket.create_connection(("127.0.0.1", port)) as client:
        client.sendall(b"GET /endless HTTP/1.1\r\nHost: probe\r\n\r\n")
        server.wait_printed("endlessly")
        server.process.terminate()
        wait_closed(port)
        assert server.process.poll() is None
        server.process.terminate()
        assert server.wait_end() == 1
    assert "perdure: stopped at once" in server.printed


LATE = """
import asyncio
from functools import partial
from perdure import App, AuditSettings, Config, LocalContext

app = App("late", config=Config(drain_timeout_s=0.5, audit=AuditSettings(dir="audit")))


@app.get("/undone")
async def undone(lctx: LocalContext) -> str:
    lctx.compensate(partial(print, "compensated", flush=True))
    print("begun", flush=True)
    await asyncio.sleep(60)
    return "done"


@app.get("/stubborn")
async def stubborn() -> str:
    print("begun", flush=True)
    while True:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            continue
"""


def test_serve_when_requests_outlast_the_drain_time_interrupts_and_records_them(run: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(LATE)
    server = run("serve", "--port", "0")
    with socket.create_connection(("127.0.0.1", server.wait_port())) as client:
        client.sendall(b"GET /undone HTTP/1.1\r\nHost: late\r\n\r\n")
        server.wait_printed("begun")
        server.process.terminate()
        assert client.recv(4096).startswith(b"HTTP/1.1 503 ")
        assert server.wait_end() == 1
    assert "compensated" in server.lines
    assert "not answered within drain_timeout_s, and interrupted: 1 request" in server.printed
    shown = run("audit", "tail", "--dir", "audit")
    assert shown.wait_end() == 0
    assert re.search(r"503 GET '/undone'.*ShuttingDownError", shown.printed), shown.printed


def test_serve_when_a_request_does_not_let_itself_be_interrupted_kills_the_worker(run: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(LATE)
    server = run("serve", "--port", "0")
    with socket.create_connection(("127.0.0.1", server.wait_port())) as client:
        client.sendall(b"GET /stubborn HTTP/1.1\r\nHost: late\r\n\r\n")
        server.wait_printed("begun")
        server.process.terminate()
        assert server.wait_end() == 1
    assert "was killed" in server.printed


def test_serve_when_a_worker_dies_starts_another(run: Run, project: Path) -> None:
    server = run("serve", "--port", "0")
    url = f"http://127.0.0.1:{server.wait_port()}"
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/die")
    assert httpx.get(f"{url}/word", timeout=10).text == "one"
    assert "ended by itself (exit code 9); starting another" in server.printed


def test_serve_when_workers_keep_dying_gives_up(run: Run, project: Path) -> None:
    server = run("serve", "--port", "0")
    url = f"http://127.0.0.1:{server.wait_port()}"
    for _ in range(4):
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{url}/die", timeout=10)
    assert server.wait_end() == 1
    assert "giving up" in server.printed


def test_serve_when_its_parent_is_killed_leaves_no_worker_behind(run: Run, project: Path) -> None:
    server = run("serve", "--port", "0")
    port = server.wait_port()
    server.process.kill()
    server.wait_end()  # ends only once no worker holds the output any more
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=2)


def test_serve_when_the_port_is_taken_exits_with_1(run: Run, project: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        server = run("serve", "--port", str(taken.getsockname()[1]))
        assert server.wait_end() == 1
    assert "in use by another process" in server.printed


def test_serve_when_the_app_is_broken_tells_the_line_once_and_exits_with_1(run: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("from perdure import App\napp = App('probe')\n1 / 0\n")
    server = run("serve", "--port", "0", "--workers", "3")
    assert server.wait_end() == 1
    assert server.lines[0] == "app.py:3: ZeroDivisionError: division by zero"
    assert len(server.lines) == 4


def test_serve_when_there_is_no_app_exits_with_2(run: Run, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("import perdure\n")
    server = run("serve", "--port", "0")
    assert server.wait_end() == 2
    assert "has no perdure.App at its top level" in server.printed


def test_serve_on_a_unix_socket(run: Run, project: Path) -> None:
    server = run("serve", "--uds", "probe.sock")
    server.wait_printed(r"unix:.*probe\.sock \(1 worker\)")
    with httpx.Client(transport=httpx.HTTPTransport(uds=str(project / "probe.sock"))) as client:
        assert client.get("http://probe/word").text == "one"
    server.process.terminate()
    assert server.wait_end() == 0
    assert not (project / "probe.sock").exists()


def test_serve_with_http1_speaks_no_http_2(run: Run, project: Path) -> None:
    server = run("serve", "--port", "0", "--http1")
    url = f"http://127.0.0.1:{server.wait_port()}/word"
    assert httpx.get(url).text == "one"
    with httpx.Client(http1=False, http2=True) as client, pytest.raises(httpx.TransportError):
        client.get(url)


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    files = ("-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", *files],
        check=True, capture_output=True,
    )  # fmt: skip
    return tmp_path / "cert.pem"


def test_serve_with_a_certificate_speaks_tls(run: Run, project: Path, certificate: Path) -> None:
    server = run("serve", "--port", "0", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
    url = f"https://127.0.0.1:{server.wait_port()}/word"
    assert httpx.get(url, verify=ssl.create_default_context(cafile=str(certificate))).text == "one"


def test_serve_when_the_certificate_cannot_be_used_exits_with_1(run: Run, project: Path, certificate: Path) -> None:
    server = run("serve", "--tls-cert", "cert.pem", "--tls-key", "cert.pem")
    assert server.wait_end() == 1
    assert "cannot be used for TLS" in server.printed


def test_serve_with_half_a_certificate_exits_with_2(run: Run, project: Path, certificate: Path) -> None:
    assert run("serve", "--tls-cert", "cert.pem").wait_end() == 2


def test_serve_when_the_whole_group_is_signalled_still_answers(run: Run, project: Path) -> None:
    server = run("serve", "--port", "0")
    with socket.create_connection(("127.0.0.1", server.wait_port())) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: probe\r\n\r\n")
        server.wait_printed("slowly")
        os.killpg(server.process.pid, signal.SIGINT)
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
    assert server.wait_end() == 0
