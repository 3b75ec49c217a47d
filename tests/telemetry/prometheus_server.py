"""A real Prometheus on a free loopback port, from the machine's own package; ended with its block."""

import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final
from urllib.parse import urlsplit

import httpx
import pytest

from tests.started import free_port, started

__all__ = ["Prometheus", "prometheus"]

_CONFIG = """
global: {{scrape_interval: 200ms, scrape_timeout: 200ms}}
{rules}
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ["{target}"]}}]
"""


@final
class Prometheus:
    """What can be asked of it."""

    def __init__(self, url: str) -> None:
        self._url = url

    def ask(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and the value of every series that *query* gives now."""
        answer = httpx.get(f"{self._url}/api/v1/query", params={"query": query}, verify=False).json()
        assert answer["status"] == "success", answer
        return [(each["metric"], float(each["value"][1])) for each in answer["data"]["result"]]

    def get(self, path: str, **params: str) -> Any:
        """Return what the API says at *path*."""
        return httpx.get(f"{self._url}/api/v1/{path}", params=params, verify=False).json()["data"]

    def wait_until(self, query: str, limit_s: float = 20.0) -> None:
        """Return when *query* gives something.

        Raises:
            AssertionError: It has not within *limit_s*.
        """
        deadline = time.monotonic() + limit_s
        while not self.ask(query):
            assert time.monotonic() < deadline, f"nothing for {query}"
            time.sleep(0.05)


@contextmanager
def prometheus(target: str, folder: Path, rules: Path | None = None) -> Iterator[Prometheus]:
    """Yield a server that scrapes the URL *target*; without one on the machine, the test is skipped."""
    binary = shutil.which("prometheus")
    if binary is None:
        pytest.skip("there is no prometheus here; on Debian: apt-get install prometheus")
    config, port = folder / "prometheus.yml", free_port()
    told = "" if rules is None else f"rule_files: [{rules}]"
    config.write_text(_CONFIG.format(target=urlsplit(target).netloc, rules=told))
    command = [
        binary, f"--config.file={config}", f"--storage.tsdb.path={folder / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}", "--enable-feature=exemplar-storage",
    ]  # fmt: skip
    url = f"http://127.0.0.1:{port}"

    def answers() -> bool:
        try:
            return httpx.get(f"{url}/-/ready", verify=False).status_code == 200
        except httpx.TransportError:
            return False

    process = started(command, folder / "prometheus.log", answers, cwd=folder)
    try:
        yield Prometheus(url)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert isinstance(process, subprocess.Popen)
