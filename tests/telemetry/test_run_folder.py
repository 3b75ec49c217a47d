"""What processes count together, though some of them end."""

import fcntl
import resource
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.telemetry.app_metrics import AppMetrics
from perdure.telemetry.families import Buckets
from perdure.telemetry.registry import Registry
from perdure.telemetry.run_folder import Colleagues, RunFolder, fold, read_all
from perdure.telemetry.shared_slots import read_sheet
from perdure.telemetry.sheet import families_of
from perdure.telemetry.table import DURATION
from perdure.telemetry.user_metrics import UserMetrics
from tests.calls import run


@pytest.fixture
def folder() -> Iterator[RunFolder]:
    made = RunFolder()
    yield made
    made.remove()


def process(folder: RunFolder, number: int) -> tuple[UserMetrics, Registry]:
    registry = Registry()
    registry.move_to(Colleagues(folder.path, number).slots)
    return UserMetrics(registry), registry


def values(folder: RunFolder, name: str) -> dict[tuple[str, ...], float | Buckets]:
    family = next(family for family in families_of(read_all(folder.path)) if family.name == name)
    return {tuple(dict(each.labels).values()): each.value for each in family.samples}


def test_counters_of_all_processes_are_added_up_gauges_as_they_say(folder: RunFolder) -> None:
    for number in range(3):
        view, _ = process(folder, number)
        view.counter("a").add(number + 1)
        view.gauge("b").set(number)
        view.gauge("c", across="max").set(number)
        view.gauge("d", across="min").set(number)
    assert [6.0, 3.0, 2.0, 0.0] == [values(folder, name)[()] for name in "abcd"]


def test_what_ended_processes_counted_stays_and_what_they_were_goes(folder: RunFolder) -> None:
    for number in range(50):
        view, _ = process(folder, number)
        view.counter("a").add()
        view.gauge("b").set(1)
        view.histogram("c", buckets=(1,)).record(2)
        if number < 48:
            fold(folder.path, number)
    assert 50.0 == values(folder, "a")[()]
    assert 2.0 == values(folder, "b")[()]
    found = values(folder, "c")[()]
    assert isinstance(found, Buckets)
    assert ((0, 50), 100.0) == (found.counts, found.total)
    assert {"asked", "lock", "past", "48.slots", "48.series", "49.slots", "49.series"} == {
        path.name for path in folder.path.iterdir()
    }


def test_who_reads_while_processes_end_never_sees_totals_go_back(folder: RunFolder) -> None:
    seen: list[float] = []
    is_over = threading.Event()

    def read() -> None:
        while not is_over.is_set():
            found = values(folder, "a")[()]
            assert isinstance(found, float)
            seen.append(found)

    view, _ = process(folder, 0)
    view.counter("a").add()
    reader = threading.Thread(target=read)
    reader.start()
    for number in range(1, 60):
        view, _ = process(folder, number)
        view.counter("a").add()
        fold(folder.path, number - 1)
    is_over.set()
    reader.join()
    assert sorted(seen) == seen
    assert len(seen) > 5
    assert 60.0 == values(folder, "a")[()]


def test_killed_process_has_counted_up_to_its_last_moment(folder: RunFolder, tmp_path: Path) -> None:
    code = (
        "import os, sys, signal; from pathlib import Path;"
        "from perdure.telemetry.registry import Registry; from perdure.telemetry.run_folder import Colleagues;"
        "from perdure.telemetry.user_metrics import UserMetrics;"
        "registry = Registry(); registry.move_to(Colleagues(Path(sys.argv[1]), 7).slots);"
        "counter = UserMetrics(registry).counter('a', labels=('n',));"
        "[counter.bind(n=str(n % 900)).add() for n in range(9000)]; os.kill(os.getpid(), signal.SIGKILL)"
    )
    ended = subprocess.run([sys.executable, "-c", code, str(folder.path)], check=False)
    assert -9 == ended.returncode
    assert 900 == len(values(folder, "a"))
    with (folder.path / "7.series").open("ab") as lines:
        lines.write(b'12 ["a",["torn')  # as if it had been killed while it wrote this
    assert 900 * [10.0] == list(values(folder, "a").values())
    fold(folder.path, 7)
    assert 900 * [10.0] == list(values(folder, "a").values())


def test_metric_that_newer_code_defines_otherwise_is_as_the_newest_says(folder: RunFolder) -> None:
    old, _ = process(folder, 0)
    old.histogram("a", buckets=(1, 2)).record(1)
    old.counter("b").add()
    new, _ = process(folder, 1)
    new.histogram("a", buckets=(5,)).record(1)
    new.counter("b").add()
    found = values(folder, "a")[()]
    assert isinstance(found, Buckets)
    assert ((5.0,), (1, 0)) == (found.bounds, found.counts)
    assert 2.0 == values(folder, "b")[()]
    fold(folder.path, 0)
    fold(folder.path, 1)
    assert 2.0 == values(folder, "b")[()]


def test_exemplars_of_other_processes_are_told_the_newest_first(folder: RunFolder) -> None:
    for number in range(2):
        _, registry = process(folder, number)
        cell = registry.cell(DURATION, ("h", "v", "GET", "/", "200", "http", ""))
        registry.exemplar(cell, 3, 0.04, f"{number + 10:032x}", 100.0 + number)
    (found,) = values(folder, DURATION.name).values()
    assert isinstance(found, Buckets)
    assert (0.04, f"{11:032x}", 101.0) == found.exemplars[3]
    assert None is found.exemplars[2]


def test_whoever_collects_waits_for_others_to_write_what_they_hold_but_not_for_ever(folder: RunFolder) -> None:
    asking, hanging = Colleagues(folder.path, 0), Colleagues(folder.path, 1)
    hanging.slots.settled_s = 1.0

    async def answered() -> None:
        await asking.collect()

    run(answered(), limit_s=5)
    assert hanging.asked_s > 1.0


def test_folders_of_servers_that_were_killed_are_removed_those_of_others_not(folder: RunFolder) -> None:
    left = folder.path.parent / "perdure-run-left"
    left.mkdir(exist_ok=True)
    (left / "lock").touch()
    held = folder.path.parent / "perdure-run-held"
    held.mkdir(exist_ok=True)
    with (held / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        RunFolder().remove()
        assert not left.exists()
        assert held.exists()
    RunFolder().remove()
    assert not held.exists()
    assert folder.path.exists()


def test_process_that_ended_before_it_counted_leaves_nothing(folder: RunFolder) -> None:
    fold(folder.path, 3)
    with pytest.raises(FileNotFoundError):
        read_sheet(folder.path, 3)
    assert not read_all(folder.path).rows


def test_process_without_room_for_more_goes_on_and_tells_what_it_had(
    folder: RunFolder, caplog: pytest.LogCaptureFixture
) -> None:
    view, registry = process(folder, 0)
    view.counter("a").add()
    _, hard = before = resource.getrlimit(resource.RLIMIT_FSIZE)
    previous = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, ((folder.path / "0.slots").stat().st_size, hard))
    try:
        many = view.histogram("b", labels=("n",))
        for number in range(800):
            many.bind(n=str(number)).record(1)
        view.counter("a").add()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, previous)
    assert 2.0 == values(folder, "a")[()]
    assert 800 == len(next(family for family in registry.families() if family.name == "b").samples)
    assert 0 < len(values(folder, "b")) < 800
    assert 1 == len(caplog.records)


def test_worker_whose_server_was_killed_tells_what_it_counted_itself() -> None:
    folder = RunFolder()
    metrics = AppMetrics()
    metrics.share(folder.path, 0)
    metrics.view.counter("a").add(3)
    folder.remove()
    with pytest.raises(FileNotFoundError):
        read_all(folder.path)
    found = next(family for family in run(metrics.collect()) if family.name == "a")
    assert [3.0] == [sample.value for sample in found.samples]
