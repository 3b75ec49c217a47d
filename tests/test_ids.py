"""Request ids."""

import gc
import itertools
import os
import re
import weakref
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.clock import FakeClock, SystemClock
from perdure.ids import RequestIds, is_well_formed_request_id


def test_new_id_is_26_lower_case_characters_and_well_formed() -> None:
    made = RequestIds(SystemClock()).new()
    assert re.fullmatch(r"[0-9a-v]{26}", made)
    assert is_well_formed_request_id(made)


@given(st.lists(st.floats(min_value=0, max_value=4e9), min_size=2, max_size=50))
def test_ids_are_unique_and_ascend_whatever_the_clock_does(times: list[float]) -> None:
    clock = FakeClock(time=times[0])
    ids = RequestIds(clock)
    made: list[str] = []
    for time in times:
        clock.set_time(time)
        made.extend((ids.new(), ids.new()))
    assert made == sorted(set(made))


def test_ids_of_two_sources_sort_by_time() -> None:
    clock = FakeClock()
    first, second = RequestIds(clock), RequestIds(clock)
    made = []
    for source in (first, second, first, second):
        clock.advance(0.002)
        made.append(source.new())
    assert made == sorted(made)


def test_two_sources_draw_different_process_parts() -> None:
    clock = FakeClock()
    assert RequestIds(clock).new()[-7:] != RequestIds(clock).new()[-7:]


def test_ids_ascend_when_the_counter_starts_over_in_one_millisecond() -> None:
    ids = RequestIds(FakeClock())
    ids._counter = itertools.count((1 << 32) - 2)
    made = [ids.new() for _ in range(5)]
    assert made == sorted(set(made))


def test_id_begins_with_the_milliseconds() -> None:
    made = RequestIds(FakeClock(time=1_767_225_600.5)).new()
    assert int(made[:11], 16) == 1_767_225_600_500


def test_ids_drawn_by_threads_are_unique() -> None:
    ids = RequestIds(SystemClock())
    with ThreadPoolExecutor(8) as pool:
        drawn = list(pool.map(lambda _: [ids.new() for _ in range(2000)], range(8)))
    made = list(itertools.chain.from_iterable(drawn))
    assert len(made) == len(set(made))


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_child_draws_other_ids() -> None:
    ids = RequestIds(FakeClock())
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(write, ids.new().encode())
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(read, 100).decode()
    os.close(read)
    os.close(write)
    ours = ids.new()
    assert ours[:-7] == theirs[:-7], "the test means nothing where clock and counter differ"
    assert ours != theirs


def test_source_is_not_kept_alive_by_the_fork_hook() -> None:
    def drawn(count: int) -> bytes:
        return bytes(count)

    ids = RequestIds(FakeClock(), drawn)
    alive = weakref.ref(drawn)
    del ids, drawn
    gc.collect()
    assert alive() is None


@pytest.mark.parametrize("text", ["a", "A-Z.0_9", "x" * 128])
def test_inbound_id_well_formed_is_accepted(text: str) -> None:
    assert is_well_formed_request_id(text)


@pytest.mark.parametrize("text", ["", "x" * 129, "a b", "a\n", "é", "a/b", "٣", "a\r\nx: y"])
def test_inbound_id_malformed_is_refused(text: str) -> None:
    assert not is_well_formed_request_id(text)
