"""Servers as a shell starts them."""

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

APP = """
import asyncio
from perdure import App

app = App("probe")
WORD = "one"


@app.get("/word")
async def word() -> str:
    return WORD


@app.get("/slow")
async def slow() -> str:
    print("slowly", flush=True)
    await asyncio.sleep(0.6)
    return WORD


@app.get("/endless")
async def endless() -> str:
    print("endlessly", flush=True)
    await asyncio.sleep(60)
    return WORD


@app.get("/die")
async def die() -> str:
    import os
    os._exit(9)
"""


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "slow: starts servers or makes load; left out where a quick answer is wanted")


class Command:
    """A running `perdure` command and what it has printed so far."""

    def __init__(self, *arguments: str, cwd: Path) -> None:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "perdure", *arguments], cwd=cwd, env=environment, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip("\n"))

    @property
    def printed(self) -> str:
        return "\n".join(self.lines)

    def wait_printed(self, pattern: str, times: int = 1, timeout_s: float = 15.0) -> re.Match[str]:
        """Return the last match once *pattern* was printed *times* times."""
        give_up = time.monotonic() + timeout_s
        while time.monotonic() < give_up:
            found = list(re.finditer(pattern, self.printed))
            if len(found) >= times:
                return found[-1]
            time.sleep(0.01)
        raise AssertionError(f"{pattern!r} was not printed {times} time(s) in {timeout_s} s, but:\n{self.printed}")

    def wait_port(self) -> int:
        """Return the port once the command says that it serves."""
        return int(self.wait_printed(r"https?://[^ ]+:(\d+) \(")[1])

    def wait_end(self, timeout_s: float = 20.0) -> int:
        """Return the exit code."""
        code = self.process.wait(timeout_s)
        self._reader.join()
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Command]]:
    """Start `perdure ARGUMENTS` in the test's folder; what still runs at the end is killed."""
    started: list[Command] = []

    def start(*arguments: str) -> Command:
        started.append(Command(*arguments, cwd=tmp_path))
        return started[-1]

    yield start
    for command in started:
        command.process.kill()
        command.wait_end()


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with an app in app.py."""
    (tmp_path / "app.py").write_text(APP)
    return tmp_path
