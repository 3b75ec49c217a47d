import pytest
from msgspec import UNSET

from perdure.gtype import nodes as n
from perdure.gtype.intersections import combine
from perdure.gtype.nodes import Field, GType, Node
from tests.nodes import closed, obj

INT, TEXT = n.Integer(), n.String()


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        (n.Integer(ge=1, lt=9), n.Integer(ge=2, le=8), n.Integer(ge=2, lt=9, le=8)),
        (n.Integer(gt=1, multiple_of=4), n.Integer(gt=0, multiple_of=6), n.Integer(gt=1, multiple_of=12)),
        (n.Integer(le=9), n.Number(ge=0.5, gt=1.5, le=2.5, lt=3.5), n.Integer(ge=1, gt=1, le=2, lt=4)),
        (n.Number(ge=1, le=5), n.Number(gt=2, le=4, multiple_of=0.1), n.Number(ge=1, gt=2, le=4, multiple_of=0.1)),
        (n.String(min_length=1, pattern="a"), n.String(min_length=2, max_length=3), n.String(
            min_length=2, max_length=3, pattern="a")),
        (n.Array(items=INT, min_items=1), n.Array(items=INT, max_items=2, unique=True), n.Array(
            items=INT, min_items=1, max_items=2, unique=True)),
        (n.Array(items=INT), n.Array(items=TEXT), n.Array(items=n.Intersection(members=(INT, TEXT)))),
        (n.Record(values=INT, min_size=1), n.Record(values=INT, keys=TEXT, min_size=2), n.Record(
            values=INT, keys=TEXT, min_size=2)),
        (obj(a=INT), obj(a_=INT, b_=TEXT), obj(a=INT, b_=TEXT)),
        (obj(a_=INT), obj(a=INT), obj(a=INT)),
        (closed(obj(a=INT, b_=TEXT)), obj(a=INT, c_=TEXT), closed(obj(a=INT, b_=TEXT))),
        (n.AnyValue(), TEXT, TEXT),
        (INT, INT, INT),
    ],
)  # fmt: skip
def test_two_of_a_kind_become_one(first: Node, second: Node, expected: Node) -> None:
    assert combine(n.Intersection(members=(first, second)), GType(root=n.Null())) == expected


@pytest.mark.parametrize(
    ("first", "second"),
    [
        (INT, TEXT),
        (n.String(pattern="a"), n.String(pattern="b")),
        (n.Number(multiple_of=0.1), n.Number(multiple_of=0.2)),
        (INT, n.Number(multiple_of=0.5)),
        (closed(obj(a_=INT)), obj(b=INT)),
        (n.Union(members=(INT, TEXT)), INT),
    ],
)
def test_what_has_no_single_form_stays(first: Node, second: Node) -> None:
    both = n.Intersection(members=(first, second))
    assert combine(both, GType(root=n.Null())) is both


@pytest.mark.parametrize(("other", "expected"), [(1, 1), (2, UNSET), (UNSET, UNSET)])
def test_a_default_stays_where_both_agree_on_it(other: object, expected: object) -> None:
    def with_default(default: object) -> n.Object:
        return n.Object(fields=(Field(name="a", node=INT, required=False, default=default),))

    both = combine(n.Intersection(members=(with_default(1), with_default(other))), GType(root=n.Null()))
    assert isinstance(both, n.Object)
    assert both.fields[0].default == expected


def test_secrets_stay_secret() -> None:
    both = n.Intersection(members=(n.String(secret=True), n.String(max_length=3)))
    assert combine(both, GType(root=n.Null())).secret


def test_references_and_nested_intersections_are_looked_through() -> None:
    inner = n.Intersection(members=(n.Ref(name="A"), n.Integer(le=9)))
    outer = n.Intersection(members=(inner, n.Ref(name="A")))
    assert combine(outer, GType(root=n.Null(), definitions={"A": n.Integer(ge=1)})) == n.Integer(ge=1, le=9)
