"""What the generator writes: every file is loaded, formatted, typed, and run on values of the types it is for."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.errors import TransformerMissingError, UntranslatableRequestError, UntranslatableResponseError
from perdure.gtype.generate import values
from perdure.gtype.nodes import Array, GType, Integer, Node, Record, Tuple
from perdure.gtype.traversal import reachable
from perdure.gtype.validator import compile_validator
from perdure.manifest.records import Api
from perdure.timescape.parts import RequestParts, ResponseParts
from tests.nodes import f
from tests.timescape.authoring.changes import CHANGES, Change, thing
from tests.timescape.authoring.recorded import Recorded, record_change

KEYS = ("POST /things", "PUT /things")
quick = settings(
    max_examples=8, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Recorded]:
    """The revisions of a change, written once."""
    known: dict[str, Recorded] = {}

    def write(name: str) -> Recorded:
        if name not in known:
            change = CHANGES[name]
            known[name] = record_change(tmp_path_factory.mktemp("revisions"), *change.apis, change.renames)
        return known[name]

    return write


@pytest.mark.parametrize("name", CHANGES)
def test_holes_are_where_a_person_must_decide_and_nowhere_else(name: str, generated: Callable[[str], Recorded]) -> None:
    expected = CHANGES[name].holes
    assert expected is None or expected == len(generated(name).written.holes), generated(name).text


@pytest.mark.parametrize("name", CHANGES)
def test_file_when_run_on_generated_values_makes_valid_ones_or_says_that_something_is_open(
    name: str, generated: Callable[[str], Recorded]
) -> None:
    recorded = generated(name)
    old, new = CHANGES[name].apis
    for key in KEYS:
        carry_many(recorded, key, old, new)


def carry_many(recorded: Recorded, key: str, old: Api, new: Api) -> None:
    chain = recorded.chain(key)
    is_open = bool(recorded.written.holes)

    @quick
    @given(st.data())
    def check(data: st.DataObject) -> None:
        request = RequestParts(body=drawn(data, old, old.endpoints[key].body))
        answer = ResponseParts(body=drawn(data, new, new.endpoints[key].response))
        if attempt(lambda: None if chain is None else chain.request(request), is_open=is_open):
            assert faults(new, new.endpoints[key].body, request.body) == ()
        if attempt(lambda: None if chain is None else chain.response(answer), is_open=is_open):
            assert faults(old, old.endpoints[key].response, answer.body) == ()

    check()


def attempt(carry: Callable[[], None], *, is_open: bool) -> bool:
    """Tell whether *carry* went through; where it did not, it must have been for a hole."""
    try:
        carry()
    except (UntranslatableRequestError, UntranslatableResponseError) as error:
        cause = error.__cause__
        if is_open and isinstance(cause, TransformerMissingError):
            return False
        raise
    return True


def drawn(data: st.DataObject, api: Api, node: Node | None) -> Any:
    assert node is not None
    return json.loads(json.dumps(data.draw(values(GType(node, reachable(node, api.types))))))


def faults(api: Api, node: Node | None, value: object) -> tuple[object, ...]:
    assert node is not None
    return compile_validator(GType(node, reachable(node, api.types))).faults(value)


@pytest.mark.parametrize(
    ("name", "older", "newer"),
    [
        ("member renamed", {"a": "x", "b": 1}, {"c": "x", "b": 1}),
        ("members swapped", {"a": "x", "b": "y"}, {"b": "x", "a": "y"}),
        ("names passed on", {"a": "x", "b": 1}, {"b": "x", "c": 1}),
        ("names passed on", {"a": "x"}, {"b": "x"}),
        ("integer to text", {"a": 7}, {"a": "7"}),
        ("integer to text", {"a": 62.0}, {"a": "62"}),
        ("integer to text", {"a": -1125899906842625}, {"a": "-1125899906842625"}),
        ("integer to text", {"a": 10**40}, {"a": "1" + "0" * 40}),
        ("number to text", {"a": 1e20}, {"a": "1e+20"}),
        ("number to text", {"a": 2.5e-7}, {"a": "2.5e-07"}),
        ("nullable number to integer", {"a": None}, {"a": None}),
        ("nullable number to integer", {"a": 7.0}, {"a": 7}),
        ("number to decimal", {"a": 7.5}, {"a": 7.5}),
        ("value to list", {"a": "x"}, {"a": ["x"]}),
        ("nullable to list", {"a": None}, {"a": []}),
        ("nullable to list", {"a": "x"}, {"a": ["x"]}),
        ("list of lists", {"a": [[1], [2, 3]]}, {"a": [["1"], ["2", "3"]]}),
        ("map of other values", {"a": {"k": 1}}, {"a": {"k": "1"}}),
        ("value to object", {"a": 1}, {"a": {"value": 1}}),
        ("value to object with a default beside it", {"a": 1}, {"a": {"value": 1}}),
        ("object to list of what changed, too", {"a": {"sku": "x"}}, {"a": [{"sku": ["x"]}]}),
        ("list to object around it", {"a": ["x", "y"]}, {"a": {"items": ["x", "y"]}}),
        ("object to list", {"a": {"w": 1, "h": 2}}, {"a": [{"w": 1, "h": 2}]}),
        ("enumeration renamed by hint", "b", "c"),
        ("enumeration with new values", "a", "x"),
        ("nested type renamed and changed", {"a": {"k": {"x": 1, "y": ""}}}, {"a": {"k": {"z": 1, "y": ""}}}),
        ("recursive", {"a": "x", "below": [{"a": "y", "below": []}]}, {"b": "x", "below": [{"b": "y", "below": []}]}),
    ],
)
def test_value_when_carried_forward_and_back_means_the_same(
    name: str, older: object, newer: object, generated: Callable[[str], Recorded]
) -> None:
    chain = generated(name).chain("POST /things")
    assert chain is not None or older == newer
    request = RequestParts(body=json.loads(json.dumps(older)))
    answer = ResponseParts(body=json.loads(json.dumps(newer)))
    if chain is not None:
        chain.request(request)
        chain.response(answer)
    assert (newer, older) == (request.body, answer.body)


def test_docstring_names_the_member_whose_items_changed_and_tells_both_types_apart(tmp_path: Path) -> None:
    several, pair, named = Array(items=Integer()), Tuple(items=(Integer(), Integer())), Record(values=Integer())
    old = Change(thing(f("a", Record(values=several)), f("b", several)), {}).apis[0]
    new = Change(thing(f("a", Record(values=pair)), f("b", named)), {}).apis[0]
    text = record_change(tmp_path, old, new).text
    assert "- Thing.a.*: the type was array and is now array of exactly 2 items.\n" in text
    assert "- Thing.b: the type was array and is now object.\n" in text


def test_object_that_says_more_than_the_value_it_was_is_left_to_a_person(generated: Callable[[str], Recorded]) -> None:
    chain = generated("value to object with a default beside it").chain("POST /things")
    assert chain is not None
    usual = ResponseParts(body={"a": {"value": 1, "unit": "m"}})
    chain.response(usual)
    assert {"a": 1} == usual.body
    with pytest.raises(UntranslatableResponseError) as raised:
        chain.response(ResponseParts(body={"a": {"value": 1, "unit": "ft"}}))
    assert "where unit is not 'm'" in str(raised.value.__cause__)


def test_default_when_it_changed_is_said_for_who_meant_the_old_one(generated: Callable[[str], Recorded]) -> None:
    chain = generated("default changed").chain("POST /things")
    assert chain is not None
    request, answer = RequestParts(body={}), ResponseParts(body={})
    chain.request(request)
    chain.response(answer)
    assert ({"a": 3}, {"a": 4}) == (request.body, answer.body)


def test_change_when_compatible_in_both_directions_writes_no_transformer(generated: Callable[[str], Recorded]) -> None:
    for name in ("optional added", "optional removed", "number to decimal"):
        written = generated(name).written
        assert (0 if name != "number to decimal" else 1) == written.functions, name


@pytest.fixture(scope="module")
def folder(generated: Callable[[str], Recorded], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All generated files, under names that can be imported."""
    place = tmp_path_factory.mktemp("all")
    for number, name in enumerate(CHANGES):
        (place / f"r{number}.py").write_text(generated(name).text, "utf-8")
    return place


def test_files_are_typed_strictly(folder: Path) -> None:
    command = [sys.executable, "-m", "mypy", "--strict", "--config-file=", f"--cache-dir={folder}/.cache", str(folder)]
    found = subprocess.run(command, capture_output=True, text=True, check=False, cwd=folder)
    assert found.returncode == 0, found.stdout + found.stderr


@pytest.mark.parametrize(
    "arguments",
    [["format", "--diff"],
     ["check", "--select=E4,E7,E9,F,I", "--config=lint.isort.known-third-party=['perdure']"]],
)  # fmt: skip
def test_files_are_formatted_and_clean_by_the_defaults_of_ruff(folder: Path, arguments: list[str]) -> None:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or shutil.which("ruff")
    if ruff is None:
        pytest.skip("ruff is not installed")
    found = subprocess.run([ruff, *arguments, "--isolated", str(folder)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


def test_decimal_that_no_float_holds_is_left_to_a_person(generated: Callable[[str], Recorded]) -> None:
    chain = generated("number to decimal").chain("POST /things")
    assert chain is not None
    small = ResponseParts(body={"a": "7.5"})
    chain.response(small)
    assert small.body == {"a": 7.5}
    for text in ("1E400", "-1E400"):
        with pytest.raises(UntranslatableResponseError) as caught:
            chain.response(ResponseParts(body={"a": text}))
        assert isinstance(caught.value.__cause__, TransformerMissingError)


def test_instant_that_became_a_day_is_left_to_a_person_both_ways(generated: Callable[[str], Recorded]) -> None:
    recorded = generated("day to moment")
    assert ["a: instant, from date", "a: date, from instant"] == [hole.what for hole in recorded.written.holes]
