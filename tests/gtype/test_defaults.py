"""Dataclasses keep the defaults that msgspec leaves out when it decodes."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Annotated, Any, ClassVar, Generic, NamedTuple, NewType, TypeVar

import attrs
import msgspec
import pydantic
import pytest
from msgspec import Struct

from perdure.errors import TypeDefinitionError
from perdure.gtype import gtype_of, is_native
from perdure.gtype.codec import Codec, compile_codec
from perdure.gtype.codec_types import refuse_undecodable
from perdure.gtype.defaults import completion

T = TypeVar("T")


@dataclass
class Plain:
    a: int
    t: int = 5
    s: list[int] = field(default_factory=list)
    kind: ClassVar[str] = "plain"


@dataclass(frozen=True)
class Frozen:
    a: int
    t: tuple[int, str] = (1, "x")


@dataclass(slots=True)
class Slotted:
    a: int
    t: int = 5


@dataclass
class Child(Slotted):
    u: str = "u"


@dataclass
class Base:
    items: list[int] | None = None


@dataclass
class Remade(Base):
    items: list[int] | None = field(default_factory=list)


@dataclass
class Tree:
    name: str = "tree"
    below: list["Tree"] = field(default_factory=list)
    parent: "Tree | None" = None

    def __post_init__(self) -> None:
        for each in self.below:
            each.parent = self


@dataclass
class Box(Generic[T]):
    value: T
    size: int = 1


class Holder(Struct):
    one: Plain
    more: dict[str, list[Frozen]] = {}


class Pair(NamedTuple):
    left: Plain
    right: Frozen


@attrs.define(slots=False)
class Outer:
    inner: Plain
    n: int = 3


class Model(pydantic.BaseModel):
    inner: Plain


Alias = NewType("Alias", list[Plain])


def codec(tp: Any) -> Codec:
    return compile_codec(gtype_of(tp), tp, native=is_native(tp))


DOCUMENTS: list[tuple[Any, bytes, object]] = [
    (Plain, b'{"a":1}', Plain(1)),
    (Plain, b'{"a":1,"t":6,"s":[1]}', Plain(1, 6, [1])),
    (Plain, b'{"a":1.0}', Plain(1)),
    (Frozen, b'{"a":1}', Frozen(1)),
    (Slotted, b'{"a":1}', Slotted(1)),
    (Child, b'{"a":1}', Child(1)),
    (Remade, b"{}", Remade()),
    (list[Plain], b'[{"a":1},{"a":2}]', [Plain(1), Plain(2)]),
    (dict[str, Plain | None], b'{"x":{"a":1},"y":null}', {"x": Plain(1), "y": None}),
    (Holder, b'{"one":{"a":1},"more":{"x":[{"a":2}]}}', Holder(Plain(1), {"x": [Frozen(2)]})),
    (Pair, b'[{"a":1},{"a":2}]', Pair(Plain(1), Frozen(2))),
    (Outer, b'{"inner":{"a":1}}', Outer(Plain(1))),
    (Alias, b'[{"a":1}]', [Plain(1)]),
    (Annotated[Plain, "x"], b'{"a":1}', Plain(1)),
    (Box[Plain], b'{"value":{"a":1}}', Box(Plain(1))),
    (Model, b'{"inner":{"a":1}}', Model(inner=Plain(1))),
]


@pytest.mark.parametrize("way", ["decode_json", "explain_json", "decode_msgpack", "explain_msgpack", "from_data"])
@pytest.mark.parametrize(("tp", "document", "expected"), DOCUMENTS)
def test_decoded_values_have_all_their_members(way: str, tp: Any, document: bytes, expected: object) -> None:
    compiled = codec(tp)
    decode: Callable[[Any], object] = getattr(compiled, way)
    data = msgspec.json.decode(document)
    given = data if way == "from_data" else msgspec.msgpack.encode(data) if "msgpack" in way else document
    if way.startswith("decode") and b"1.0" in document:
        return  # msgspec refuses it, and the slow road is taken
    decoded = decode(given)
    assert decoded == expected
    assert compiled.encode_json(decoded) == compiled.encode_json(expected)
    assert compiled.to_data(decoded) == compiled.to_data(expected)


def test_members_are_in_the_instance_and_not_shared() -> None:
    compiled = codec(Plain)
    first, second = compiled.decode_json(b'{"a":1}'), compiled.decode_json(b'{"a":1}')
    assert vars(first) == {"a": 1, "t": 5, "s": []}
    assert isinstance(first, Plain)
    assert isinstance(second, Plain)
    assert first.s is not second.s
    remade = [codec(Remade).decode_json(b"{}") for _ in range(2)]
    assert isinstance(remade[0], Remade)
    assert isinstance(remade[1], Remade)
    assert remade[0].items is not remade[1].items


def test_circles_are_walked_once() -> None:
    tree = codec(Tree).decode_json(b'{"below":[{"name":"a"},{"below":[{}]}]}')
    assert isinstance(tree, Tree)
    assert tree.below[1].below[0].parent is tree.below[1]
    assert vars(tree.below[1].below[0])["name"] == "tree"
    assert vars(tree)["parent"] is None


def test_only_types_that_need_it_are_walked() -> None:
    @dataclass
    class Without:
        a: int
        b: list[int] = field(default_factory=list)
        kind: ClassVar[str] = "x"

    complete: tuple[object, ...] = (int, list[str], Slotted, Without, Any, object, Model)
    assert all(completion(tp) is None for tp in complete)
    lacking: tuple[object, ...] = (Plain, Holder, Box[int], list[Frozen])
    assert not any(completion(tp) is None for tp in lacking)


def test_what_cannot_be_decoded_is_refused_and_says_why() -> None:
    refused: tuple[object, ...] = (Iterable[int], list[Iterable[int]], Box[Iterable[int]])
    for tp in refused:
        with pytest.raises(TypeDefinitionError, match="no decoder makes Iterable: use list"):
            refuse_undecodable(tp)
    taken: tuple[object, ...] = (object, Model, list[Model], Holder, dict[str, object])
    for tp in taken:
        refuse_undecodable(tp)
