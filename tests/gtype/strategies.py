"""Random GTypes, and what may be thrown at them."""

import math
from typing import Any, cast

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy

from perdure.gtype import nodes as n
from perdure.gtype.generate_strategies import ANYTHING
from perdure.gtype.nodes import Field, GType, Node

NAMES = ("a", "b", "c~/d", "é", "id")
PATTERNS = (r"^[a-z]+$", r"[0-9]", r"^\d{1,3}$", r"^\w*$", r"a|b", r"^.{2,4}$", r"\s")
NAMED = ("A", "B", "C")


def _bounds(numbers: SearchStrategy[float], factor: float) -> SearchStrategy[dict[str, Any]]:
    some = st.dictionaries(st.sampled_from(("ge", "gt", "le", "lt")), numbers, max_size=2)
    return st.one_of(some, st.just({"multiple_of": factor}), some.map(lambda given: {**given, "multiple_of": factor}))


def _sizes(low: str, high: str) -> SearchStrategy[dict[str, Any]]:
    sizes = st.tuples(st.integers(0, 3), st.integers(0, 4))
    return st.one_of(
        st.just({}), sizes.map(lambda pair: {low: pair[0]}), sizes.map(lambda pair: {high: pair[1]}),
        sizes.map(lambda pair: {low: pair[0], high: pair[0] + pair[1]}),
    )  # fmt: skip


_SMALL = st.integers(-20, 20)
_FRACTIONS = st.integers(-40, 40).map(lambda quarters: quarters / 4)
CONSTANTS = st.sampled_from(("x", "y", "", 1, 2, -1, 2**53, True, False, None))


@st.composite
def integers(draw: DrawFn) -> Node:
    given = draw(_bounds(_SMALL, draw(st.sampled_from((1, 2, 3, 7)))))
    return n.Integer(**given)


@st.composite
def numbers(draw: DrawFn) -> Node:
    return n.Number(**draw(_bounds(_FRACTIONS, draw(st.sampled_from((0.1, 0.01, 2.5, 3.0))))))


@st.composite
def texts(draw: DrawFn) -> Node:
    sizes = draw(_sizes("min_length", "max_length"))
    return n.String(**sizes, pattern=draw(st.none() | st.sampled_from(PATTERNS)))


def scalars() -> SearchStrategy[Node]:
    """Kinds whose JSON Schema says all of their meaning."""
    literals = st.lists(CONSTANTS, min_size=1, max_size=3, unique_by=lambda value: (type(value), value))
    return st.one_of(
        integers(), numbers(), texts(), st.just(n.Boolean()), st.just(n.Null()), st.just(n.String()),
        st.just(n.Integer()),
        literals.map(lambda values: n.Literal(values=tuple(values))),
        literals.map(lambda values: n.Enum(members=tuple((f"M{i}", value) for i, value in enumerate(values)))),
        st.just(n.AnyValue()),
    )  # fmt: skip


def formatted() -> SearchStrategy[Node]:
    """Kinds whose JSON Schema only hints at their meaning, by a format."""
    zones = st.sampled_from((None, True, False))
    return st.one_of(
        st.just(n.Date()), zones.map(lambda tz: n.Time(tz=tz)), zones.map(lambda tz: n.DateTime(tz=tz)),
        st.just(n.Duration()),
        st.just(n.Uuid()), st.just(n.Decimal()), _sizes("min_length", "max_length").map(lambda sizes: n.Bytes(**sizes)),
    )  # fmt: skip


@st.composite
def objects(draw: DrawFn, inner: SearchStrategy[Node], *, defaults: bool = True) -> Node:
    names = draw(st.lists(st.sampled_from(NAMES), max_size=4, unique=True))
    fields = []
    for name in names:
        required = draw(st.booleans())
        default = st.just({"default": None}) if defaults and not required and draw(st.booleans()) else st.just({})
        given = draw(default)
        node = n.Union(members=(draw(inner), n.Null())) if given else draw(inner)
        fields.append(Field(name=name, node=node, required=required, **given))
    return n.Object(fields=tuple(fields), closed=draw(st.booleans()))


@st.composite
def tagged(draw: DrawFn, inner: SearchStrategy[Node]) -> Node:
    tag = cast("list[Any]", draw(st.sampled_from((["x", "y", "z"], [1, 2, 3]))))
    members: list[Node] = []
    for value in tag[: draw(st.integers(1, 3))]:
        rest = draw(objects(inner, defaults=False))
        assert isinstance(rest, n.Object)
        field = Field(name="kind", node=n.Literal(values=(value,)))
        members.append(n.Object(fields=(field, *rest.fields), closed=rest.closed))
    if draw(st.booleans()):
        others: tuple[Node, ...] = (n.Null(), n.Integer(), n.String())
        members.append(draw(st.sampled_from(others)))
    return n.Union(members=tuple(members), discriminator="kind")


def containers(inner: SearchStrategy[Node], keys: SearchStrategy[Node]) -> dict[str, SearchStrategy[Node]]:
    """Kinds with structure, by name."""
    members = st.lists(inner, min_size=1, max_size=3).map(tuple)
    found: dict[str, SearchStrategy[Node]] = {
        "object": objects(inner),
        "record": st.builds(_record, inner, st.none() | keys, _sizes("min_size", "max_size")),
        "array": st.builds(_array, inner, st.booleans(), _sizes("min_items", "max_items")),
        "tuple": st.lists(inner, max_size=3).map(lambda items: n.Tuple(items=tuple(items))),
        "union": members.map(lambda members: n.Union(members=members)),
        "tagged": tagged(inner),
    }
    alike = (integers() | numbers(), texts(), *found.values())
    pairs = st.one_of(*(st.tuples(one, one) for one in alike)) | members
    return {**found, "intersection": pairs.map(lambda members: n.Intersection(members=members))}


def _record(values: Node, keys: Node | None, sizes: dict[str, Any]) -> Node:
    return n.Record(values=values, keys=keys, **sizes)


def _array(items: Node, unique: bool, sizes: dict[str, Any]) -> Node:
    return n.Array(items=items, unique=unique, **sizes)


def _gtypes(leaves: SearchStrategy[Node]) -> SearchStrategy[GType]:
    references = st.sampled_from(NAMED).map(lambda name: n.Ref(name=name))
    nodes = st.recursive(
        leaves | references,
        lambda inner: st.one_of(objects(inner), *containers(inner, texts()).values()), max_leaves=8,
    )  # fmt: skip
    # Definitions are objects, so that references always lead through one.
    definitions = st.tuples(*(objects(nodes) | tagged(nodes) for _ in NAMED))
    return st.builds(
        lambda root, found: GType(root=root, definitions=dict(zip(NAMED, found, strict=True))), nodes, definitions
    )


GTYPES = _gtypes(scalars())
"""Types whose JSON Schema says all of their meaning."""

ALL_GTYPES = _gtypes(scalars() | formatted())
"""Types of all kinds."""

DATA: SearchStrategy[object] = st.one_of(
    ANYTHING, st.sampled_from((62.0, 1.0, 0.3, 2.5, -0.0, 1e300, 2**53, "abc", "12", "12\n", "é", "")),
    st.sampled_from(([], {}, [1, 1.0], [1, True], [0, False], [0.1, 0.30000000000000004])),
    st.dictionaries(st.sampled_from((*NAMES, "kind")), ANYTHING | st.sampled_from(("x", "y", 1)), max_size=4),
)  # fmt: skip
"""Data that has nothing to do with any type, but might fit."""

SMALL_NODES: dict[str, SearchStrategy[Node]] = {
    "integer": integers(), "number": numbers(), "text": texts(), "scalar": scalars(), **containers(scalars(), texts()),
}  # fmt: skip
"""Types so small that `edges` knows all about them, by name."""

_TEXTS = (
    "", "a", "ab", "abc", "abcd", "abcdef", "1", "12", "12\n", "a\n", "१", "é", "_", " ", "\xa0", "\ufeff", "😀😀",
)  # fmt: skip
_LOOKALIKES: tuple[Any, ...] = (
    None, False, True, 0, 1, 1.0, 2, -1, 2**53, 2**53 + 1, float(2**53), "1", "true", "x", "y", "X", [], {},
)  # fmt: skip


def edges(node: Node) -> list[Any]:
    """Data on either side of every line *node* draws, and some that is easily taken for something else."""
    match node:
        case n.Integer() | n.Number():
            bounds = [bound for bound in (node.ge, node.gt, node.le, node.lt) if bound is not None]
            near = [bound + step for bound in bounds for step in (-1, -0.5, -0.01, 0, 0.01, 0.5, 1)]
            step = node.multiple_of or 1
            steps = [0, step, step * 3, step * 1.5, 0.3, 0.1 + 0.2, 0.35, 7.5, 21, -3]
            return [*_LOOKALIKES, *near, *map(math.floor, near), *map(math.ceil, near), *map(float, near), *steps]
        case n.String():
            return [*_TEXTS, *_LOOKALIKES]
        case n.Array(items=inner) | n.Tuple(items=(inner,)):
            some = edges(inner)
            pairs = [[one, other] for one in _LOOKALIKES for other in _LOOKALIKES]
            sizes = [some[:size] for size in range(8)]
            return [*([value] for value in some), *([value, value] for value in some), *pairs, *sizes, None, {}]
        case n.Tuple(items=members):
            firsts = [edges(member)[0] for member in members]
            return [*(firsts[:size] for size in range(5)), ["x"] * len(members), [1, 2, 3], {}]
        case n.Record(values=inner, keys=keys):
            some = edges(inner)
            names = [key for key in edges(keys or n.String()) if isinstance(key, str)]
            maps = [dict(zip(names, some[:size], strict=False)) for size in range(8)]
            return [*({"abc": value} for value in some), *({name: some[0]} for name in names), *maps, [], None]
        case n.Object(fields=fields):
            choices = [(field.name, value) for field in fields for value in edges(field.node)]
            whole = {field.name: edges(field.node)[-1] for field in fields}
            return [{}, whole, {**whole, "extra": 1}, *({**whole, name: value} for name, value in choices), [], None]
        case n.Union(members=inside) | n.Intersection(members=inside):
            return [value for member in inside for value in edges(member)]
        case _:
            return [*_LOOKALIKES, *_TEXTS]
