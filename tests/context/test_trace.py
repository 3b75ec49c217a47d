"""W3C Trace Context; the cases are those of the W3C's own test suite, level 2, strict, and of the specification."""

import random
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from perdure.context.trace import RANDOM, SAMPLED, TraceContext, new_trace, parse_trace

TRACE = "12345678901234567890123456789012"
PARENT = "1234567890123456"
VALID = f"00-{TRACE}-{PARENT}-01"


def state(*tracestates: str) -> str:
    context = parse_trace([VALID], tracestates)
    assert context is not None
    return context.state


def test_new_trace_is_valid_unsampled_and_random() -> None:
    context = new_trace()
    assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-02", context.traceparent)
    assert (context.parent_id, context.state, context.flags, context.sampled) == ("", "", RANDOM, False)
    assert parse_trace([context.traceparent]) is not None


@pytest.mark.parametrize("drawn", [0, 7, 5 << 64, (1 << 192) - 1])
def test_new_trace_never_has_an_id_of_zeros(drawn: int) -> None:
    context = new_trace(lambda _: drawn)
    assert parse_trace([context.traceparent]) is not None
    assert f"{drawn:048x}"[-14:] == context.span_id[-14:]
    assert f"{drawn:048x}"[18:32] == context.trace_id[-14:]


def test_new_traces_differ() -> None:
    bits = random.Random(1).getrandbits
    assert len({new_trace(bits).trace_id for _ in range(1000)}) == 1000


def test_parse_keeps_the_trace_and_makes_a_span() -> None:
    context = parse_trace([VALID])
    assert context is not None
    assert (context.trace_id, context.parent_id, context.flags, context.sampled) == (TRACE, PARENT, SAMPLED, True)
    assert re.fullmatch(r"[0-9a-f]{16}", context.span_id)
    assert context.span_id != PARENT
    assert f"00-{TRACE}-{context.span_id}-01" == context.traceparent


def test_parse_never_makes_an_all_zero_span() -> None:
    context = parse_trace([VALID], bits=lambda _: 0)
    assert context is not None
    assert "8000000000000000" == context.span_id


def test_child_is_a_new_span_under_ours() -> None:
    parent = TraceContext(f"00-{TRACE}-00f067aa0ba902b7-01", PARENT, "foo=1")
    children = [parent.child() for _ in range(3)]
    assert {(TRACE, "00f067aa0ba902b7", SAMPLED, "foo=1")} == {
        (child.trace_id, child.parent_id, child.flags, child.state) for child in children
    }
    assert len({child.span_id for child in children} - {parent.span_id}) == 3


@pytest.mark.parametrize(
    "traceparents",
    [
        [],
        [VALID, VALID],
        [f"00-{TRACE[:-1]}1-{PARENT}-01", VALID],
        [f"{VALID},{VALID}"],
        [""],
        [f"{VALID}."],
        [f"{VALID}-what-the-future-will-be-like"],
        [f"{VALID}-"],
        [f"cc-{TRACE}-{PARENT}-01.what-the-future-will-be-like"],
        [f"cc-{TRACE}-{PARENT}-012"],
        [f"ff-{TRACE}-{PARENT}-01"],
        [f".0-{TRACE}-{PARENT}-01"],
        [f"0.-{TRACE}-{PARENT}-01"],
        [f"000-{TRACE}-{PARENT}-01"],
        [f"0000-{TRACE}-{PARENT}-01"],
        [f"0-{TRACE}-{PARENT}-01"],
        [f"-{TRACE}-{PARENT}-01"],
        [f"00-{'0' * 32}-{PARENT}-01"],
        [f"00-.{TRACE[1:]}-{PARENT}-01"],
        [f"00-{TRACE[:-1]}.-{PARENT}-01"],
        [f"00-{TRACE}3-{PARENT}-01"],
        [f"00-{TRACE[:-1]}-{PARENT}-01"],
        [f"00-{'A' * 32}-{PARENT}-01"],
        [f"00-{TRACE}-{'0' * 16}-01"],
        [f"00-{TRACE}-.{PARENT[1:]}-01"],
        [f"00-{TRACE}-{PARENT[:-1]}.-01"],
        [f"00-{TRACE}-{PARENT}7-01"],
        [f"00-{TRACE}-{PARENT[:-1]}-01"],
        [f"00-{TRACE}-{'A' * 16}-01"],
        [f"00-{TRACE}-{PARENT}-.0"],
        [f"00-{TRACE}-{PARENT}-0."],
        [f"00-{TRACE}-{PARENT}-001"],
        [f"00-{TRACE}-{PARENT}-1"],
        [f"00-{TRACE}-{PARENT}-0A"],
        [f"00-{TRACE}-{PARENT}"],
        [f"{VALID}\n"],
        [VALID.replace("1", "\u0661")],
    ],
)
def test_parse_invalid_traceparent_restarts_the_trace(traceparents: list[str]) -> None:
    assert parse_trace(traceparents, ["foo=1"]) is None


@pytest.mark.parametrize(
    "traceparent",
    [
        VALID,
        f"cc-{TRACE}-{PARENT}-01",
        f"cc-{TRACE}-{PARENT}-01-what-the-future-will-be-like",
        f"01-{TRACE}-{PARENT}-01-",
        f" {VALID}",
        f"\t{VALID}",
        f"{VALID} ",
        f"{VALID}\t",
        f"\t {VALID} \t",
    ],
)
def test_parse_valid_traceparent_goes_out_as_version_00(traceparent: str) -> None:
    context = parse_trace([traceparent])
    assert context is not None
    assert re.fullmatch(f"00-{TRACE}-[0-9a-f]{{16}}-01", context.traceparent)


@pytest.mark.parametrize(
    ("sent", "kept"), [("00", 0), ("01", SAMPLED), ("02", RANDOM), ("03", 3), ("ff", 3), ("fc", 0)]
)
def test_parse_keeps_known_flags_only(sent: str, kept: int) -> None:
    context = parse_trace([f"00-{TRACE}-{PARENT}-{sent}"])
    assert context is not None
    assert kept == context.flags
    assert context.traceparent.endswith(f"-{kept:02x}")


KEY = string.ascii_lowercase + string.digits + "_-*/"
VALUE = "".join(chr(code) for code in range(0x20, 0x7F) if chr(code) not in ",=")
TEN = [",".join(f"bar{n:02}={n:02}" for n in range(start, start + 10)) for start in (1, 11, 21)]


@pytest.mark.parametrize(
    ("tracestates", "expected"),
    [
        (["foo=1"], "foo=1"),
        (["foo=1,bar=2"], "foo=1,bar=2"),
        ([""], ""),
        (["foo=1", ""], "foo=1"),
        (["", "foo=1"], "foo=1"),
        (["foo=1, ,,\t,bar=2"], "foo=1,bar=2"),
        (["foo=1,bar=2", "rojo=1,congo=2", "baz=3"], "foo=1,bar=2,rojo=1,congo=2,baz=3"),
        ([f"{KEY}={VALUE}"], f"{KEY}={VALUE}"),
        ([f"{KEY}@a-z0-9_-*/={VALUE}"], f"{KEY}@a-z0-9_-*/={VALUE}"),
        (["foo=1 \t , \t bar=2, \t baz=3"], "foo=1,bar=2,baz=3"),
        (["foo=1\t \t,\t \tbar=2,\t \tbaz=3"], "foo=1,bar=2,baz=3"),
        ([" foo=1"], "foo=1"),
        (["\tfoo=1"], "foo=1"),
        (["foo=1 "], "foo=1"),
        (["foo=1\t"], "foo=1"),
        (["\t foo=1 \t"], "foo=1"),
        (["foo=  1"], "foo=  1"),
        (["1foo=1"], "1foo=1"),
        (["foo@=1,bar=2"], "foo@=1,bar=2"),
        (["foo@@bar=1,bar=2"], "foo@@bar=1,bar=2"),
        (["foo@bar@baz=1,bar=2"], "foo@bar@baz=1,bar=2"),
        ([*TEN, "bar31=31,bar32=32"], ",".join([*TEN, "bar31=31,bar32=32"])),
        (["foo=1", f"{'z' * 256}=1"], f"foo=1,{'z' * 256}=1"),
        (["foo=1", f"{'t' * 241}@{'v' * 14}=1"], f"foo=1,{'t' * 241}@{'v' * 14}=1"),
        (["foo=1", f"{'t' * 242}@v=1"], f"foo=1,{'t' * 242}@v=1"),
        (["foo=1", f"t@{'v' * 15}=1"], f"foo=1,t@{'v' * 15}=1"),
        ([f"foo={'v' * 256}"], f"foo={'v' * 256}"),
    ],
)
def test_tracestate_valid_is_passed_on_as_one(tracestates: list[str], expected: str) -> None:
    assert expected == state(*tracestates)


@pytest.mark.parametrize(
    "tracestates",
    [
        ["foo=1,foo=1"],
        ["foo=1,foo=2"],
        ["foo=1", "foo=1"],
        ["foo=1", "foo=2"],
        ["foo =1"],
        ["FOO=1"],
        ["foo.bar=1"],
        ["_foo=1"],
        ["@foo=1,bar=2"],
        ["=1"],
        ["foo"],
        [*TEN, "bar31=31,bar32=32,bar33=33"],
        ["foo=1", f"{'z' * 257}=1"],
        ["foo=bar=baz"],
        ["foo=,bar=3"],
        [f"foo={'v' * 257}"],
        ["foo=ü"],
        ["foo=a\tb"],
        ["foo=1\n"],
    ],
)
def test_tracestate_invalid_is_dropped_and_the_trace_kept(tracestates: list[str]) -> None:
    assert state(*tracestates) == ""


def test_tracestate_too_long_loses_large_members_first_then_the_last() -> None:
    small = [f"s{n}={'v' * 60}" for n in range(8)]
    large = f"large={'v' * 200}"
    kept = state(",".join([*small[:2], large, *small[2:], "last=1"]))
    assert "large" not in kept
    assert len(kept) <= 512
    assert kept.startswith(",".join(small[:7]))


def test_tracestate_of_512_characters_is_kept() -> None:
    whole = f"a={'v' * 253},b={'w' * 254}"
    assert len(whole) == 512
    assert whole == state(whole)
    assert f"a={'v' * 253}" == state(whole + "w")


@given(
    st.lists(
        st.from_regex(r"[a-z]{1,3}=[a-z]{1,150}", fullmatch=True), max_size=32, unique_by=lambda m: m.split("=")[0]
    )
)
def test_tracestate_is_shortened_by_whole_members_in_order(members: list[str]) -> None:
    kept = state(",".join(members))
    assert len(kept) <= 512
    rest = iter(members)
    assert all(member in rest for member in filter(None, kept.split(",")))
    if len(",".join(members)) <= 512:
        assert kept == ",".join(members)
