"""A server that is told to stop while requests are on their way; `tests/cli/test_serve.py` has the load."""

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.ingress.conftest import APPS, ENVIRONMENT
from tests.ingress.wire import Connection, request, wait_until


class Serving:
    """`perdure serve` on the probe app."""

    def __init__(self, folder: Path) -> None:
        self._log_path = folder / "serve.log"
        with self._log_path.open("wb") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "perdure", "serve", "probe.py", "--port", "0"], cwd=APPS, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True, env={**ENVIRONMENT, "TMPDIR": str(folder)},
            )  # fmt: skip
        wait_until(lambda: re.search(r"http://127\.0\.0\.1:\d+", self.log) or self.process.poll() is not None, 15)
        found = re.search(r"http://127\.0\.0\.1:(\d+)", self.log)
        assert found is not None, self.log
        self.port = int(found[1])

    @property
    def log(self) -> str:
        return self._log_path.read_text()


@pytest.fixture
def serving(tmp_path: Path) -> Iterator[Serving]:
    found = Serving(tmp_path)
    yield found
    found.process.kill()
    found.process.wait()


def is_drained(connection: Connection, key: str, what: str) -> bool:
    connection.send(request("GET", f"/happened/{key}"))
    return what in connection.read().json()["what"]


def asks_to_leave(connection: Connection) -> bool:
    connection.send(request("GET", "/items/a"))
    return connection.read().header("connection") == "close"


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_what_is_on_its_way_is_answered_before_the_server_ends(serving: Serving, ending: signal.Signals) -> None:
    slow, body, stream, other, last = (Connection(serving.port) for _ in range(5))
    slow.send(request("GET", "/wait/slow"))
    stream.send(request("GET", "/streams/gated/stream"))
    assert stream.read_head()[0] == 200
    assert stream.read_chunk() == b"first"
    body.send(b"POST /raw HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nhello")
    wait_until(lambda: is_drained(other, "slow", "started") and is_drained(other, "stream", "waiting"))

    serving.process.send_signal(ending)
    wait_until(lambda: asks_to_leave(last))
    body.send(b"world")
    assert body.read().json()["size"] == 10
    other.send(request("POST", "/gates/slow", body=b""))
    answer = other.read()
    assert (answer.status, answer.header("connection")) == (200, "close")
    assert slow.read().json() == {"waited": True}
    assert serving.process.poll() is None  # the stream goes on
    for connection in (slow, body, stream, other, last):
        connection.socket.close()
    assert serving.process.wait(10) == 0
    assert "Traceback" not in serving.log


def test_connection_that_says_nothing_does_not_hold_the_server_up(serving: Serving) -> None:
    with Connection(serving.port) as idle, Connection(serving.port):
        idle.send(request("GET", "/items/a"))
        assert idle.read().status == 200
        serving.process.terminate()
        assert serving.process.wait(20) == 0
