"""What is found between two types: one finding for each edit, at its place, with its level."""

import enum
import time
from typing import Any

import pytest
from msgspec import Struct

from perdure.diff.findings import Finding, Level
from perdure.diff.rules import Flow
from perdure.diff.types import TypeComparison, diff_types
from perdure.gtype import gtype_of
from perdure.gtype import nodes as n
from perdure.gtype.nodes import Field, GType, Node, Ref

A, TEXT, WHOLE, NULL = Ref(name="A"), n.String(), n.Integer(), n.Null()


def struct(**members: Any) -> n.Object:
    """An open object; a member in a list may be left out."""
    fields = [
        Field(name=name, node=node[0] if isinstance(node, list) else node, required=not isinstance(node, list))
        for name, node in members.items()
    ]
    return n.Object(fields=tuple(fields))


def union(*members: Node) -> n.Union:
    return n.Union(members=members)


def told(findings: tuple[Finding, ...]) -> list[tuple[str, Level, str]]:
    return [(finding.rule, finding.level, finding.pointer) for finding in findings]


def both(old: GType | Node, new: GType | Node) -> list[tuple[str, Level, str]]:
    """What is told about requests, then about responses."""
    before, after = (given if isinstance(given, GType) else GType(given) for given in (old, new))
    return told(diff_types(before, after, "request")) + told(diff_types(before, after, "response"))


def levels(old: Node, new: Node) -> tuple[list[Level], list[Level]]:
    """The levels of what is told about requests, and about responses."""
    ways: tuple[Flow, Flow] = ("request", "response")
    first, second = ([each.level for each in diff_types(GType(old), GType(new), way)] for way in ways)
    return first, second


def test_optional_member_added_to_an_open_object_breaks_nobody() -> None:
    assert both(struct(a=WHOLE), struct(a=WHOLE, b=[TEXT])) == [
        ("request-optional-property-added", "compatible", "/b"),
        ("response-optional-property-added", "compatible", "/b"),
    ]


def test_required_member_added_breaks_requests_alone() -> None:
    assert both(struct(a=WHOLE), struct(a=WHOLE, b=TEXT)) == [
        ("request-required-property-added", "breaking", "/b"),
        ("response-required-property-added", "compatible", "/b"),
    ]


def test_member_added_to_a_response_breaks_strict_clients() -> None:
    old, new = GType(struct(a=WHOLE)), GType(struct(a=WHOLE, b=[TEXT]))
    assert told(diff_types(old, new, "response", profile="strict")) == [
        ("response-optional-property-added", "breaking", "/b")
    ]
    assert told(diff_types(old, new, "request", profile="strict")) == [
        ("request-optional-property-added", "compatible", "/b")
    ]


def test_strict_clients_read_an_intersection_of_objects_as_one() -> None:
    def order(**members: Any) -> GType:
        base: dict[str, Node] = {"Base": struct(id=WHOLE, parent=[Ref(name="Base")])}
        return GType(n.Intersection(members=(Ref(name="Base"), struct(**members))), base)

    old, new, other = order(a=WHOLE), order(a=WHOLE, b=[TEXT]), order(a=n.Number())
    assert told(diff_types(old, new, "response", profile="strict")) == [
        ("response-optional-property-added", "breaking", "/b")
    ]
    assert told(diff_types(new, old, "response", profile="strict")) == [
        ("response-optional-property-removed", "risky", "/b")
    ]
    assert told(diff_types(old, other, "response", profile="strict")) == [("response-type-widened", "breaking", "/a")]
    assert told(diff_types(old, new, "response")) == [("response-optional-property-added", "compatible", "/b")]


def test_strict_clients_refuse_an_object_that_was_opened() -> None:
    old, new = GType(n.Object(fields=struct(a=WHOLE).fields, closed=True)), GType(struct(a=WHOLE))
    assert told(diff_types(old, new, "response", profile="strict")) == [("response-object-opened", "breaking", "")]


def test_member_removed_is_breaking_where_it_was_promised_and_risky_elsewhere() -> None:
    assert both(struct(a=WHOLE, b=TEXT, c=[TEXT]), struct(a=WHOLE)) == [
        ("request-required-property-removed", "risky", "/b"),
        ("request-optional-property-removed", "risky", "/c"),
        ("response-required-property-removed", "breaking", "/b"),
        ("response-optional-property-removed", "risky", "/c"),
    ]


def test_member_removed_from_a_closed_object_breaks_requests() -> None:
    old = n.Object(fields=struct(a=WHOLE, b=[TEXT]).fields, closed=True)
    new = n.Object(fields=struct(a=WHOLE).fields, closed=True)
    assert both(old, new)[0] == ("request-optional-property-removed", "breaking", "/b")
    assert both(new, old)[1] == ("response-optional-property-added", "breaking", "/b")


def test_wrapping_in_a_union_with_null_is_one_finding() -> None:
    assert both(struct(a=TEXT), struct(a=union(TEXT, NULL))) == [
        ("request-became-nullable", "compatible", "/a"),
        ("response-became-nullable", "breaking", "/a"),
    ]


def test_becoming_nullable_and_wider_at_once_is_two_findings() -> None:
    assert both(n.String(max_length=3), union(TEXT, NULL))[:2] == [
        ("request-became-nullable", "compatible", ""),
        ("request-max-length-dropped", "compatible", ""),
    ]


def test_hinted_rename_is_one_finding_and_then_what_changed_in_it() -> None:
    old, new = struct(items=n.Array(items=WHOLE)), struct(lines=n.Array(items=n.Number()))
    before, after = (GType(Ref(name="Order"), {"Order": node}) for node in (old, new))
    found = diff_types(before, after, "request", renames={("Order", "items"): "lines"})
    assert told(found) == [
        ("request-property-renamed", "breaking", "/items"),
        ("request-type-widened", "compatible", "/lines/*"),
    ]
    assert found[0].message == 'the property "items" is now called "lines"'
    assert {each.type for each in found} == {"Order"}


def test_rename_without_a_hint_is_a_member_removed_and_one_added() -> None:
    found = diff_types(GType(struct(items=WHOLE)), GType(struct(lines=WHOLE)), "request")
    assert [each.rule for each in found] == ["request-required-property-removed", "request-required-property-added"]


def test_rename_by_pointer_where_the_object_has_no_name() -> None:
    old, new = (GType(n.Array(items=struct(**{name: WHOLE}))) for name in ("a", "b"))
    found = diff_types(old, new, "response", renames={("/*", "a"): "b"})
    assert told(found) == [("response-property-renamed", "breaking", "/*/a")]


def test_rename_of_an_optional_member_stays_breaking() -> None:
    found = diff_types(GType(struct(a=[WHOLE])), GType(struct(b=[WHOLE])), "request", renames={("", "a"): "b"})
    assert told(found) == [("request-property-renamed", "breaking", "/a")]


def test_edit_in_a_named_type_is_told_once_with_the_number_of_places() -> None:
    root = struct(one=A, many=n.Array(items=A), by_key=n.Record(values=A))
    old, new = GType(root, {"A": struct(v=WHOLE)}), GType(root, {"A": struct(v=TEXT)})
    (found,) = diff_types(old, new, "request")
    assert (found.pointer, found.type) == ("/one/v", "A")
    assert found.message == "the type was integer and is now string (and at 2 other places)"


def test_edit_reached_in_a_union_first_is_still_breaking_elsewhere() -> None:
    root = struct(either=union(A, n.Object()), alone=A)
    old, new = GType(root, {"A": struct(v=[TEXT])}), GType(root, {"A": struct(v=TEXT)})
    (found,) = diff_types(old, new, "request")
    assert (found.level, found.pointer) == ("breaking", "/alone/v")


def test_recursive_types_are_compared_once() -> None:
    old = GType(A, {"A": struct(v=WHOLE, next=[union(A, NULL)])})
    new = GType(A, {"A": struct(v=n.Number(), next=[union(A, NULL)])})
    assert both(old, new) == [("request-type-widened", "compatible", "/v"), ("response-type-widened", "breaking", "/v")]


def test_recursion_written_in_two_ways_is_the_same() -> None:
    old = GType(A, {"A": struct(next=[A])})
    new = GType(A, {"A": struct(next=[struct(next=[A])])})
    assert both(old, new) == []


def test_recursion_of_another_shape_is_found() -> None:
    old = GType(A, {"A": struct(next=[A])})
    new = GType(A, {"A": struct(next=[Ref(name="B")]), "B": struct(next=[A], v=[WHOLE])})
    assert both(old, new)[0] == ("request-optional-property-added", "compatible", "/next/v")


def test_renaming_a_type_is_no_change() -> None:
    assert both(GType(A, {"A": struct(v=WHOLE)}), GType(Ref(name="B"), {"B": struct(v=WHOLE)})) == []


def test_descriptions_secrets_and_names_of_enum_members_are_no_change() -> None:
    assert both(n.String(description="x"), n.String(description="y", secret=True)) == []
    assert both(n.Enum(members=(("A", 1),)), n.Enum(members=(("B", 1),))) == []


def test_true_is_not_one() -> None:
    assert levels(n.Literal(values=(1,)), n.Literal(values=(True,))) == (["breaking"], ["breaking"])


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (WHOLE, n.Number()),
        (n.Integer(ge=1, le=3), n.Literal(values=(1, 2, 3, 4))),
        (n.Literal(values=("a",)), TEXT),
        (n.Date(), TEXT),
        (n.Uuid(), n.String(min_length=1)),
        (n.Decimal(), union(n.Number(), TEXT)),
        (n.Tuple(items=(WHOLE, WHOLE)), n.Array(items=WHOLE)),
        (struct(a=WHOLE), n.Record(values=n.AnyValue())),
        (n.Object(fields=struct(a=WHOLE).fields, closed=True), n.Record(values=WHOLE)),
        (WHOLE, union(TEXT, WHOLE)),
        (TEXT, n.AnyValue()),
        (n.DateTime(tz=True), n.DateTime()),
        (n.Number(multiple_of=0.1), n.Number(multiple_of=0.01)),
        (n.Array(items=WHOLE, min_items=2), n.Array(items=WHOLE, min_items=1)),
        (n.String(pattern="^[a-c]+$"), n.String(pattern="^[a-z]*$")),
        (NULL, union(TEXT, NULL)),
    ],
)
def test_wider_type_breaks_responses_and_narrower_one_requests(old: Node, new: Node) -> None:
    request, response = levels(old, new)
    assert "breaking" not in request
    assert "breaking" in response
    request, response = levels(new, old)
    assert "breaking" in request
    assert "breaking" not in response


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (WHOLE, TEXT), (n.Date(), n.DateTime()), (n.Date(), n.Uuid()), (n.Bytes(), n.Date()),
        (n.Time(tz=True), n.Time(tz=False)), (n.Array(items=WHOLE), WHOLE), (struct(a=WHOLE), n.Array(items=WHOLE)),
        (n.Tuple(items=(WHOLE,)), n.Tuple(items=(WHOLE, WHOLE))), (n.Integer(le=3), n.Integer(ge=2)),
        (n.Number(multiple_of=0.4), n.Integer(multiple_of=3)),
    ],
)  # fmt: skip
def test_other_type_breaks_both(old: Node, new: Node) -> None:
    for before, after in ((old, new), (new, old)):
        request, response = levels(before, after)
        assert "breaking" in request
        assert "breaking" in response


def test_members_of_a_tagged_union_are_matched_by_their_tags() -> None:
    def shape(tag: str, **members: Any) -> n.Object:
        return struct(kind=n.Literal(values=(tag,)), **members)

    old = n.Union(members=(shape("circle", r=WHOLE), shape("square", a=WHOLE)), discriminator="kind")
    new = n.Union(members=(shape("square", side=WHOLE), shape("circle", r=n.Number())), discriminator="kind")
    assert told(diff_types(GType(old), GType(new), "request")) == [
        ("request-type-widened", "compatible", "/r"),
        ("request-required-property-removed", "risky", "/a"),
        ("request-required-property-added", "breaking", "/side"),
    ]


def test_member_of_a_union_that_another_one_covers_breaks_nobody() -> None:
    old, new = union(WHOLE, n.String(max_length=3), TEXT), union(WHOLE, TEXT)
    (found,) = diff_types(GType(old), GType(new), "request")
    assert (found.rule, found.level) == ("request-union-member-removed", "compatible")


def test_two_edits_that_make_up_for_each_other_break_nobody() -> None:
    old = union(n.Integer(le=5), n.Integer(ge=6))
    new = union(n.Integer(le=8), n.Integer(ge=9))
    assert "breaking" not in levels(old, new)[0] + levels(old, new)[1]
    _, raised = diff_types(GType(old), GType(new), "request")
    assert raised.message == "the minimum was 6 and is now 9, but what it is part of leaves nobody out"


def test_pattern_that_cannot_be_decided_is_risky() -> None:
    old, new = n.String(pattern=r"^(q)\1$"), n.String(pattern=r"^(z)\1$")
    assert levels(old, new) == (["risky"], ["risky"])


def test_values_left_out_by_nothing_else_come_with_an_example() -> None:
    old = n.Intersection(members=(struct(x=TEXT, y=TEXT, b=[n.AnyValue()]), struct(k=TEXT, l=TEXT)))
    new = n.Intersection(members=(struct(x=TEXT, y=TEXT), struct(k=TEXT, l=TEXT, b=[WHOLE])))
    found = diff_types(GType(old), GType(new), "request")
    assert found[-1].rule == "request-values-left-out"
    assert "for example {" in found[-1].message


def test_python_types_are_compared_as_they_are_published() -> None:
    class Status(enum.Enum):
        OPEN = "open"
        DONE = "done"

    def revision(done: bool) -> GType:
        class Order(Struct):
            id: str
            status: Status = Status.OPEN
            note: str | None = None

        class Order2(Struct):
            __perdure_name__ = "Order"
            id: str
            status: Status = Status.DONE
            note: str = ""

        return gtype_of(Order2 if done else Order)

    assert both(revision(False), revision(True))[:3] == [
        ("request-default-changed", "risky", "/status"),
        ("request-default-changed", "risky", "/note"),
        ("request-became-not-nullable", "breaking", "/note"),
    ]


def test_many_roots_share_what_was_found_out() -> None:
    comparison = TypeComparison({"A": struct(v=WHOLE)}, {"A": struct(v=TEXT)})
    assert [each.pointer for each in comparison.diff(A, A, "request")] == ["/v"]
    assert [each.pointer for each in comparison.diff(n.Array(items=A), n.Array(items=A), "response")] == ["/*/v"]
    assert comparison.diff(TEXT, TEXT, "request") == ()


def test_reference_that_leads_nowhere_is_an_error() -> None:
    with pytest.raises(KeyError):
        diff_types(GType(A), GType(TEXT), "request")


SHORT = n.Integer(ge=-(2**31), le=2**31 - 1)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (SHORT, WHOLE, [("request-type-widened", "compatible", ""), ("response-type-widened", "breaking", "")]),
        (WHOLE, SHORT, [("request-type-narrowed", "breaking", ""), ("response-type-narrowed", "compatible", "")]),
        (SHORT, n.Number(), [("request-type-widened", "compatible", ""), ("response-type-widened", "breaking", "")]),
        (
            n.Number(multiple_of=0.5), SHORT,
            [("request-type-narrowed", "breaking", ""), ("response-type-narrowed", "compatible", "")],
        ),
        (
            SHORT, n.Number(multiple_of=2.0),
            [("request-type-changed", "breaking", ""), ("response-type-changed", "breaking", "")],
        ),
        (
            SHORT, n.Integer(ge=-(2**31)),
            [("request-maximum-dropped", "compatible", ""), ("response-maximum-dropped", "breaking", "")],
        ),
    ],
)  # fmt: skip
def test_length_of_an_integer_that_was_another_is_one_finding(
    old: Node, new: Node, expected: list[tuple[str, Level, str]]
) -> None:
    assert expected == both(old, new)


def aliases(count: int, greatest: int) -> GType:
    """A type that is another one or null, which is another one or null, and so on."""
    types: dict[str, Node] = {f"A{index}": union(Ref(name=f"A{index + 1}"), NULL) for index in range(count)}
    return GType(Ref(name="A0"), {**types, f"A{count}": n.Integer(le=greatest)})


def test_long_chain_of_nullable_aliases_is_walked_in_no_time() -> None:
    begin = time.process_time()
    assert [("request-maximum-lowered", "breaking", "")] == told(
        diff_types(aliases(1500, 9), aliases(1500, 8), "request")
    )
    assert time.process_time() - begin < 60  # 0.3 s on the machine this was written on


def entangled(count: int, greatest: int) -> GType:
    """Open objects that refer to each other in circles, by unions of two of them."""
    types: dict[str, Node] = {}
    for index in range(count):
        pairs = [((index * 7 + step) % count, (index * 11 + 3 * step) % count) for step in (1, 2, 3)]
        members = {
            f"f{place}": [union(Ref(name=f"T{one}"), Ref(name=f"T{other}"))]
            for place, (one, other) in enumerate(pairs)
        }  # fmt: skip
        types[f"T{index}"] = struct(id=n.Integer(le=greatest if index == 3 else 9), **members)
    return GType(Ref(name="T0"), types)


def test_entangled_unions_of_open_objects_are_decided() -> None:
    begin = time.process_time()
    found = diff_types(entangled(40, 9), entangled(40, 10), "request")
    assert {"compatible"} == {each.level for each in found}
    assert time.process_time() - begin < 60
