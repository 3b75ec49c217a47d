"""Streams: chained, signed, continued by the next process, whatever happened to the last."""

import hashlib
import json
from pathlib import Path

import pytest

from perdure.audit.records import Witnessed
from perdure.clock import FakeClock
from perdure.errors import AuditError
from tests.audit.logs import body, faults, log_files, notes, open_stream, records, verified


def test_a_line_is_hashed_with_the_end_of_the_line_before(tmp_path: Path) -> None:
    stream = open_stream(tmp_path)
    stream.write([body(number) for number in range(20)])
    stream.close()
    before = b',"hash":"' + b"0" * 64 + b'"}\n'
    for line in log_files(tmp_path)[0].read_bytes().splitlines(keepends=True):
        start, _, _ = line.rpartition(b',"hash":')
        assert hashlib.sha256(before + start).hexdigest() == json.loads(line)["hash"]
        before = line[len(start) :]
    assert [] == notes(tmp_path)


def test_a_process_continues_the_chain_of_the_one_before(tmp_path: Path) -> None:
    for part in range(4):
        stream = open_stream(tmp_path)
        stream.write([body(part)])
        stream.close()
    assert ["r0", "r1", "r2", "r3"] == [each["id"] for each in records(tmp_path, "request")]
    assert 1 == len(log_files(tmp_path))
    assert [] == notes(tmp_path)
    assert [False] * 4 == [each["after_crash"] for each in records(tmp_path, "begin")]


def test_processes_that_write_at_once_have_a_stream_each_and_witness_the_others(tmp_path: Path) -> None:
    streams = [open_stream(tmp_path) for _ in range(3)]
    for number, stream in enumerate(streams):
        stream.write([body(number)])
    for _ in range(2):
        for stream in streams:
            stream.write([body(9)])
            stream.checkpoint()
    for stream in streams:
        stream.close()
    assert ["01", "02", "03"] == [each.name for each in verified(tmp_path).streams]
    assert [] == notes(tmp_path)
    assert 2 == len(records(tmp_path, "checkpoint")[-1]["others"])
    again = open_stream(tmp_path)
    again.close()
    assert 3 == len(verified(tmp_path).streams), "a stream that nobody holds is taken over"


def test_a_new_file_is_begun_by_size_and_by_age_and_the_chain_goes_on(tmp_path: Path) -> None:
    clock = FakeClock()
    stream = open_stream(tmp_path, clock, rotate_bytes=64 * 1024, rotate_s=3600.0)
    for number in range(1500):
        stream.write([body(number, clock.time())])
        stream.rotate_if_due()
    by_size = len(log_files(tmp_path))
    assert by_size > 3
    clock.advance(3600)
    stream.rotate_if_due()
    stream.close()
    assert by_size + 1 == len(log_files(tmp_path))
    assert 1500 == len(records(tmp_path, "request"))
    assert [] == notes(tmp_path)


def test_old_files_are_deleted_as_configured_and_the_log_says_so(tmp_path: Path) -> None:
    clock = FakeClock()
    stream = open_stream(tmp_path, clock, rotate_s=60.0, keep_s=200.0)
    for number in range(8):
        stream.write([body(number, clock.time())])
        clock.advance(60)
        stream.rotate_if_due()
    stream.close()
    kept = log_files(tmp_path)
    assert [f"audit-01-00000{number}.jsonl" for number in range(4, 10)] == [each.name for each in kept]
    assert ["r3", "r4", "r5", "r6", "r7"] == [each["id"] for each in records(tmp_path, "request")]
    assert 3 == records(tmp_path, "pruned")[-1]["file"]
    assert [] == notes(tmp_path)
    kept[0].unlink()
    assert [(kept[1].name, 1)] == faults(tmp_path), "one more is not as configured"


def test_old_records_of_a_stream_that_nobody_writes_to_any_more_are_deleted_too(tmp_path: Path) -> None:
    clock = FakeClock()
    one, two = (open_stream(tmp_path, clock, rotate_s=60.0, keep_s=200.0) for _ in range(2))
    two.write([body(2, clock.time())])
    two.close()
    for number in range(8):
        one.write([body(10 + number, clock.time())])
        clock.advance(60)
        one.rotate_if_due()
    one.close()
    assert ["r13", "r14", "r15", "r16", "r17"] == [each["id"] for each in records(tmp_path, "request")]
    assert [] == notes(tmp_path)


YEARS_S = 10 * 366 * 86_400.0


@pytest.mark.parametrize("until_full", [0, 3], ids=["until it is set right", "while a file goes on"])
def test_clock_that_is_far_ahead_deletes_nothing_that_is_not_old(tmp_path: Path, until_full: int) -> None:
    clock = FakeClock()
    stream = open_stream(tmp_path, clock, rotate_s=60.0, keep_s=400.0)
    other = open_stream(tmp_path, clock, rotate_s=60.0, keep_s=400.0)
    other.write([body(100, clock.time())])
    other.close()
    for number in range(4):
        stream.write([body(number, clock.time())])
        stream.checkpoint()
        clock.advance(60)
        stream.rotate_if_due()
    right_s = clock.time()
    clock.set_time(right_s + YEARS_S)
    for _ in range(until_full + 1):
        stream.rotate_if_due()
        stream.write([body(200, clock.time())])
        stream.checkpoint()
        clock.advance(15)
    clock.set_time(right_s + 60)
    stream.rotate_if_due()
    stream.close()
    kept = {each["id"] for each in records(tmp_path, "request")}
    assert {"r0", "r1", "r2", "r3", "r100", "r200"} == kept
    assert [] == records(tmp_path, "pruned")
    assert verified(tmp_path).is_sound


def test_clock_that_was_ahead_does_not_keep_old_files(tmp_path: Path) -> None:
    clock = FakeClock()
    stream = open_stream(tmp_path, clock, rotate_s=60.0, keep_s=200.0)
    stream.write([body(0, clock.time())])
    right_s = clock.time()
    clock.set_time(right_s + YEARS_S)
    stream.rotate_if_due()
    clock.set_time(right_s + 30)
    stream.rotate_if_due()
    for number in range(1, 9):
        stream.write([body(number, clock.time())])
        clock.advance(60)
        stream.rotate_if_due()
    stream.close()
    assert ["r4", "r5", "r6", "r7", "r8"] == [each["id"] for each in records(tmp_path, "request")]


def test_a_file_that_is_deleted_while_it_is_written_costs_no_more_than_itself(tmp_path: Path) -> None:
    stream = open_stream(tmp_path)
    stream.write([body(1)])
    stream.checkpoint()
    log_files(tmp_path)[0].unlink()
    stream.rotate_if_due()
    stream.write([body(2)])
    stream.close()
    assert ["r2"] == [each["id"] for each in records(tmp_path, "request")]
    assert [("audit-01-000002.jsonl", 1)] == faults(tmp_path)


@pytest.mark.parametrize("left", [1, 40, 150])
def test_a_torn_line_is_told_as_torn_and_the_next_process_goes_on(tmp_path: Path, left: int) -> None:
    stream = open_stream(tmp_path)
    stream.write([body(1)])
    stream.checkpoint()
    stream.write([body(2), body(3)])
    stream._release()  # killed: nothing is signed, nothing is said
    file = log_files(tmp_path)[0]
    whole = file.read_bytes()
    last = len(whole.splitlines(keepends=True)[-1])
    file.write_bytes(whole[: len(whole) - last + min(left, last - 1)])
    [torn] = notes(tmp_path)
    assert "torn" in torn

    stream = open_stream(tmp_path)
    stream.write([body(4)])
    stream.close()
    assert ["r1", "r2", "r4"] == [each["id"] for each in records(tmp_path, "request")]
    assert 2 == len(log_files(tmp_path))
    assert [False, True] == [each["after_crash"] for each in records(tmp_path, "begin")]
    assert 2 == len(notes(tmp_path)), "torn, and what was not written is lost"
    with file.open("ab") as opened:
        opened.write(b"x")
    assert [(file.name, 6)] == faults(tmp_path)


def test_a_process_that_was_killed_between_two_writes_is_noted(tmp_path: Path) -> None:
    stream = open_stream(tmp_path)
    stream.write([body(1)])
    stream._release()
    assert [] == notes(tmp_path)
    open_stream(tmp_path).close()
    [note] = notes(tmp_path)
    assert (
        "a process was killed, or had no room: what it had not written is lost, and its last 3 lines were not" in note
    )
    assert 1 == len(log_files(tmp_path))


def test_an_end_that_was_cut_off_stays_visible_when_the_log_goes_on(tmp_path: Path) -> None:
    stream = open_stream(tmp_path)
    stream.write([body(number) for number in range(9)])
    stream.close()
    file = log_files(tmp_path)[0]
    file.write_bytes(b"".join(file.read_bytes().splitlines(keepends=True)[:-3]))
    assert [(file.name, 9)] == faults(tmp_path)
    stream = open_stream(tmp_path)
    stream.write([body(10)])
    stream.close()
    assert (log_files(tmp_path)[1].name, 1) in faults(tmp_path)


def test_a_clock_that_was_set_back_is_noted_and_nothing_more(tmp_path: Path) -> None:
    clock = FakeClock()
    stream = open_stream(tmp_path, clock)
    stream.write([body(1, clock.time())])
    clock.set_time(clock.time() - 3600)
    stream.write([body(2, clock.time())])
    stream.rotate_if_due()
    stream.close()
    assert ["the clock was set back by 3600.0 s"] == notes(tmp_path)


def test_a_clock_that_was_far_ahead_and_is_set_back_does_not_keep_the_old_file_open(tmp_path: Path) -> None:
    clock = FakeClock()
    clock.set_time(clock.time() + 10 * 86_400)
    stream = open_stream(tmp_path, clock, rotate_s=86_400.0)
    stream.write([body(1, clock.time())])
    clock.set_time(clock.time() - 3600)
    stream.rotate_if_due()
    assert 1 == len(log_files(tmp_path))
    clock.set_time(clock.time() - 9 * 86_400)
    for _ in range(3):
        stream.rotate_if_due()
    stream.write([body(2, clock.time())])
    stream.close()
    assert 2 == len(log_files(tmp_path))
    assert ["r1", "r2"] == [each["id"] for each in records(tmp_path, "request")]
    assert all("the clock was set back" in each for each in notes(tmp_path))


def test_all_taken_back_to_an_earlier_state_is_seen_by_who_kept_the_heads(tmp_path: Path) -> None:
    stream = open_stream(tmp_path)
    stream.write([body(1)])
    stream.close()
    earlier = {path: path.read_bytes() for path in tmp_path.iterdir()}
    stream = open_stream(tmp_path)
    stream.write([body(2)])
    stream.close()
    heads = verified(tmp_path).heads
    assert verified(tmp_path, heads).is_sound
    for path, content in earlier.items():
        path.write_bytes(content)
    assert verified(tmp_path).is_sound, "nothing in the folder can show it"
    assert not verified(tmp_path, heads).is_sound
    for path in tmp_path.iterdir():
        path.unlink() if path.suffix != ".pub" else None
    assert not verified(tmp_path, heads).is_sound
    assert ["fault"] == [each.kind for each in verified(tmp_path, [Witnessed("other", 3, "0")]).findings]


def test_another_key_is_not_trusted(tmp_path: Path) -> None:
    mine, theirs = tmp_path / "mine", tmp_path / "theirs"
    for folder in (mine, theirs):
        stream = open_stream(folder)
        stream.write([body(1)])
        stream.close()
    assert not verified(theirs, key=mine / "signing.pub").is_sound
    assert 0o600 == (mine / "signing.key").stat().st_mode & 0o777
    with pytest.raises(AuditError, match="holds no public key"):
        verified(mine, key=mine / "signing.key")
    with pytest.raises(AuditError, match="there is no audit log"):
        verified(tmp_path, key=mine / "signing.pub")
