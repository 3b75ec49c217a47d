"""Whatever is done to a log by who has not the key, it is found, and where.

A thousand random changes to a log of two streams, each found; and those that somebody makes who knows how it works.
"""

import hashlib
import json
import shutil
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from perdure.clock import FakeClock
from tests.audit.logs import body, faults, log_files, open_stream, records, verified

CHANGES = 1000
Files = dict[str, bytes]
Place = tuple[str, int]
"""A file, and the line at which the change is, from 1."""


def write_log(folder: Path, seed: int) -> Files:
    """Write two streams over several files, with checkpoints in between, and return the files that count."""
    random, clock = Random(seed), FakeClock()
    streams = [open_stream(folder, clock, rotate_s=100.0) for _ in range(2)]
    for number in range(30):
        clock.advance(random.choice([1, 5, 20, 60]))
        stream = random.choice(streams)
        stream.write([body(seed * 1000 + number * 10 + each, clock.time()) for each in range(random.randint(1, 3))])
        stream.rotate_if_due()
        if random.random() < 0.2:
            stream.checkpoint()
    for stream in streams:
        stream.close()
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir()) if path.suffix in {".jsonl", ".head"}}


def lines_of(files: Files, name: str) -> list[bytes]:
    return files[name].splitlines(keepends=True)


def edit(files: Files, random: Random, _: Files) -> Place:
    name = random.choice(sorted(files))
    content = bytearray(files[name])
    place = random.randrange(len(content))
    content[place] ^= 1 << random.randrange(8)
    line = files[name][:place].count(b"\n") + 1
    files[name] = bytes(content)
    return name, line


def with_lines(change: Callable[[list[bytes], Random, list[bytes]], int]) -> Callable[[Files, Random, Files], Place]:
    def changed(files: Files, random: Random, other: Files) -> Place:
        name = random.choice([name for name in sorted(files) if name.endswith(".jsonl")])
        lines = lines_of(files, name)
        line = change(lines, random, lines_of(other, random.choice([n for n in other if n.endswith(".jsonl")])))
        files[name] = b"".join(lines)
        return name, line

    changed.__name__ = change.__name__
    return changed


def remove_lines(lines: list[bytes], random: Random, _: list[bytes]) -> int:
    first = random.randrange(len(lines))
    del lines[first : first + random.randint(1, 3)]
    return first + 1


def duplicate_line(lines: list[bytes], random: Random, _: list[bytes]) -> int:
    place = random.randrange(len(lines))
    lines.insert(place, lines[place])
    return place + 2


def swap_lines(lines: list[bytes], random: Random, _: list[bytes]) -> int:
    one, two = sorted(random.sample(range(len(lines)), 2))
    lines[one], lines[two] = lines[two], lines[one]
    return one + 1


def insert_from_another_log(lines: list[bytes], random: Random, other: list[bytes]) -> int:
    place = random.randrange(len(lines) + 1)
    lines.insert(place, random.choice(other))
    return place + 1


def splice_another_log(lines: list[bytes], random: Random, other: list[bytes]) -> int:
    place = random.randrange(1, len(lines))
    lines[place:] = other[min(place, len(other) - 1) :]
    return place + 1


def invent_line(lines: list[bytes], random: Random, _: list[bytes]) -> int:
    """Add a line whose own hash is right."""
    place = random.randrange(1, len(lines) + 1)
    lines.insert(place, chained(lines[place - 1], body(99)))
    return place + 2


def rewrite_from(lines: list[bytes], random: Random, _: list[bytes]) -> int:
    """Change a record, and all hashes after it."""
    place = random.randrange(1, len(lines))
    lines[place] = lines[place].replace(b'"at":1', b'"at":2', 1)
    for each in range(place, len(lines)):
        lines[each] = chained(lines[each - 1], lines[each].rpartition(b',"hash":')[0])
    return place + 1


def replay_checkpoint(lines: list[bytes], random: Random, _: list[bytes]) -> int:
    old = random.choice([line for line in lines if b'"kind":"checkpoint"' in line])
    lines.append(chained(lines[-1], old.rpartition(b',"hash":')[0]))
    return len(lines)


def chained(before: bytes, content: bytes) -> bytes:
    tail = before[before.rindex(b',"hash":') :]
    return content + b',"hash":"' + hashlib.sha256(tail + content).hexdigest().encode() + b'"}\n'


def truncate(files: Files, random: Random, _: Files) -> Place:
    name = random.choice(sorted(files))
    size = random.randrange(len(files[name]))
    files[name] = files[name][:size]
    return name, files[name].count(b"\n") + 1


def remove_file(files: Files, random: Random, _: Files) -> Place:
    name = random.choice(sorted(files))
    del files[name]
    return name, 0


def swap_files(files: Files, random: Random, _: Files) -> Place:
    one, two = random.sample(sorted(files), 2)
    files[one], files[two] = files[two], files[one]
    return one, 1


def take_file_of_another_log(files: Files, random: Random, other: Files) -> Place:
    name = random.choice([name for name in sorted(files) if name in other])
    files[name] = other[name]
    return name, 1


def make_head_of_checkpoint(files: Files, random: Random, _: Files) -> Place:
    """Let a stream stop at an earlier checkpoint, and its head say so."""
    heads = [name for name in sorted(files) if name.endswith(".head")]
    head = random.choice(heads)
    place = head.removesuffix(".head")
    names = [name for name in sorted(files) if name.startswith(place) and name.endswith(".jsonl")]
    name = random.choice(names)
    lines = lines_of(files, name)
    ends = [number for number, line in enumerate(lines) if b'"kind":"checkpoint"' in line]
    end = random.choice(ends[:-1] or ends)
    if name == names[-1] and end == len(lines) - 1:
        end = ends[0]
    for later in names[names.index(name) + 1 :]:
        del files[later]
    files[name] = b"".join(lines[: end + 1])
    checkpoint, old = json.loads(lines[end]), json.loads(files[head])
    old.update(lines=checkpoint["lines"] + 1, head=checkpoint["hash"], signature=checkpoint["signature"],
               file=int(name[-12:-6]), offset=len(files[name]), at=checkpoint["at"])  # fmt: skip
    files[head] = json.dumps(old, separators=(",", ":")).encode() + b"\n"
    return head, 0


WAYS = [
    edit, edit, edit, with_lines(remove_lines), with_lines(remove_lines), with_lines(duplicate_line),
    with_lines(swap_lines), with_lines(insert_from_another_log), with_lines(splice_another_log),
    with_lines(invent_line), with_lines(rewrite_from), with_lines(replay_checkpoint), truncate, truncate, remove_file,
    swap_files, take_file_of_another_log, make_head_of_checkpoint,
]  # fmt: skip


def test_a_thousand_changes_are_all_found(tmp_path: Path) -> None:
    folder, random = tmp_path / "log", Random(42)
    whole = write_log(folder, 1)
    other_folder = tmp_path / "other"
    other_folder.mkdir()
    shutil.copy(folder / "signing.key", other_folder / "signing.key")  # one key for both: it does not help
    other = write_log(other_folder, 2)
    assert [] == faults(folder)
    assert len(log_files(folder)) > 4

    found = 0
    while found < CHANGES:
        files = dict(whole)
        way = random.choice(WAYS)
        name, line = way(files, random, other)
        changed = {each for each in whole if files.get(each) != whole[each]}
        if not changed:
            continue  # two lines or files that were the same
        for each in changed:
            if each in files:
                (folder / each).write_bytes(files[each])
            else:
                (folder / each).unlink()
        told = faults(folder)
        assert told, f"{way.__name__} of {name}:{line} was not found"
        if way is edit and name.endswith(".jsonl"):
            near = [place for place in told if place[0] == name and abs(place[1] - line) <= 1]
            assert near, f"a byte of {name}:{line} was changed, and this is told: {told}"
        stream = name[: len("audit-01")]
        assert any(place[0].startswith(stream) for place in told), f"{name}:{line} was changed, told is {told}"
        for each in changed:
            (folder / each).write_bytes(whole[each])
        found += 1
    assert [] == faults(folder)


def test_each_of_two_changes_is_told_once_with_its_line(tmp_path: Path) -> None:
    stream = open_stream(tmp_path)
    stream.write([body(number) for number in range(50)])
    stream.close()
    file = log_files(tmp_path)[0]
    lines = file.read_bytes().splitlines(keepends=True)
    lines[10] = lines[10].replace(b'"status": 200', b'"status": 201')
    del lines[30]
    file.write_bytes(b"".join(lines))
    assert [(file.name, 11), (file.name, 31)] == faults(tmp_path)[:2]
    assert {(file.name, 11), (file.name, 31)} >= set(faults(tmp_path)) - {(file.name, len(lines))}


def test_a_whole_stream_that_was_removed_is_missed_by_the_others(tmp_path: Path) -> None:
    one, two = open_stream(tmp_path), open_stream(tmp_path)
    two.write([body(1)])
    two.checkpoint()
    one.write([body(2)])
    one.close()
    two.close()
    for path in tmp_path.glob("audit-02*"):
        path.unlink()
    [finding] = verified(tmp_path).findings
    assert "is missing" in finding.what
    assert finding.kind == "fault"


def test_a_stream_taken_back_alone_is_noticed_by_what_the_others_saw(tmp_path: Path) -> None:
    one, two = open_stream(tmp_path), open_stream(tmp_path)
    two.write([body(1)])
    two.checkpoint()
    earlier = {path: path.read_bytes() for path in tmp_path.glob("audit-02*")}
    two.write([body(2)])
    two.checkpoint()
    one.write([body(3)])
    one.close()
    two.close()
    assert [] == faults(tmp_path)
    for path, content in earlier.items():
        path.write_bytes(content)
    assert [("audit-02", 0)] == faults(tmp_path)


@pytest.mark.parametrize("kind", ["file", "begin", "checkpoint", "request"])
def test_a_record_that_is_taken_out_is_found_whatever_its_kind(tmp_path: Path, kind: str) -> None:
    stream = open_stream(tmp_path)
    for number in range(3):
        stream.write([body(number)])
        stream.checkpoint()
    stream.close()
    file = log_files(tmp_path)[0]
    lines = file.read_bytes().splitlines(keepends=True)
    wanted = [number for number, each in enumerate(records(tmp_path)) if each["kind"] == kind]
    for one, after in pairwise([*wanted, None]):
        assert one is not None
        file.write_bytes(b"".join(line for number, line in enumerate(lines) if number != one))
        assert faults(tmp_path), f"line {one + 1} of {len(lines)} is gone, then comes {after}"
    file.write_bytes(b"".join(lines))
    assert [] == faults(tmp_path)


@pytest.mark.parametrize("forges", [False, True])
def test_a_chain_that_was_written_anew_is_found_at_the_next_checkpoint(tmp_path: Path, forges: bool) -> None:
    stream = open_stream(tmp_path)
    for number in range(5):
        stream.write([body(number), body(number)])
        stream.checkpoint()
    stream.close()
    file = log_files(tmp_path)[0]
    lines = file.read_bytes().splitlines(keepends=True)
    checkpoints = [number for number, line in enumerate(lines) if b'"kind":"checkpoint"' in line]
    changed = checkpoints[1] + 1
    lines[changed] = lines[changed].replace(b'"status": 200', b'"status": 404')
    for each in range(changed, len(lines)):
        content = lines[each].rpartition(b',"hash":')[0]
        if forges and each in checkpoints:
            before = json.loads(lines[each - 1])["hash"].encode()
            content = content.replace(json.loads(lines[each])["head"].encode(), before)
        lines[each] = chained(lines[each - 1], content)
    file.write_bytes(b"".join(lines))
    located = [line - 1 for name, line in faults(tmp_path) if name == file.name]
    assert checkpoints[2] == located[0]
    assert (checkpoints[2:] if forges else checkpoints[2:3]) == located[: len(checkpoints) - 2 if forges else 1]


def test_a_stream_that_was_emptied_with_its_head_is_found(tmp_path: Path) -> None:
    stream = open_stream(tmp_path)
    stream.write([body(1)])
    stream.close()
    [file] = log_files(tmp_path)
    file.write_bytes(b"")
    (tmp_path / "audit-01.head").unlink()
    assert [(file.name, 0)] == faults(tmp_path)


def test_what_is_no_log_at_all_is_told_line_by_line_and_raises_nothing(tmp_path: Path) -> None:
    open_stream(tmp_path).close()
    (tmp_path / "audit-01.head").write_bytes(b"{}")
    [file] = log_files(tmp_path)
    file.write_bytes(b"\n\xff\xfe\n" + Random(1).randbytes(3000))
    assert {file.name, "audit-01.head"} == {name for name, _ in faults(tmp_path)}
