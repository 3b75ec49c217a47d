"""What each Python type becomes."""

import collections
import collections.abc as abc
import dataclasses
import datetime as dt
import decimal
import enum
import fractions
import ipaddress
import pathlib
import sys
import types
import typing
import uuid
from typing import Annotated, Generic, Literal, NamedTuple, NewType, NotRequired, TypedDict, TypeVar

import annotated_types as at
import attrs
import msgspec
import pydantic
import pytest
import typing_extensions as te
from msgspec import UNSET, Meta, Struct, UnsetType

from perdure.errors import TypeDefinitionError
from perdure.gtype import nodes
from perdure.gtype.markers import Masked, Unique
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Bytes,
    DateTime,
    Field,
    GType,
    Integer,
    Node,
    Null,
    Number,
    Object,
    Record,
    Ref,
    String,
    Time,
    Tuple,
)
from perdure.gtype.registry import TypeRegistry, gtype_of

T = TypeVar("T")
U = TypeVar("U")
ANY = AnyValue()
INT = Integer()
STR = String()


def root(tp: object) -> Node:
    """Return the node of *tp*, the definition itself where it is named."""
    gtype = gtype_of(tp)
    return gtype.resolve(gtype.root)


def fields(tp: object) -> tuple[Field, ...]:
    node = root(tp)
    assert isinstance(node, Object)
    return node.fields


SIMPLE: list[tuple[object, Node]] = [
    (str, STR),
    (int, INT),
    (float, Number()),
    (bool, nodes.Boolean()),
    (None, Null()),
    (type(None), Null()),
    (bytes, Bytes()),
    (bytearray, Bytes()),
    (memoryview, Bytes()),
    (dt.date, nodes.Date()),
    (dt.time, Time()),
    (dt.datetime, DateTime()),
    (dt.timedelta, nodes.Duration()),
    (uuid.UUID, nodes.Uuid()),
    (decimal.Decimal, nodes.Decimal()),
    (typing.Any, ANY),
    (object, ANY),
    (msgspec.Raw, ANY),
    (typing.LiteralString, STR),
    (list, Array(items=ANY)),
    (list[int], Array(items=INT)),
    (typing.List[int], Array(items=INT)),  # noqa: UP006
    (abc.Sequence[int], Array(items=INT)),
    (abc.MutableSequence[int], Array(items=INT)),
    (abc.Collection[int], Array(items=INT)),
    (abc.Iterable[int], Array(items=INT)),
    (typing.Sequence[int], Array(items=INT)),
    (set[int], Array(items=INT, unique=True)),
    (frozenset[int], Array(items=INT, unique=True)),
    (abc.Set[int], Array(items=INT, unique=True)),
    (abc.MutableSet[int], Array(items=INT, unique=True)),
    (tuple, Array(items=ANY)),
    (tuple[int, ...], Array(items=INT)),
    (tuple[int, str], Tuple(items=(INT, STR))),
    (tuple[()], Tuple(items=())),
    (dict, Record(values=ANY)),
    (dict[str, int], Record(values=INT)),
    (abc.Mapping[str, int], Record(values=INT)),
    (abc.MutableMapping[str, int], Record(values=INT)),
    (typing.Dict[str, int], Record(values=INT)),  # noqa: UP006
    (dict[typing.Any, int], Record(values=INT)),
    (dict[uuid.UUID, int], Record(values=INT, keys=nodes.Uuid())),
    (dict[Literal[1, 2], int], Record(values=INT, keys=nodes.Literal(values=("1", "2")))),
    (dict[Annotated[str, Meta(min_length=1)], int], Record(values=INT, keys=String(min_length=1))),
    (int | str, nodes.Union(members=(INT, STR))),
    (typing.Optional[int], nodes.Union(members=(INT, Null()))),  # noqa: UP045
    (typing.Union[int, str, None], nodes.Union(members=(INT, STR, Null()))),  # noqa: UP007
    (list[int] | typing.List[int], Array(items=INT)),  # noqa: UP006
    (Literal["a"], nodes.Literal(values=("a",))),
    (Literal[1, None, True], nodes.Literal(values=(1, None, True))),  # noqa: PYI061
    (typing.Final[int], INT),
    (T, ANY),
    (TypeVar("B", bound=int), INT),
    (TypeVar("C", int, str), nodes.Union(members=(INT, STR))),
    (te.TypeVar("D", default=int), INT),
]


@pytest.mark.parametrize(("tp", "node"), SIMPLE, ids=lambda value: repr(value)[:60])
def test_node_of_a_type_without_a_name(tp: object, node: Node) -> None:
    assert gtype_of(tp) == GType(root=node)


def test_node_of_a_map_with_whole_numbers_for_keys_takes_their_digits() -> None:
    node = root(dict[int, str])
    assert isinstance(node, Record)
    assert node.keys == String(pattern=r"^-?(?:0|[1-9][0-9]*)$")


CONSTRAINED: list[tuple[object, Node]] = [
    (Annotated[int, Meta(ge=1, le=5, multiple_of=2)], Integer(ge=1, le=5, multiple_of=2)),
    (Annotated[int, Meta(gt=1, lt=5)], Integer(gt=1, lt=5)),
    (Annotated[float, Meta(ge=1, multiple_of=0.5)], Number(ge=1.0, multiple_of=0.5)),
    (Annotated[str, Meta(min_length=1, max_length=3, pattern="a")], String(min_length=1, max_length=3, pattern="a")),
    (Annotated[str, Meta(pattern=r"\Aa(?P<x>b)\Z")], String(pattern="^a(?<x>b)$")),
    (Annotated[bytes, Meta(min_length=1)], Bytes(min_length=1)),
    (Annotated[list[int], Meta(max_length=2)], Array(items=INT, max_items=2)),
    (Annotated[dict[str, int], Meta(min_length=2)], Record(values=INT, min_size=2)),
    (Annotated[dt.datetime, Meta(tz=True)], DateTime(tz=True)),
    (Annotated[dt.time, Meta(tz=False)], Time(tz=False)),
    (
        Annotated[int, Meta(description="D", extra_json_schema={"deprecated": True})],
        Integer(description="D", deprecated=True),
    ),
    (Annotated[str, Meta(extra_json_schema={"format": "email"})], String(format="email")),
    (Annotated[int, Meta(title="T", examples=[1])], INT),
    (Annotated[int, at.Ge(1), at.Lt(5)], Integer(ge=1, lt=5)),
    (Annotated[int, at.Interval(gt=1, le=5)], Integer(gt=1, le=5)),
    (Annotated[int, at.Ge(1.5), at.Gt(1.5), at.Le(7.5), at.Lt(7.5)], Integer(ge=2, gt=1, le=7, lt=8)),
    (Annotated[int, at.MultipleOf(2.5)], Integer(multiple_of=5)),
    (Annotated[float, at.MultipleOf(0.1)], Number(multiple_of=0.1)),
    (Annotated[float, at.Ge(decimal.Decimal("0.1"))], Number(ge=0.1)),
    (Annotated[list[int], at.Len(1, 3)], Array(items=INT, min_items=1, max_items=3)),
    (Annotated[str, at.MinLen(1), at.MaxLen(3)], String(min_length=1, max_length=3)),
    (Annotated[dt.datetime, at.Timezone(None)], DateTime(tz=False)),
    (Annotated[dt.datetime, at.Timezone(...)], DateTime(tz=True)),
    (Annotated[int, at.Unit("m"), "text", object()], INT),
    (Annotated[int, at.doc("D")], Integer(description="D")),
    (Annotated[int, te.Doc("D")], Integer(description="D")),
    (Annotated[int, pydantic.Field(ge=1, description="D")], Integer(ge=1, description="D")),
    (Annotated[str, pydantic.StringConstraints(max_length=3, pattern="a")], String(max_length=3, pattern="a")),
    (Annotated[list[int], Unique], Array(items=INT, unique=True)),
    (Annotated[str, Masked], String(secret=True)),
    (Annotated[list[str], Masked], Array(items=STR, secret=True)),
    (Annotated[Annotated[int, Meta(ge=1)], at.Ge(3), at.Ge(2)], Integer(ge=3)),
    (Annotated[int, at.MultipleOf(4), at.MultipleOf(6)], Integer(multiple_of=12)),
    (
        Annotated[str, Meta(pattern="a"), Meta(pattern="b")],
        nodes.Intersection(members=(String(pattern="a"), String(pattern="b"))),
    ),
    (Annotated[int | None, at.Ge(1)], nodes.Union(members=(Integer(ge=1), Null()))),
    (Annotated[int | float | None, at.Ge(1)], nodes.Union(members=(Integer(ge=1), Number(ge=1.0), Null()))),
]


@pytest.mark.parametrize(("tp", "node"), CONSTRAINED, ids=lambda value: repr(value)[:60])
def test_node_of_a_constrained_type(tp: object, node: Node) -> None:
    assert gtype_of(tp).canonical() == GType(root=node).canonical()


class Money(Struct):
    """An amount.

    With a currency.
    """

    amount: str
    currency: str = "EUR"


class Line(Struct, rename={"sku": "SKU"}, forbid_unknown_fields=True):
    sku: Annotated[str, Meta(description="What.")]
    tags: list[str] = []
    price: Money = msgspec.field(default_factory=lambda: Money("1"))
    note: str | UnsetType = UNSET
    code: str | None | UnsetType = UNSET  # noqa: RUF036


class Defaults(Struct):
    made: typing.ClassVar[int] = 1
    empty: "Empty" = msgspec.field(default_factory=lambda: Empty())
    static: "Empty" = msgspec.field(default_factory=lambda: Empty())
    when: dt.date = dt.date(2020, 1, 2)
    several: frozenset[str] = frozenset({"b", "a"})
    nan: float = float("nan")


class Empty(Struct):
    at: int = 3
    list_: list[int] = msgspec.field(name="list", default_factory=list)


class Holder(Struct):
    inner: Empty = msgspec.field(default_factory=Empty)


def test_struct_members_have_wire_names_defaults_and_closedness() -> None:
    node = root(Line)
    assert node == Object(
        closed=True,
        fields=(
            Field(name="SKU", node=String(description="What.")),
            Field(name="tags", node=Array(items=STR), required=False, default=[]),
            Field(name="price", node=Ref(name="Money"), required=False),
            Field(name="note", node=STR, required=False),
            Field(name="code", node=nodes.Union(members=(STR, Null())), required=False),
        ),
    )


def test_struct_description_is_the_first_paragraph() -> None:
    assert root(Money).description == "An amount."


def test_struct_defaults_are_json_and_the_same_in_every_process() -> None:
    found = {field.name: field.default for field in fields(Defaults)}
    assert found == {"empty": UNSET, "static": UNSET, "when": "2020-01-02", "several": ["a", "b"], "nan": UNSET}


def test_struct_default_that_is_a_tuple_is_a_list() -> None:
    tp = msgspec.defstruct(
        "Placed", [("at", tuple[int, int], (0, 0)), ("all", tuple[tuple[int, str], ...], ((1, "a"),))]
    )
    assert [[0, 0], [[1, "a"]]] == [field.default for field in fields(tp)]


def test_struct_default_made_by_a_class_of_defaults_is_written_out() -> None:
    (field,) = fields(Holder)
    assert (field.required, field.default) == (False, {"at": 3, "list": []})


class Stamped(Struct):
    id: uuid.UUID = msgspec.field(default_factory=uuid.uuid4)


def test_struct_default_made_by_a_class_that_runs_code_is_left_out() -> None:
    tp = msgspec.defstruct("Outer", [("inner", Stamped, msgspec.field(default_factory=Stamped))])
    assert [(field.required, field.default) for field in fields(tp)] == [(False, UNSET)]


def test_struct_written_as_an_array_is_a_tuple() -> None:
    class Point(Struct, array_like=True, tag="P"):
        x: int
        y: float = 0.0

    assert root(Point) == Tuple(items=(nodes.Literal(values=("P",)), INT, Number()))


class Cat(Struct, tag="cat", tag_field="kind"):
    name: str


class Dog(Struct, tag="dog", tag_field="kind"):
    name: str


def test_union_of_tagged_structs_is_discriminated() -> None:
    pets = nodes.Union(members=(Ref(name="Cat"), Ref(name="Dog")), discriminator="kind")
    assert gtype_of(Cat | Dog).root == pets
    assert gtype_of(Cat | Dog | None).root == nodes.Union(members=(pets, Null()))
    null_first = typing.Union[None, Cat, Dog]  # noqa: UP007
    assert gtype_of(list[null_first]).root == Array(items=nodes.Union(members=(Null(), pets)))
    assert fields(Cat)[0] == Field(name="kind", node=nodes.Literal(values=("cat",)))


def test_union_of_classes_with_a_literal_member_is_discriminated() -> None:
    class Color(enum.Enum):
        RED = "red"

    @dataclasses.dataclass
    class A:
        x: int
        kind: Literal["a", "b"]

    class B(TypedDict):
        kind: Color

    root = gtype_of(A | B).root
    assert isinstance(root, nodes.Union)
    assert root.discriminator == "kind"


def test_union_whose_tags_overlap_or_may_be_missing_is_not_discriminated() -> None:
    class A(TypedDict):
        kind: Literal["a", "b"]

    class B(TypedDict):
        kind: Literal["b", "c"]

    class C(TypedDict):
        kind: NotRequired[Literal["x"]]

    for tp in (typing.Union[A, B], typing.Union[A, C]):  # noqa: UP007
        node = gtype_of(tp).root
        assert isinstance(node, nodes.Union)
        assert node.discriminator is None


@dataclasses.dataclass(kw_only=True)
class Point:
    x: int
    hidden: typing.ClassVar[int] = 3
    seed: dataclasses.InitVar[int] = 5
    tags: set[str] = dataclasses.field(default_factory=set)
    computed: int = dataclasses.field(init=False, default=0)
    made: int = dataclasses.field(default_factory=lambda: 3)


def test_dataclass_members_are_those_msgspec_reads_and_what_it_is_made_with() -> None:
    assert root(Point) == Object(
        fields=(
            Field(name="x", node=INT),
            Field(name="seed", node=INT, required=False, default=5),
            Field(name="tags", node=Array(items=STR, unique=True), required=False, default=[]),
            Field(name="computed", node=INT, required=False, default=0),
            Field(name="made", node=INT, required=False),
        )
    )


class Movie(TypedDict, total=False):
    """A film."""

    name: typing.Required[str]
    year: Annotated[int, Meta(ge=1888)]
    seen: te.ReadOnly[bool]


class Series(Movie):
    seasons: "NotRequired[int]"
    ended: bool


def test_typed_dict_members_are_required_as_they_say() -> None:
    assert root(Movie).description == "A film."
    assert [(field.name, field.required) for field in fields(Movie)] == [
        ("name", True),
        ("year", False),
        ("seen", False),
    ]
    assert fields(Movie)[1].node == Integer(ge=1888)
    assert {field.name: field.required for field in fields(Series)} == {
        "name": True,
        "year": False,
        "seen": False,
        "seasons": False,
        "ended": True,
    }


def test_closed_typed_dict_is_closed() -> None:
    class Closed(te.TypedDict, closed=True):
        a: int

    class Extra(te.TypedDict, extra_items=int):  # type: ignore[call-arg]
        a: int

    assert root(Closed) == Object(fields=(Field(name="a", node=INT),), closed=True)
    with pytest.raises(TypeDefinitionError, match="extra_items"):
        gtype_of(Extra)


def test_named_tuple_is_a_tuple() -> None:
    class Pair(NamedTuple):
        left: int
        right: str = ""

    assert root(Pair) == Tuple(items=(INT, STR))
    assert root(collections.namedtuple("Loose", "a b")) == Tuple(items=(ANY, ANY))  # noqa: PYI024


def test_attrs_class_is_an_object() -> None:
    @attrs.define
    class Item:
        name: str
        tags: list[str] = attrs.Factory(list)
        size: int = attrs.field(default=attrs.Factory(lambda self: len(self.name), takes_self=True))
        _private: int = 3

    assert [(field.name, field.required, field.default) for field in fields(Item)] == [
        ("name", True, UNSET),
        ("tags", False, []),
        ("size", False, UNSET),
        ("_private", False, 3),
    ]


class Color(enum.Enum):
    """Colours."""

    RED = "red"
    ROSE = "red"  # noqa: PIE796
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1


class Kind(enum.StrEnum):
    A = enum.auto()


def test_enum_has_the_names_and_values_of_its_members() -> None:
    assert root(Color) == nodes.Enum(members=(("RED", "red"), ("BLUE", "blue")), description="Colours.")
    assert root(Level) == nodes.Enum(members=(("LOW", 1),))
    assert root(Kind) == nodes.Enum(members=(("A", "a"),))
    assert root(Literal[Color.RED, "x"]) == nodes.Literal(values=("red", "x"))
    assert root(dict[Color, int]) == Record(values=INT, keys=Ref(name="Color"))
    assert root(dict[Level, int]) == Record(values=INT, keys=nodes.Enum(members=(("LOW", "1"),)))


Sku = NewType("Sku", Annotated[str, Meta(min_length=3)])
Json = te.TypeAliasType("Json", "dict[str, Json] | list[Json] | str | None")
Pairs = te.TypeAliasType("Pairs", list[tuple[T, T]], type_params=(T,))


def test_new_types_and_aliases_are_definitions() -> None:
    assert gtype_of(list[Sku]) == GType(root=Array(items=Ref(name="Sku")), definitions={"Sku": String(min_length=3)})
    json = gtype_of(Json)
    assert json.root == Ref(name="Json")
    assert json.definitions["Json"] == nodes.Union(
        members=(Record(values=Ref(name="Json")), Array(items=Ref(name="Json")), STR, Null())
    )
    assert gtype_of(Pairs[int]) == GType(
        root=Ref(name="Pairs[int]"), definitions={"Pairs[int]": Array(items=Tuple(items=(INT, INT)))}
    )


def test_narrowed_alias_is_written_out_and_described_alias_is_not() -> None:
    assert gtype_of(Annotated[Sku, Meta(max_length=5)]) == GType(root=String(min_length=3, max_length=5))
    assert gtype_of(Annotated[Sku | None, at.MaxLen(5)]).root == nodes.Union(
        members=(String(min_length=3, max_length=5), Null())
    )
    assert gtype_of(Annotated[Sku, Meta(description="D"), Masked]).root == Ref(name="Sku", description="D", secret=True)


class Page(Struct, Generic[T]):
    items: list[T]
    next: "Page[T] | None" = None


class Named(Page[T], Generic[T, U], kw_only=True):
    name: U


@dataclasses.dataclass
class Box(Generic[T]):
    value: T


class Boxes(Box[list[int]]):
    pass


class GenericDict(TypedDict, Generic[T]):
    value: T


class InheritingDict(GenericDict[int]):
    other: str


class GenericPair(NamedTuple, Generic[T]):
    left: T
    right: list[T]


class Model(pydantic.BaseModel, Generic[T]):
    value: T


def test_generics_are_definitions_per_argument() -> None:
    gtype = gtype_of(dict[str, Page[Money] | Page[int]])
    assert set(gtype.definitions) == {"Money", "Page[Money]", "Page[int]"}
    node = gtype.definitions["Page[Money]"]
    assert isinstance(node, Object)
    assert node.fields[0].node == Array(items=Ref(name="Money"))
    assert node.fields[1].node == nodes.Union(members=(Ref(name="Page[Money]"), Null()))


@pytest.mark.parametrize(
    ("tp", "name"),
    [
        (Page, "Page"),
        (Page[int], "Page[int]"),
        (Named[int, str], "Named[int, str]"),
        (Page[Page[Money]], "Page[Page[Money]]"),
        (Page[typing.Optional[Money]], "Page[Money | None]"),  # noqa: UP045
        (Page[Money | None], "Page[Money | None]"),
        (Page[dict[str, list[int]]], "Page[dict[str, list[int]]]"),
        (Box[set[float]], "Box[set[float]]"),
        (Page[Literal["a", 1]], 'Page[Literal["a", 1]]'),
        (Model[int], "Model[int]"),
        (GenericPair[bool], "GenericPair[bool]"),
        (GenericDict[tuple[int, str]], "GenericDict[tuple[int, str]]"),
        (Model, "Model"),
    ],
)
def test_generic_names_tell_the_arguments(tp: object, name: str) -> None:
    assert gtype_of(tp).root == Ref(name=name)


def test_generic_names_of_constrained_arguments_differ() -> None:
    a, b = (gtype_of(Page[Annotated[int, Meta(ge=low)]]).root for low in (1, 2))
    assert isinstance(a, Ref)
    assert isinstance(b, Ref)
    assert a.name.startswith("Page[integer~")
    assert a != b


def test_generic_members_follow_arguments_through_bases() -> None:
    assert [field.node for field in fields(Named[int, str])][::2] == [Array(items=INT), STR]
    assert fields(Boxes)[0].node == Array(items=INT)
    assert {field.name: field.node for field in fields(InheritingDict)} == {"value": INT, "other": STR}
    assert root(GenericPair[int]) == Tuple(items=(INT, Array(items=INT)))
    assert fields(Model[int])[0].node == INT
    assert fields(Page)[0].node == Array(items=ANY)


class Tree(Struct):
    children: list["Tree"] = []
    forest: "Forest | None" = None


class Forest(Struct):
    trees: list[Tree]
    me: typing.Optional["Forest"] = None


def test_recursive_types_refer_to_themselves() -> None:
    gtype = gtype_of(Forest)
    assert set(gtype.definitions) == {"Forest", "Tree"}
    assert fields(Tree)[0].node == Array(items=Ref(name="Tree"))


@dataclasses.dataclass
class Linked:
    next: te.Self | None


def test_self_means_the_class() -> None:
    assert fields(Linked)[0].node == nodes.Union(members=(Ref(name="Linked"), Null()))


class Endless(Struct, Generic[T]):
    inner: "Endless[list[T]] | None" = None


Loop = te.TypeAliasType("Loop", "Loop | int")  # type: ignore[misc]


def test_types_that_never_end_are_refused() -> None:
    with pytest.raises(TypeDefinitionError, match="Endless contains itself with ever new arguments"):
        gtype_of(Endless[int])
    with pytest.raises(TypeDefinitionError, match="Loop is defined by itself"):
        gtype_of(Loop)


class Thing(pydantic.BaseModel):
    """A thing."""

    model_config = pydantic.ConfigDict(extra="forbid")

    id: int = pydantic.Field(alias="ID", ge=1, description="Number.")
    name: Annotated[str, pydantic.StringConstraints(min_length=1, strip_whitespace=True)] = "x"
    url: pydantic.HttpUrl | None = None
    password: pydantic.SecretStr = pydantic.SecretStr("")
    when: pydantic.AwareDatetime
    count: pydantic.PositiveInt = pydantic.Field(deprecated=True, default=1)
    price: decimal.Decimal = pydantic.Field(gt=0, default=decimal.Decimal("1.50"))
    data: bytes = b"abc"
    made: list[int] = pydantic.Field(default_factory=list, validation_alias=pydantic.AliasChoices("MADE", "made"))
    hidden: int = pydantic.Field(exclude=True)

    @pydantic.computed_field  # type: ignore[prop-decorator]
    @property
    def shout(self) -> str:
        return self.name.upper()


def test_pydantic_model_is_what_it_takes_in_a_request() -> None:
    node = root(Thing)
    assert isinstance(node, Object)
    assert (node.closed, node.description) == (True, "A thing.")
    assert {field.name: (field.node, field.required, field.default) for field in node.fields} == {
        "ID": (Integer(ge=1, description="Number."), True, UNSET),
        "name": (String(min_length=1), False, "x"),
        "url": (nodes.Union(members=(String(min_length=1, max_length=2083, format="uri"), Null())), False, None),
        "password": (String(format="password", secret=True), False, UNSET),
        "when": (DateTime(tz=True), True, UNSET),
        "count": (Integer(gt=0, deprecated=True), False, 1),
        "price": (nodes.Decimal(), False, "1.50"),
        "data": (STR, False, "abc"),
        "MADE": (Array(items=INT), False, []),
        "hidden": (INT, False, UNSET),
    }


@pydantic.dataclasses.dataclass
class Checked:
    size: Annotated[int, pydantic.Field(ge=1)]


def test_pydantic_dataclass_and_root_model() -> None:
    assert fields(Checked)[0].node == Integer(ge=1)
    assert root(pydantic.RootModel[list[int]]) == Array(items=INT)


def test_pydantic_member_without_one_name_is_refused() -> None:
    class Two(pydantic.BaseModel):
        a: int = pydantic.Field(alias="A", serialization_alias="B")

    class Path(pydantic.BaseModel):
        a: int = pydantic.Field(validation_alias=pydantic.AliasPath("a", 0))

    with pytest.raises(TypeDefinitionError, match="is read as 'A' but written as 'B': give it one alias"):
        gtype_of(Two)
    with pytest.raises(TypeDefinitionError, match="a GType needs a plain alias"):
        gtype_of(Path)


class Late(pydantic.BaseModel):
    other: "LaterDefined | None"


class LaterDefined(pydantic.BaseModel):
    a: int


class Missing(pydantic.BaseModel):
    other: "NeverDefined"  # type: ignore[name-defined]  # noqa: F821


def test_pydantic_forward_references_are_resolved_or_named() -> None:
    assert set(gtype_of(Late).definitions) == {"Late", "LaterDefined"}
    with pytest.raises(TypeDefinitionError, match=r"class Missing: a member needs 'NeverDefined'.*add an import"):
        gtype_of(Missing)


@te.deprecated("Use Money.")
class OldMoney(Struct):
    amount: float


def test_deprecated_class_is_marked() -> None:
    assert root(OldMoney).deprecated


class Flags(enum.Flag):
    A = 1


class Text(str):
    __slots__ = ()


class Odd(Struct):
    bad: complex


REFUSED: list[tuple[object, str]] = [
    (complex, "complex has no GType: use two floats"),
    (Odd, "Odd.bad: complex has no GType: use two floats"),
    (collections.deque[int], "use list"),
    (collections.OrderedDict[str, int], "use dict"),
    (collections.defaultdict[str, int], "use dict"),
    (collections.Counter[str], "use dict"),
    (type[int], "use a str"),
    (abc.Iterator[int], "use list, or let the handler return the stream"),
    (abc.AsyncIterator[int], "return the stream"),
    (abc.Callable[[], int], "functions cannot be sent"),
    (pathlib.Path, "use str"),
    (ipaddress.IPv4Address, "use str"),
    (fractions.Fraction, "use decimal.Decimal"),
    (Text, r"use str, or typing.NewType\('Text', str\)"),
    (object(), "has no GType"),
    (typing.Never, "has no GType"),
    (Flags, "flags have no GType: use a list"),
    (enum.Enum("Nothing", {}), "without members"),
    (enum.Enum("Weird", {"A": (1,)}), r"A = \(1,\) cannot be written"),
    (Literal[b"a"], "cannot be written as JSON"),
    (dict[list[int], int], "keys of kind array cannot be written"),
    (dict[Annotated[int, Meta(ge=0)], int], "keys of kind integer"),
    (dict[bool, int], "keys of kind boolean"),
    (tuple[int, *tuple[str, ...]], "parts of any length"),
    (te.Self, "Self has no meaning outside"),
    (Annotated[int, at.Predicate(bool)], "is code, which no schema can express"),
    (Annotated[dt.datetime, at.Timezone("Europe/Berlin")], "asks for one time zone"),
    (Annotated[int, pydantic.AfterValidator(int)], "only runs inside a Pydantic model"),
    (Annotated[int, Meta(min_length=1)], "min_length=1 has no meaning for a value of kind integer"),
    (Annotated[str, Meta(ge=1)], "ge=1 has no meaning for a value of kind string"),
    (Annotated[Money, Meta(min_length=1)], "no meaning for a value of kind ref"),
    (Annotated[int | str, at.Ge(1)], "no meaning for a value of kind string"),
    (Annotated[int, Unique], "unique=True has no"),
    (Annotated[int, at.Ge(dt.date(2020, 1, 1))], "is no number"),
    (Annotated[float, at.Le(float("inf"))], "is not finite"),
    (Annotated[decimal.Decimal, at.Ge(1)], "no meaning for a value of kind decimal"),
    (Annotated[str, Meta(pattern="(?i)a")], "which clients' languages do not have"),
    (Annotated[str, pydantic.Field(pattern="(")], "is no regular expression"),
    (list["Nowhere"], "has no GType"),  # type: ignore[name-defined]  # noqa: F821
]


@pytest.mark.parametrize(("tp", "message"), REFUSED, ids=lambda value: repr(value)[:60])
def test_unsupported_type_is_refused_with_what_to_use(tp: object, message: str) -> None:
    with pytest.raises(TypeDefinitionError, match=message):
        gtype_of(tp)


def _item(module: str, name: str = "Item", **members: object) -> type:
    made = msgspec.defstruct(name, list(members.items()), module=module)
    made.__qualname__ = name
    return made


def test_classes_of_one_name_are_called_by_their_modules_in_any_order() -> None:
    a, b = _item("shop.a", x=int), _item("shop.b", y=int)
    first, second = gtype_of(tuple[a, b]), gtype_of(tuple[b, a])  # type: ignore[valid-type]
    assert set(first.definitions) == {"shop.a.Item", "shop.b.Item"}
    assert first.definitions == second.definitions


def test_registry_does_not_rename_what_it_has_shown() -> None:
    registry = TypeRegistry()
    a, b = _item("shop.a", x=int), _item("shop.b", y=int)
    assert registry.node(a) == Ref(name="Item")
    assert registry.node(b) == Ref(name="shop.b.Item")
    assert set(registry.definitions) == {"Item", "shop.b.Item"}


def test_registry_that_collects_first_names_alike_in_any_order() -> None:
    a, b = _item("shop.a", x=int), _item("shop.b", y=int)
    found = []
    for order in ((a, b), (b, a)):
        registry = TypeRegistry()
        registry.collect(*order)
        found.append([registry.node(a), registry.node(b)])
    assert found[0] == found[1] == [Ref(name="shop.a.Item"), Ref(name="shop.b.Item")]


def test_class_may_choose_its_name() -> None:
    a, b = _item("shop.a", x=int), _item("shop.b", y=int)
    b.__perdure_name__ = "Article"  # type: ignore[attr-defined]
    assert set(gtype_of(tuple[a, b]).definitions) == {"Item", "Article"}  # type: ignore[valid-type]


def test_types_that_cannot_be_told_apart_are_refused() -> None:
    a, b = _item("shop.a", x=int), _item("shop.a", y=int)
    with pytest.raises(TypeDefinitionError, match=r"a different type is called 'shop.a.Item' too"):
        gtype_of(tuple[a, b])  # type: ignore[valid-type]


def test_registry_is_unchanged_by_a_type_it_refuses() -> None:
    registry = TypeRegistry()
    registry.node(Money)
    with pytest.raises(TypeDefinitionError):
        registry.node(tuple[Page[int], Odd])
    assert set(registry.definitions) == {"Money"}
    assert registry.node(Page[int]) == Ref(name="Page[int]")


def test_registry_gives_only_reachable_definitions() -> None:
    registry = TypeRegistry()
    registry.collect(Forest, Money)
    assert set(registry.gtype(Line).definitions) == {"Line", "Money"}
    assert {"Forest", "Line", "Money", "Tree"} == set(registry.definitions)


NEW_SYNTAX = """
from __future__ import annotations
import dataclasses, msgspec
from typing import TypedDict
type Id = int
type Json = dict[str, Json] | list[Json] | str | None
type Pair[A] = tuple[A, A]
class Page[T](msgspec.Struct):
    items: list[T]
    ids: Pair[Id]
class Products[P](Page[list[P]]):
    json: Json
@dataclasses.dataclass
class Box[T]:
    value: T | None
class Map[T](TypedDict):
    value: Box[T]
"""


if sys.version_info >= (3, 12):  # type parameters are new in 3.12

    def test_types_in_the_syntax_of_python_3_12(monkeypatch: pytest.MonkeyPatch) -> None:
        module = types.ModuleType("new_syntax")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(NEW_SYNTAX, vars(module))
        gtype = gtype_of(module.Products[int])
        assert gtype.root == Ref(name="Products[int]")
        assert gtype.definitions == {
            "Products[int]": Object(
                fields=(
                    Field(name="items", node=Array(items=Array(items=INT))),
                    Field(name="ids", node=Ref(name="Pair[Id]")),
                    Field(name="json", node=Ref(name="Json")),
                )
            ),
            "Pair[Id]": Tuple(items=(Ref(name="Id"), Ref(name="Id"))),
            "Id": INT,
            "Json": nodes.Union(members=(Record(values=Ref(name="Json")), Array(items=Ref(name="Json")), STR, Null())),
        }
        assert set(gtype_of(module.Map[str]).definitions) == {"Map[str]", "Box[str]"}
        assert root(module.Pair[module.Id]) == gtype.definitions["Pair[Id]"]
