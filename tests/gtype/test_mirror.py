from typing import Any

import msgspec
import pytest

from perdure.gtype import nodes as n
from perdure.gtype.mirror import mirror_type
from perdure.gtype.nodes import Field, GType, Node
from tests.nodes import obj


def takes(node: Node, raw: bytes, **definitions: Node) -> bool:
    mirror: Any = mirror_type(GType(root=node, definitions=definitions))[0]
    try:
        msgspec.json.decode(raw, type=mirror)
    except msgspec.ValidationError:
        return False
    return True


def exact(node: Node, **definitions: Node) -> bool:
    return mirror_type(GType(root=node, definitions=definitions))[1]


TAGGED = n.Union(
    members=(obj(k=n.Literal(values=("a",)), x=n.Integer()), obj(k=n.Literal(values=("b", "c")))), discriminator="k"
)


@pytest.mark.parametrize(
    ("node", "good", "bad"),
    [
        (n.Integer(gt=0, multiple_of=2), b"2", b"0"),
        (n.Number(ge=0.5), b"1", b"0"),
        (n.Number(ge=0.5, gt=1), b"1.5", b"1"),
        (n.String(pattern=r"^\d$"), b'"1"', b'"1\\n"'),
        (n.Literal(values=("a", 1, None, True)), b"true", b"false"),
        (n.Enum(members=(("A", 1.0), ("B", "b"))), b"1", b"2"),
        (n.Decimal(), b'"1.5"', b'"NaN"'),
        (n.Bytes(min_length=1), b'"AA=="', b'""'),
        (n.DateTime(tz=True), b'"2026-02-10T00:00:00Z"', b'"2026-02-10T00:00:00"'),
        (n.Record(values=n.Integer(), keys=n.String(pattern="^a"), max_size=1), b'{"a":1}', b'{"b":1}'),
        (n.Tuple(items=(n.Integer(), n.String())), b'[1,"a"]', b"[1]"),
        (n.Tuple(items=()), b"[]", b"[1]"),
        (n.Object(fields=(Field(name='x"', node=n.Integer()),), closed=True), b"{}", b"[]"),
        (n.Union(members=(n.Integer(ge=1), n.String(), n.Null(), n.Array(items=n.Boolean()))), b"[true]", b"[1]"),
        (n.Union(members=(n.Literal(values=("a",)), n.Literal(values=("b",)))), b'"b"', b'"c"'),
        (TAGGED, b'{"x":1,"k":"a"}', b'{"k":"a"}'),
        (TAGGED, b'{"k":"c"}', b'{"k":"d"}'),
        (n.Union(members=(TAGGED, n.Null())), b"null", b'{"x":1}'),
        (n.Union(members=(TAGGED.members[0], n.Null()), discriminator="k"), b'{"x":1,"k":"a"}', b'{"x":1}'),
        (n.Intersection(members=(obj(a=n.Integer()), obj(b=n.Integer()))), b'{"a":1,"b":2}', b'{"a":1}'),
        (n.Intersection(members=(n.Integer(ge=1), n.Number(lt=2.5))), b"2", b"3"),
    ],
)
def test_a_mirror_takes_what_is_valid_and_refuses_what_is_not(node: Node, good: bytes, bad: bytes) -> None:
    assert takes(node, good)
    assert not takes(node, bad)


@pytest.mark.parametrize(
    "node",
    [
        n.Array(items=n.Integer(), unique=True),
        n.Number(multiple_of=0.1),
        n.Integer(ge=2**64),
        n.Literal(values=(1.5,)),
        n.Literal(values=(2**64,)),
        n.Union(members=(n.Uuid(), n.Date())),
        n.Union(members=(n.Integer(ge=5), n.Integer(le=3))),
        n.Union(members=(obj(a=n.Integer()), obj(b=n.Integer()))),
        n.Intersection(members=(n.String(pattern="a"), n.String(pattern="b"))),
        n.Record(values=n.Integer(), keys=n.Intersection(members=(n.String(pattern="a"), n.String(pattern="b")))),
        obj(**{'a"b': n.Integer()}),
        n.Union(members=()),
    ],
    ids=repr,
)
def test_what_msgspec_cannot_express_is_not_exact(node: Node) -> None:
    assert not exact(node)


@pytest.mark.parametrize(
    "node",
    [
        n.Union(members=(n.String(), n.Date())), n.Union(members=(n.Integer(), n.Number(le=3))), TAGGED, n.AnyValue(),
        n.Union(members=(n.AnyValue(), n.Integer())),
    ],
    ids=repr,
)  # fmt: skip
def test_what_one_member_covers_stays_exact(node: Node) -> None:
    assert exact(node)


class TestRecursion:
    LIST = obj(value=n.Integer(), next=n.Union(members=(n.Ref(name="List"), n.Null())))

    def test_an_object_may_contain_itself(self) -> None:
        assert takes(n.Ref(name="List"), b'{"value":1,"next":{"value":2,"next":null}}', List=self.LIST)
        assert not takes(n.Ref(name="List"), b'{"value":1,"next":{"value":"2","next":null}}', List=self.LIST)
        assert exact(n.Ref(name="List"), List=self.LIST)

    def test_a_union_may_contain_itself_through_an_object(self) -> None:
        tree = n.Union(members=(n.Ref(name="Node"), n.Integer()))
        node = obj(children=n.Array(items=n.Ref(name="Tree")))
        both = n.Tuple(items=(n.Ref(name="Node"), n.Ref(name="Tree")))
        assert takes(both, b'[{"children":[1,{"children":[]}]},2]', Tree=tree, Node=node)
        assert not takes(both, b'[{"children":[1,{"children":["x"]}]},2]', Tree=tree, Node=node)
        assert exact(both, Tree=tree, Node=node)

    def test_tagged_objects_may_contain_each_other(self) -> None:
        leaf = obj(kind=n.Literal(values=("leaf",)), value=n.Integer())
        plus = obj(kind=n.Literal(values=("plus",)), left=n.Ref(name="Expr"), right=n.Ref(name="Expr"))
        expr = n.Union(members=(n.Ref(name="Leaf"), n.Ref(name="Plus")), discriminator="kind")
        raw = b'{"kind":"plus","left":{"kind":"leaf","value":1},"right":{"kind":"leaf","value":%s}}'
        assert takes(n.Ref(name="Expr"), raw % b"2", Expr=expr, Leaf=leaf, Plus=plus)
        assert not takes(n.Ref(name="Expr"), raw % b'"2"', Expr=expr, Leaf=leaf, Plus=plus)
        assert exact(n.Ref(name="Expr"), Expr=expr, Leaf=leaf, Plus=plus)

    def test_lists_that_contain_themselves_are_left_open(self) -> None:
        nest = n.Array(items=n.Ref(name="Nest"))
        assert takes(n.Ref(name="Nest"), b"[[[]]]", Nest=nest)
        assert not exact(n.Ref(name="Nest"), Nest=nest)
