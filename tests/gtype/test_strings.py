import datetime as dt
import enum
import uuid
from decimal import Decimal
from typing import Annotated, Any, Literal, TypedDict

import msgspec
import pytest
from msgspec import Meta, Struct

from perdure.errors import InvalidValueError
from perdure.gtype import gtype_of, is_native
from perdure.gtype.codec import Codec, compile_codec


class Color(enum.Enum):
    RED = "red"
    BLUE = "blue"


class Level(enum.IntEnum):
    LOW = 1
    HIGH = 2


class Query(Struct):
    limit: Annotated[int, Meta(ge=1, le=100)] = 20
    cursor: str | None = None
    tag: list[str] = []
    ids: list[int] = []


class Kinds(Struct, omit_defaults=True):
    text: str = ""
    flag: bool = False
    ratio: float = 0.0
    price: Decimal = Decimal(0)
    day: dt.date | None = None
    at: dt.datetime | None = None
    id: uuid.UUID | None = None
    color: Color = Color.RED
    level: Level = Level.LOW
    mode: Literal["all", 1] = "all"
    number: int | None = None
    either: int | str = 0
    one_or_more: int | list[int] = 0


class Closed(Struct, forbid_unknown_fields=True):
    a: int
    b: str = ""


class Page(TypedDict, total=False):
    page: int


def codec(tp: Any) -> Codec:
    return compile_codec(gtype_of(tp), tp, native=is_native(tp))


def faults(tp: Any, **texts: list[str]) -> list[tuple[str, str]]:
    with pytest.raises(InvalidValueError) as caught:
        codec(tp).decode_strings(texts)
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


def test_texts_become_the_types_of_their_members() -> None:
    found = codec(Query).decode_strings({"limit": ["10"], "cursor": ["null"], "tag": ["a", "b"], "ids": ["1", "-2"]})
    assert found == Query(limit=10, cursor="null", tag=["a", "b"], ids=[1, -2])


def test_absent_members_have_their_defaults() -> None:
    assert codec(Query).decode_strings({}) == Query()


def test_an_empty_list_of_texts_is_an_absent_member() -> None:
    assert codec(Query).decode_strings({"limit": [], "tag": []}) == Query()


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("text", "10", "10"),
        ("text", "", ""),
        ("flag", "true", True),
        ("flag", "TRUE", True),
        ("flag", "1", True),
        ("flag", "0", False),
        ("ratio", "1.5", 1.5),
        ("ratio", "-2", -2.0),
        ("ratio", "1e3", 1000.0),
        ("price", "1.50", Decimal("1.50")),
        ("day", "2026-02-10", dt.date(2026, 2, 10)),
        ("at", "2026-02-10T00:00:00Z", dt.datetime(2026, 2, 10, tzinfo=dt.UTC)),
        ("id", "12345678-1234-1234-1234-123456789abc", uuid.UUID("12345678-1234-1234-1234-123456789abc")),
        ("color", "blue", Color.BLUE),
        ("level", "2", Level.HIGH),
        ("mode", "1", 1),
        ("mode", "all", "all"),
        ("number", "007", 7),
        ("number", "62.0", 62),
        ("number", "9" * 400, int("9" * 400)),
        ("either", "5", 5),
        ("either", "five", "five"),
        ("one_or_more", "5", 5),
    ],
)
def test_a_text_is_read_by_the_type_of_its_member(name: str, text: str, value: object) -> None:
    assert getattr(codec(Kinds).decode_strings({name: [text]}), name) == value


def test_several_texts_make_a_list_where_one_is_a_scalar() -> None:
    assert codec(Kinds).decode_strings({"one_or_more": ["1", "2"]}) == Kinds(one_or_more=[1, 2])


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("number", "null"), ("number", ""), ("number", " 1"), ("number", "1_0"), ("number", "१"), ("number", "1.5"),
        ("number", "9" * 5000), ("ratio", "nan"), ("ratio", "inf"), ("ratio", "1e999"), ("flag", "on"), ("day", "null"),
        ("day", "1"), ("at", "1700000000"), ("color", "RED"), ("level", "3"), ("price", "NaN"),
    ],
)  # fmt: skip
def test_a_text_that_cannot_be_read_is_a_fault(name: str, text: str) -> None:
    assert [pointer for pointer, _ in faults(Kinds, **{name: [text]})] == [f"/{name}"]


def test_a_fault_shows_the_text() -> None:
    with pytest.raises(InvalidValueError) as caught:
        codec(Query).decode_strings({"limit": ["ten"]})
    (fault,) = caught.value.faults
    assert (fault.code, fault.actual, fault.message) == ("type", '"ten"', "must be an integer")


def test_every_fault_is_told() -> None:
    assert faults(Query, limit=["0", "1"], ids=["1", "x"], cursor=["a", "b"], tag=["fine"]) == [
        ("/limit", "repeated"), ("/cursor", "repeated"), ("/ids/1", "type"),
    ]  # fmt: skip


def test_unknown_names_are_ignored_unless_the_type_is_closed() -> None:
    assert codec(Query).decode_strings({"utm_source": ["x"]}) == Query()
    assert sorted(faults(Closed, a=["x"], c=["1"])) == [("/a", "type"), ("/c", "unknown_field")]


def test_a_missing_member_is_a_fault() -> None:
    assert faults(Closed, b=["x"]) == [("/a", "required")]


def test_a_typed_dict_becomes_a_dict() -> None:
    assert codec(Page).decode_strings({"page": ["2"]}) == {"page": 2}


def test_a_map_reads_every_name() -> None:
    assert codec(dict[str, int]).decode_strings({"a": ["1"], "b": ["2"]}) == {"a": 1, "b": 2}
    assert codec(dict[str, list[int]]).decode_strings({"a": ["1", "2"]}) == {"a": [1, 2]}
    assert faults(dict[str, int], a=["1", "2"]) == [("/a", "type")]


def test_without_a_python_type_data_is_made_with_recorded_defaults() -> None:
    plain = compile_codec(gtype_of(Query))
    expected = {"limit": 5, "cursor": None, "tag": [], "ids": [1]}
    assert expected == plain.decode_strings({"limit": ["5"], "ids": ["1"], "x": ["1"]})


def test_secrets_given_twice_are_masked() -> None:
    from perdure.gtype import Masked

    class Login(Struct):
        key: Annotated[str, Masked]

    with pytest.raises(InvalidValueError) as caught:
        codec(Login).decode_strings({"key": ["hunter2", "hunter3"]})
    assert [(fault.code, fault.actual) for fault in caught.value.faults] == [("repeated", "***")]


def test_the_result_of_reading_texts_is_what_json_gives() -> None:
    strings = codec(Kinds).decode_strings({"number": ["3"], "flag": ["true"], "color": ["blue"]})
    assert strings == codec(Kinds).decode_json(msgspec.json.encode({"number": 3, "flag": True, "color": "blue"}))
