import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from perdure.errors import MalformedValueError
from perdure.gtype.depth import check_depth, check_utf8
from perdure.gtype.depth_msgpack import check_msgpack_depth


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[" * 10,
        b'{"a":' * 5 + b"[" * 5,
        b'"' + b"[" * 1000 + b'"',
        rb'["\"' + b"[" * 1000 + b'"]',
        b"[]" * 1000,
        b'[{"a":[{}]}' + b',{"a":[{"b":"]]]"}]}' * 1000 + b"]",
        b'["\\\\",' + b"[]," * 100 + b"1]",
        b"[" * 10 + b"]" * 10,
    ],
)
def test_a_document_within_the_limit_passes(raw: bytes) -> None:
    check_depth(raw, 10)


@pytest.mark.parametrize(
    "raw",
    [
        b"[" * 11,
        b"[" * 100_000,
        b'{"a":' * 11,
        b'["]]]]]]]]]]]]",' + b"[" * 10,
        b'["\\\\",' + b"[" * 10 + b"]" * 11,
        b"[" + b"[]," * 1000 + b"[" * 10,
        b'["\\"]",' + b"[" * 10,
        b"[{}]" * 40_000 + b"[" * 11,
        b"[" * 11 + b'x"',
    ],
)
def test_a_deeper_document_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedValueError, match="nests more than 10 levels"):
        check_depth(raw, 10)


def test_text_that_is_not_utf8_is_refused_with_its_place() -> None:
    with pytest.raises(MalformedValueError, match=r"byte 3"):
        check_utf8(b'"ab\xff"')


@pytest.mark.parametrize("raw", [b"abc", "äöü😀".encode()])
def test_utf8_passes(raw: bytes) -> None:
    check_utf8(raw)


NESTED = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=20) | st.dictionaries(st.text(), inner, max_size=20),
    max_leaves=200,
)


def levels(value: object) -> int:
    if isinstance(value, dict):
        return 1 + max(map(levels, value.values()), default=0)
    return 1 + max(map(levels, value), default=0) if isinstance(value, list) else 0


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=NESTED, limit=st.integers(0, 4))
def test_msgpack_is_refused_exactly_where_it_nests_deeper(value: object, limit: int) -> None:
    raw = msgspec.msgpack.encode(value)
    if levels(value) > limit + 1 or (levels(value) > limit and not_empty_at(value, limit)):
        with pytest.raises(MalformedValueError):
            check_msgpack_depth(raw, limit)
    elif levels(value) <= limit:
        check_msgpack_depth(raw, limit)


def not_empty_at(value: object, level: int) -> bool:
    """Whether some container *level* levels down has something in it; an empty one nests nothing."""
    inside = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else []
    return bool(inside) if level == 0 else any(not_empty_at(one, level - 1) for one in inside)


@pytest.mark.parametrize(
    "raw",
    [b"\x91" * 100_000, b"\x81\xa1a" * 100_000, b"\xdc\x00\x02\xc0" * 100_000, b"\xdf\x00\x00\x00\x01\xa0" * 1000],
)
def test_deep_msgpack_is_refused(raw: bytes) -> None:
    with pytest.raises(MalformedValueError, match="nests more than 128 levels"):
        check_msgpack_depth(raw)


@pytest.mark.parametrize(
    "value",
    [
        [[1, 2, 3]] * 50_000, ["\x91" * 300, "é" * 300] * 1000, [b"\x91" * 70_000, b"\x91" * 300, 1.5, 2**40, -1],
        [{"a": [1, {"b": None}]}] * 1000, [1.5] * 1000 + [[]], msgspec.msgpack.Ext(5, b"\x91" * 1000),
    ],
    ids=lambda value: type(value).__name__,
)  # fmt: skip
def test_wide_msgpack_passes(value: object) -> None:
    check_msgpack_depth(msgspec.msgpack.encode(value))


@pytest.mark.parametrize(
    "raw", [b"", b"\xdc", b"\xdb\xff\xff\xff\xff" + b"\x91" * 300, b"\x01" + b"\x91" * 300, b"\xc1" * 300]
)
def test_broken_msgpack_is_left_to_the_decoder(raw: bytes) -> None:
    check_msgpack_depth(raw)
