"""What one value is of another: the same, what is left of it, or something else."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.timescape.proving.cutting import compare

TEXTS = (
    st.text(max_size=8) | st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.sampled_from(["1e999", "-0"])
)
SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS
DATA = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner))


@pytest.mark.parametrize(
    ("given_value", "came", "likeness"),
    [
        ("Ann Berg", "ann  berg!", "same"), ("Ann Berg", "Ann", "cut"), ("Ann Berg", "Berg", "cut"),
        ("Ann van Berg", "Ann Berg", "cut"), ("Ann", "Anna", "other"), ("Ann", "", "nothing"), ("", "a", "other"),
        ("007", "7", "cut"), ("12.50", "12.5", "same"), ("12.55", "12.5", "cut"), ("12.55", "12.6", "cut"),
        (1.25, 1.2, "cut"), (1.25, 1, "cut"), (1.25, 2, "cut"), (1.25, 3, "other"), (2, 2.0, "same"),
        (2**53 + 1, 2**53, "cut"), (100, 1, "other"),
        ("12.34", 12.34, "same"), ("12.34", 12, "cut"), (1, True, "other"),
        ("123456789012345678.123456789", "1.2345678901234568e+17", "cut"), ("x", 1, "other"), (None, "x", "nothing"),
        ([1, 2, 3], [1, 2], "cut"), ([1, 2, 3], [1, 3], "cut"), ([1, 2], [2, 1], "moved"), ([1, 1], [1], "same"),
        ([1.25, 2.5], [1, 2], "cut"), ([1, 2], [1, 2, 3], "other"), ([1], [], "cut"), ([], [], "nothing"),
        ({"a": 1, "b": 2}, {"a": 1}, "cut"), ({"a": 1}, {"b": 1}, "other"), ({"a": 1}, {"a": 2}, "other"),
    ],
)  # fmt: skip
def test_likeness_of_two_values(given_value: Any, came: Any, likeness: str) -> None:
    assert likeness == compare(given_value, came).likeness


def test_items_with_functions_of_their_own_are_only_counted() -> None:
    assert "cut" == compare([{"a": 1}, {"a": 2}], [{"b": 1}], is_converted=True).likeness
    assert "same" == compare([{"a": 1}], [{"b": 1}], is_converted=True).likeness


@given(DATA)
def test_value_is_never_a_part_of_itself(value: Any) -> None:
    assert compare(value, value).likeness in {"same", "nothing"}


@given(DATA, DATA)
def test_any_two_values_can_be_compared(one: Any, other: Any) -> None:
    found = compare(one, other)
    assert bool(found.missing) <= (found.likeness == "cut")
