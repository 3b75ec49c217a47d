"""A worker process, as its parent sees it."""

import asyncio
import socket
from typing import cast

import pytest

from perdure.cli.plan import Ready
from perdure.cli.process import Worker


class Stuck:
    """A process that waits for a disk that hangs: it cannot even be killed."""

    pid = 4711
    returncode = None

    def __init__(self) -> None:
        self.kills = 0

    def kill(self) -> None:
        self.kills += 1

    async def wait(self) -> int:
        await asyncio.Event().wait()
        return 0


async def test_a_worker_that_cannot_be_killed_does_not_keep_the_server_from_ending(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("perdure.cli.process._KILL_MARGIN_S", 0.01)
    monkeypatch.setattr("perdure.cli.process._DEATH_S", 0.01)
    process = Stuck()
    ours, theirs = socket.socketpair()
    with theirs:
        worker = Worker(cast("asyncio.subprocess.Process", process), ours, Ready(app="shop", drain_timeout_s=0.0))
        async with asyncio.timeout(10):
            assert not await worker.drain()
    assert 1 == process.kills
    assert "worker 4711 has not ended yet; it will as soon as its disk answers" in caplog.text
