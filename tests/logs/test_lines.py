"""Lines on their way to a file descriptor that nobody may wait for."""

import fcntl
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from perdure.logs.lines import LineWriter

LIMIT = 1024 * 1024


def tell_lost(count: int) -> bytes:
    return f"lost {count}\n".encode()


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """The reading and the writing end of a pipe."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def test_lines_come_out_in_order(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with file.open("wb") as opened:
        writer = LineWriter(opened.fileno(), LIMIT, tell_lost)
        for number in range(1000):
            writer.put(b"%d\n" % number)
        assert writer.flush(5)
    assert [str(number) for number in range(1000)] == file.read_text().split()
    assert 0 == writer.lost


def test_a_reader_that_is_slow_costs_lines_and_no_time_and_is_told_how_many(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    writer = LineWriter(writing, LIMIT, tell_lost)
    line = b"x" * 999 + b"\n"
    began = time.monotonic()
    for _ in range(5000):
        writer.put(line)
    assert time.monotonic() - began < 2
    assert writer.lost > 3000, "a pipe holds 64 KiB, and a megabyte waits"
    assert not writer.flush(0.01)
    lost = writer.lost
    received = b""
    while received.count(b"\n") < 5000 - lost:
        received += os.read(reading, 65536)
    writer.put(b"after\n")
    while not received.endswith(b"after\n"):
        received += os.read(reading, 65536)
    assert f"lost {lost}\n".encode() in received


def test_a_reader_that_is_gone_costs_lines_only() -> None:
    reading, writing = os.pipe()
    os.close(reading)
    writer = LineWriter(writing, LIMIT, tell_lost)
    for _ in range(10):
        writer.put(b"x\n")
    assert writer.flush(5)
    assert 10 == writer.lost
    os.close(writing)
    writer.put(b"x\n")  # the descriptor is closed, too
    assert writer.flush(5)
    assert 11 == writer.lost


def test_a_full_disk_costs_lines_only() -> None:
    with Path("/dev/full").open("wb") as full:
        writer = LineWriter(full.fileno(), LIMIT, tell_lost)
        writer.put(b"x\n")
        assert writer.flush(5)
    assert 1 == writer.lost


TORN = """
import resource, sys
from perdure.logs.lines import LineWriter
writer = LineWriter(1, 1 << 20, lambda count: b"lost %d\\n" % count)
writer.put(b"first\\n")
writer.flush(5)
resource.setrlimit(resource.RLIMIT_FSIZE, (9, resource.RLIM_INFINITY))
writer.put(b"second\\n")
writer.flush(5)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
writer.put(b"third\\n")
writer.flush(5)
"""


def test_a_line_that_was_torn_does_not_spoil_the_next(tmp_path: Path) -> None:
    file = tmp_path / "log"
    with file.open("wb") as output:
        subprocess.run([sys.executable, "-c", TORN], stdout=output, check=True, timeout=20)
    assert ["first", "sec", "lost 1", "third"] == file.read_text().splitlines()


def test_a_pipe_that_does_not_block_gets_all(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    os.set_blocking(writing, False)
    writer = LineWriter(writing, LIMIT, tell_lost)
    for _ in range(100):
        writer.put(b"z" * 4999 + b"\n")
    received = b""
    while received.count(b"\n") < 100:
        received += os.read(reading, 65536)
    assert writer.flush(5)
    assert 0 == writer.lost


def test_a_line_that_is_too_long_is_lost() -> None:
    with Path(os.devnull).open("wb") as nowhere:
        writer = LineWriter(nowhere.fileno(), 64 * LIMIT, tell_lost)
        writer.put(b"x" * 2 * LIMIT + b"\n")
        assert 1 == writer.lost


PROCESS = """
import os, sys
from perdure.logs.lines import LineWriter
writer = LineWriter(1, 1 << 30, lambda count: b"", int(sys.argv[2]))
for number in range(300):
    writer.put(sys.argv[1].encode() * (1 + number * 97 % 30_000) + b"\\n")
sys.exit(0 if writer.flush(20) else 1)
"""


def test_two_processes_do_not_write_into_each_others_lines(pipe: tuple[int, int]) -> None:
    reading, writing = pipe
    turns = os.memfd_create("turns") if sys.platform == "linux" else os.open(os.devnull, os.O_WRONLY)
    processes = [
        subprocess.Popen([sys.executable, "-c", PROCESS, name, str(turns)], stdout=writing, pass_fds=[turns])
        for name in ("a", "b", "c")
    ]
    received = b""
    while received.count(b"\n") < 900:
        received += os.read(reading, 65536)
    assert [0, 0, 0] == [process.wait(20) for process in processes]
    fcntl.lockf(turns, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(turns)
    assert all(len(set(line)) == 1 for line in received.split(b"\n") if line)


FORKING = """
import os, sys
from perdure.logs.lines import LineWriter
writer = LineWriter(1, 1 << 20, lambda count: b"")
writer.put(b"parent\\n")
writer.flush(5)
child = os.fork()
writer.put(b"child\\n" if child == 0 else b"parent again\\n")
writer.flush(5)
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_process_that_was_forked_writes_too() -> None:
    ran = subprocess.run([sys.executable, "-c", FORKING], capture_output=True, text=True, check=True, timeout=20)
    assert ["child", "parent", "parent again"] == sorted(ran.stdout.splitlines())


ENDING = """
from perdure.logs.lines import LineWriter


class Late:
    def __init__(self):
        self.writer = LineWriter(1, 1 << 20, lambda count: b"")

    def __del__(self):
        self.writer.put(b"at the end\\n")


kept = Late()
"""


def test_a_line_that_is_put_while_the_interpreter_ends_is_written() -> None:
    ran = subprocess.run([sys.executable, "-c", ENDING], capture_output=True, text=True, check=True, timeout=20)
    assert "at the end\n" == ran.stdout
    assert "" == ran.stderr


def test_a_line_that_is_put_while_the_interpreter_ends_waits_for_no_reader(pipe: tuple[int, int]) -> None:
    _, writing = pipe
    os.set_blocking(writing, False)
    with suppress(BlockingIOError):
        while os.write(writing, b"x" * 4096):
            pass
    os.set_blocking(writing, True)
    subprocess.run([sys.executable, "-c", ENDING], stdout=writing, check=True, timeout=20)
