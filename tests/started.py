"""Servers of others, started for tests on free loopback ports."""

import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from pathlib import Path

__all__ = ["free_port", "started"]


def free_port() -> int:
    """Return a loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def started(
    command: Sequence[str], log: Path, answers: Callable[[], bool], *, cwd: Path, user: int | None = None,
    timeout_s: float = 30.0,
) -> "subprocess.Popen[bytes]":  # fmt: skip
    """Run *command*, wait until it *answers*, and return its process.

    Args:
        command: What to run, with its arguments.
        log: The file that gets what it prints.
        answers: Tells whether it can be used.
        cwd: The folder to run it in.
        user: Who is to run it; None: who runs the tests.
        timeout_s: How long it may take.
    Raises:
        AssertionError: It ended, or took longer; the message is what it printed.
    """
    with log.open("ab") as printed:
        process = subprocess.Popen([*command], stdout=printed, stderr=printed, user=user, cwd=cwd)
    deadline = time.monotonic() + timeout_s
    while not answers():
        assert process.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < deadline, log.read_text(errors="replace")
        time.sleep(0.005)
    return process
