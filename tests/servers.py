"""Servers as processes of their own, each on a free loopback port; stopped by their ids, never by name."""

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, final

__all__ = ["Server", "serve", "serve_with_granian"]

_ANNOUNCEMENT = re.compile(r"(https?://\S+) \(\d+ workers?\)")
_REPOSITORY = Path(__file__).parents[1]
_START_TIMEOUT_S = 30.0
_STOP_TIMEOUT_S = 30.0


@final
class Server:
    """A running server; as a context manager it is stopped at the end.

    Args:
        command: What starts it.
        log: File for all it prints.
        find_url: Given what was printed so far, where the server answers; None as long as it does not.
        env: Added to this process's environment.
    Raises:
        AssertionError: It did not start.
    """

    def __init__(
        self, command: list[str], log: Path, find_url: Callable[[str], str | None], env: Mapping[str, str] | None = None
    ) -> None:
        self._log = log
        environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command, stdout=output, stderr=subprocess.STDOUT, env={**environment, **(env or {})},
                start_new_session=True,
            )  # fmt: skip
        try:
            self.url = self._wait_started(find_url)
        except BaseException:
            self.kill()
            raise

    @property
    def pid(self) -> int:
        """Id of the process that was started."""
        return self._process.pid

    @property
    def printed(self) -> str:
        """All that was printed so far, errors included."""
        return self._log.read_text("utf-8", errors="replace")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process that was started."""
        self._process.send_signal(number)

    def wait(self, timeout_s: float = _STOP_TIMEOUT_S) -> int:
        """Return the exit code once the process has ended.

        Raises:
            subprocess.TimeoutExpired: It has not within *timeout_s*.
        """
        return self._process.wait(timeout_s)

    def stop(self) -> int:
        """Ask the server to end, and return its exit code; raises as `wait`."""
        self._process.terminate()
        return self.wait()

    def kill(self) -> None:
        """End the process at once; nothing happens if it has ended."""
        self._process.kill()
        self._process.wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        try:
            if self._process.poll() is None:
                self.stop()
        finally:
            self.kill()

    def _wait_started(self, find_url: Callable[[str], str | None]) -> str:
        give_up = time.monotonic() + _START_TIMEOUT_S
        while time.monotonic() < give_up:
            url = find_url(self.printed)
            if url is not None:
                return url
            if self._process.poll() is not None:
                break
            time.sleep(0.01)
        raise AssertionError(f"the server did not start; it printed:\n{self.printed}")


def serve(app: str | Path, *options: str, log: Path, env: Mapping[str, str] | None = None) -> Server:
    """Start ``perdure serve APP --port 0 OPTIONS``; return when it answers."""
    command = [sys.executable, "-m", "perdure", "serve", str(app), "--port", "0", *options]

    def find_url(printed: str) -> str | None:
        found = _ANNOUNCEMENT.search(printed)
        return found[1] if found else None

    # An app of the repository would keep its versions in the repository, where all test runs share them.
    own = {"PERDURE_STORE_URL": "memory:"} if Path(app).resolve().is_relative_to(_REPOSITORY) else {}
    return Server(command, log, find_url, {**own, **(env or {})})


def serve_with_granian(
    target: str, interface: Literal["rsgi", "asgi"], *options: str, folder: Path, log: Path,
    env: Mapping[str, str] | None = None,
) -> Server:  # fmt: skip
    """Start Granian itself on ``module:attribute`` *target* in *folder*; return when it takes connections."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "granian", target, "--interface", interface, "--host", "127.0.0.1", "--port", str(port),
        "--working-dir", str(folder), *options,
    ]  # fmt: skip

    def find_url(_: str) -> str | None:
        with socket.socket() as probe:
            return f"http://127.0.0.1:{port}" if probe.connect_ex(("127.0.0.1", port)) == 0 else None

    return Server(command, log, find_url, env)
