"""The audit log of servers that run: killed under load, with a disk that is full and comes back, several at once."""

import os
import re
import resource
import signal
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median

import httpx
import pytest

from tests.audit.logs import log_files, notes, records, verified
from tests.servers import Server

pytestmark = pytest.mark.slow
Start = Callable[..., Server]
PATIENCE_S = 20.0

APP = """
import os
import time
from pathlib import Path
from perdure import App

HANGS = Path(__file__).with_name("hangs")
write_through = os.fdatasync


def wait_for_the_disk(descriptor: int) -> None:
    while HANGS.exists():
        time.sleep(0.01)
    write_through(descriptor)


os.fdatasync = wait_for_the_disk
app = App("shop")


@app.get("/pid")
async def pid() -> int:
    return os.getpid()
"""


def start(start_server: Start, folder: Path, *options: str) -> Server:
    (folder / "app.py").write_text(APP)
    settings = [f"audit.dir={folder / 'audit'}", "audit.flush_s=0.02", "audit.checkpoint_s=0.1", *options]
    chosen = [each for setting in settings for each in ("--set", setting)]
    return start_server(folder / "app.py", *chosen, env={"PERDURE_STORE_URL": "memory:"})


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.01)


def ids(folder: Path) -> Counter[str]:
    return Counter(each["id"] for each in records(folder / "audit", "request"))


def test_a_worker_killed_under_load_leaves_a_log_that_verifies_and_the_next_continues_it(
    tmp_path: Path, start_server: Start
) -> None:
    server = start(start_server, tmp_path)
    answered: list[tuple[float, str, int]] = []

    def load(until: Callable[[], bool]) -> None:
        with httpx.Client(base_url=server.url) as client:
            while not until():
                try:
                    answer = client.get("/pid")
                except httpx.HTTPError:
                    continue
                answered.append((time.monotonic(), answer.headers["x-request-id"], answer.json()))

    killed: list[tuple[float, int]] = []
    with ThreadPoolExecutor(4) as threads:
        loads = [threads.submit(load, lambda: len({each[2] for each in answered}) >= 3) for _ in range(4)]
        for _ in range(2):
            seen = {pid for _, pid in killed}
            wait_until(lambda: len([1 for *_, pid in answered if pid not in seen]) >= 200)  # noqa: B023
            victim = next(pid for *_, pid in reversed(answered) if pid not in seen)
            killed.append((time.monotonic(), victim))
            os.kill(victim, signal.SIGKILL)
        for each in loads:
            each.result()
    assert 0 == server.stop()

    told = notes(tmp_path / "audit")
    assert any("a process was killed" in each for each in told)
    assert [False, True, True] == [each["after_crash"] for each in records(tmp_path / "audit", "begin")]
    found = ids(tmp_path)
    assert 1 == max(found.values())
    for at, request_id, pid in answered:
        died = next((moment for moment, victim in killed if victim == pid), float("inf"))
        if at < died - 0.5:
            assert request_id in found, "answered and not lost with what its process had not written"
    assert sum(1 for _, request_id, _ in answered if request_id in found) > 300


@pytest.mark.parametrize("when_full", ["drop", "refuse"])
def test_a_full_disk_is_answered_as_configured_and_one_that_comes_back_is_noticed(
    tmp_path: Path, start_server: Start, when_full: str
) -> None:
    server = start(
        start_server, tmp_path, f"audit.when_full={when_full}", "audit.buffer_records=100", "metrics.path=/metrics"
    )
    with httpx.Client(base_url=server.url) as client:
        worker = client.get("/pid").json()
        wait_until(lambda: len(ids(tmp_path)) == 1)
        assert "perdure_audit_records_lost_total 0" in client.get("/metrics").text  # its file is not to grow later
        size = log_files(tmp_path / "audit")[0].stat().st_size
        _, hard = resource.prlimit(worker, resource.RLIMIT_FSIZE)
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (size + 700, hard))  # full, in the middle of a line
        statuses = Counter(client.get("/pid").status_code for _ in range(400))
        if when_full == "drop":
            assert {200: 400} == statuses
        else:
            assert {200, 503} == set(statuses)
            assert statuses[200] <= 200
        assert 200 == client.get("/healthz").status_code
        resource.prlimit(worker, resource.RLIMIT_FSIZE, (hard, hard))
        wait_until(lambda: bool(records(tmp_path / "audit", "lost")))
        wait_until(lambda: client.get("/pid").status_code == 200)
        last = client.get("/pid").headers["x-request-id"]
        metrics = client.get("/metrics").text
    assert 0 == server.stop()
    lost = records(tmp_path / "audit", "lost")
    found = ids(tmp_path)
    assert last in found
    assert 1 == max(found.values())
    if when_full == "drop":
        assert 400 - len(found) + 3 <= sum(each["records"] for each in lost) <= 400
        assert 0 == sum(each["refused"] for each in lost)
        [counted] = re.findall(r"^perdure_audit_records_lost_total (\S+)$", metrics, re.MULTILINE)
        assert sum(each["records"] for each in lost) == float(counted)
    else:
        assert 0 == sum(each["records"] for each in lost)
        assert statuses[503] <= sum(each["refused"] for each in lost)
        assert statuses[200] <= len(found)
    assert any("were lost" in each for each in notes(tmp_path / "audit"))
    assert "cannot be written: File too large" in server.printed


@pytest.mark.parametrize("when_full", ["drop", "refuse"])
def test_a_disk_that_hangs_holds_up_nobody_and_is_answered_as_configured(
    tmp_path: Path, start_server: Start, when_full: str
) -> None:
    hangs = tmp_path / "hangs"
    server = start(
        start_server, tmp_path, f"audit.when_full={when_full}", "audit.buffer_records=100", "audit.fsync=flush",
        "metrics.path=/metrics",
    )  # fmt: skip
    with httpx.Client(base_url=server.url, timeout=PATIENCE_S) as client:
        client.get("/pid")
        wait_until(lambda: len(ids(tmp_path)) == 1)
        hangs.touch()
        asked_s: list[float] = []
        statuses: Counter[int] = Counter()
        for _ in range(300):
            began_s = time.monotonic()
            statuses[client.get("/pid").status_code] += 1
            asked_s.append(time.monotonic() - began_s)
        assert median(asked_s) < 0.1
        assert {200} if when_full == "drop" else {200, 503} == set(statuses)
        assert statuses[200] <= (300 if when_full == "drop" else 200)
        [lost] = re.findall(r"^perdure_audit_records_lost_total (\S+)$", client.get("/metrics").text, re.MULTILINE)
        assert (float(lost) > 50) is (when_full == "drop")
        assert 200 == client.get("/healthz").status_code
        hangs.unlink()
        wait_until(lambda: bool(records(tmp_path / "audit", "lost")))
        wait_until(lambda: client.get("/pid").status_code == 200)
    assert 0 == server.stop()
    told = records(tmp_path / "audit", "lost")
    kept = len(ids(tmp_path))
    if when_full == "drop":
        assert 302 == kept + sum(each["records"] for each in told)
    else:
        assert statuses[503] <= sum(each["refused"] for each in told)
    assert any("were lost" in each for each in notes(tmp_path / "audit"))


def test_workers_of_one_server_have_a_stream_each(tmp_path: Path, start_server: Start) -> None:
    server = start(start_server, tmp_path)
    assert 0 == server.stop()
    (tmp_path / "app.py").write_text(APP)
    options = ["--workers", "2", "--set", f"audit.dir={tmp_path / 'audit'}"]
    server = start_server(tmp_path / "app.py", *options, env={"PERDURE_STORE_URL": "memory:"})
    sent: dict[str, int] = {}
    deadline = time.monotonic() + PATIENCE_S
    while len(set(sent.values())) < 2 and time.monotonic() < deadline:
        answer = httpx.get(f"{server.url}/pid")
        sent[answer.headers["x-request-id"]] = answer.json()
    assert 2 == len(set(sent.values()))
    assert 0 == server.stop()
    assert set(sent) == set(ids(tmp_path))
    assert 2 == len(verified(tmp_path / "audit").streams)
    assert [] == notes(tmp_path / "audit")
    assert {"shop"} == {each["app"] for each in records(tmp_path / "audit", "begin")}


def test_a_folder_that_cannot_be_written_keeps_the_server_from_starting(tmp_path: Path, start_server: Start) -> None:
    (tmp_path / "audit").write_text("a file")
    with pytest.raises(AssertionError, match=r"perdure: the key of the audit log, .* cannot be had: File exists"):
        start(start_server, tmp_path)
