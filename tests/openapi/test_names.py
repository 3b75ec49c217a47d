from hypothesis import given
from hypothesis import strategies as st

from perdure.openapi.names import component_names


def test_plain_names_stay_and_others_are_spelt_with_hyphens() -> None:
    names = ("Order", "shop.models.Order", "Page[Order]", "dict[str, Money | None]", "Größe", "[]", "a-b")
    assert {
        "Order": "Order", "shop.models.Order": "shop.models.Order", "Page[Order]": "Page-Order",
        "dict[str, Money | None]": "dict-str-Money-None", "Größe": "Gr-e", "[]": "Type", "a-b": "a-b",
    } == component_names(names)  # fmt: skip


def test_those_that_would_share_a_name_are_told_apart_and_plain_ones_keep_theirs() -> None:
    names = component_names(["A[B[C]]", "A[B, C]", "A-B-C"])
    assert "A-B-C" == names["A-B-C"]
    assert {"A-B-C-1335c7cb", "A-B-C-8734ab82"} == {names["A[B[C]]"], names["A[B, C]"]}


@given(names=st.lists(st.text(st.sampled_from("ab[], |-._é"), min_size=1, max_size=6), unique=True, max_size=20))
def test_names_are_different_allowed_and_do_not_hang_on_the_order(names: list[str]) -> None:
    found = component_names(names)
    assert names == list(dict.fromkeys(name for name in names if name in found))
    assert len(set(found.values())) == len(names)
    assert all(set(name) <= set("ab-._Type0123456789cdef") for name in found.values())
    assert found == component_names(reversed(names))


@given(names=st.sets(st.from_regex(r"[A-Z][a-z]?(\[[A-C](, [A-C])?\])?", fullmatch=True), max_size=8), other=st.text())
def test_another_type_changes_no_name_unless_it_would_share_one(names: set[str], other: str) -> None:
    before, after = component_names(names), component_names({*names, other})
    changed = {name for name in names if before[name] != after[name]}
    assert all(before[name] == before.get(other, after[other].rpartition("-")[0]) for name in changed)
