"""Types msgspec can be trusted with, and what it would let through of the others."""

import collections.abc as abc
import dataclasses
import datetime as dt
import decimal
import enum
import sys
import types
import typing
import uuid
from typing import Annotated, Any, Generic, Literal, NamedTuple, NewType, TypedDict, TypeVar, cast

import annotated_types as at
import attrs
import jsonschema_rs
import msgspec
import pydantic
import pytest
import typing_extensions as te
from msgspec import Meta, Struct, UnsetType

from perdure.errors import TypeDefinitionError
from perdure.gtype.json_schema_export import to_json_schema
from perdure.gtype.markers import Masked, Unique
from perdure.gtype.native import is_native
from perdure.gtype.registry import gtype_of

T = TypeVar("T")


class Plain(Struct):
    name: Annotated[str, Meta(min_length=1, pattern="^[a-z]+")]
    tags: list[str] = []
    next: "Plain | None" = None
    note: str | UnsetType = msgspec.UNSET


@dataclasses.dataclass
class Data:
    when: dt.datetime
    size: Annotated[int, Meta(ge=1, multiple_of=2)] = 2


class Dict(TypedDict, total=False):
    ratio: Annotated[float, Meta(ge=0, lt=1)]


class Pair(NamedTuple):
    left: int
    right: bytes


@attrs.define
class Attrs:
    ids: dict[uuid.UUID, int]


class Color(enum.Enum):
    RED = "red"


class Page(Struct, Generic[T]):
    items: list[T]


class A(Struct, tag="a"):
    x: int


class B(Struct, tag="b"):
    x: int


class Row(Struct, array_like=True, forbid_unknown_fields=True):
    x: int


Sku = NewType("Sku", Annotated[str, Meta(max_length=3)])

NATIVE: list[object] = [
    str,
    int,
    float,
    bool,
    None,
    bytes,
    dt.date,
    dt.timedelta,
    uuid.UUID,
    Any,
    object,
    Plain,
    Data,
    Dict,
    Pair,
    Attrs,
    Color,
    Page[Plain],
    Page[int],
    A | B,
    A | B | None,
    Row,
    Sku,
    list[Sku],
    dict[Sku, int],
    dict[int, str],
    dict[Color, int],
    tuple[int, str],
    tuple[int, ...],
    list,
    dict,
    abc.Sequence[int],
    abc.Mapping[str, int],
    int | str | None,
    int | float,
    Literal["a", 1, None, True],  # noqa: PYI061
    Annotated[int, Meta(ge=1)],
    Annotated[str, Masked],
    Annotated[str, at.doc("D")],
    Annotated[str, Meta(pattern=r"^[0-9]+\Z")],
    typing.Final[int],
    T,
    TypeVar("Bound", bound=int),
]


@pytest.mark.parametrize("tp", NATIVE, ids=lambda tp: repr(tp)[:60])
def test_type_msgspec_enforces_wholly_is_native(tp: object) -> None:
    assert is_native(tp)


class Lenient(enum.Enum):
    RED = "red"

    @classmethod
    def _missing_(cls, value: object) -> "Lenient":
        return cls.RED


class Default(NamedTuple):
    left: int
    right: int = 0


class OpenRow(Struct, array_like=True):
    x: int


class ShortRow(Struct, array_like=True, forbid_unknown_fields=True):
    x: int
    y: int = 0


class Closed(te.TypedDict, closed=True):
    x: int


class BaseDict(TypedDict, Generic[T]):
    value: T


class DerivedDict(BaseDict[int]):
    other: str


class GrandchildDict(DerivedDict):
    third: int


class Holder(Struct):
    items: set[int]


@dataclasses.dataclass
class Deep:
    holder: list[dict[str, Holder | None]]


# Documents msgspec takes for each type, though its GType does not.
UNSOUND: list[tuple[object, bytes]] = [
    (set[int], b"[1, 1]"),
    (frozenset[int], b"[1, 1]"),
    (abc.Set[int], b"[1, 1]"),
    (Holder, b'{"items": [1, 1]}'),
    (Deep, b'{"holder": [{"a": {"items": [2, 2]}}]}'),
    (Annotated[list[int], Unique], b"[1, 1]"),
    (decimal.Decimal, b'"NaN"'),
    (list[decimal.Decimal], b'[" 1_0 "]'),
    (dict[float, int], b'{"NaN": 1}'),
    (abc.Iterable[int], b'["a"]'),
    (A, b'{"x": 1}'),
    (A | None, b'{"x": 1}'),
    (Default, b"[1]"),
    (OpenRow, b"[1, 2]"),
    (ShortRow, b"[1]"),
    (Lenient, b'"blue"'),
    (dict[Lenient, int], b'{"blue": 1}'),
    (Annotated[int, at.Ge(1)], b"0"),
    (Annotated[str, at.Len(1, 2)], b'""'),
    (Annotated[int, pydantic.Field(ge=1)], b"0"),
    (Closed, b'{"x": 1, "y": 1}'),
    (Annotated[str, Meta(pattern=r"^\d+$")], b'"1\\n"'),
    (Annotated[str, Meta(pattern=r"^\d\Z")], '"٣"'.encode()),
    (Annotated[str, Meta(pattern="a$")], b'"a\\n"'),
    (dict[Annotated[str, Meta(pattern="a$")], int], b'{"a\\n": 1}'),
    (Annotated[float, Meta(ge=2.0**53 + 4)], b"9007199254740995"),
    (DerivedDict, b'{"value": "x", "other": ""}'),
]


@pytest.mark.parametrize(("tp", "document"), UNSOUND, ids=lambda value: repr(value)[:60])
def test_type_msgspec_takes_too_much_for_is_not_native(tp: object, document: bytes) -> None:
    msgspec.json.decode(document, type=cast("type", tp))
    oracle = jsonschema_rs.validator_for(to_json_schema(gtype_of(tp)), validate_formats=True)
    assert not oracle.is_valid(msgspec.json.decode(document))
    assert not is_native(tp)


class Model(pydantic.BaseModel):
    a: int


class WithModel(Struct):
    model: Model


class Unfound(Struct):
    a: "Nowhere"  # type: ignore[name-defined]  # noqa: F821


@dataclasses.dataclass
class Init:
    a: dataclasses.InitVar[int]


class Mixed(enum.Enum):
    A = "a"
    B = 1


class Bits(enum.Flag):
    A = 1


_big_literal: Any = cast("Any", Literal)[2**70]


class Big(Struct):
    number: _big_literal


# Types msgspec cannot build a decoder for, or has none of its own.
UNBUILDABLE: list[object] = [
    Model,
    WithModel,
    Unfound,
    Init,
    Mixed,
    Bits,
    Big,
    complex,
    str | dt.date,
    list[int] | set[int],
    Plain | dict[str, int],
    te.TypeAliasType("Alias", list[int]),
    Annotated[int | None, Meta(ge=1)],
    Annotated[int, Meta(ge=2**63)],
    TypeVar("Either", int, str),
    te.TypeVar("WithDefault", default=int),
    abc.Iterator[int],
    object(),
    "int",
    Annotated[int, at.Predicate(bool)],
    Annotated[float, Meta(multiple_of=0.1)],
    Annotated[float | None, Meta(multiple_of=0.1)],
]


@pytest.mark.parametrize("tp", UNBUILDABLE, ids=lambda tp: repr(tp)[:60])
def test_type_msgspec_cannot_check_is_not_native(tp: object) -> None:
    assert not is_native(tp)


def test_native_type_has_a_gtype() -> None:
    for tp in NATIVE:
        gtype_of(tp)
    with pytest.raises(TypeDefinitionError):
        gtype_of(complex)


def test_native_class_below_a_bound_generic_typed_dict_agrees_with_its_gtype() -> None:
    document = {"value": "x", "other": "", "third": 1}
    oracle = jsonschema_rs.validator_for(to_json_schema(gtype_of(GrandchildDict)))
    assert not is_native(GrandchildDict) or oracle.is_valid(document)


ALIASES = """
import msgspec
type Id = int
type Pair[A] = tuple[A, A]
type Json = dict[str, Json] | list[Json] | str | None
type Loop = Loop | int
type Numbers = set[int]
type OneTag = Tagged
class Tagged(msgspec.Struct, tag=True):
    a: Pair[Id]
"""


if sys.version_info >= (3, 12):  # type aliases are new in 3.12

    def test_alias_is_native_if_what_it_stands_for_is(monkeypatch: pytest.MonkeyPatch) -> None:
        module = types.ModuleType("new_aliases")
        monkeypatch.setitem(sys.modules, module.__name__, module)
        exec(ALIASES, vars(module))
        assert all(
            is_native(tp)
            for tp in (module.Id, module.Pair[int], types.GenericAlias(list, (module.Id,)), module.OneTag | A | None)
        )
        assert not any(
            is_native(tp)
            for tp in (
                module.Numbers,
                module.Pair[set[int]],
                module.Loop,
                module.Json,
                module.OneTag,
                module.OneTag | None,
            )
        )
