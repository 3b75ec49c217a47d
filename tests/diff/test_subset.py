"""Whether the values of one type are among those of another, with an example where they are not."""

from itertools import combinations

import pytest

from perdure.diff.outcomes import EMPTY, UNKNOWN, Found
from perdure.diff.sets import Sets
from perdure.diff.subset import is_subset, search_difference
from perdure.gtype import nodes as n
from perdure.gtype.nodes import Field, GType, Node, Ref
from perdure.gtype.validator import compile_validator

TEXT, WHOLE, NUMBER, NULL, ANY = n.String(), n.Integer(), n.Number(), n.Null(), n.AnyValue()
NOTHING = n.Union(members=())


def members(*given: tuple[str, Node, bool], closed: bool = False) -> n.Object:
    return n.Object(
        fields=tuple(Field(name=name, node=node, required=must) for name, node, must in given), closed=closed
    )


def any_of(*given: Node) -> n.Union:
    return n.Union(members=given)


def all_of(*given: Node) -> n.Intersection:
    return n.Intersection(members=given)


def listed(*values: str | float | bool | None) -> n.Literal:
    return n.Literal(values=values)


INCLUDED: list[tuple[Node, Node]] = [
    # numbers
    (n.Integer(ge=0), n.Integer(gt=-1)),
    (n.Integer(ge=0, le=3), listed(0, 1, 2, 3)),
    (listed(62.0), WHOLE),
    (listed(1), listed(1.0)),
    (n.Integer(multiple_of=6), n.Integer(multiple_of=3)),
    (n.Integer(multiple_of=2, ge=0, le=12), any_of(n.Integer(multiple_of=4), n.Integer(multiple_of=6), listed(2, 10))),
    (n.Number(ge=0, le=2), any_of(n.Number(ge=0, lt=1), n.Number(gt=1, le=2), listed(1))),
    (n.Number(multiple_of=0.1), n.Number(multiple_of=0.05)),
    (n.Number(gt=1, lt=1), NOTHING),
    (n.Integer(gt=0, lt=1), NOTHING),
    (all_of(n.Integer(multiple_of=2), n.Integer(multiple_of=3)), n.Integer(multiple_of=6)),
    (WHOLE, any_of(n.Integer(le=0), n.Number(ge=1))),
    # texts
    (n.String(max_length=9), any_of(n.String(max_length=3), n.String(min_length=4))),
    (n.String(min_length=3, max_length=2), NOTHING),
    (n.String(pattern="^[a-c]+$"), n.String(pattern="[a-z]")),
    (n.String(pattern=r"^\d{2,3}$"), n.String(min_length=2, max_length=3)),
    (n.String(pattern="^(?:a|b)$"), listed("a", "b", "c")),
    (n.String(pattern=r"^[\w.]+@[\w.]+$"), n.String(pattern="@")),
    (n.String(pattern="a$|^$"), any_of(n.String(pattern="a"), n.String(max_length=0))),
    (n.Date(), n.String(min_length=10, max_length=10)),
    (n.Date(), n.String(pattern=r"^\d{4}-\d\d-\d\d$")),
    (n.DateTime(tz=True), n.DateTime()),
    (n.Bytes(max_length=3), n.String(max_length=4)),
    (n.Bytes(), any_of(n.Bytes(max_length=4), n.Bytes(min_length=5))),
    (listed("12.5"), n.Decimal()),
    # the rest of the scalars
    (n.Boolean(), listed(True, False)),
    (any_of(n.Boolean(), NULL), listed(None, True, False)),
    (n.Enum(members=(("A", "a"),)), listed("a", "b")),
    (NOTHING, NULL),
    (ANY, all_of(ANY, ANY)),
    # arrays
    (n.Array(items=WHOLE, min_items=2, max_items=2), n.Tuple(items=(NUMBER, WHOLE))),
    (n.Array(items=n.Boolean(), unique=True), n.Array(items=n.Boolean(), max_items=2)),
    (n.Array(items=listed(1, 2), unique=True, min_items=3), NOTHING),
    (n.Array(items=NOTHING), n.Tuple(items=())),
    (n.Array(items=WHOLE, max_items=1), n.Array(items=WHOLE, unique=True)),
    (n.Array(items=WHOLE, min_items=900), n.Array(items=NUMBER, min_items=800)),
    (n.Tuple(items=(any_of(WHOLE, TEXT),)), any_of(n.Tuple(items=(WHOLE,)), n.Tuple(items=(TEXT,)))),
    # objects
    (members(("a", WHOLE, True)), members(("a", NUMBER, True), ("b", TEXT, False))),
    (members(("a", any_of(WHOLE, TEXT), True)), any_of(members(("a", WHOLE, True)), members(("a", TEXT, True)))),
    (members(("a", WHOLE, False)), any_of(members(("a", WHOLE, True)), members(("a", NOTHING, False)))),
    (members(("a", WHOLE, True), closed=True), n.Record(values=WHOLE, min_size=1, max_size=1)),
    (members(("a", NOTHING, True)), NOTHING),
    (members(("a", WHOLE, False), ("b", NOTHING, False), closed=True), members(("a", WHOLE, False), closed=True)),
    (all_of(members(("a", WHOLE, True)), members(("b", TEXT, True))), members(("a", WHOLE, True), ("b", TEXT, True))),
    (n.Record(values=WHOLE, keys=n.String(pattern="^a")), n.Record(values=NUMBER, keys=n.String(min_length=1))),
    (n.Record(values=WHOLE, keys=listed("x", "y")), n.Record(values=WHOLE, max_size=2)),
    (n.Record(values=NOTHING), members(closed=True)),
]  # fmt: skip

NOT_INCLUDED: list[tuple[Node, Node]] = [
    (NUMBER, WHOLE),
    (n.Integer(ge=0, le=3), listed(0, 1, 3)),
    (n.Number(ge=0, le=2), any_of(n.Number(ge=0, lt=1), n.Number(gt=1, le=2))),
    (n.Integer(multiple_of=3), n.Integer(multiple_of=6)),
    (WHOLE, any_of(n.Integer(multiple_of=2), n.Integer(multiple_of=3))),
    (NUMBER, any_of(n.Number(multiple_of=0.01), n.Number(multiple_of=0.3))),
    (NUMBER, any_of(WHOLE, listed(2**53))),
    (n.Number(ge=-(2**60), le=2**60), WHOLE),
    (listed(True), listed(1)),
    (WHOLE, n.Boolean()),
    (TEXT, n.Date()),
    (n.Date(), n.DateTime()),
    (n.DateTime(), n.DateTime(tz=True)),
    (n.Uuid(), n.Bytes()),
    (n.Decimal(), NUMBER),
    (n.Decimal(), TEXT),
    (n.Bytes(max_length=4), n.String(max_length=4)),
    (n.String(pattern="^[a-z]+$"), n.String(pattern="^[a-c]+$")),
    (n.String(pattern="b"), any_of(n.String(pattern="^b"), n.String(pattern="b$"))),
    (n.String(pattern="^[ab]$"), listed("a")),
    (n.String(pattern="^é?$"), n.String(max_length=0)),
    (n.String(min_length=2), n.String(pattern="^.*$")),
    (ANY, members()),
    (n.Array(items=WHOLE), n.Array(items=WHOLE, unique=True)),
    (n.Array(items=any_of(WHOLE, TEXT)), any_of(n.Array(items=WHOLE), n.Array(items=TEXT))),
    (n.Array(items=n.Boolean(), unique=True), n.Array(items=n.Boolean(), max_items=1)),
    (n.Array(items=n.Array(items=NULL), unique=True, min_items=2), NOTHING),
    (n.Array(items=WHOLE, min_items=900), n.Array(items=WHOLE, max_items=900)),
    (n.Tuple(items=(WHOLE, TEXT)), n.Tuple(items=(WHOLE,))),
    (members(("a", WHOLE, True)), members(("a", WHOLE, True), closed=True)),
    (members(("a", WHOLE, False)), members(("a", WHOLE, True))),
    (members(("a", WHOLE, True)), members(("b", WHOLE, True))),
    (members(("a", any_of(WHOLE, TEXT), True), ("b", any_of(WHOLE, TEXT), True)),
     any_of(members(("a", WHOLE, True)), members(("b", TEXT, True)))),
    (members(("a", WHOLE, True)), n.Record(values=WHOLE)),
    (members(closed=False), members(closed=True)),
    (n.Record(values=WHOLE), members(("a", TEXT, False))),
    (n.Record(values=WHOLE), n.Record(values=WHOLE, keys=n.String(min_length=1))),
    (n.Record(values=WHOLE, min_size=3), n.Record(values=WHOLE, max_size=3)),
    (n.Record(values=WHOLE, keys=listed("x", "y")), n.Record(values=WHOLE, max_size=1)),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b"), INCLUDED)
def test_all_values_of_a_part_are_values_of_the_whole(a: Node, b: Node) -> None:
    assert is_subset(GType(a), GType(b)) is True


@pytest.mark.parametrize(("a", "b"), NOT_INCLUDED)
def test_example_is_a_value_of_the_one_and_not_of_the_other(a: Node, b: Node) -> None:
    assert is_subset(GType(a), GType(b)) is False
    found = search_difference(GType(a), GType(b))
    assert isinstance(found, Found)
    assert compile_validator(GType(a)).is_valid(found.value)
    assert not compile_validator(GType(b)).is_valid(found.value)


TREE = members(("v", WHOLE, True), ("children", n.Array(items=Ref(name="T")), False))


def test_recursive_types_include_each_other_where_their_parts_do() -> None:
    wider = members(("v", NUMBER, True), ("children", n.Array(items=Ref(name="T")), False))
    tree, wide = GType(Ref(name="T"), {"T": TREE}), GType(Ref(name="T"), {"T": wider})
    assert is_subset(tree, wide) is True
    assert is_subset(wide, tree) is False


def test_difference_deep_inside_recursive_types_is_found() -> None:
    leaf = members(("v", WHOLE, True), closed=True)
    inner = members(("v", WHOLE, True), ("children", n.Array(items=Ref(name="L"), max_items=1), False))
    twice = GType(Ref(name="T"), {"T": members(("v", WHOLE, True), ("children", n.Array(items=Ref(name="M")), False)),
                                  "M": inner, "L": leaf})  # fmt: skip
    found = search_difference(GType(Ref(name="T"), {"T": TREE}), twice)
    assert isinstance(found, Found)
    assert not compile_validator(twice).is_valid(found.value)


def test_answer_does_not_depend_on_what_was_asked_before() -> None:
    text = members(("k", Ref(name="X"), True))
    both = all_of(members(("k", listed("a", "b"), True)), text)
    either = any_of(members(("k", listed("a"), True)), members(("k", listed("b"), True)))
    sets = Sets({"X": TEXT}.__getitem__)
    assert sets.included(both, WHOLE) is False
    assert sets.included(both, either) is True


def test_type_without_values_that_end_is_part_of_everything() -> None:
    endless = GType(Ref(name="E"), {"E": members(("next", Ref(name="E"), True))})
    assert is_subset(endless, GType(NULL)) is True


@pytest.mark.parametrize("pattern", [r"^(q)\1$", "^(?=q)q$", r"\bq", "^q{1000}$", r"^\u{110000}$", "^(q", "^q{2,1}$"])
def test_pattern_no_automaton_can_run_is_not_decided(pattern: str) -> None:
    assert search_difference(GType(n.String(pattern=pattern)), GType(n.String(pattern="^z"))) is UNKNOWN
    assert is_subset(GType(n.String(pattern=pattern)), GType(n.String(pattern="^z"))) is None


@pytest.mark.parametrize("pattern", [r"^(q)\1$", "^(q"])
def test_pattern_is_part_of_itself_and_of_all_texts_even_if_no_automaton_can_run_it(pattern: str) -> None:
    for whole in (n.String(pattern=pattern), TEXT, ANY):
        assert search_difference(GType(n.String(pattern=pattern)), GType(whole)) is EMPTY


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("^q$", "q"), ("q", "zqz"), ("^$", ""), ("^(?:ab|cd)+?$", "abcd"), ("^[^a-y]$", "z"),
        (r"^\d\D\w\W\s\S$", "1aa- x"),
        (r"^\x41\u0042\u{43}$", "ABC"), (r"^[\]\-a]+$", "]-a"), ("^a{2}b{1,}c{0,2}$", "aabbc"), ("^(?<name>x)$", "x"),
        ("^[]$|^y$", "y"), ("^[^]$", "\n"), (r"^\/\.\$$", "/.$"), ("^a|b$", "ax"), (r"^[\b]$", "\b"),
        (r"^\t\n\v\f\r\0$", "\t\n\v\f\r\0"), ("^-[a-]$", "--"), ("^😀$", "😀"),
    ],
)  # fmt: skip
def test_text_a_pattern_matches_is_part_of_it(pattern: str, text: str) -> None:
    assert compile_validator(GType(n.String(pattern=pattern))).is_valid(text)
    assert is_subset(GType(listed(text)), GType(n.String(pattern=pattern))) is True
    exactly = "^(?:" + "".join(rf"\u{{{ord(letter):x}}}" for letter in text) + ")$"
    assert is_subset(GType(n.String(pattern=exactly)), GType(n.String(pattern=pattern))) is True


def test_types_too_entangled_are_not_decided_rather_than_searched_for_ever() -> None:
    pigeons, holes = range(9), range(8)
    one = members(*((f"{pigeon} in {hole}", n.Boolean(), True) for pigeon in pigeons for hole in holes))
    homeless = (members(*((f"{pigeon} in {hole}", listed(False), True) for hole in holes)) for pigeon in pigeons)
    crowded = (
        members((f"{a} in {hole}", listed(True), True), (f"{b} in {hole}", listed(True), True))
        for hole in holes
        for a, b in combinations(pigeons, 2)
    )
    assert is_subset(GType(one), GType(any_of(*homeless, *crowded))) is None
