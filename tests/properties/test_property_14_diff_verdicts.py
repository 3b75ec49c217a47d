"""Property 14: a breaking change is called breaking, a compatible one is not.

The oracle is jsonschema-rs, an independent implementation of JSON Schema 2020-12, which judges values by the schemas
published for both types. A request breaks iff some value of the old type is refused by the new schema; a response iff
some value of the new type is refused by the old one.

``DIFF_PAIRS=5000`` looks at so many pairs.
"""

import math
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import jsonschema_rs
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.strategies import DrawFn

from perdure.diff.findings import Finding
from perdure.diff.outcomes import Found
from perdure.diff.subset import search_difference
from perdure.diff.types import diff_types
from perdure.errors import TypeDefinitionError
from perdure.gtype import GType, from_json_schema, to_json_schema
from perdure.gtype import nodes as n
from perdure.gtype.generate import values
from perdure.gtype.nodes import Node
from perdure.gtype.validator_patterns import compile_pattern
from tests.diff.edits import TYPES, diff_schemas, edited
from tests.diff.examples import EXAMPLES
from tests.gtype.strategies import DATA, NAMES, SMALL_NODES, edges

PAIRS = int(os.environ.get("DIFF_PAIRS", "100"))
SETTINGS = settings(
    deadline=None, max_examples=PAIRS,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)  # fmt: skip
_MOST_CHANGES = 60
_PLAIN: tuple[Any, ...] = (None, True, 0, 1, -1, 7, 0.5, 2.5, "", "a", "x", "12", "abcdef", [], {})
LISTED = frozenset((*NAMES, "kind", "new"))
"""All names that types in these tests list; of others, nobody has heard."""


def is_sent(given: Sequence[Node], value: object, gtype: GType) -> bool:
    """Tell whether a client sends *value* that keeps to all of *given* and knows nothing else.

    It leaves out members of open objects that it has never heard of, but that some other version may know.
    """
    nodes = [gtype.resolve(node) for node in given]
    for index, node in enumerate(nodes):
        others = [*nodes[:index], *nodes[index + 1 :]]
        if isinstance(node, n.Union):
            return any(is_sent([*others, member], value, gtype) for member in node.members)
        if isinstance(node, n.Intersection):
            return is_sent([*others, *node.members], value, gtype)
    if isinstance(value, dict):
        objects = [node for node in nodes if isinstance(node, n.Object)]
        if objects and not {field.name for node in objects for field in node.fields} >= value.keys() & LISTED:
            return False
        return all(is_sent(list(_types_of(nodes, name)), member, gtype) for name, member in value.items())
    if isinstance(value, list):
        return all(is_sent(list(_types_at(nodes, index)), item, gtype) for index, item in enumerate(value))
    return True


def _types_of(nodes: Iterable[Node], name: str) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, n.Record):
            yield node.values
        elif isinstance(node, n.Object):
            yield from (field.node for field in node.fields if field.name == name)


def _types_at(nodes: Iterable[Node], index: int) -> Iterator[Node]:
    for node in nodes:
        if isinstance(node, n.Array):
            yield node.items
        elif isinstance(node, n.Tuple):
            yield from node.items[index : index + 1]


class Side:
    """One type, as an independent judge sees it."""

    def __init__(self, gtype: GType) -> None:
        self.gtype = gtype
        self._judge = jsonschema_rs.Draft202012Validator(to_json_schema(gtype), validate_formats=True)

    def accepts(self, value: object) -> bool:
        return self._judge.is_valid(value)

    def sends(self, value: object) -> bool:
        """Tell whether a client of this type sends *value*; its schema has to accept it, too."""
        return is_sent([self.gtype.root], value, self.gtype) and self.accepts(value)


def agrees(findings: Sequence[Finding], source: Side, target: Side, samples: Iterable[object]) -> None:
    """Check that *findings* say whether some value of *source* is refused by *target*.

    Args:
        findings: What is to be judged.
        source: The type of those who write values.
        target: The type of those who read them.
        samples: Some values of *source* are among them.
    """
    breaking = any(finding.level == "breaking" for finding in findings)
    if not breaking:
        for value in samples:
            assert not (source.sends(value) and not target.accepts(value)), (value, findings)
        return
    example = search_difference(source.gtype, target.gtype)
    assert isinstance(example, Found), (example, findings)
    assert source.accepts(example.value)
    assert not target.accepts(example.value)


def check(old: GType, new: GType, drawn: st.DataObject) -> None:
    """Check the verdict in both directions on values drawn for both types."""
    samples = drawn.draw(near(old, new))
    before, after = Side(old), Side(new)
    agrees(diff_types(old, new, "request"), before, after, samples)
    agrees(diff_types(old, new, "response"), after, before, samples)


@st.composite
def near(draw: DrawFn, *gtypes: GType) -> list[Any]:
    """Draw data of *gtypes*, and all that is made of it by one small change."""
    found = [draw(DATA)]
    for gtype in gtypes:
        try:
            valid = values(gtype, max_depth=4)
        except TypeDefinitionError:  # it has no value that ends
            continue
        if not valid.is_empty:
            found += [draw(valid), draw(valid)]
    return [plain(value) for value in found] + [value for one in found for value in changed(plain(one), _MOST_CHANGES)]


def plain(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def changed(value: Any, most: int) -> list[Any]:
    """Return up to *most* values that differ from *value* in one place, the outermost first."""
    waiting: list[tuple[Any, Callable[[Any], Any]]] = [(value, lambda inner: inner)]
    found: list[Any] = []
    while waiting and len(found) < most:
        inner, put = waiting.pop(0)
        found += [put(other) for other in _others(inner)]
        keys = inner.keys() if isinstance(inner, dict) else range(len(inner)) if isinstance(inner, list) else ()
        waiting += [(inner[key], _putting(put, inner, key)) for key in keys]
    return found[:most]


def _putting(put: Callable[[Any], Any], container: Any, key: Any) -> Callable[[Any], Any]:
    def replace(value: Any) -> Any:
        copied = container.copy()
        copied[key] = value
        return put(copied)

    return replace


def _others(value: Any) -> list[Any]:
    if isinstance(value, dict):
        without = [{key: member for key, member in value.items() if key != name} for name in value]
        return [*_PLAIN, *without, {**value, "other": 1}, {**value, "other": "x", "more": None}]
    if isinstance(value, list):
        return [*_PLAIN, value[1:], value[:-1], *([*value, item] for item in (*value[:2], *_PLAIN)), value * 2]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [*_PLAIN, value + 1, value - 1, value + 0.5, -value, math.floor(value), value * 2]
    return [*_PLAIN, value + "a", value[1:], value[:1] * 3] if isinstance(value, str) else list(_PLAIN)


@SETTINGS
@given(drawn=st.data(), old=TYPES)
def test_verdict_on_one_edit_anywhere_is_that_of_samples(drawn: st.DataObject, old: GType) -> None:
    check(old, drawn.draw(edited(old)), drawn)


@SETTINGS
@given(drawn=st.data(), old=TYPES)
def test_verdict_on_several_edits_is_that_of_samples(drawn: st.DataObject, old: GType) -> None:
    check(old, drawn.draw(edited(old, times=drawn.draw(st.integers(2, 4)))), drawn)


@SETTINGS
@given(drawn=st.data(), old=TYPES, new=TYPES)
def test_verdict_on_two_json_schemas_is_that_of_samples(drawn: st.DataObject, old: GType, new: GType) -> None:
    one, other = to_json_schema(old), to_json_schema(new)
    before, after = Side(from_json_schema(one)), Side(from_json_schema(other))
    samples = drawn.draw(near(old, new))
    agrees(diff_schemas(one, other, "request"), before, after, samples)
    agrees(diff_schemas(one, other, "response"), after, before, samples)


@settings(SETTINGS, max_examples=2 * PAIRS)
@given(drawn=st.data(), kind=st.sampled_from(sorted(SMALL_NODES)))
def test_verdict_on_small_types_is_that_of_all_values_on_their_edges(drawn: st.DataObject, kind: str) -> None:
    old = GType(root=drawn.draw(SMALL_NODES[kind]))
    new = drawn.draw(edited(old, times=drawn.draw(st.integers(1, 2))) | SMALL_NODES[kind].map(GType))
    samples = [plain(value) for value in (*edges(old.root), *edges(new.root))]
    agrees(diff_types(old, new, "request"), Side(old), Side(new), samples)
    agrees(diff_types(old, new, "response"), Side(new), Side(old), samples)


@pytest.mark.parametrize("edit", EXAMPLES)
def test_verdict_on_each_kind_of_edit_is_that_of_all_values_on_its_edges(edit: str) -> None:
    one, other = (GType(node) for node in EXAMPLES[edit])
    samples = [plain(value) for value in (*edges(one.root), *edges(other.root))]
    samples += [value for sample in samples for value in changed(sample, 20)]
    for old, new in ((one, other), (other, one)):
        agrees(diff_types(old, new, "request"), Side(old), Side(new), samples)
        agrees(diff_types(old, new, "response"), Side(new), Side(old), samples)


@st.composite
def patterns(draw: DrawFn) -> str:
    """Draw a pattern over few letters, anchored or not."""
    pieces = st.sampled_from(("a", "b", "[ab]", "[^a]", r"\d", r"\w", "[a-c1]", "(?:ab)", "(?:a|b1)"))
    often = st.sampled_from(("", "", "", "*", "+", "?", "{2}", "{1,2}", "{2,}"))
    chain = st.lists(st.builds(str.__add__, pieces, often), min_size=1, max_size=3).map("".join)
    ends = draw(st.sampled_from((("^", "$"), ("^", ""), ("", "$"), ("", ""))))
    return ends[0] + "(?:" + "|".join(draw(st.lists(chain, min_size=1, max_size=2))) + ")" + ends[1]


@SETTINGS
@given(drawn=st.data(), old=patterns(), new=patterns())
def test_verdict_on_two_patterns_is_that_of_texts_that_match(drawn: st.DataObject, old: str, new: str) -> None:
    one, other = (GType(n.String(pattern=pattern)) for pattern in (old, new))
    letters = st.text("ab1c", max_size=6)
    matching = st.one_of(
        *(st.from_regex(compile_pattern(each), alphabet=st.characters(codec="utf-8")) for each in (old, new))
    )
    samples = [*drawn.draw(st.lists(letters, min_size=20, max_size=20)), *(drawn.draw(matching) for _ in range(5))]
    agrees(diff_types(one, other, "request"), Side(one), Side(other), samples)
    agrees(diff_types(one, other, "response"), Side(other), Side(one), samples)
