"""The values that are tried follow from the seed and the types, not from what else the process has loaded or done."""

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from random import Random
from threading import Thread
from typing import Any

import pytest
from hypothesis import find, settings
from hypothesis import strategies as st
from hypothesis.errors import NoSuchExample

from perdure.gtype.nodes import Integer, Ref, String
from perdure.manifest.records import Api, Endpoint
from perdure.timescape.proving.proof import Effort, prove
from perdure.timescape.proving.subject import Subject
from perdure.timescape.revision import Revision
from perdure.timescape.timescape import Timescape
from tests.nodes import obj
from tests.timescape.history import Step, history

Load = Callable[[str], range]

LOW, HIGH = 271_000_000_000_000, 271_999_999_999_999
"""Between them lies nothing that is drawn more often than the rest, but for what a loaded module has."""
DRAWING = settings(database=None, max_examples=1000)


def api(name: str) -> Api:
    thing = obj(**{name: String()}, count=Integer(ge=LOW, le=HIGH))
    endpoint = Endpoint(handler="add", body=Ref(name="Thing"), response=Ref(name="Thing"))
    return Api(types={"Thing": thing}, endpoints={"POST /things": endpoint})


def tried(seed: int = 0) -> list[object]:
    """Return all values that a function for requests gets while it is proved right."""
    got: list[object] = []

    def renamed(thing: dict[str, Any]) -> dict[str, Any]:
        got.append((thing["old"], thing["count"]))
        return {"new": thing["old"], "count": thing["count"]}

    def named_back(thing: dict[str, Any]) -> dict[str, Any]:
        return {"old": thing["new"], "count": thing["count"]}

    def write(revision: Revision) -> None:
        revision.request("Thing")(renamed)
        revision.response("Thing")(named_back)

    revisions = history(Step(api("old")), Step(api("new"), write))
    report = prove(Subject(timescape=Timescape(revisions)), Effort(examples=100, seed=seed))
    assert report.ok, report
    return got


def drawn_by_others(wanted: range) -> bool:
    """Tell whether a test of anybody else draws one of *wanted*."""
    try:
        find(st.integers(LOW, HIGH), wanted.__contains__, settings=DRAWING, random=Random(0))
    except NoSuchExample:
        return False
    return True


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Import a module with a few constants of its own, which lies where no package is installed, and return these."""

    def run(name: str) -> range:
        constants = range(LOW + int.from_bytes(name.encode(), "big") % 98_765_432_109, HIGH, 98_765_432_109)
        # Hypothesis looks for new modules when their number is another than the last time it looked.
        assert not drawn_by_others(constants)
        file = tmp_path / f"{name}.py"
        file.write_text(f"NUMBERS = {[*constants]}")
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        monkeypatch.setitem(sys.modules, name, module)
        spec.loader.exec_module(module)
        return constants

    return run


def test_values_when_more_code_was_loaded_meanwhile_are_the_same(load: Load) -> None:
    before = tried()
    load("catalogue")
    assert before == tried()


def test_values_when_other_tests_have_drawn_from_loaded_code_are_the_same(load: Load) -> None:
    before = tried()
    assert drawn_by_others(load("inventory"))
    assert before == tried()


def test_values_when_proved_in_threads_at_the_same_time_are_the_same() -> None:
    before, found = tried(), list[list[object]]()
    threads = [Thread(target=lambda: found.append(tried())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [before] * 3 == found


def test_values_when_the_seed_is_another_are_others() -> None:
    assert tried(seed=1) != tried(seed=2)


def test_other_tests_after_a_proof_draw_from_loaded_code_as_ever(load: Load) -> None:
    constants = load("vocabulary")
    tried()
    assert drawn_by_others(constants)
