"""Values of types that msgspec must not be given whole are those it would make, were it given them."""

import dataclasses
import datetime as dt
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Generic, NamedTuple, NotRequired, TypedDict, TypeVar

import attrs
import msgspec
import pydantic
import pydantic.dataclasses
import pytest
from msgspec import Meta, Struct, ValidationError

from perdure.errors import InvalidValueError, TypeDefinitionError
from perdure.gtype import gtype_of, is_native
from perdure.gtype.codec import Codec, compile_codec
from perdure.gtype.codec_types import refuse_undecodable
from perdure.gtype.safe_decoding import converter_of, json_decoder

T = TypeVar("T")
Word = Annotated[str, Meta(pattern="^[a-z]+$")]
Words = Word | list[Word]
Size = Annotated[int, Meta(ge=5)] | tuple[int, dt.date]
Floats = Annotated[float, Meta(ge=0)] | Annotated[float, Meta(gt=5)] | Annotated[str, Meta(min_length=3)]


class Tag(Struct, tag="tag", rename="upper"):
    words: Words
    size: Size = 7
    unset: int | msgspec.UnsetType = msgspec.UNSET

    def __post_init__(self) -> None:
        if self.words == "forbidden":
            raise ValueError("the word is forbidden")


class Other(Struct, tag="other"):
    number: int


class Tree(Struct, forbid_unknown_fields=True):
    children: "list[Tree] | Word" = []
    named: dict[str, Tag | Other] = {}


class Row(Struct, array_like=True, tag="row"):
    words: Words
    number: int


class Box(Struct, Generic[T]):
    held: T


@dataclasses.dataclass
class Part:
    number: int = 3


@dataclasses.dataclass
class Data:
    words: Word | set[int]
    parts: list[Part] = dataclasses.field(default_factory=list)
    note: str | None = None
    late: int = dataclasses.field(default=1, init=False)


class Members(TypedDict):
    words: Word | tuple[int, ...]
    number: NotRequired[int]


class Named(NamedTuple):
    words: Words
    number: int = 3


@attrs.define
class Attributes:
    words: Word | frozenset[int]
    _number: int = 3


@pydantic.dataclasses.dataclass
class Checked:
    words: Words

    @pydantic.field_validator("words")
    @classmethod
    def _refuse(cls, words: object) -> object:
        if words == "nobody":
            raise ValueError("nobody is no name")
        return words


class Holder(Struct):
    checked: Checked
    words: Words = "none"


def codec_of(tp: Any) -> Codec:
    return compile_codec(gtype_of(tp), tp, native=is_native(tp))


def late(number: int) -> Data:
    data = Data("a")
    data.late = number
    return data


@pytest.mark.parametrize(
    ("tp", "data", "value"),
    [
        (Words, "ab", "ab"),
        (Words, ["ab"], ["ab"]),
        (Size, 5, 5),
        (Size, [1, "2026-02-10"], (1, dt.date(2026, 2, 10))),
        (Tag, {"type": "tag", "WORDS": "a"}, Tag("a")),
        (Tag, {"type": "tag", "WORDS": ["a"], "SIZE": 9, "UNSET": 1, "more": 1}, Tag(["a"], 9, 1)),
        (Tree, {"children": [{"children": "a"}]}, Tree([Tree("a")])),
        (Tree, {"named": {"a": {"type": "other", "number": 1}, "b": {"type": "tag", "WORDS": "a"}}},
         Tree(named={"a": Other(1), "b": Tag("a")})),
        (Row, ["row", ["a"], 1], Row(["a"], 1)),
        (Box[Words], {"held": ["a"]}, Box(["a"])),
        (Data, {"words": [1, 2], "parts": [{}, {"number": 1}]}, Data({1, 2}, [Part(), Part(1)])),
        (Data, {"words": "a", "late": 5}, late(5)),
        (Members, {"words": [1]}, {"words": (1,)}),
        (Named, ["a", 2], Named("a", 2)),
        (Attributes, {"words": [1], "_number": 4}, Attributes(frozenset({1}), 4)),
        (Holder, {"checked": {"words": ["a"]}}, Holder(Checked(["a"]))),
        (Sequence[Words], ["a", ["b"]], ["a", ["b"]]),
        (Mapping[dt.date, Words], {"2026-02-10": "a"}, {dt.date(2026, 2, 10): "a"}),
        (tuple[Size, ...], [5, [1, "2026-02-10"]], (5, (1, dt.date(2026, 2, 10)))),
        (tuple[Words, int], ["a", 1], ("a", 1)),
        (Annotated[float, Meta(gt=1)] | int | tuple[int, int], 2, 2),
        (Floats, 0.5, 0.5),
        (Floats, "abc", "abc"),
    ],
    ids=repr,
)  # fmt: skip
def test_values_are_made_from_json_msgpack_and_data(tp: Any, data: Any, value: object) -> None:
    codec = codec_of(tp)
    ways = (
        codec.decode_json(msgspec.json.encode(data)), codec.explain_json(msgspec.json.encode(data)),
        codec.decode_msgpack(msgspec.msgpack.encode(data)), codec.from_data(data), converter_of(tp)(data),
        json_decoder(tp)(msgspec.json.encode(data)),
    )  # fmt: skip
    assert [value] * len(ways) == list(ways)
    assert [type(value)] * len(ways) == list(map(type, ways))
    assert msgspec.to_builtins(value, str_keys=True) == msgspec.to_builtins(ways[0], str_keys=True)


@pytest.mark.parametrize(
    ("tp", "data", "pointer", "code"),
    [
        (Words, "A", "", "pattern"),
        (Words, ["a", "A"], "/1", "pattern"),
        (Size, 4, "", "minimum"),
        (Floats, "ab", "", "min_length"),
        (Tag, {"type": "tag", "WORDS": "forbidden"}, "", "refused"),
        (list[Tag | Other], [{"type": "tag", "WORDS": "forbidden"}], "/0", "refused"),
        (Box[list[Box[Tag]]], {"held": [{"held": {"type": "tag", "WORDS": "forbidden"}}]}, "/held/0/held", "refused"),
        (Holder, {"checked": {"words": "nobody"}}, "/checked/words", "refused"),
    ],
    ids=repr,
)
def test_what_breaks_a_rule_is_told_with_its_place(tp: Any, data: object, pointer: str, code: str) -> None:
    with pytest.raises(InvalidValueError) as caught:
        codec_of(tp).from_data(data)
    (fault,) = caught.value.faults
    assert (pointer, code) == (fault.pointer, fault.code)


@pytest.mark.parametrize(
    ("tp", "data", "text"),
    [
        (Tag, {"type": "tag"}, "Object missing required field `WORDS`"),
        (Tag, {"type": "other", "WORDS": "a"}, "Expected 'tag' - at `$.type`"),
        (Tag, 5, "Expected `object`, got `int`"),
        (Tree, {"more": 1}, "Object contains unknown field `more`"),
        (Row, ["row"], "Object missing required field `words`"),
        (Row, ["other", "a", 1], "Expected 'row' - at `$[0]`"),
        (Named, ["a", 1, 2], "Expected `array` of at most length 2"),
        (Words, ["a", "A"], "Expected `str` matching regex '^[a-z]+$' - at `$[1]`"),
        (Tree, {"children": [{"named": {"a": {"type": "tag", "WORDS": ["A"]}}}]},
         "Expected `str` matching regex '^[a-z]+$' - at `$.children[0].named[...].WORDS[0]`"),
        (set[Word | tuple[list[int], ...]], [[[1]]], "unhashable type: 'list'"),
    ],
    ids=repr,
)  # fmt: skip
def test_without_a_validator_data_are_refused_as_msgspec_does(tp: object, data: object, text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        converter_of(tp)(data)
    assert text == str(caught.value)


def test_what_no_decoder_makes_is_refused_beside_an_unsafe_union_too() -> None:
    class Unknown:
        pass

    with pytest.raises(TypeDefinitionError, match="no decoder makes"):
        refuse_undecodable(dict[str, Words | tuple[Unknown, ...]])
    with pytest.raises(TypeError, match="type of keys"):
        converter_of(dict[Words, int])


@dataclasses.dataclass
class Twin:
    words: Words


class Bare(Struct):
    words: Words


class Model(pydantic.BaseModel):
    words: Words


@pytest.mark.parametrize(
    ("tp", "text"),
    [
        (Word | list[int] | list[str], "more than one array-like"),
        (Size | list[Words], "more than one array-like"),
        (Words | set[int], "more than one array-like"),
        (Words | Row | None, "more than one array-like"),
        (Words | Named, "more than one array-like"),
        (Tag | dict[str, int], "more than one dict-like"),
        (Data | Members, "more than one dict-like"),
        (Data | Twin, "more than one dataclass"),
        (Data | Checked, "more than one dataclass"),
        (Tag | Bare, "must be tagged"),
        (Words | dt.date, "more than one str-like"),
        (Words | Model, "custom type"),
    ],
    ids=repr,
)
def test_unions_msgspec_cannot_tell_apart_are_refused(tp: object, text: str) -> None:
    with pytest.raises(TypeError, match=text):
        converter_of(tp)


@pytest.mark.parametrize("tp", [Tag | Other | Words, Row | Word | None, Words | dict[str, Words] | int | float | bool])
def test_unions_msgspec_can_tell_apart_are_taken(tp: object) -> None:
    assert codec_of(tp).from_data("a" if tp is not (Row | Word | None) else None) in ("a", None)


def test_what_nests_as_deeply_as_documents_may_is_made() -> None:
    codec = codec_of(Tree)
    made = codec.explain_json(b'{"children":[' * 64 + b"]}" * 64)
    assert made == codec.decode_json(b'{"children":[' * 64 + b"]}" * 64)
    depth = 0
    while isinstance(made, Tree) and made.children:
        made, depth = made.children[0], depth + 1
    assert (Tree(), 63) == (made, depth)
