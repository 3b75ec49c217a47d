"""Unions of strings with a pattern and of arrays or dicts: msgspec frees them wrongly, so mirrors have none."""

import subprocess
import sys
from typing import Annotated, Any

import pytest
from msgspec import Meta

from perdure.gtype.unsafe_unions import has_pattern, holds_items

Digit = Annotated[str, Meta(pattern="^[0-9]$")]


@pytest.mark.parametrize(
    ("annotation", "is_unsafe"),
    [
        (list[bool], True), (Annotated[set[int], Meta(min_length=1)], True), (dict[str, int], True), (dict, True),
        (tuple[int, ...], True), (frozenset[int], True), (tuple[int, str], False), (str, False), (Digit, False),
    ],
)  # fmt: skip
def test_types_that_hold_items_are_known(annotation: Any, is_unsafe: bool) -> None:
    assert is_unsafe == holds_items(annotation)


def test_patterns_are_known() -> None:
    assert has_pattern(Digit)
    assert not has_pattern(Annotated[str, Meta(min_length=1)])
    assert not has_pattern(str)


PROBE = """
import gc
import msgspec
from typing import Annotated
from perdure.gtype import Array, Boolean, GType, Integer, Object, Field, Record, String, Union
from perdure.gtype.codec import DECODE_ERRORS, compile_codec
from perdure.errors import InvalidValueError

union = Union(members=(String(pattern="^[0-9]$"), Array(items=Boolean()), Record(values=Integer())))
for _ in range(300):
    for node in (union, Object(fields=(Field(name="a", node=union),))):
        codec = compile_codec(GType(node))
        if node is union:
            assert codec.explain_json(b'"7"') == "7" and codec.explain_json(b"[true]") == [True]
            for bad in (b'"x"', b"[1]"):
                try:
                    codec.explain_json(bad)
                except InvalidValueError:
                    continue
                raise SystemExit(f"{bad!r} was taken")
        del codec
        gc.collect()
"""


def test_codecs_of_such_unions_may_come_and_go() -> None:
    ended = subprocess.run([sys.executable, "-c", PROBE], capture_output=True, text=True, check=False)
    assert (0, "") == (ended.returncode, ended.stderr)
