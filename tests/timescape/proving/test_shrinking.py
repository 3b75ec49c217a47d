"""A value that shows a failure is cut down to what shows it, whatever else was in it."""

from perdure.timescape.proving.plain import fresh
from perdure.timescape.proving.shrinking import shrink

LARGE = {
    "id": -1125899906842625,
    "items": [[], [1, 2], []],
    "by_place": {"a": {"x": "a"}, "b": {"x": "b"}},
    "tree": {"name": "2024-01-05", "below": [{"name": "a"}] * 12, "item": {"sku": "a; b", "tags": ["0042", "x1"]}},
    "made": "2024-02-29",
}


def test_value_of_which_most_must_stay_is_still_cut_where_it_can_be() -> None:
    def fails(value: object) -> bool:
        match value:
            case {
                "id": int(number),
                "items": list(),
                "by_place": dict(),
                "tree": {"name": str()},
                "made": "2024-02-29",
            }:
                return abs(number) > 10**15
            case _:
                return False

    expected = {"id": LARGE["id"], "items": [], "by_place": {}, "tree": {"name": ""}, "made": "2024-02-29"}
    assert expected == shrink(fresh(LARGE), fails)


def test_parts_that_can_only_go_one_after_the_other_all_go() -> None:
    def fails(value: object) -> bool:
        return isinstance(value, dict) and ("b" in value or "a" not in value) and "c" in value

    assert {"c": 0} == shrink({"a": 1, "b": 2, "c": 3}, fails)


def test_value_that_always_fails_becomes_the_plainest() -> None:
    assert shrink(fresh(LARGE), lambda _: True) in (0, 1, "", [], {})


def test_search_ends_where_nothing_smaller_fails() -> None:
    tried: list[object] = []

    def fails(value: object) -> bool:
        tried.append(value)
        return False

    assert LARGE == shrink(fresh(LARGE), fails)
    assert 0 < len(tried) < 1000
