"""What somebody does to a log who knows how it is verified, may write the folder, and has not the key."""

import fcntl
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from msgspec.structs import replace

from perdure.audit.lines import TAIL_BYTES, chain, hash_of
from perdure.audit.records import Pruned, Witnessed, body_of
from perdure.audit.recovery import first_line
from perdure.clock import FakeClock
from tests.audit.logs import body, faults, log_files, notes, open_stream, verified


def killed_log(folder: Path) -> None:
    """Leave a log of four files, as a process that is killed leaves it: its last lines are not signed."""
    clock = FakeClock()
    stream = open_stream(folder, clock, rotate_s=100.0)
    for number in range(6):
        clock.advance(60)
        stream.write([body(number, clock.time())])
        stream.rotate_if_due()
        stream.checkpoint()
    stream.write([body(99, clock.time())])
    stream._release()


def claim_deletion(folder: Path) -> None:
    """Add to the end, which is not signed, that all files but the last are deleted; and delete them."""
    *old, last = log_files(folder)
    start = first_line(last)
    assert start is not None
    claim = Pruned(at=start.at, file=start.file - 1, lines=start.lines, head=start.previous)
    with last.open("ab") as opened:
        opened.write(b"".join(chain(last.read_bytes()[-TAIL_BYTES:], [body_of(claim)])))
    for path in old:
        path.unlink()


def nothing_more(folder: Path) -> None:
    """Leave it at that."""


def next_process(folder: Path) -> None:
    """Let the app start again, which signs all there is."""
    open_stream(folder).close()


@pytest.mark.parametrize("then", [nothing_more, next_process])
def test_a_deletion_that_the_log_did_not_sign_at_once_is_found(tmp_path: Path, then: Callable[[Path], None]) -> None:
    killed_log(tmp_path)
    heads = verified(tmp_path).heads
    assert len(log_files(tmp_path)) == 4
    claim_deletion(tmp_path)
    then(tmp_path)
    report = verified(tmp_path, heads)
    assert [(each.file, each.what) for each in report.findings if each.kind == "fault"] == [
        ("audit-01-000004.jsonl", "the files before it are missing")
    ]


def test_all_lines_that_nobody_signed_are_told_also_where_a_new_file_was_begun_to_hide_them(tmp_path: Path) -> None:
    killed_log(tmp_path)
    last = log_files(tmp_path)[-1]
    start = first_line(last)
    assert start is not None
    with last.open("ab") as opened:
        opened.write(b"".join(chain(last.read_bytes()[-TAIL_BYTES:], [body(number) for number in range(6)])))
    lines = start.lines + last.read_bytes().count(b"\n")
    begun = replace(start, file=5, lines=lines, previous=hash_of(last.read_bytes()[-TAIL_BYTES:]))
    forged = b"".join(chain(last.read_bytes()[-TAIL_BYTES:], [body_of(begun)]))
    last.with_name("audit-01-000005.jsonl").write_bytes(forged)
    open_stream(tmp_path).close()
    (note,) = (each for each in notes(tmp_path) if "killed" in each)
    assert note.endswith("and its last 7 lines were not signed")


@contextmanager
def held(folder: Path) -> Iterator[None]:
    """Hold all streams, as a server does that runs, or anybody else who may open the locks."""
    locks = [os.open(path, os.O_RDONLY) for path in folder.glob("*.lock")]
    for lock in locks:
        fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        yield
    finally:
        for lock in locks:
            os.close(lock)


def test_a_log_taken_back_while_it_is_written_to_is_seen_by_who_kept_the_heads(tmp_path: Path) -> None:
    log, copy = tmp_path / "log", tmp_path / "copy"
    open_stream(log).close()
    shutil.copytree(log, copy)
    stream = open_stream(log)
    stream.write([body(number) for number in range(9)])
    stream.close()
    heads = verified(log).heads
    with held(copy):
        assert verified(copy).is_sound
        assert not verified(copy, heads).is_sound


def test_a_stream_taken_back_while_its_lock_is_held_is_noticed_by_what_the_others_saw(tmp_path: Path) -> None:
    log, copy = tmp_path / "log", tmp_path / "copy"
    one, two = open_stream(log), open_stream(log)
    one.checkpoint()
    shutil.copytree(log, copy)
    one.write([body(1)])
    one.close()
    two.checkpoint()
    two.close()
    for path in copy.glob("audit-01*"):
        shutil.copy(path, log)
    with held(log):
        assert [file for file, _ in faults(log)] == ["audit-01"]


def test_a_stream_that_goes_on_while_it_is_verified_is_no_fault(tmp_path: Path) -> None:
    one, two = open_stream(tmp_path), open_stream(tmp_path)
    for number in range(5):
        one.write([body(number)])
        one.checkpoint()
        two.write([body(number)])
        two.checkpoint()
    assert verified(
        tmp_path, [Witnessed(each.stream, each.lines, each.head) for each in verified(tmp_path).heads]
    ).is_sound
    one.close()
    two.close()


def test_the_end_of_a_process_is_witnessed_though_nothing_else_happens(tmp_path: Path) -> None:
    server = open_stream(tmp_path)
    server.checkpoint()
    command = open_stream(tmp_path)
    command.write([body(1)])
    command.close()
    server.checkpoint()
    size = log_files(tmp_path)[0].stat().st_size
    server.checkpoint()
    assert log_files(tmp_path)[0].stat().st_size == size, "once is enough"
    for path in tmp_path.glob("audit-02*"):
        path.unlink()
    assert not verified(tmp_path).is_sound
    server.close()


def test_bytes_after_the_end_of_a_process_are_no_torn_line(tmp_path: Path) -> None:
    open_stream(tmp_path).close()
    (path,) = log_files(tmp_path)
    whole = path.read_bytes()
    path.write_bytes(whole + b'{"kind":"operation","by":"ev')
    assert faults(tmp_path) == [(path.name, whole.count(b"\n") + 1)]
    path.write_bytes(whole + b'{"kind":"beg')
    assert verified(tmp_path).is_sound, "a process was killed as soon as it began"
