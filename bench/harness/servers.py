"""The servers that are compared, and how one is started and stopped."""

import os
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO

from harness.answers import ask
from harness.cores import pinned
from harness.scenarios import SCENARIOS, Kind, Scenario
from harness.tokens import TOKEN, TOKEN_KEY

BENCH = Path(__file__).resolve().parents[1]
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 10.0
_EVERY: tuple[Kind, ...] = ("get", "post", "post_oldest")


class ServerFailedError(Exception):
    """A server did not come up."""


@dataclass(frozen=True, kw_only=True)
class Server:
    """One of the compared."""

    name: str
    runs_on: tuple[str, ...]
    """Module and options that serve ``<program>_app:app``, without host and port."""
    kinds: tuple[Kind, ...] = ("get", "post")
    program: str = ""
    """Where it is not the name."""
    headers: dict[str, str] = field(default_factory=dict)
    """What it is sent besides what all are."""
    ready_path: str = SCENARIOS["get"].path
    """Where it answers once it can."""
    from_source: bool = False
    """Perdure is imported from ``src``, not compiled."""
    in_batches: bool = False
    """It is started under ``SCHED_BATCH``, which `perdure serve` gives itself."""

    def command(self, python: Path, port: int) -> list[str]:
        """Return the command that serves it at *port*."""
        target = f"{self.program or self.name}_app:app"
        return [str(python), "-m", *self.runs_on, "--host", "127.0.0.1", "--port", str(port), target]

    def scenario(self, kind: Kind) -> Scenario:
        """Return what it is asked."""
        scenario = SCENARIOS[kind]
        return replace(scenario, headers={**scenario.headers, **self.headers})


# Granian writes no access log unless told to, so uvicorn is told not to. All else is as each comes.
_PERDURE = ("perdure", "serve")
_RSGI = ("granian", "--interface", "rsgi")
_ASGI = ("granian", "--interface", "asgi")
_UVICORN = ("uvicorn", "--no-access-log", "--log-level", "warning")
# As `pip install uvicorn` brings it, without its extra `standard`: in pure Python.
_BARE_UVICORN = (*_UVICORN, "--http", "h11", "--loop", "asyncio")

SERVERS: tuple[Server, ...] = (
    Server(name="floor", runs_on=_RSGI),
    Server(name="floor_batched", runs_on=_RSGI, program="floor", in_batches=True),
    Server(name="perdure", runs_on=_PERDURE, kinds=_EVERY),
    Server(name="perdure_pure", runs_on=_PERDURE, program="perdure", kinds=_EVERY, from_source=True),
    Server(name="perdure_unaudited", runs_on=_PERDURE),
    Server(name="perdure_traced", runs_on=_PERDURE),
    Server(name="perdure_traced_all", runs_on=_PERDURE),
    Server(name="perdure_open", runs_on=_PERDURE),
    Server(name="perdure_guarded", runs_on=_PERDURE, headers={"authorization": f"Bearer {TOKEN}"}),
    Server(name="blacksheep", runs_on=_ASGI),
    Server(name="litestar", runs_on=_ASGI),
    Server(name="fastapi", runs_on=_UVICORN),
    Server(name="cadwyn", runs_on=_UVICORN, kinds=_EVERY),
    Server(name="fastapi_bare", runs_on=_BARE_UVICORN, program="fastapi"),
    Server(name="cadwyn_bare", runs_on=_BARE_UVICORN, program="cadwyn", kinds=_EVERY),
)


@dataclass(frozen=True)
class RunningServer:
    """A server that answers."""

    server: Server
    port: int
    session: int
    """Session of everything it started."""


@contextmanager
def running(server: Server, python: Path, core: int) -> Iterator[RunningServer]:
    """Start *server* on *core*, wait until it answers, and stop it at the end.

    Raises:
        ServerFailedError: It ended or stayed silent; the message carries the end of its log.
    """
    port = _free_port()
    path = os.pathsep.join([str(BENCH / "servers"), *([str(BENCH.parent / "src")] if server.from_source else [])])
    with tempfile.TemporaryFile("w+") as log, tempfile.TemporaryDirectory() as scratch:
        own = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1", "TOKEN_KEY": TOKEN_KEY, "SCRATCH": scratch}
        process = subprocess.Popen(
            server.command(python, port),
            cwd=BENCH / "servers",
            env={**os.environ, **own},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            preexec_fn=pinned(core, in_batches=server.in_batches),
        )
        try:
            _wait_answering(server, process, port, log)
            yield RunningServer(server, port, process.pid)
        finally:
            _stop(process)


def _wait_answering(server: Server, process: subprocess.Popen[bytes], port: int, log: IO[str]) -> None:
    deadline = time.monotonic() + _START_TIMEOUT_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            ask(port, replace(server.scenario("get"), path=server.ready_path))
        except OSError:
            time.sleep(0.05)
        else:
            return
    why = "did not answer in time" if process.returncode is None else f"ended with {process.returncode}"
    log.seek(0)
    raise ServerFailedError(f"{server.name} {why}; the end of its log:\n{log.read()[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(_STOP_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port
