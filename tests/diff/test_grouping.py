"""Findings of one edit stand together, whatever the endpoints; those of two edits do not."""

from perdure.diff.findings import Finding
from perdure.diff.grouping import group


def found(pointer: str, path: str = "/a", **more: str) -> Finding:
    told = {"rule": "request-minimum-raised", "message": "the minimum was 1 and is now 2", "type": "Line", **more}
    return Finding(
        rule=told["rule"], level="breaking", pointer=pointer, message=told["message"], direction="request",
        method="GET", path=path, type=told["type"],
    )  # fmt: skip


def test_group_gathers_what_is_said_of_one_type_at_several_endpoints() -> None:
    groups = group([found("/body/price", "/a"), found("/body/*/total", "/b"), found("/query/price", "/a")])
    assert [("GET /a", "GET /b")] == [each.endpoints for each in groups]
    assert ("/body/price", "/query/price", "/body/*/total") == groups[0].pointers


def test_group_when_one_message_is_told_of_two_members_keeps_them_apart() -> None:
    both = [found("/body/first"), found("/body/last"), found("/body/x/first", "/b"), found("/body/x/last", "/b")]
    assert [("/body/first", "/body/x/first"), ("/body/last", "/body/x/last")] == [each.pointers for each in group(both)]


def test_group_when_two_answers_carry_a_type_makes_one_of_them() -> None:
    answers = [found("/body/title"), found("/responses/404/body/title"), found("/responses/409/body/title")]
    assert 1 == len(group(answers))


def test_group_without_a_type_goes_by_the_pointer() -> None:
    assert 2 == len(group([found("/query/a", type=""), found("/query/b", "/b", type="")]))
    assert 1 == len(group([found("/query/a", type=""), found("/query/a", "/b", type="")]))


def test_group_leaves_out_how_many_other_places_there_are() -> None:
    many = found("/body/*/price", "/b", message="the minimum was 1 and is now 2 (and at 3 other places)")
    once = found("/body/*/price", "/c", message="the minimum was 1 and is now 2 (and at 1 other place)")
    assert ["the minimum was 1 and is now 2"] == [each.message for each in group([many, once, found("/body/price")])]


def test_group_puts_the_grave_ones_first() -> None:
    harmless = Finding(rule="endpoint-added", level="compatible", pointer="", message="new", direction="endpoint")
    assert ["breaking", "compatible"] == [each.level for each in group([harmless, found("/body")])]
