"""Servers for the conformance suite: Granian speaking RSGI and uvicorn speaking ASGI, each a process of its own."""

import os
import re
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.ingress.wire import Answer, Connection, request, wait_until

APPS = Path(__file__).parent / "apps"
GRANIAN = ("granian", "--interface", "rsgi", "--no-access-log", "--log-level", "warning", "--workers-kill-timeout", "2")
UVICORN = ("uvicorn", "--no-access-log", "--log-level", "warning", "--timeout-graceful-shutdown", "2")


ENVIRONMENT = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (str(APPS), os.environ.get("PYTHONPATH"))))}


class Server:
    """An app under some server, what it logs going to a file."""

    def __init__(
        self, kind: str, target: str, folder: Path, *options: str, trust: ssl.SSLContext | None = None
    ) -> None:  # fmt: skip
        self.kind = kind
        self._trust = trust
        self.port = _free_port()
        self._log_path = folder / f"{kind}-{self.port}.log"
        command = [*(UVICORN if kind == "uvicorn" else GRANIAN), "--port", str(self.port), *options, target]
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=APPS, stdout=log, stderr=subprocess.STDOUT,
                env={**ENVIRONMENT, "TMPDIR": str(folder)},
            )  # fmt: skip
        try:
            self._wait_ready()
        except BaseException:
            self.process.kill()
            self.process.wait()
            raise

    def __repr__(self) -> str:
        return f"<{self.kind} on port {self.port}>"

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def log(self) -> str:
        """Everything it has logged so far."""
        return self._log_path.read_text(errors="replace")

    def connect(self, timeout_s: float = 10.0) -> Connection:
        return Connection(self.port, timeout_s, self._trust)

    def ask(self, raw: bytes) -> Answer:
        """Return the answer to *raw*, on a connection of its own."""
        with self.connect() as connection:
            connection.send(raw)
            return connection.read(head_only=raw.startswith(b"HEAD "))

    def get(self, target: str, *fields: str) -> Answer:
        return self.ask(request("GET", target, *fields))

    def post(self, target: str, body: bytes, *fields: str) -> Answer:
        return self.ask(request("POST", target, *fields, body=body))

    def happened(self, key: str) -> list[str]:
        found: list[str] = self.get(f"/happened/{key}").json()["what"]
        return found

    def wait_happened(self, key: str, what: str) -> None:
        """Return once *what* has become of the request *key*."""
        wait_until(lambda: what in self.happened(key))

    def open_gate(self, key: str) -> None:
        assert self.post(f"/gates/{key}", b"").status == 200

    def process_figure(self, field: str) -> int:
        """Return a figure of the process that serves: ``rss_kib``, ``peak_kib``."""
        found: int = self.get("/process").json()[field]
        return found

    def stop(self) -> int:
        self.process.terminate()
        try:
            return self.process.wait(10)
        finally:
            self.process.kill()
            self.process.wait()

    def _wait_ready(self) -> None:
        give_up = time.monotonic() + 15
        while True:
            try:
                if self.get("/readyz").status == 200:
                    return
            except (OSError, ValueError):
                pass
            assert self.process.poll() is None, f"{self.kind} has ended:\n{self.log[-1000:]}"
            assert time.monotonic() < give_up, f"{self.kind} does not answer:\n{self.log[-1000:]}"
            time.sleep(0.02)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        port: int = found.getsockname()[1]
        return port


@pytest.fixture(scope="session")
def rsgi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The probe app under Granian."""
    server = Server("granian", "probe:app", tmp_path_factory.mktemp("servers"))
    yield server
    server.stop()


@pytest.fixture(scope="session")
def asgi(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The probe app under uvicorn."""
    server = Server("uvicorn", "probe:app", tmp_path_factory.mktemp("servers"))
    yield server
    server.stop()


@pytest.fixture(scope="session", params=["rsgi", "asgi"])
def server(request: pytest.FixtureRequest) -> Server:
    """One server after the other."""
    found: Server = request.getfixturevalue(request.param)
    return found


Same = Callable[[bytes], Answer]


@pytest.fixture
def same(rsgi: Server, asgi: Server) -> Same:
    """Send one request to both servers; they must answer the same, byte for byte. Returns Granian's answer."""

    def ask(raw: bytes) -> Answer:
        first, second = rsgi.ask(raw), asgi.ask(raw)
        assert first.comparable() == second.comparable()
        return first

    return ask


@pytest.fixture
def key(request: pytest.FixtureRequest) -> str:
    """A name nothing else in this run has, for what a request leaves behind."""
    return re.sub(r"\W+", "-", f"{request.node.name}-{time.monotonic_ns()}")
