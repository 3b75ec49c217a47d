import dataclasses
import datetime as dt
import enum
import functools
import math
import threading
from typing import Annotated, Any

import attrs
import msgspec
import pydantic
import pydantic.dataclasses
import pytest
from msgspec import Meta, Struct

from perdure.errors import InvalidValueError, MalformedValueError, TypeDefinitionError
from perdure.gtype import Masked, gtype_of, is_native
from perdure.gtype import nodes as n
from perdure.gtype.codec import DECODE_ERRORS, Codec, compile_codec
from perdure.gtype.nodes import Field, GType


class Line(Struct):
    sku: str
    quantity: Annotated[int, Meta(ge=1, le=1000)]


class Order(Struct):
    customer: str
    lines: list[Line]
    note: str | None = None
    tags: list[str] = []


class Range(Struct):
    low: int
    high: int

    def __post_init__(self) -> None:
        if self.low > self.high:
            raise ValueError("low must not be above high")


class Ranges(Struct):
    ranges: list[Range]
    named: dict[str, Range] = {}


class Account(pydantic.BaseModel):
    user_name: str = pydantic.Field(alias="userName")
    age: int = 0
    born: dt.date | None = None
    friends: list["Account"] = []

    @pydantic.field_validator("age")
    @classmethod
    def check_age(cls, age: int) -> int:
        if age < 0:
            raise ValueError("nobody is that young")
        return age


class Accounts(Struct):
    accounts: list[Account]


class Team(pydantic.BaseModel):
    size: int


@pydantic.dataclasses.dataclass
class Checked:
    even: int

    @pydantic.field_validator("even")
    @classmethod
    def check_even(cls, value: int) -> int:
        if value % 2:
            raise ValueError("odd")
        return value


ORDER = b'{"customer":"ada","lines":[{"sku":"a","quantity":2}]}'


def codec(tp: Any) -> Codec:
    return compile_codec(gtype_of(tp), tp, native=is_native(tp))


def told(call: Any, given: object) -> list[tuple[str, str]]:
    with pytest.raises(InvalidValueError) as caught:
        call(given)
    return [(fault.pointer, fault.code) for fault in caught.value.faults]


class TestPythonTypes:
    def test_a_native_type_is_decoded_by_msgspecs_own_method(self) -> None:
        assert type(codec(Order).decode_json).__name__ == "builtin_function_or_method"

    def test_a_document_becomes_an_instance(self) -> None:
        assert codec(Order).decode_json(ORDER) == Order("ada", [Line("a", 2)])

    def test_all_faults_are_explained(self) -> None:
        raw = b'{"lines":[{"sku":1,"quantity":0},{"quantity":"2"}],"note":3}'
        with pytest.raises(DECODE_ERRORS):
            codec(Order).decode_json(raw)
        assert told(codec(Order).explain_json, raw) == [
            ("/customer", "required"), ("/lines/0/sku", "type"), ("/lines/0/quantity", "minimum"),
            ("/lines/1/sku", "required"), ("/lines/1/quantity", "type"), ("/note", "type"),
        ]  # fmt: skip

    def test_whole_numbers_written_with_a_fraction_are_taken_by_the_slow_road(self) -> None:
        raw = ORDER.replace(b"2", b"2.0")
        with pytest.raises(DECODE_ERRORS):
            codec(Order).decode_json(raw)
        found = codec(Order).explain_json(raw)
        assert isinstance(found, Order)
        assert (found.lines[0].quantity, type(found.lines[0].quantity)) == (2, int)
        codec(Order).check_json(raw)

    def test_of_equal_members_the_last_counts(self) -> None:
        assert codec(Line).explain_json(b'{"sku":1,"sku":"b","quantity":1}') == Line("b", 1)

    @pytest.mark.parametrize("decode", ["decode_json", "explain_json"])
    def test_unknown_members_are_dropped(self, decode: str) -> None:
        assert getattr(codec(Line), decode)(b'{"sku":"a","quantity":1,"x":[{}]}') == Line("a", 1)

    def test_msgpack_works_alike(self) -> None:
        order = Order("ada", [Line("a", 2)], note="x")
        raw = codec(Order).encode_msgpack(order)
        assert codec(Order).decode_msgpack(raw) == codec(Order).explain_msgpack(raw) == order
        codec(Order).check_msgpack(raw)
        bad = msgspec.msgpack.encode({"customer": 1, "lines": [{"sku": "a", "quantity": 0}]})
        expected = [("/customer", "type"), ("/lines/0/quantity", "minimum")]
        assert expected == told(codec(Order).explain_msgpack, bad) == told(codec(Order).check_msgpack, bad)

    @pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
    @pytest.mark.parametrize("tp", [float, list[float], float | None, Any, int | float])
    def test_msgpack_brings_no_nan_in(self, number: float, tp: Any) -> None:
        data: object = [number] if tp == list[float] else number
        with pytest.raises(DECODE_ERRORS):
            codec(tp).decode_msgpack(msgspec.msgpack.encode(data))
        code = "union" if tp == int | float else "type"
        assert [found for _, found in told(codec(tp).explain_msgpack, msgspec.msgpack.encode(data))] == [code]
        assert [found for _, found in told(codec(tp).check_msgpack, msgspec.msgpack.encode(data))] == [code]
        assert [found for _, found in told(codec(tp).from_data, data)] == [code]

    def test_bytes_are_base64_in_json_and_bytes_in_msgpack(self) -> None:
        both = codec(bytes)
        assert both.decode_json(b'"AP8="') == b"\x00\xff" == both.decode_msgpack(b"\xc4\x02\x00\xff")
        assert both.explain_msgpack(b"\xc4\x02\x00\xff") == b"\x00\xff"
        assert both.encode_json(b"\x00\xff") == b'"AP8="'

    def test_data_becomes_an_instance_and_back(self) -> None:
        order = Order("ada", [Line("a", 2)])
        data = {"customer": "ada", "lines": [{"sku": "a", "quantity": 2}], "note": None, "tags": []}
        assert codec(Order).from_data(data) == order
        assert codec(Order).to_data(order) == data
        assert told(codec(Order).from_data, {"customer": "x", "lines": [None]}) == [("/lines/0", "type")]

    def test_rules_of_a_types_own_become_faults_with_pointers(self) -> None:
        raw = b'{"ranges":[{"low":1,"high":2},{"low":3,"high":2}]}'
        with pytest.raises(InvalidValueError) as caught:
            codec(Ranges).explain_json(raw)
        (fault,) = caught.value.faults
        assert (fault.pointer, fault.code, fault.actual) == ("/ranges/1", "refused", '{"low":3,"high":2}')
        assert fault.message == "low must not be above high"

    def test_a_pointer_ends_where_the_decoder_leaves_out_a_name(self) -> None:
        raw = b'{"ranges":[],"named":{"x":{"low":3,"high":2}}}'
        assert told(codec(Ranges).explain_json, raw) == [("/named", "refused")]

    def test_checking_does_not_run_a_types_own_rules(self) -> None:
        codec(Ranges).check_json(b'{"ranges":[{"low":3,"high":2}]}')

    def test_dataclasses_and_attrs_are_built(self) -> None:
        @dataclasses.dataclass
        class Point:
            x: int
            y: int = 0

        @attrs.define
        class Box:
            a: int

        assert codec(Point).decode_json(b'{"x":1}') == Point(1)
        assert codec(Box).decode_json(b'{"a":1}') == Box(1)

    def test_a_set_takes_no_repetition(self) -> None:
        with pytest.raises(InvalidValueError):
            codec(set[int]).decode_json(b"[1,1]")
        assert codec(set[int]).decode_json(b"[1,2]") == {1, 2}

    def test_patterns_hold_to_the_very_end(self) -> None:
        digits = Annotated[str, Meta(pattern=r"^\d+$")]
        assert codec(digits).decode_json(b'"12"') == "12"
        for raw in (b'"12\\n"', '"१२"'.encode()):
            with pytest.raises(DECODE_ERRORS):
                codec(digits).decode_json(raw)

    def test_secrets_are_masked_in_refusals_too(self) -> None:
        class Login(Struct):
            user: str
            password: Annotated[str, Masked]

            def __post_init__(self) -> None:
                raise ValueError("no")

        with pytest.raises(InvalidValueError) as caught:
            codec(Login).explain_json(b'{"user":"u","password":"hunter2"}')
        assert [fault.actual for fault in caught.value.faults] == ["***"]

    def test_a_type_nobody_can_decode_is_refused(self) -> None:
        class Mixed(enum.Enum):
            A = "a"
            B = 2

        class Holder(Struct):
            mixed: Mixed

        with pytest.raises(TypeDefinitionError, match="cannot be decoded"):
            compile_codec(GType(root=n.AnyValue()), Holder)


class TestPydantic:
    RAW = b'{"userName":"ada","born":"1815-12-10","friends":[{"userName":"bob"}]}'

    @pytest.mark.parametrize("decode", ["decode_json", "explain_json"])
    def test_a_model_is_built_by_pydantic(self, decode: str) -> None:
        found = getattr(codec(Account), decode)(self.RAW)
        assert found == Account(userName="ada", born=dt.date(1815, 12, 10), friends=[Account(userName="bob")])

    def test_its_own_validators_become_faults_with_pointers(self) -> None:
        raw = b'{"accounts":[{"userName":"a"},{"userName":"b","age":-1,"friends":[{"userName":"c","age":-2}]}]}'
        assert told(codec(Accounts).explain_json, raw) == [
            ("/accounts/1/age", "refused"), ("/accounts/1/friends/0/age", "refused"),
        ]  # fmt: skip

    def test_nothing_is_coerced_that_the_schema_refuses(self) -> None:
        with pytest.raises(DECODE_ERRORS):
            codec(Account).decode_json(b'{"userName":"a","age":"1"}')
        assert told(codec(Account).explain_json, b'{"userName":"a","age":"1"}') == [("/age", "type")]

    def test_a_model_is_encoded_by_alias(self) -> None:
        account = Account(userName="ada")
        expected = {"userName": "ada", "age": 0, "born": None, "friends": []}
        assert msgspec.json.decode(codec(Account).encode_json(account)) == expected
        assert codec(Accounts).to_data(Accounts([account])) == {"accounts": [expected]}
        assert msgspec.msgpack.decode(codec(Account).encode_msgpack(account)) == expected

    def test_a_union_of_models_is_decoded(self) -> None:
        tp = Account | Team
        assert codec(tp).decode_json(b'{"size":3}') == Team(size=3)
        assert told(codec(tp).explain_json, b'{"userName":"x","age":-1}')[0][1] == "refused"

    def test_a_pydantic_dataclass_is_validated(self) -> None:
        assert codec(Checked).decode_json(b'{"even":2}') == Checked(2)
        assert told(codec(Checked).explain_json, b'{"even":1}') == [("/even", "refused")]


class TestPlainData:
    GTYPE = gtype_of(Order)

    @pytest.mark.parametrize("decode", ["decode_json", "explain_json"])
    def test_unknown_members_go_and_defaults_come(self, decode: str) -> None:
        raw = b'{"x":1,"customer":"ada","lines":[{"sku":"a","quantity":2,"y":{}}]}'
        assert getattr(compile_codec(self.GTYPE), decode)(raw) == {
            "customer": "ada", "lines": [{"sku": "a", "quantity": 2}], "note": None, "tags": [],
        }  # fmt: skip

    def test_defaults_are_not_shared(self) -> None:
        plain = compile_codec(self.GTYPE)
        for decode in (plain.decode_json, plain.explain_json):
            first, second = decode(ORDER), decode(ORDER)
            assert isinstance(first, dict)
            first["tags"].append("x")
            assert isinstance(second, dict)
            assert second["tags"] == []

    @pytest.mark.parametrize(
        ("raw", "expected"),
        [
            (b'[{},{"a":null},{"a":2.0}]', "[{'a': None}, {'a': 2}]"),
            (b'[{"a":1,"x":true},{"a":1},{"a":null}]', "[{'a': 1}, {'a': None}]"),
            (b'[{},{"a":null}]', "[{}, {'a': None}]"),
            (b'[{"a":1.0,"x":true},{"a":1}]', "[{'a': 1, 'x': True}, {'a': 1}]"),
        ],
    )
    def test_items_that_differed_only_in_what_goes_or_comes_stay_once_or_as_they_came(
        self, raw: bytes, expected: str
    ) -> None:
        field = Field(name="a", node=n.Union(members=(n.Integer(), n.Null())), required=False, default=None)
        plain = compile_codec(GType(root=n.Array(items=n.Object(fields=(field,)), unique=True, min_items=2)))
        for decode in (plain.decode_json, plain.explain_json):
            assert repr(decode(raw)) == expected
            plain.from_data(decode(raw))

    @pytest.mark.parametrize("text", ["2026-02-10T12:00:00.5+00:00", "2026-02-10t12:00:00Z"])
    def test_values_keep_their_spelling(self, text: str) -> None:
        plain = compile_codec(GType(root=n.Array(items=n.Union(members=(n.DateTime(), n.Number())))))
        raw = msgspec.json.encode([text, 1, 1.0])
        assert repr(plain.decode_json(raw)) == repr(plain.explain_json(raw)) == repr([text, 1, 1.0])

    def test_whole_numbers_are_normalised_wherever_they_are(self) -> None:
        integer, one = n.Integer(), n.Literal(values=(1, "x"))
        either = n.Union(members=(n.Number(), n.Null()))
        members: dict[str, n.Node] = {
            "a": integer, "b": n.Array(items=integer), "c": n.Record(values=integer), "d": n.Tuple(items=(one,)),
            "e": n.Union(members=(integer, n.Null())), "f": n.Union(members=(integer, n.Number())),
            "g": n.Intersection(members=(integer, either)),
        }  # fmt: skip
        node = n.Object(fields=tuple(Field(name=name, node=member) for name, member in members.items()))
        raw = b'{"a":1.0,"b":[2.0],"c":{"x":3.0},"d":[1.0],"e":5.0,"f":6.0,"g":7.0}'
        found = compile_codec(GType(root=node)).explain_json(raw)
        assert repr(found) == "{'a': 1, 'b': [2], 'c': {'x': 3}, 'd': [1], 'e': 5, 'f': 6, 'g': 7}"

    def test_of_an_intersection_every_members_members_stay(self) -> None:
        def obj(name: str, closed: bool = False) -> n.Object:
            return n.Object(fields=(Field(name=name, node=n.Integer()),), closed=closed)

        both = compile_codec(GType(root=n.Intersection(members=(obj("a"), obj("b")))))
        raw = b'{"a":1,"b":2.0,"c":3}'
        assert both.explain_json(raw) == {"a": 1, "b": 2}
        assert both.decode_json(b'{"a":1,"b":2,"c":3}') == {"a": 1, "b": 2}

    def test_recursive_intersections_are_compiled(self) -> None:
        def node(other: str) -> n.Object:
            return n.Object(fields=(Field(name="next", node=n.Ref(name=other), required=False),))

        root = n.Intersection(members=(n.Ref(name="A"), n.Ref(name="B")))
        both = compile_codec(GType(root=root, definitions={"A": node("B"), "B": node("A")}))
        assert both.explain_json(b'{"next":{"next":{"x":1}}}') == {"next": {"next": {}}}

    def test_long_chains_of_types_are_compiled(self) -> None:
        chain: dict[str, n.Node] = {
            f"D{i}": n.Object(fields=(Field(name="next", node=n.Ref(name=f"D{i + 1}"), required=False),))
            for i in range(500)
        }
        deep = compile_codec(GType(root=n.Ref(name="D0"), definitions=chain | {"D500": n.Object()}))
        assert deep.decode_json(b'{"next":{"next":{}}}') == {"next": {"next": {}}}

    def test_tagged_unions_are_pruned_by_their_tag(self) -> None:
        def member(tag: str, name: str) -> n.Object:
            kind = Field(name="kind", node=n.Literal(values=(tag,)))
            return n.Object(fields=(kind, Field(name=name, node=n.Integer())))

        union = n.Union(members=(member("a", "x"), member("b", "y"), n.Null()), discriminator="kind")
        plain = compile_codec(GType(root=union))
        raw = b'{"y":2,"kind":"b","x":1}'
        assert plain.decode_json(raw) == plain.explain_json(raw) == {"kind": "b", "y": 2}

    def test_msgpack_is_read_in_jsons_terms(self) -> None:
        plain = compile_codec(GType(root=n.AnyValue()))
        moment = dt.datetime(2026, 2, 10, tzinfo=dt.UTC)
        found = plain.decode_msgpack(msgspec.msgpack.encode({"b": b"\x00", 1: moment}))
        assert found == {"b": "AA==", "1": "2026-02-10T00:00:00Z"}


class TestMalformed:
    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (b"", "empty"),
            (b"  ", "empty"),
            (b'{"a":', r"ends too early \(byte 5\)"),
            (b'["abc', r"ends too early \(byte 5\)"),
            (b"[1,]", r"byte 3"),
            (b'{"a":1} x', r"byte 9"),
            (b"[NaN]", "NaN and Infinity"),
            (b"-Infinity", "NaN and Infinity"),
            (b"01", "invalid number"),
            (b"1e999", "too large"),
            (b"1" * 5000, "too large"),
            (b"\xef\xbb\xbf{}", "byte order mark"),
            ('"a"'.encode("utf-16"), "byte order mark"),
            (b'{"a":"\xff"}', r"UTF-8 \(byte 6\)"),
            (b'{"\xff":1}', "UTF-8"),
            (b'"\\ud800"', "surrogate"),
            (b'["\\udc00\\ud800"]', "surrogate"),
            (b'"\x01"', "byte 1"),
            (b"[" * 100_000, "nests"),
            (b'{"a":' * 100_000, "nests"),
            (b"\x00", "byte 0"),
            (b"{'a':1}", "byte 1"),
        ],
    )
    @pytest.mark.parametrize("tp", [Any, Line])
    def test_json_is_refused_with_a_clear_word(self, raw: bytes, message: str, tp: Any) -> None:
        for call in (codec(tp).explain_json, codec(tp).check_json):
            with pytest.raises(MalformedValueError, match=message) as caught:
                call(raw)
            assert "Traceback" not in str(caught.value)
        if not raw.startswith((b"[[", b'{"a":{')):  # deep documents are kept from the decoders at the door
            with pytest.raises(DECODE_ERRORS):
                codec(tp).decode_json(raw)

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (b"", "too early"),
            (b"\x92\x01", "too early"),
            (b"\x01\x01", "trailing"),
            (b"\xc1", "invalid opcode"),
            (b"\xa1\xff", "UTF-8"),
            (b"\x91" * 3000 + b"\x01", "nests"),
            (b"\xd4\x05\x00", "extension"),
            (b"\x81\xc0\x01", "key"),
        ],
    )
    def test_msgpack_is_refused_with_a_clear_word(self, raw: bytes, message: str) -> None:
        with pytest.raises(MalformedValueError, match=message):
            codec(Any).explain_msgpack(raw)
        with pytest.raises(DECODE_ERRORS):
            codec(Any).decode_msgpack(raw)

    def test_deep_data_is_a_fault(self) -> None:
        deep: object = functools.reduce(lambda inner, _: [inner], range(500), list[Any]())
        assert told(codec(Any).from_data, deep)[0][1] == "depth"

    def test_deep_documents_do_not_crash_threads_with_small_stacks(self) -> None:
        outcome: list[BaseException] = []

        def explain() -> None:
            try:
                codec(Line).explain_json(b"[" * 100_000)
            except MalformedValueError as error:
                outcome.append(error)

        old = threading.stack_size(256 * 1024)
        try:
            thread = threading.Thread(target=explain)
            thread.start()
            thread.join()
        finally:
            threading.stack_size(old)
        assert len(outcome) == 1
