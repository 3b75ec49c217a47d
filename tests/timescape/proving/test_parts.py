"""The parts `prove` is made of, each by itself: corners, shrinking, plain data."""

from collections.abc import Iterable
from decimal import Decimal

import pytest

from perdure.gtype.nodes import (
    Array,
    Enum,
    GType,
    Integer,
    Literal,
    Node,
    Null,
    Number,
    Record,
    Ref,
    String,
    Tuple,
    Union,
)
from perdure.gtype.validator import compile_validator
from perdure.timescape.proving.corners import corners
from perdure.timescape.proving.plain import brief, difference, equal, is_tidy, oddities
from perdure.timescape.proving.shrinking import shrink
from tests.nodes import obj


def nothing(_: GType) -> Iterable[object]:
    return ()


def corners_of(node: Node, **definitions: Node) -> list[object]:
    return list(corners(GType(node, definitions), nothing))


COLOURS = Enum(members=tuple((name, name) for name in ("red", "green", "blue", "grey", "gold")))


def test_corners_have_every_member_of_an_enum_however_deep_it_lies() -> None:
    deep = obj(a=Record(values=Array(items=Tuple(items=(COLOURS, COLOURS)))))
    text = repr(corners_of(deep))
    assert all(f"'{name}'" in text for name in ("red", "green", "blue", "grey", "gold"))


def test_corners_leave_out_each_optional_member_and_all_of_them() -> None:
    node = obj(a=COLOURS, b_=COLOURS, c_=COLOURS)
    found = [frozenset(value) for value in corners_of(node) if isinstance(value, dict)]
    assert {frozenset("abc"), frozenset("ab"), frozenset("ac"), frozenset("a")} <= set(found)


def test_corners_reach_bounds_lengths_and_every_branch_of_a_union() -> None:
    assert {3, 17} <= {value for value in corners_of(Integer(ge=3, le=17)) if isinstance(value, int)}
    lengths = {len(value) for value in corners_of(String(min_length=2, max_length=9)) if isinstance(value, str)}
    assert {2, 9} <= lengths
    union = Union(members=(Null(), Literal(values=(1,)), Array(items=COLOURS, min_items=2)))
    assert {type(None), int, list} == {type(value) for value in corners_of(union)}
    assert any(repr(value) == "-0.0" for value in corners_of(Number()))


@pytest.mark.parametrize(
    "node",
    [
        Array(items=COLOURS, min_items=3, max_items=3, unique=True), Array(items=Integer(), max_items=0),
        Record(values=Integer(), keys=COLOURS, min_size=2, max_size=3), Number(ge=0.5, lt=0.75), Integer(multiple_of=7),
    ],
)  # fmt: skip
def test_corners_are_valid_and_there_are_some(node: Node) -> None:
    judge = compile_validator(GType(node))
    found = corners_of(node)
    assert found
    assert all(map(judge.is_valid, found))


def test_corners_of_recursive_types_end_and_stay_small() -> None:
    wide = Array(items=Ref(name="Node"))
    node = obj(a=wide, b=wide, c=Ref(name="Leaf"))
    found = corners_of(Ref(name="Node"), Node=node, Leaf=COLOURS)
    assert any(isinstance(value, dict) and value["a"] and value["b"] for value in found)
    assert max(len(repr(value)) for value in found) < 20_000
    endless = obj(a=Ref(name="Node"))
    assert [] == corners_of(Ref(name="Node"), Node=endless)


def test_shrinking_leaves_only_what_fails() -> None:
    value = {"a": [1, 2, {"b": "xyz!", "c": None}], "d": "long text", "e": 12}

    def fails(each: object) -> bool:
        return isinstance(each, dict) and isinstance(each.get("a"), list) and "!" in repr(each)

    assert {"a": [{"b": "!"}]} == shrink(value, lambda each: fails(each) and "'b'" in repr(each))
    assert value == shrink(value, lambda _: False)


@pytest.mark.parametrize(
    ("one", "other", "is_same"),
    [
        (1, 1.0, True), (1, True, False), (0, False, False), ([1, {"a": 2}], [1.0, {"a": 2}], True), ([], {}, False),
        ({"a": 1, "b": 2}, {"b": 2, "a": 1}, True), ([1], [1, 2], False), (None, 0, False), ("1", 1, False),
    ],
)  # fmt: skip
def test_values_are_equal_if_they_are_in_json(one: object, other: object, is_same: bool) -> None:
    assert is_same == equal(one, other)
    assert is_same == (difference([one], [other]) == ())


def test_what_is_no_json_is_told_with_its_place() -> None:
    value = {"a/b": [1, (2,)], "c": {3: 4}, "d": Decimal(1), "e": float("nan"), "f": [{"g": {1}}]}
    assert ["/a~1b/1", "/c", "/d", "/e", "/f/0/g"] == [pointer for pointer, _ in oddities(value)]
    assert [] == list(oddities({"a": [1, 2.5, None, True, "x", 2**70]}))


def test_text_is_tidy_without_stray_white_space_and_brief_when_shown() -> None:
    assert is_tidy({"a": ["x y", 1, None]})
    assert not is_tidy({"a": ["x  y"]})
    assert not is_tidy([" x"])
    assert "\\u202e" in brief("\u202e")
    assert 20 == len(brief("x" * 100, 20))
