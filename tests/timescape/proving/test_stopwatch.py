"""What does not end is cut off, and nothing else, wherever the signal comes."""

import gc
import inspect
import signal
import sys
import time
import weakref
from collections.abc import Callable, Iterator
from contextlib import suppress
from types import FrameType
from typing import Any

import pytest

from perdure.timescape.proving.stopwatch import Stopwatch, TimeUp

LIMIT_S = 0.05
OWN = ("__enter__", "run", "__exit__")


def endless(*_: object) -> object:
    while True:
        pass


class Endless:
    """Has a finalizer that does not end."""

    def __del__(self) -> None:
        endless()


class Broken:
    """Has a finalizer that fails."""

    def __del__(self) -> None:
        raise ValueError("broken")


def finalized(_: object) -> object:
    Endless()
    return endless()


def watched(_: object) -> object:
    thing = type("Thing", (), {})()
    kept = weakref.ref(thing, endless)
    del thing
    return endless(kept)


def collected(_: object) -> object:
    gc.callbacks.append(endless)
    try:
        gc.collect()
    finally:
        gc.callbacks.remove(endless)
    return endless()


def stubborn(_: object) -> object:
    for _ in range(3):
        with suppress(BaseException):
            endless()
    return endless()


@pytest.fixture
def lost(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The types of exceptions that were told to be lost."""
    found: list[object] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda unraisable: found.append(unraisable.exc_type))
    return found


@pytest.fixture
def alarms() -> Iterator[list[int]]:
    """The alarm signals that somebody else has got."""
    found: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, _: found.append(number))
    yield found
    signal.signal(signal.SIGALRM, before)


def test_call_that_ends_in_time_is_not_cut_off() -> None:
    with Stopwatch(60) as stopwatch:
        assert 2 == stopwatch.run(lambda value: value + 1, 1)


@pytest.mark.parametrize(
    "function", [endless, lambda _: time.sleep(600), finalized, watched, collected, stubborn],
    ids=["works", "sleeps", "in a finalizer", "in a weak reference", "in a collection", "catches all"],
)  # fmt: skip
def test_call_when_it_does_not_end_is_cut_off_and_nothing_is_told_lost(
    function: Callable[[object], object], lost: list[object]
) -> None:
    told = sys.unraisablehook
    with Stopwatch(LIMIT_S) as stopwatch:
        for _ in range(2):
            with pytest.raises(TimeUp):
                stopwatch.run(function, None)
    assert [] == lost
    assert told is sys.unraisablehook


def test_other_exceptions_that_are_lost_are_told_as_ever(lost: list[object]) -> None:
    with Stopwatch(60) as stopwatch:
        stopwatch.run(lambda _: Broken(), None)
    assert [ValueError] == lost


def test_telling_as_another_does_it_meanwhile_stays(lost: list[object]) -> None:
    with Stopwatch(60):
        before = sys.unraisablehook
        sys.unraisablehook = later = lambda unraisable: before(unraisable)
    assert later is sys.unraisablehook
    Broken()
    assert [ValueError] == lost


def test_telling_a_lost_exception_is_not_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []

    def tell(unraisable: "sys.UnraisableHookArgs") -> None:
        end = time.monotonic() + 10 * LIMIT_S
        while time.monotonic() < end:
            signal.raise_signal(signal.SIGALRM)
        told.append(unraisable.exc_type)

    def work(_: object) -> object:
        Broken()
        return endless()

    monkeypatch.setattr(sys, "unraisablehook", tell)
    with Stopwatch(LIMIT_S) as stopwatch, pytest.raises(TimeUp):
        stopwatch.run(work, None)
    assert [ValueError] == told


def test_signal_when_no_call_is_going_on_is_without_effect(alarms: list[int]) -> None:
    with Stopwatch(LIMIT_S) as stopwatch:
        with pytest.raises(TimeUp):
            stopwatch.run(endless, None)
        signal.raise_signal(signal.SIGALRM)
    assert [] == alarms
    signal.raise_signal(signal.SIGALRM)
    assert [signal.SIGALRM] == alarms


def test_signal_at_any_line_of_the_stopwatch_itself_raises_nothing(alarms: list[int]) -> None:
    file, sent, escaped = inspect.getsourcefile(Stopwatch), set[str](), list[int]()

    def trace(frame: FrameType, event: str, _: object) -> Any:
        if frame.f_code.co_filename != file or frame.f_code.co_name not in OWN:
            return None
        sent.add(frame.f_code.co_name)
        try:
            signal.raise_signal(signal.SIGALRM)
        except TimeUp:
            escaped.append(frame.f_lineno)
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        with Stopwatch(1e-6) as stopwatch, suppress(TimeUp):
            stopwatch.run(endless, None)
    finally:
        sys.settrace(before)
    assert set(OWN) == sent
    assert [] == escaped
    assert alarms
