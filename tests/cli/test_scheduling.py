"""By which policy of Linux the threads of a server are scheduled."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import httpx
import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Command

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="only Linux has scheduling policies that matter here"),
]

APP = """
import os
from perdure import App

app = App("probe")


@app.get("/policies")
def policies() -> list[int]:
    return [os.sched_getscheduler(int(thread)) for thread in os.listdir("/proc/self/task")]
"""


def policies_of(server: "Command") -> set[int]:
    answer = httpx.get(f"http://127.0.0.1:{server.wait_port()}/policies").raise_for_status()
    found: list[int] = answer.json()
    assert len(found) >= 3  # Python's, Granian's, and the one the handler runs in
    return set(found)


def test_serve_has_its_threads_scheduled_in_batches(run: "Callable[..., Command]", tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    assert {os.SCHED_BATCH} == policies_of(run("serve", "--port", "0"))


def test_serve_when_started_under_another_policy_keeps_it(run: "Callable[..., Command]", tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    started: list[Command] = []

    def start() -> None:  # in a thread, whose policy is its own and ends with it
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
        started.append(run("serve", "--port", "0"))

    thread = threading.Thread(target=start)
    thread.start()
    thread.join()
    assert {os.SCHED_IDLE} == policies_of(started[0])
