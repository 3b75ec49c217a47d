"""The thread that writes: disks that are slow, full, or come back, and what is told of it."""

import errno
import os
import resource
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from perdure.audit.keys import make_signer
from perdure.audit.writer import AuditWriter
from perdure.clock import SystemClock
from perdure.config import AuditSettings
from tests.audit.logs import body, notes, open_stream, records, signer_of, verified

PATIENCE_S = 20.0
_write = os.write


def open_writer(folder: Path, **settings: Any) -> AuditWriter:
    chosen: dict[str, Any] = {"fsync": "never", "flush_s": 0.01, "checkpoint_s": 0.02, **settings}
    return AuditWriter(AuditSettings(dir=str(folder), **chosen), "shop", SystemClock(), lambda _: None)


def wait_until(is_so: Callable[[], bool]) -> None:
    give_up = time.monotonic() + PATIENCE_S
    while not is_so():
        assert time.monotonic() < give_up
        time.sleep(0.005)


def is_log(descriptor: int) -> bool:
    return Path(f"/proc/self/fd/{descriptor}").resolve().suffix == ".jsonl"


@contextmanager
def no_file_longer_than(size_bytes: int) -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_records_come_as_fast_as_the_disk_takes_them_are_signed_and_losses_told_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = open_writer(tmp_path, buffer_records=2000, rotate_bytes=512 * 1024)
    is_busy = True

    def write(descriptor: int, data: bytes) -> int:
        for number in range(600 if is_busy and is_log(descriptor) else 0):
            if len(writer.waiting) < writer.crowded:
                writer.waiting.append(body(number, time.time()))
            else:
                writer.crowd(body(number))
        return _write(descriptor, data)

    monkeypatch.setattr(os, "write", write)
    writer.start(signer_of(tmp_path))
    try:
        wait_until(lambda: writer.lost > 0)
        wait_until(lambda: len(records(tmp_path, "lost")) >= 2)
        wait_until(lambda: len(records(tmp_path, "checkpoint")) >= 5)
        wait_until(lambda: len(records(tmp_path, "file")) >= 2)
    finally:
        is_busy = False
        writer.stop()
    assert writer.lost == sum(each["records"] for each in records(tmp_path, "lost"))
    assert all("were lost" in each for each in notes(tmp_path))


def test_a_disk_that_hangs_for_good_does_not_hold_up_the_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("perdure.audit.writer._PATIENCE_S", 0.05)
    answers, is_asked = threading.Event(), threading.Event()

    def hang(_: int) -> None:
        is_asked.set()
        answers.wait(PATIENCE_S)

    writer = open_writer(tmp_path, fsync="flush")
    writer.start(signer_of(tmp_path))
    with monkeypatch.context() as hanging:
        hanging.setattr(os, "fdatasync", hang)
        writer.waiting.append(body(0, time.time()))
        assert is_asked.wait(PATIENCE_S)
        writer.waiting.extend(body(number, time.time()) for number in range(1, 4))
        began_s = time.monotonic()
        writer.stop()
        assert time.monotonic() - began_s < PATIENCE_S / 2
        assert "hangs: up to 3 records are not written" in caplog.text
        answers.set()
    wait_until(lambda: 4 == len(records(tmp_path, "request")))
    wait_until(lambda: [] == notes(tmp_path) and verified(tmp_path).streams[0].unsigned == 0)


def test_what_a_full_disk_kept_out_at_the_end_is_counted_and_told_by_the_next_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    writer = open_writer(tmp_path)
    writer.start(signer_of(tmp_path))

    def write(descriptor: int, data: bytes) -> int:
        if is_log(descriptor):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return _write(descriptor, data)

    with monkeypatch.context() as full:
        full.setattr(os, "write", write)
        writer.waiting.extend(body(number) for number in range(3))
        wait_until(lambda: bool(writer.failure))
        writer.waiting.extend(body(number) for number in range(3, 5))
        writer.stop()
    assert 5 == writer.lost
    assert "5 records of the audit log were not written at its end, 0 requests refused" in caplog.text
    writer.start(signer_of(tmp_path))
    writer.stop()
    assert [5] == [each["records"] for each in records(tmp_path, "lost")]
    assert [] == records(tmp_path, "request")
    assert 5 == writer.lost


def test_refusals_are_told_with_the_time_they_began(tmp_path: Path) -> None:
    began_s = time.time()
    is_open: list[bool] = []
    settings = AuditSettings(dir=str(tmp_path), fsync="never", buffer_records=10, when_full="refuse", flush_s=0.01)
    writer = AuditWriter(settings, "shop", SystemClock(), is_open.append)
    writer.waiting.extend(body(number) for number in range(5))
    writer.crowd(body(5))
    writer.refused += 3
    writer.start(signer_of(tmp_path))
    writer.stop()
    assert [False, True] == is_open
    [told] = records(tmp_path, "lost")
    assert (0, 3) == (told["records"], told["refused"])
    assert began_s <= told["since"] <= told["at"]
    assert 6 == len(records(tmp_path, "request"))


def long_body(number: int) -> bytes:
    return body(number, time.time()) + b',"path":"' + b"x" * 10_000 + b'"'


def hand_over(writer: AuditWriter, made: bytes) -> None:
    """Do what who makes records does when many wait."""
    if len(writer.waiting) < writer.crowded:
        writer.waiting.append(made)
    else:
        writer.crowd(made)


@contextmanager
def disk_that_hangs(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Let what is written to a log wait until this is left; yield what is set when some waits."""
    answers, is_asked = threading.Event(), threading.Event()

    def write(descriptor: int, data: bytes) -> int:
        if is_log(descriptor):
            is_asked.set()
            answers.wait(PATIENCE_S)
        return _write(descriptor, data)

    with monkeypatch.context() as hanging:
        hanging.setattr(os, "write", write)
        try:
            yield is_asked
        finally:
            answers.set()


def test_long_records_wait_only_as_far_as_there_is_room_for_their_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    limit = 20_000_000
    writer = open_writer(tmp_path, buffer_bytes=limit)
    writer.start(signer_of(tmp_path))
    try:
        with disk_that_hangs(monkeypatch) as is_asked:
            writer.waiting.append(body(0, time.time()))
            assert is_asked.wait(PATIENCE_S)
            for number in range(6000):
                hand_over(writer, long_body(number))
            weight = sum(map(len, writer.waiting))
            assert limit <= weight < limit + 600 * 10_100
            assert 6000 - len(writer.waiting) == writer.lost
        wait_until(lambda: not writer.waiting)
        lost = writer.lost
        for number in range(100):  # there is room again, at once
            hand_over(writer, long_body(number))
        assert lost == writer.lost
    finally:
        writer.stop()
    assert lost == sum(each["records"] for each in records(tmp_path, "lost"))


def test_long_records_let_requests_be_refused_until_their_bytes_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_open: list[bool] = []
    chosen: dict[str, Any] = {"fsync": "never", "flush_s": 0.01, "buffer_bytes": 8_000_000, "when_full": "refuse"}
    writer = AuditWriter(AuditSettings(dir=str(tmp_path), **chosen), "shop", SystemClock(), is_open.append)
    writer.start(signer_of(tmp_path))
    try:
        with disk_that_hangs(monkeypatch) as is_asked:
            writer.waiting.append(body(0, time.time()))
            assert is_asked.wait(PATIENCE_S)
            number = 0
            while not writer.is_full:
                hand_over(writer, long_body(number))
                number += 1
                assert number < 2000
            assert 4_000_000 <= sum(map(len, writer.waiting)) < 4_000_000 + 600 * 10_100
            hand_over(writer, long_body(number))  # one that was in the works
        wait_until(lambda: not writer.is_full)
        assert 0 == writer.lost
        wait_until(lambda: number + 2 == len(records(tmp_path, "request")))
    finally:
        writer.stop()
    assert [False, True] == is_open


def test_no_room_for_the_key_leaves_nothing_behind(tmp_path: Path) -> None:
    with no_file_longer_than(50), pytest.raises(OSError, match="File too large"):
        make_signer(tmp_path / "signing.key")
    assert [] == list(tmp_path.iterdir())


def test_no_room_for_half_of_the_public_key_does_not_spoil_the_file_of_keys(tmp_path: Path) -> None:
    signer_of(tmp_path)
    with no_file_longer_than(60), pytest.raises(OSError, match="No space left"):
        open_stream(tmp_path)
    open_stream(tmp_path).close()
    assert [] == notes(tmp_path)
