"""SIGHUP: `perdure serve` takes up new code, settings and certificates, and no client notices."""

import asyncio
import os
import pty
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
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
from perdure import App

app = App("probe")


@app.get("/word")
async def word() -> str:
    return str(app.config.settings["word"])


@app.get("/slow")
async def slow() -> str:
    print("slowly", flush=True)
    await asyncio.sleep(0.6)
    return str(app.config.settings["word"])


@app.get("/die")
async def die() -> str:
    import os
    os._exit(9)
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    set_word(tmp_path, "one")
    return tmp_path


def set_word(project: Path, word: str, more: str = "") -> None:
    (project / "perdure.toml").write_text(f'{more}\nstore_url = "memory:"\n[settings]\nword = "{word}"\n')


def make_certificate(folder: Path, name: str) -> None:
    files = ("-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem"))
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "1",
         "-subj", f"/CN={name}", "-addext", "subjectAltName=IP:127.0.0.1", *files],
        check=True, capture_output=True,
    )  # fmt: skip


def hang_up(server: "Command") -> None:
    server.process.send_signal(signal.SIGHUP)


class Load:
    """Clients that ask for the word again and again: half keep their connection, half open a new one each time."""

    def __init__(self, port: int, context: ssl.SSLContext | None = None) -> None:
        self.seen: Counter[str] = Counter()
        self.certificates: set[bytes] = set()
        self._port = port
        self._context = context
        self._is_over = False

    @contextmanager
    def running(self) -> Iterator[None]:
        tasks = [asyncio.ensure_future(self._ask(keeps=bool(number % 2))) for number in range(12)]
        try:
            yield
        finally:
            self._is_over = True
            self.tasks = tasks

    async def end(self) -> Counter[str]:
        await asyncio.gather(*self.tasks)
        return self.seen

    async def _ask(self, *, keeps: bool) -> None:
        while not self._is_over:
            try:
                await self._converse(keeps=keeps)
            except (OSError, asyncio.IncompleteReadError) as error:
                self.seen[repr(error)] += 1

    async def _converse(self, *, keeps: bool) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port, ssl=self._context)
        tls = writer.get_extra_info("ssl_object")
        if tls is not None:
            self.certificates.add(tls.getpeercert(binary_form=True))
        try:
            while not self._is_over:
                writer.write(b"GET /word HTTP/1.1\r\nHost: probe\r\n\r\n")
                head = (await reader.readuntil(b"\r\n\r\n")).lower()
                length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
                body = (await reader.readexactly(length)).decode()
                self.seen[body if head.startswith(b"http/1.1 200") else f"{head[:12]!r} {body}"] += 1
                if not keeps or b"connection: close" in head:
                    break
        finally:
            writer.close()


async def wait_until(is_so: Callable[[], bool], timeout_s: float = 10.0) -> None:
    give_up = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < give_up, "it never was"
        await asyncio.sleep(0.01)


async def test_reload_under_load_fails_no_request_and_takes_up_new_settings(run: Run, project: Path) -> None:
    server = run("serve", "--port", "0", "--workers", "2")
    load = Load(await asyncio.to_thread(server.wait_port))
    with load.running():
        await wait_until(lambda: load.seen["one"] > 100)
        for number, word in enumerate(("two", "three"), 1):
            set_word(project, word)
            hang_up(server)
            await asyncio.to_thread(server.wait_printed, r"reloaded in \d+ ms", number)
            await wait_until(lambda word=word: load.seen[word] > 100)  # type: ignore[misc]
    assert {"one", "two", "three"} == set(await load.end())


async def test_reload_serves_the_new_certificate_and_drops_no_connection(run: Run, project: Path) -> None:
    make_certificate(project, "first")
    before = ssl.PEM_cert_to_DER_cert((project / "cert.pem").read_text())
    server = run("serve", "--port", "0", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    load = Load(await asyncio.to_thread(server.wait_port), context)
    with load.running():
        await wait_until(lambda: load.seen["one"] > 50)
        assert {before} == load.certificates
        make_certificate(project, "second")
        after = ssl.PEM_cert_to_DER_cert((project / "cert.pem").read_text())
        hang_up(server)
        await asyncio.to_thread(server.wait_printed, r"reloaded in \d+ ms")
        await wait_until(lambda: after in load.certificates)
        give_up = time.monotonic() + 20
        while load.certificates != {after}:  # what the old worker had accepted comes through first
            assert time.monotonic() < give_up, "the old certificate is still used"
            load.certificates.clear()
            answered = load.seen["one"]
            await wait_until(lambda answered=answered: load.seen["one"] > answered + 50)  # type: ignore[misc]
    assert {"one"} == set(await load.end())


def test_reload_when_what_is_new_is_broken_tells_it_and_goes_on_with_the_old(run: Run, project: Path) -> None:
    make_certificate(project, "first")
    context = ssl.create_default_context(cafile=str(project / "cert.pem"))
    server = run("serve", "--port", "0", "--workers", "2", "--tls-cert", "cert.pem", "--tls-key", "key.pem")
    url = f"https://127.0.0.1:{server.wait_port()}/word"
    broken = [
        ("perdure.toml", "worker_thread = 3", r"perdure\.toml:1: there is no setting 'worker_thread'; did you mean"),
        ("app.py", f"{APP}1 / 0\n", r"app\.py:\d+: ZeroDivisionError"),
        ("cert.pem", "no certificate", r"not reloaded: \S*cert\.pem and \S*key\.pem cannot be used for TLS"),
    ]
    for number, (name, text, told) in enumerate(broken, 1):
        good = (project / name).read_text()
        (project / name).write_text(text)
        hang_up(server)
        server.wait_printed("not reloaded", times=number)
        server.wait_printed(told)
        with httpx.Client(verify=context) as client:
            assert "one" == client.get(url).text
        (project / name).write_text(good)
    assert "Traceback" not in server.printed
    set_word(project, "two")
    hang_up(server)
    server.wait_printed(r"reloaded in \d+ ms")
    with httpx.Client(verify=context) as client:
        assert "two" == client.get(url).text
    server.process.terminate()
    assert 0 == server.wait_end()


async def test_reload_when_asked_again_and_again_serves_the_last_settings(run: Run, project: Path) -> None:
    server = run("serve", "--port", "0", "--workers", "2")
    port = await asyncio.to_thread(server.wait_port)
    load = Load(port)
    with load.running():
        for number in range(6):
            set_word(project, f"word{number}")
            hang_up(server)
            await asyncio.sleep(0.15 * (number % 3))  # together; while workers start; while old ones drain
        await wait_until(lambda: load.seen["word5"] > 100)
        load.seen.pop("word5")
        await wait_until(lambda: load.seen["word5"] > 100)
    seen = set(await load.end())
    assert seen <= {"one", *(f"word{number}" for number in range(6))}
    server.process.terminate()
    assert 0 == await asyncio.to_thread(server.wait_end)


def test_reload_asked_while_the_server_starts_comes_after(run: Run, project: Path) -> None:
    (project / "app.py").write_text("import time\ntime.sleep(1)\n" + APP)
    server = run("serve", "--port", "0")
    wait_for_child(server.process.pid)
    set_word(project, "two")
    hang_up(server)
    url = f"http://127.0.0.1:{server.wait_port()}/word"
    server.wait_printed(r"reloaded in \d+ ms")
    assert "two" == httpx.get(url).text


def test_reload_when_the_new_worker_dies_while_it_starts_goes_on_with_the_old(run: Run, project: Path) -> None:
    server = run("serve", "--port", "0")
    url = f"http://127.0.0.1:{server.wait_port()}/word"
    (project / "app.py").write_text("import os\nos._exit(7)\n")
    hang_up(server)
    server.wait_printed("not reloaded: the workers from before go on")
    assert "one" == httpx.get(url).text


def test_worker_that_dies_when_the_settings_on_disk_are_broken_is_tried_again_while_others_serve(
    run: Run, project: Path
) -> None:
    server = run("serve", "--port", "0", "--workers", "2")
    url = f"http://127.0.0.1:{server.wait_port()}"
    set_word(project, "two", "worker_thread = 3")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/die")
    server.wait_printed("there is no setting 'worker_thread'")
    assert "one" == httpx.get(f"{url}/word").text
    set_word(project, "one")
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{url}/die", timeout=10)
    assert "one" == httpx.get(f"{url}/word", timeout=20).text


def test_reload_finishes_what_old_workers_began(run: Run, project: Path) -> None:
    server = run("serve", "--port", "0")
    with socket.create_connection(("127.0.0.1", server.wait_port())) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: probe\r\n\r\n")
        server.wait_printed("slowly")
        set_word(project, "two")
        hang_up(server)
        answer = client.recv(65536)
    assert answer.startswith(b"HTTP/1.1 200")
    assert answer.endswith(b"one")


def test_stop_while_old_workers_drain_answers_them_too(run: Run, project: Path) -> None:
    (project / "app.py").write_text(APP.replace("0.6", "2.5"))
    server = run("serve", "--port", "0")
    with socket.create_connection(("127.0.0.1", server.wait_port())) as client:
        client.sendall(b"GET /slow HTTP/1.1\r\nHost: probe\r\n\r\n")
        server.wait_printed("slowly")
        hang_up(server)
        server.wait_printed("reloaded")
        server.process.terminate()
        assert client.recv(65536).startswith(b"HTTP/1.1 200")
    assert 0 == server.wait_end()


def test_worker_that_is_sent_sighup_itself_goes_on(run: Run, project: Path) -> None:
    server = run("serve", "--port", "0")
    url = f"http://127.0.0.1:{server.wait_port()}/word"
    os.kill(wait_for_child(server.process.pid), signal.SIGHUP)
    assert "one" == httpx.get(url).text
    assert 1 == len(server.lines), server.printed


def test_terminal_that_is_closed_ends_the_server(project: Path) -> None:
    pid, terminal = pty.fork()
    if pid == 0:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # whoever runs the tests under nohup has it ignored
        os.chdir(project)
        os.execv(sys.executable, [sys.executable, "-m", "perdure", "serve", "--port", "0"])
    printed = b""
    while b"(1 worker)" not in printed:
        printed += os.read(terminal, 4096)
    os.close(terminal)
    assert 0 == os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def wait_for_child(pid: int) -> int:
    """Return the id of the process that *pid* has started, once it has."""
    give_up = time.monotonic() + 10
    while time.monotonic() < give_up:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        if children:
            return int(children[0])
        time.sleep(0.01)
    raise AssertionError("no worker was started")
