"""What is read of a log: what `perdure audit tail --follow` tells, what is recorded since a time."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.audit.following import Following
from perdure.audit.reading import Wanted, read_entries
from perdure.clock import FakeClock
from tests.audit.logs import log_files, open_stream

EVERYTHING = Wanted(with_control=False)


def body(number: int, at: float = 1_767_225_600.0) -> bytes:
    """Return a record as the app writes it."""
    known = '{"kind":"request","handler":"get_order","version":"unversioned",'
    return f'{known}"at":{at},"id":"r{number}","status":200'.encode()


def test_only_what_was_added_is_told_and_only_once(tmp_path: Path) -> None:
    clock = FakeClock()
    stream = open_stream(tmp_path, clock, rotate_s=100.0, keep_s=50.0)
    stream.write([body(1), body(2)])
    following = Following(tmp_path, EVERYTHING)
    assert following.fresh() == []
    stream.write([body(3)])
    (entry,) = following.fresh()
    lines = Path(tmp_path, entry.file).read_bytes().splitlines()
    assert (json.loads(entry.raw)["id"], lines[entry.line - 1]) == ("r3", entry.raw)
    assert following.fresh() == []
    other = open_stream(tmp_path, clock)
    for number in range(4, 8):  # over several files, the first of which are deleted
        clock.advance(101)
        stream.rotate_if_due()
        stream.write([body(number, clock.time())])
    other.write([body(8, clock.time() + 1)])
    assert [json.loads(entry.raw)["id"] for entry in following.fresh()] == ["r5", "r6", "r7", "r8"]
    assert following.fresh() == []
    stream.close()
    other.close()


def test_a_line_that_is_written_in_parts_is_told_when_it_is_whole(tmp_path: Path) -> None:
    stream = open_stream(tmp_path)
    stream.write([body(1)])
    (path,) = log_files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    following = Following(tmp_path, EVERYTHING)
    assert following.fresh() == []
    path.write_bytes(whole)
    assert [json.loads(entry.raw)["id"] for entry in following.fresh()] == ["r1"]
    stream.close()


@pytest.fixture
def heeds_interrupts() -> Iterator[None]:
    """Let programs that are started be interrupted, also where this one was started to ignore that."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heeds_interrupts")
def test_tail_goes_on_from_the_last_line_it_printed(tmp_path: Path) -> None:
    stream = open_stream(tmp_path)
    stream.write([body(number) for number in range(9)])
    command = [sys.executable, "-m", "perdure", "audit", "tail", "-f", "-n", "1", "--json"]
    with subprocess.Popen([*command, "--dir", str(tmp_path)], stdout=subprocess.PIPE) as tail:
        assert tail.stdout is not None
        told = [json.loads(tail.stdout.readline())["id"]]
        stream.write([body(10)])
        told.append(json.loads(tail.stdout.readline())["id"])
        tail.send_signal(signal.SIGINT)
        rest = tail.stdout.read()
    stream.close()
    assert (told, rest, tail.returncode) == (["r8", "r10"], b"", 0)


def test_no_record_is_left_out_as_its_file_is_said_to_be_old(tmp_path: Path) -> None:
    clock = FakeClock()
    stream = open_stream(tmp_path, clock, rotate_s=100.0)
    at_s = []
    for number in range(3):
        stream.write([body(number, clock.time())])
        at_s.append(clock.time())
        clock.advance(101)
        stream.rotate_if_due()
    stream.close()
    for path in log_files(tmp_path):
        os.utime(path, (0, 0))
    for count, since_s in enumerate(reversed(at_s), 1):
        assert count == len(list(read_entries(tmp_path, Wanted(since_s=since_s, with_control=False))))
