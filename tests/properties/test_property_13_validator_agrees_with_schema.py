"""Property 13: a generated validator agrees with the schema's meaning.

The oracle is jsonschema-rs, an independent implementation of JSON Schema 2020-12, on the schema published for the type.
"""

import dataclasses
import datetime as dt
import decimal
import enum
import uuid
from typing import Annotated, Any, Generic, Literal, NamedTuple, TypedDict, TypeVar

import attrs
import jsonschema_rs
import msgspec
import pydantic
import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st
from msgspec import Meta, Struct

from perdure.errors import InvalidValueError, TypeDefinitionError
from perdure.gtype import GType, gtype_of, is_native, to_json_schema
from perdure.gtype.codec import DECODE_ERRORS, Codec, compile_codec
from perdure.gtype.generate import invalid_values, values
from tests.gtype.strategies import ALL_GTYPES, DATA, GTYPES, SMALL_NODES, edges

SETTINGS = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


def verdicts(codec: Codec, raw: bytes) -> dict[str, bool]:
    """What each way of judging the document *raw* says; ways that may refuse what is valid, only if they accept."""
    data = msgspec.json.decode(raw)
    packed = msgspec.msgpack.encode(data)
    said = {
        "is_valid": codec.validator.is_valid(data),
        "faults": not codec.validator.faults(data),
        "explain_json": accepts(codec.explain_json, raw),
        "explain_msgpack": accepts(codec.explain_msgpack, packed),
        "check_json": accepts(codec.check_json, raw),
        "check_msgpack": accepts(codec.check_msgpack, packed),
        "from_data": accepts(codec.from_data, data),
    }
    for name, decode, document in (("json", codec.decode_json, raw), ("msgpack", codec.decode_msgpack, packed)):
        if accepts(decode, document):
            said[f"decode_{name}"] = True
    return said


def accepts(judge: Any, given: object) -> bool:
    try:
        judge(given)
    except DECODE_ERRORS:
        return False
    return True


def data_for(gtype: GType) -> st.SearchStrategy[object]:
    """Data of which about a third each is valid, nearly valid, and of no relation to *gtype*."""
    try:
        valid = values(gtype, max_depth=4)
    except TypeDefinitionError:  # it has no value that ends
        return DATA
    return DATA if valid.is_empty else st.one_of(valid, invalid_values(gtype, max_depth=4), DATA)


@pytest.mark.parametrize("kind", SMALL_NODES)
@settings(SETTINGS, max_examples=100)
@given(drawn=st.data())
def test_verdicts_on_the_edges_of_small_types_are_those_of_json_schema(kind: str, drawn: st.DataObject) -> None:
    gtype = GType(root=drawn.draw(SMALL_NODES[kind]))
    oracle = jsonschema_rs.Draft202012Validator(to_json_schema(gtype))
    codec = compile_codec(gtype)
    for data in edges(gtype.root):
        raw = msgspec.json.encode(data)
        expected = oracle.is_valid(msgspec.json.decode(raw))
        said = verdicts(codec, raw)
        assert said == dict.fromkeys(said, expected), raw


@settings(SETTINGS, max_examples=100)
@given(gtype=GTYPES, drawn=st.data())
def test_verdicts_on_any_data_are_those_of_json_schema(gtype: GType, drawn: st.DataObject) -> None:
    oracle = jsonschema_rs.Draft202012Validator(to_json_schema(gtype))
    codec = compile_codec(gtype)
    for _ in range(8):
        raw = msgspec.json.encode(drawn.draw(data_for(gtype)))
        expected = oracle.is_valid(msgspec.json.decode(raw))
        event("valid" if expected else "invalid")
        said = verdicts(codec, raw)
        assert said == dict.fromkeys(said, expected), raw


@settings(SETTINGS, max_examples=100)
@given(gtype=ALL_GTYPES, drawn=st.data())
def test_fast_and_slow_roads_lead_to_the_same_value(gtype: GType, drawn: st.DataObject) -> None:
    codec = compile_codec(gtype)
    try:
        valid = values(gtype, max_depth=4)
    except TypeDefinitionError:
        return
    if valid.is_empty:
        return
    for _ in range(3):
        data = drawn.draw(valid)
        raw, packed = msgspec.json.encode(data), msgspec.msgpack.encode(data)
        slow = codec.explain_json(raw)
        assert codec.validator.is_valid(slow)
        roads: list[tuple[Any, object]] = [
            (codec.decode_json, raw),
            (codec.decode_msgpack, packed),
            (codec.explain_msgpack, packed),
            (codec.from_data, data),
        ]
        for decode, document in roads:
            try:
                value = decode(document)
            except DECODE_ERRORS:
                continue
            assert value == slow


T = TypeVar("T")


class Color(enum.Enum):
    RED = "r"
    GREEN = "g"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Cat(Struct, tag="cat"):
    lives: int
    weight: float = 1.5


class Dog(Struct, tag="dog", forbid_unknown_fields=True):
    friends: list["Cat | Dog"] = []


class Everything(Struct):
    text: Annotated[str, Meta(pattern=r"^\d+$", min_length=1)]
    even: Annotated[int, Meta(ge=0, multiple_of=2)]
    price: decimal.Decimal
    id: uuid.UUID
    at: dt.datetime
    day: dt.date
    time: dt.time
    span: dt.timedelta
    blob: Annotated[bytes, Meta(max_length=3)]
    tags: set[int]
    pair: tuple[int, str]
    scores: dict[str, int]
    by_color: dict[Color, int]
    level: Level
    either: int | str | None = None
    mode: Literal["x", 1] = "x"


@dataclasses.dataclass
class Point:
    x: int
    names: list[str] = dataclasses.field(default_factory=list)


class Options(TypedDict, total=False):
    a: int
    b: Annotated[str, Meta(max_length=2)]


class Pair(NamedTuple):
    a: int
    b: str = "x"


@attrs.define
class Box:
    a: int
    b: float = 1.0


class Model(pydantic.BaseModel):
    a: int = pydantic.Field(alias="anA")
    b: str = "x"
    children: list["Model"] = []
    when: dt.datetime | None = None


class Other(pydantic.BaseModel):
    z: bool


class Holder(Struct):
    model: Model
    more: list[Model] = []


class Page(Struct, Generic[T]):
    items: list[T]
    next: T | None = None


TYPES: list[Any] = [
    Cat, Cat | Dog, Dog, Everything, Point, Options, Pair, Box, Model, Model | Other, list[Model | Other], Page[int],
    Page[Cat], Holder, int, float, set[str], Color, decimal.Decimal, dict[str, Point], tuple[int, ...], Cat | None,
    list[Cat | Dog | None], dict[int, float],
]  # fmt: skip


@pytest.mark.parametrize("tp", TYPES, ids=str)
@settings(SETTINGS, max_examples=20)
@given(drawn=st.data())
def test_codecs_of_python_types_take_what_their_schema_allows(tp: Any, drawn: st.DataObject) -> None:
    gtype = gtype_of(tp)
    oracle = jsonschema_rs.Draft202012Validator(to_json_schema(gtype), validate_formats=True)
    codec = compile_codec(gtype, tp, native=is_native(tp))
    raw = msgspec.json.encode(drawn.draw(st.one_of(values(gtype), invalid_values(gtype))))
    expected = oracle.is_valid(msgspec.json.decode(raw))
    said = verdicts(codec, raw)
    assert said == dict.fromkeys(said, expected), raw
    if expected:
        value = codec.explain_json(raw)
        written = codec.encode_json(value)
        codec.check_json(written)
        assert codec.explain_json(written) == value
        assert msgspec.json.decode(written) == msgspec.json.decode(msgspec.json.encode(codec.to_data(value)))
        assert codec.from_data(msgspec.json.decode(raw)) == value


def test_the_oracle_and_the_validator_can_both_say_no() -> None:
    gtype = gtype_of(Cat)
    assert not jsonschema_rs.Draft202012Validator(to_json_schema(gtype)).is_valid({"type": "cat"})
    with pytest.raises(InvalidValueError):
        compile_codec(gtype).explain_json(b'{"type": "cat"}')
