"""Unions that msgspec keeps wrongly in memory: which those are, and that mirrors and our own types hold none."""

import subprocess
import sys
import types
import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, ForwardRef, Generic, NamedTuple, NewType, TypedDict, TypeVar

import attrs
import pydantic
import pydantic.dataclasses
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

import perdure
from perdure.gtype import nodes as n
from perdure.gtype.mirror import mirror_type
from perdure.gtype.nodes import GType
from perdure.gtype.traversal import endless
from perdure.gtype.unsafe_types import compile_safely, holds_unsafe_union
from perdure.gtype.unsafe_unions import has_pattern, holds_items, is_bounded, is_fixed_tuple
from tests.gtype.strategies import SMALL_NODES

T = TypeVar("T")
Digit = Annotated[str, Meta(pattern="^[0-9]$")]
Digits = NewType("Digits", Digit)
Size = Annotated[int, Meta(ge=1)]
Pair = tuple[int, str]
Above = Annotated[float, Meta(gt=5)]
From = Annotated[float, Meta(ge=0)]
Below = Annotated[float, Meta(lt=5)]
UpTo = Annotated[float, Meta(le=0)]
Bound = TypeVar("Bound", bound=Size | Pair)


@pytest.mark.parametrize(
    ("annotation", "is_so"),
    [
        (list[bool], True), (Annotated[set[int], Meta(min_length=1)], True), (dict[str, int], True), (dict, True),
        (tuple[int, ...], True), (frozenset[int], True), (tuple, True), (Sequence[int], True),
        (Mapping[str, int], True), (tuple[int, str], False), (tuple[()], False), (str, False), (Digit, False),
        (None, False),
    ],
)  # fmt: skip
def test_types_that_hold_items_are_known(annotation: Any, is_so: bool) -> None:
    assert is_so == holds_items(annotation)


def test_patterns_bounds_and_tuples_of_one_length_are_known() -> None:
    assert [True, False, False] == [has_pattern(each) for each in (Digit, Size, str)]
    bounded = (
        Size,
        Annotated[float, Meta(lt=1)],
        Annotated[str, Meta(max_length=1)],
        Annotated[int, Meta(title="n")],
        int,
    )
    assert [True, True, True, False, False] == [is_bounded(each) for each in bounded]
    assert [True, True, False] == [is_fixed_tuple(each) for each in (Pair, tuple[()], tuple[int, ...])]


class Plain(Struct):
    tags: Digit | list[Digit]


class Validating(Struct):
    both: Size | Pair

    @classmethod
    def model_validate(cls, data: object) -> "Validating":
        """Do as Pydantic's models do, which this is not."""
        raise NotImplementedError


class Outer(Struct, Generic[T]):
    inner: dict[str, T]
    outer: "Outer[T] | None" = None


@dataclass
class Data:
    both: Size | Pair


class Members(TypedDict):
    both: Size | Pair | None


class Named(NamedTuple):
    both: Annotated[bytes, Meta(min_length=1)] | Pair


@attrs.define
class Attributes:
    both: Annotated[dict[str, int], Meta(min_length=1)] | Pair


class Model(pydantic.BaseModel):
    both: Digit | list[Digit]


@pydantic.dataclasses.dataclass
class ModelData:
    both: Digit | list[Digit]


class Fine(Struct):
    """Each half of what is wrong, but not in one union."""

    digit: Digit | tuple[int, str] | None
    digits: list[Digit | int]
    items: list[int] | Annotated[str, Meta(min_length=1)] | Size
    pair: Pair | int | str | Digit
    fine: "Fine | None" = None


@pytest.mark.parametrize(
    "tp",
    [
        Digit | list[int], Digits | dict[str, int], list[Digit | set[int]], Size | Pair, Size | tuple[()],
        dict[str, Annotated[float, Meta(lt=1)] | Pair], tuple[Plain, int], Plain | None, Outer[Plain],
        Outer[Size | Pair], Data, Members, Named, Attributes, ModelData, Validating, list[Bound],  # type: ignore[valid-type]
        Annotated[Digits | list[int], "note", []], Above | From | str, dict[str, Below | UpTo],
    ],
    ids=repr,
)  # fmt: skip
def test_an_unsafe_union_is_found_wherever_it_is(tp: object) -> None:
    assert holds_unsafe_union(tp)


@pytest.mark.parametrize(
    "tp", [Fine, Outer[int], Outer, Model, list[Model], Digit, Pair, Any, T, list[int] | str, Above | UpTo]
)
def test_other_types_are_safe(tp: object) -> None:
    assert not holds_unsafe_union(tp)


def test_no_struct_of_our_own_holds_one() -> None:
    def below(cls: type[Struct]) -> list[type[Struct]]:
        return [cls, *(each for inherited in cls.__subclasses__() for each in below(inherited))]

    ours = [cls for cls in below(Struct)[1:] if cls.__module__.partition(".")[0] == perdure.__name__]
    assert len(ours) > 100
    assert [] == [cls for cls in ours if holds_unsafe_union(cls)]


class Mirror:
    """Looks through a mirror."""

    def __init__(self) -> None:
        self.met: set[object] = set()

    def unions(self, annotation: Any, owner: type) -> Iterator[list[object]]:
        """Yield the alternatives of each union in *annotation*, whose names are attributes of *owner*."""
        found = list(self.alternatives(annotation, owner))
        yield [each for each, _ in found]
        for each, is_new in found:
            base = typing.get_args(each)[0] if typing.get_origin(each) is Annotated else each
            if not is_new or base in self.met or typing.get_origin(base) is typing.Literal:
                continue
            if isinstance(base, type) and issubclass(base, Struct):
                self.met.add(base)
                for hint in base.__annotations__.values():
                    yield from self.unions(hint, base)
            for argument in typing.get_args(base):
                yield from self.unions(argument, owner)

    def alternatives(self, annotation: Any, owner: type, is_new: bool = True) -> Iterator[tuple[object, bool]]:
        """Yield what *annotation* may be, and whether its parts have not been looked at."""
        if isinstance(annotation, ForwardRef):
            name = annotation.__forward_arg__
            is_known = name in self.met
            self.met.add(name)
            yield from self.alternatives(getattr(owner, name), owner, is_new and not is_known)
        elif typing.get_origin(annotation) in {typing.Union, types.UnionType}:
            for each in typing.get_args(annotation):
                yield from self.alternatives(each, owner, is_new)
        else:
            yield annotation, is_new


@st.composite
def unions_by_name(draw: st.DrawFn) -> GType:
    """Draw unions of small types and of each other, which may have to be referred to before they are known."""
    names = [f"D{number}" for number in range(draw(st.integers(1, 3)))]
    references: list[n.Node] = [n.Ref(name=name) for name in names]
    around: list[n.Node] = [n.Object(fields=(n.Field(name="a", node=each),)) for each in references]
    around += [kind for each in references for kind in (n.Array(items=each), n.Tuple(items=(each,)))]
    members = st.one_of(*SMALL_NODES.values(), st.sampled_from(references), st.sampled_from(around))
    unions = st.lists(members, min_size=2, max_size=4).map(lambda found: n.Union(members=tuple(found)))
    definitions: dict[str, n.Node] = {name: draw(unions) for name in names}
    assume(endless(definitions) is None)
    return GType(root=draw(unions), definitions=definitions)


def unsafe_unions_of(gtype: GType) -> list[list[object]]:
    """Return the unions in the mirror of *gtype* that should not be there."""
    return [
        union
        for union in Mirror().unions(mirror_type(gtype)[0], object)
        if (any(map(has_pattern, union)) and any(map(holds_items, union)))
        or (any(map(is_bounded, union)) and any(map(is_fixed_tuple, union)))
    ]


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(unions_by_name())
def test_no_mirror_holds_one(gtype: GType) -> None:
    assert [] == unsafe_unions_of(gtype)


@pytest.mark.parametrize(
    ("known", "beside"),
    [
        (n.String(pattern="^a"), n.Array(items=n.Boolean())),
        (n.Array(items=n.Boolean()), n.String(pattern="^a")),
        (n.Integer(ge=1), n.Tuple(items=(n.Boolean(),))),
        (n.Tuple(items=(n.Boolean(),)), n.Number()),
    ],
    ids=repr,
)
def test_no_mirror_holds_one_where_a_union_is_known_by_name_only(known: n.Node, beside: n.Node) -> None:
    inner = n.Union(members=(n.Ref(name="D"), beside))
    outer = n.Union(members=(known, n.Object(fields=(n.Field(name="a", node=inner),))))
    assert [] == unsafe_unions_of(GType(root=n.Ref(name="D"), definitions={"D": outer}))


def test_a_class_that_holds_one_msgspec_refuses_is_refused_though_it_was_compiled() -> None:
    @dataclass
    class Refused:
        holder: "Holder"
        both: list[int] | set[int]

    @dataclass
    class Holder:
        refused: Refused | None = None

    Refused.__annotations__["holder"] = Holder
    for cls in (Refused, Holder, Refused, Holder):
        with pytest.raises(TypeError, match="array-like"):
            compile_safely(cls)


PROBE = """
import gc
from perdure.gtype import Array, Boolean, Field, GType, Integer, Number, Object, Record, String, Tuple, Union
from perdure.gtype.codec import compile_codec
from perdure.errors import InvalidValueError

beside_items = Union(members=(String(pattern="^[0-9]$"), Array(items=Boolean()), Record(values=Integer())))
beside_tuple = Union(members=(
    Number(ge=1), String(min_length=3), Record(values=Integer(), min_size=1), Tuple(items=(Integer(), String())),
))
CASES = [
    (beside_items, {b'"7"': "7", b"[true]": [True]}, [b'"x"', b"[1]"]),
    (beside_tuple, {b"2": 2, b'"abc"': "abc", b'[0,"a"]': [0, "a"]}, [b"0", b'"ab"', b"{}", b"[0]"]),
]
for _ in range(150):
    for union, valid, invalid in CASES:
        for node in (union, Object(fields=(Field(name="a", node=union),))):
            codec = compile_codec(GType(node))
            if node is union:
                for raw, value in valid.items():
                    assert value == codec.explain_json(raw) == codec.decode_json(raw), raw
                for raw in invalid:
                    try:
                        codec.explain_json(raw)
                    except InvalidValueError:
                        continue
                    raise SystemExit(f"{raw!r} was taken")
            gc.collect(1)
            del codec
            gc.collect(1)
"""


def test_codecs_of_such_unions_may_come_and_go() -> None:
    ended = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False, errors="replace")
    assert (0, "") == (ended.returncode, ended.stderr)
