"""The rollout with real servers, real SQLite files and the real command line."""

import os
import shutil
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import httpx
import pytest

from tests.servers import Server, serve
from tests.store.postgres import postgres_server

TIMEOUT_S = 30.0
APP = """
import os
from pathlib import Path
from perdure import App, Config, LocalContext, Request, RolloutSettings

FAILING = Path(__file__).parent / "failing"
app = App("pets", config=Config(rollout=RolloutSettings(
    client_header="x-client-id", health_window_s=1.0, health_min_requests=5, flush_interval_s=0.5,
    activation=os.environ.get("ACTIVATION", "automatic"),
)))

@app.get("/pets", version="v1.0.0")
async def pets_v1() -> list[str]:
    return ["Rex"]

@app.get("/pets", version="v2.0.0")
async def pets_v2() -> dict[str, list[str]]:
    if FAILING.exists():
        raise RuntimeError("the canary has fallen off its perch")
    return {"names": ["Rex"]}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "app.py").write_text(APP)
    return tmp_path


def served(folder: Path, name: str, *options: str, **env: str) -> Server:
    return serve(folder / "app.py", *options, log=folder / f"{name}.log", env=env)


def perdure(folder: Path, *arguments: str, **env: str) -> str:
    """Run ``perdure versions``; it must succeed."""
    command = [sys.executable, "-m", "perdure", "versions", *arguments, "--app", "app.py"]
    ended = subprocess.run(
        command, cwd=folder, capture_output=True, text=True, check=False, timeout=30, env={**os.environ, **env}
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def version_of(server: Server, client: str = "c", **headers: str) -> str:
    answer = httpx.get(f"{server.url}/pets", headers={"x-client-id": client, **headers})
    return answer.headers["api-version"] if answer.status_code == 200 else str(answer.status_code)


def wait_for(condition: Callable[[], bool]) -> None:
    """Return once *condition* holds."""
    give_up = time.monotonic() + TIMEOUT_S
    while not condition():
        assert time.monotonic() < give_up, f"not within {TIMEOUT_S} s"
        time.sleep(0.02)


def is_used(folder: Path, client: str, times: int) -> bool:
    """Tell whether *client* is known to have asked so many times."""
    return any({client, str(times)} <= {*line.split()} for line in perdure(folder, "usage").splitlines())


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["sqlite", "postgresql"])
def test_decision_of_command_line_when_two_servers_run_is_obeyed_by_both(folder: Path, kind: str) -> None:
    env = {"PERDURE_STORE_URL": "" if kind == "sqlite" else postgres_server().new_database()}
    with served(folder, "one", **env) as one, served(folder, "two", **env) as two:
        both = (one, two)
        assert ["v2.0.0", "v2.0.0"] == [version_of(each) for each in both]
        perdure(folder, "tag", "stable", "v1.0.0", **env)
        wait_for(lambda: all(version_of(each) == "v1.0.0" for each in both))
        perdure(folder, "pin", "ada", "v2.0.0", **env)
        wait_for(lambda: all(version_of(each, "ada") == "v2.0.0" for each in both))
        assert ["v1.0.0", "v1.0.0"] == [version_of(each, "bob") for each in both]
        perdure(folder, "untag", "stable", **env)
        perdure(folder, "retire", "v1.0.0", **env)
        wait_for(lambda: all(version_of(each, **{"API-Version": "v1.0.0"}) == "410" for each in both))
        gone = httpx.get(f"{one.url}/pets", headers={"API-Version": "v1.0.0"})
        assert "v2.0.0" == gone.json()["successor"]


@pytest.mark.slow
def test_server_when_killed_loses_no_decision_and_at_most_the_last_flush_of_usage(folder: Path) -> None:
    with served(folder, "one") as one, served(folder, "two") as two:
        perdure(folder, "tag", "beta", "v1.0.0")
        perdure(folder, "pin", "ada", "v1.0.0")
        for _ in range(20):
            version_of(one, "old")
        wait_for(lambda: is_used(folder, "old", 20))
        for _ in range(7):
            version_of(one, "late")
        for _ in range(5):
            version_of(two, "other")
        one.kill()
        wait_for(lambda: is_used(folder, "other", 5))
        assert "v1.0.0" == version_of(two, "ada")
    with served(folder, "three") as three:
        assert "v1.0.0" == version_of(three, **{"API-Version": "beta"})
        assert "v1.0.0" == version_of(three, "ada")
        assert is_used(folder, "old", 20)
        assert is_used(folder, "other", 5)


@pytest.mark.slow
def test_server_when_stopped_writes_all_usage(folder: Path) -> None:
    with served(folder, "one") as one:
        for _ in range(13):
            version_of(one, "ada")
        assert 0 == one.stop()
    assert is_used(folder, "ada", 13)


@pytest.mark.slow
def test_server_when_its_store_is_deleted_serves_on_and_registers_itself_again(folder: Path) -> None:
    with served(folder, "one") as one:
        perdure(folder, "tag", "beta", "v1.0.0")
        wait_for(lambda: version_of(one, **{"API-Version": "beta"}) == "v1.0.0")
        shutil.rmtree(folder / ".perdure")
        wait_for(lambda: version_of(one) == "v2.0.0" and "versions were registered anew" in one.printed)
        assert "400" == version_of(one, **{"API-Version": "beta"}), "it went with the store"
        perdure(folder, "retire", "v1.0.0")
        wait_for(lambda: version_of(one, **{"API-Version": "v1.0.0"}) == "410")
        told = [line for line in one.printed.splitlines() if "store" in line]
        assert 3 == len(told), "gone, another one, back"


class Clients:
    """A hundred clients that ask for nothing, all the time, and what they were answered."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._stopping = threading.Event()
        self.answers: list[tuple[float, str, int, str]] = []
        """When, client, status, version."""
        self._threads = [threading.Thread(target=self._ask, args=(place,)) for place in range(2)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, place: int) -> None:
        with httpx.Client() as http:
            number = place
            while not self._stopping.is_set():
                number = (number + 2) % 100
                client = f"client-{number}"
                asked = time.monotonic()
                answer = http.get(f"{self._url}/pets", headers={"x-client-id": client})
                self.answers.append((asked, client, answer.status_code, answer.headers["api-version"]))

    def since(self, moment: float) -> list[tuple[float, str, int, str]]:
        return [each for each in self.answers if each[0] >= moment]


@pytest.fixture
def canary(folder: Path) -> Iterator[Server]:
    """A server whose v2.0.0 has 10 % of the clients."""
    with served(folder, "canary") as server:
        perdure(folder, "weight", "stable", "v2.0.0=10", "v1.0.0=90")
        wait_for(lambda: {version_of(server, f"client-{n}") for n in range(100)} == {"v1.0.0", "v2.0.0"})
        yield server


@pytest.mark.slow
def test_canary_when_its_handler_fails_is_taken_out_and_comes_back_when_it_is_healthy(
    canary: Server, folder: Path
) -> None:
    with Clients(canary.url) as clients:
        wait_for(lambda: len(clients.answers) > 300)
        before = list(clients.answers)
        on_canary = {client for _, client, _, version in before if version == "v2.0.0"}
        assert 2 <= len(on_canary) <= 25
        assert {200} == {status for _, _, status, _ in before}
        sticky = {client: {v for _, c, _, v in before if c == client} for _, client, _, _ in before}
        assert all(len(versions) == 1 for versions in sticky.values())

        (folder / "failing").touch()
        failed = time.monotonic()
        wait_for(lambda: "is unhealthy" in canary.printed)
        detected = time.monotonic() + 0.3
        wait_for(lambda: len(clients.since(detected)) > 100)
        out = clients.since(detected)
        (folder / "failing").unlink()
        mended = time.monotonic()
        wait_for(lambda: "healthy again" in canary.printed)
        healthy = time.monotonic()
        wait_for(lambda: on_canary <= {c for _, c, _, v in clients.since(healthy) if v == "v2.0.0"})
    assert any(status == 500 for _, _, status, _ in clients.since(failed))
    assert Counter({200: len(out)}) == Counter(status for _, _, status, _ in out)
    assert {"v1.0.0"} == {version for _, _, _, version in out}
    assert {200} == {status for _, _, status, _ in clients.since(mended)}
