import functools
import math
from dataclasses import dataclass

import pytest

from perdure.errors import Fault, TypeDefinitionError
from perdure.gtype import nodes as n
from perdure.gtype.depth import MAX_DEPTH
from perdure.gtype.nodes import Field, GType, Node
from perdure.gtype.validator import compile_validator
from tests.nodes import closed, obj


def faults(node: Node, data: object, **definitions: Node) -> tuple[Fault, ...]:
    return compile_validator(GType(root=node, definitions=definitions)).faults(data)


def codes(node: Node, data: object, **definitions: Node) -> list[tuple[str, str]]:
    return [(fault.pointer, fault.code) for fault in faults(node, data, **definitions)]


@dataclass
class Case:
    node: Node
    valid: tuple[object, ...]
    invalid: tuple[tuple[object, str], ...]


RULES = {
    "string": Case(n.String(), ("", "a"), ((1, "type"), (None, "type"), (["a"], "type"))),
    "length": Case(
        n.String(min_length=2, max_length=3), ("ab", "😀😀", "abc"), (("a", "min_length"), ("abcd", "max_length"))
    ),
    "pattern": Case(n.String(pattern=r"^\d+$"), ("12",), (("12\n", "pattern"), ("१२", "pattern"), ("a", "pattern"))),
    "searched pattern": Case(n.String(pattern="b"), ("abc",), (("ac", "pattern"),)),
    "integer": Case(
        n.Integer(), (1, 62.0, -(10**30), 1e300), ((1.5, "type"), (True, "type"), ("1", "type"), (math.nan, "type"))
    ),
    "bounds": Case(
        n.Integer(ge=1, lt=10), (1, 9, 9.0), ((0, "minimum"), (10, "exclusive_maximum"), (10.0, "exclusive_maximum"))
    ),
    "exclusive": Case(n.Number(gt=0, le=1), (0.1, 1), ((0, "exclusive_minimum"), (1.5, "maximum"))),
    "number": Case(n.Number(), (1, 1.5, -0.0), ((True, "type"), (math.nan, "type"), (math.inf, "type"), ("1", "type"))),
    "whole multiple": Case(
        n.Integer(multiple_of=3), (9, -9, 0, 9.0), ((8, "multiple_of"), (10**30 + 1, "multiple_of"))
    ),
    "decimal multiple": Case(
        n.Number(multiple_of=0.1), (0.3, 1, 1.1, 1e300), ((0.35, "multiple_of"), (0.1 + 0.2, "multiple_of"))
    ),
    "boolean": Case(n.Boolean(), (True, False), ((1, "type"), (0, "type"), ("true", "type"))),
    "null": Case(n.Null(), (None,), ((0, "type"), (False, "type"))),
    "literal": Case(
        n.Literal(values=(1, "a", None)), (1, 1.0, "a", None), ((True, "literal"), ("1", "literal"), ([], "literal"))
    ),
    "boolean literal": Case(n.Literal(values=(True,)), (True,), ((1, "literal"), (False, "literal"))),
    "enum": Case(n.Enum(members=(("A", "a"), ("B", 2))), ("a", 2, 2.0), (("A", "enum"), (3, "enum"), ({}, "enum"))),
    "bytes": Case(
        n.Bytes(min_length=1, max_length=2),
        ("AA==", "AAA="),
        (("", "min_length"), ("AAAA", "max_length"), ("A", "format"), ("A-_=", "format"), (1, "type")),
    ),
    "date": Case(n.Date(), ("2024-02-29",), (("2023-02-29", "format"), ("2023-2-1", "format"), (1, "type"))),
    "time": Case(n.Time(), ("12:30:00", "12:30:00Z"), (("25:00:00", "format"), ("12:30", "format"))),
    "zoned time": Case(n.Time(tz=True), ("12:30:00+01:00",), (("12:30:00", "format"),)),
    "datetime": Case(
        n.DateTime(), ("2026-02-10T12:30:00Z", "2026-02-10T12:30:00"), (("2026-02-10", "format"), (1, "type"))
    ),
    "zoned datetime": Case(n.DateTime(tz=True), ("2026-02-10T12:30:00Z",), (("2026-02-10T12:30:00", "format"),)),
    "local datetime": Case(n.DateTime(tz=False), ("2026-02-10T12:30:00",), (("2026-02-10T12:30:00Z", "format"),)),
    "duration": Case(n.Duration(), ("P1DT30M", "-PT1.5S"), (("P1Y", "format"), ("1h", "format"), (3, "type"))),
    "uuid": Case(n.Uuid(), ("12345678-1234-1234-1234-123456789abc",), (("1234", "format"), (1, "type"))),
    "decimal": Case(
        n.Decimal(),
        ("1.50", "-1e5", "+.5", 1, 1.5),
        (("NaN", "format"), (" 1", "format"), ("1_0", "format"), ("1\n", "format"), ("१", "format"), (True, "type")),
    ),
    "any": Case(
        n.AnyValue(), (None, {"a": [1, "x", {}]}), ((math.nan, "type"), ({"a": math.inf}, "type"), ({1, 2}, "type"))
    ),
    "array": Case(
        n.Array(items=n.Integer(), min_items=1, max_items=2),
        ([1], [1, 2]),
        (([], "min_items"), ([1, 2, 3], "max_items")),
    ),
    "unique": Case(
        n.Array(items=n.AnyValue(), unique=True),
        ([1, True], [0, False], ["1", 1], [[1], [2]]),
        (
            ([1, 1.0], "unique_items"),
            ([{"a": 1, "b": 2}, {"b": 2, "a": 1.0}], "unique_items"),
            ([[1], [1.0]], "unique_items"),
        ),
    ),
    "tuple": Case(
        n.Tuple(items=(n.Integer(), n.String())),
        ([1, "a"],),
        (([1], "min_items"), ([1, "a", 2], "max_items"), ({}, "type")),
    ),
    "record": Case(
        n.Record(values=n.Integer(), min_size=1, max_size=2),
        ({"a": 1},),
        (({}, "min_properties"), ({"a": 1, "b": 2, "c": 3}, "max_properties"), ([], "type"), ({1: 1}, "type")),
    ),
    "object": Case(obj(a=n.Integer()), ({"a": 1}, {"a": 1, "b": 2}), (([], "type"), (None, "type"))),
    "union": Case(n.Union(members=(n.Integer(), n.Null())), (1, None), (("x", "type"), (True, "type"))),
    "intersection": Case(
        n.Intersection(members=(n.Integer(ge=1), n.Number(le=3))), (1, 3.0), ((0, "minimum"), (4, "maximum"))
    ),
}


@pytest.mark.parametrize("name", RULES)
def test_valid_data_has_no_fault(name: str) -> None:
    for data in RULES[name].valid:
        validator = compile_validator(GType(root=RULES[name].node))
        assert (validator.faults(data), validator.is_valid(data)) == ((), True), data


@pytest.mark.parametrize("name", RULES)
def test_invalid_data_has_the_fault_of_the_rule_it_breaks(name: str) -> None:
    for data, code in RULES[name].invalid:
        validator = compile_validator(GType(root=RULES[name].node))
        assert ({code}, False) == ({fault.code for fault in validator.faults(data)}, validator.is_valid(data)), data


def test_every_fault_is_reported_with_its_pointer() -> None:
    order = closed(obj(lines=n.Array(items=obj(sku=n.String(), qty=n.Integer(ge=1))), note_=n.String()))
    data = {"lines": [{"sku": 1, "qty": 0}, {"qty": "2"}], "note": None, "extra": 1}
    assert codes(order, data) == [
        ("/lines/0/sku", "type"), ("/lines/0/qty", "minimum"), ("/lines/1/sku", "required"), ("/lines/1/qty", "type"),
        ("/note", "type"), ("/extra", "unknown_field"),
    ]  # fmt: skip


def test_pointer_tokens_are_escaped() -> None:
    assert codes(n.Record(values=n.Null()), {"a/b~c": 1, "": 2}) == [("/a~1b~0c", "type"), ("/", "type")]


def test_a_fault_says_what_was_expected_and_what_is_there() -> None:
    (fault,) = faults(obj(qty=n.Integer(ge=1)), {"qty": 0})
    assert fault == Fault(pointer="/qty", code="minimum", expected=">= 1", actual="0", message="must be at least 1")


def test_an_absent_member_is_shown_as_nothing() -> None:
    (fault,) = faults(obj(qty=n.Union(members=(n.Integer(), n.Null()))), {})
    assert (fault.pointer, fault.expected, fault.actual) == ("/qty", "integer or null", "nothing")


def test_a_long_value_is_shortened() -> None:
    huge = ["x" * 10_000_000] * 100_000
    (fault,) = faults(n.Integer(), huge)
    assert len(fault.actual) == 80
    assert fault.actual.startswith('["xxx')


def test_a_huge_integer_is_not_printed() -> None:
    (fault,) = faults(n.Integer(le=1), 10**10_000)
    assert fault.actual == "<an integer of 33220 bits>"


def test_a_value_no_json_knows_is_shown_by_its_type() -> None:
    (fault,) = faults(n.Integer(), object())
    assert fault.actual == "<object>"


def test_record_keys_have_rules_too() -> None:
    assert codes(n.Record(values=n.Integer(), keys=n.String(pattern="^a")), {"ab": 1, "b": 2}) == [("/b", "pattern")]


class TestUnion:
    A = obj(kind=n.Literal(values=("a",)), x=n.Integer())
    B = obj(kind=n.Literal(values=("b",)), y=n.String())
    TAGGED = n.Union(members=(A, B), discriminator="kind")

    def test_with_a_discriminator_reports_the_faults_of_the_member_meant(self) -> None:
        assert codes(self.TAGGED, {"kind": "a", "x": "1"}) == [("/x", "type")]

    def test_with_an_unknown_tag_lists_the_known_ones(self) -> None:
        (fault,) = faults(self.TAGGED, {"kind": "c"})
        assert (fault.pointer, fault.code, fault.expected) == ("/kind", "discriminator", 'one of "a", "b"')

    def test_without_its_tag_asks_for_it(self) -> None:
        assert codes(self.TAGGED, {"x": 1}) == [("/kind", "required")]

    def test_with_an_unhashable_tag_is_a_fault(self) -> None:
        assert codes(self.TAGGED, {"kind": ["a"]}) == [("/kind", "discriminator")]

    def test_where_one_member_has_the_right_kind_reports_its_faults(self) -> None:
        assert codes(n.Union(members=(n.Integer(ge=1), n.Null())), 0) == [("", "minimum")]

    def test_where_no_member_has_the_right_kind_lists_them_all(self) -> None:
        (fault,) = faults(n.Union(members=(n.Integer(), n.Null())), "x")
        assert (fault.code, fault.expected) == ("type", "integer or null")

    def test_where_several_members_could_be_meant_says_that_none_fits_and_what_is_wrong_with_the_closest(self) -> None:
        union = n.Union(members=(obj(a=n.Integer()), obj(b=n.Integer())))
        assert codes(union, {"c": 1}) == [("", "union"), ("/a", "required")]
        assert codes(union, {"b": "1"}) == [("", "union"), ("/b", "type")]
        lists = n.Union(members=(n.Array(items=n.Integer()), n.Array(items=n.String())))
        assert codes(lists, ["a", "b", 1]) == [("", "union"), ("/2", "type")]
        assert codes(n.Union(members=(n.Uuid(), n.Date())), "x") == [("", "union")]

    def test_the_closest_is_the_one_of_which_least_is_missing(self) -> None:
        one, other = obj(a=n.Integer(), b=n.Integer()), obj(c=n.Integer(ge=1), d=n.Integer())
        assert codes(n.Union(members=(one, other)), {"c": 0, "d": 1}) == [("", "union"), ("/c", "minimum")]

    def test_unions_in_the_closest_tell_theirs(self) -> None:
        inner = n.Union(members=(obj(a=n.Integer()), obj(b=n.Integer())))
        union = n.Union(members=(obj(x=inner), obj(y=inner)))
        assert codes(union, {"y": {"b": "no"}}) == [("", "union"), ("/y", "union"), ("/y/b", "type")]

    def test_no_guess_is_made_where_it_could_show_a_secret(self) -> None:
        one = obj(key=n.String(secret=True), size=n.Integer())
        other = obj(key=n.Integer())
        (fault,) = compile_validator(GType(n.Union(members=(one, other)))).faults({"key": "hunter2"})
        assert "hunter2" not in str(fault)
        assert fault.code == "union"

    def test_a_tag_that_may_be_absent_tells_which_was_meant(self) -> None:
        def tagged(tag: str, **members: n.Node) -> n.Object:
            kind = Field(name="kind", node=n.Literal(values=(tag,)), required=False, default=tag)
            return n.Object(fields=(kind, *obj(**members).fields))

        union = n.Union(members=(tagged("s", x=n.Integer()), tagged("t", y=n.String(min_length=2)), n.Null()))
        assert codes(union, {"kind": "t", "y": "a"}) == [("/y", "min_length")]
        assert codes(union, {"kind": "u", "y": "aa"}) == [("/kind", "discriminator")]
        assert codes(union, {"y": "aa"}) == []
        assert codes(union, {"kind": "s", "y": "aa"}) == [("/x", "required")]
        assert codes(union, {"y": "a"}) == [("", "union"), ("/y", "min_length")]

    def test_with_a_discriminator_that_does_not_decide_falls_back_to_trying(self) -> None:
        open_tag = n.Union(members=(obj(kind=n.String()), obj(kind=n.Literal(values=("a",)))), discriminator="kind")
        assert codes(open_tag, {"kind": "z"}) == []


class TestSecrets:
    LOGIN = obj(user=n.String(), password=n.String(secret=True, min_length=8))

    def test_a_secret_value_is_masked(self) -> None:
        (fault,) = faults(self.LOGIN, {"user": "u", "password": "hunter2"})
        assert (fault.code, fault.actual) == ("min_length", "***")
        assert "hunter2" not in repr(fault)

    def test_a_container_is_shown_without_the_secrets_in_it(self) -> None:
        (fault,) = faults(n.Array(items=self.LOGIN, max_items=0), [{"user": "u", "password": "hunter22", "x": 1}])
        assert fault.actual == '[{"user":"u","password":"***","x":"***"}]'

    def test_a_value_in_the_place_of_a_container_with_secrets_is_masked(self) -> None:
        (fault,) = faults(self.LOGIN, "hunter2")
        assert fault.actual == "***"

    def test_what_lies_inside_a_secret_is_secret(self) -> None:
        (fault,) = faults(n.Array(items=n.Integer(), secret=True), ["hunter2"])
        assert fault.actual == "***"

    def test_a_secret_behind_a_reference_is_masked(self) -> None:
        (fault,) = faults(n.Ref(name="Key"), 5, Key=n.String(secret=True))
        assert fault.actual == "***"

    def test_a_reference_that_is_secret_masks_what_it_refers_to(self) -> None:
        (fault,) = faults(n.Ref(name="Key", secret=True), 5, Key=n.String())
        assert fault.actual == "***"

    def test_an_unknown_member_next_to_a_secret_is_masked(self) -> None:
        closed = n.Object(fields=self.LOGIN.fields, closed=True)
        (fault,) = faults(closed, {"user": "u", "password": "hunter22", "pasword": "hunter2"})
        assert (fault.code, fault.actual) == ("unknown_field", "***")

    def test_a_union_with_a_secret_in_it_is_masked(self) -> None:
        both = n.Union(members=(self.LOGIN, obj(token=n.String(secret=True))))
        (fault,) = faults(both, {"user": "u", "pass": "hunter2"})
        assert (fault.code, fault.actual) == ("union", "***")


class TestRecursion:
    TREE = obj(value=n.Integer(), children_=n.Array(items=n.Ref(name="Tree")))

    def test_faults_are_found_at_any_depth(self) -> None:
        data = {"value": 1, "children": [{"value": 2, "children": [{"value": "3"}]}]}
        assert codes(n.Ref(name="Tree"), data, Tree=self.TREE) == [("/children/0/children/0/value", "type")]

    @pytest.mark.parametrize(
        "node", [n.Ref(name="Nest"), n.AnyValue(), n.Union(members=(n.Ref(name="Nest"), n.Null()))], ids=repr
    )
    def test_data_of_any_depth_is_judged_without_exhausting_the_stack(self, node: Node) -> None:
        nest = n.Array(items=n.Union(members=(n.Ref(name="Nest"), n.Null())))
        fine: list[object] = []
        legal = functools.reduce(lambda inner, _: [inner], range(MAX_DEPTH - 1), fine)
        deep = functools.reduce(lambda inner, _: [inner], range(100_000), fine)
        assert faults(node, legal, Nest=nest) == ()
        assert [fault.code for fault in faults(node, deep, Nest=nest)] == ["depth"]
        assert compile_validator(GType(root=node, definitions={"Nest": nest})).is_valid(deep) is False
        while deep:  # taken apart by hand, for the interpreter frees nested lists recursively
            deep = deep.pop()  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("root", "definitions"),
    [
        (n.Ref(name="Gone"), {}),
        (n.Ref(name="A"), {"A": n.Union(members=(n.Ref(name="A"), n.Null()))}),
        (n.String(pattern="("), {}),
    ],
)
def test_a_type_without_meaning_is_refused(root: Node, definitions: dict[str, Node]) -> None:
    with pytest.raises(TypeDefinitionError):
        compile_validator(GType(root=root, definitions=definitions))


@pytest.mark.parametrize(
    ("pattern", "matching", "other"),
    [
        (r"^[\d$]$", "$", "१"),
        (r"^\w$", "_", "é"),
        (r"^\s$", "\ufeff", "a"),
        (r"^[^\W]$", "a", "-"),
        (r"^(?<x>a)\k<x>$", "aa", "a"),
        (r"^\u{1f600}$", "😀", "😁"),
        (r"^[\D]$", "a", "1"),
        (r"a\b", "aé", "ab"),
        (r"^\S$", "a", "\xa0"),
    ],
)
def test_patterns_mean_what_ecma_262_says(pattern: str, matching: str, other: str) -> None:
    judge = compile_validator(GType(root=n.String(pattern=pattern)))
    assert (judge.is_valid(matching), judge.is_valid(other)) == (True, False)
