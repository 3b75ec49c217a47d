"""Types with one edit made somewhere, as an author would make it."""

from collections.abc import Callable, Iterator
from typing import Any

from hypothesis import strategies as st
from hypothesis.strategies import DrawFn, SearchStrategy
from msgspec.structs import replace

from perdure.diff.findings import Finding
from perdure.diff.rules import Flow
from perdure.diff.types import diff_types
from perdure.gtype import nodes as n
from perdure.gtype.json_schema_import import from_json_schema
from perdure.gtype.nodes import Field, GType, Node
from perdure.gtype.traversal import children, map_children
from tests.gtype.strategies import NAMES, PATTERNS, containers, objects, scalars, texts

__all__ = ["TYPES", "diff_schemas", "edited"]

_SIZES = st.none() | st.integers(0, 4)
_BOUNDS = st.none() | st.integers(-6, 6)
_CONSTANTS = st.sampled_from(("x", "y", "", 1, 2, -1, True, None))


def diff_schemas(old: Any, new: Any, direction: Flow, **options: Any) -> tuple[Finding, ...]:
    """Compare two JSON Schemas, as `perdure diff` does once it has read them."""
    return diff_types(from_json_schema(old), from_json_schema(new), direction, **options)


def _small_types() -> SearchStrategy[GType]:
    nodes: SearchStrategy[Node] = scalars() | st.just(n.Ref(name="A"))
    for _ in range(2):
        nodes = scalars() | st.one_of(*containers(nodes, texts()).values())
    definitions = st.builds(lambda node: {"A": node}, objects(scalars() | st.just(n.Ref(name="A"))))
    return st.builds(GType, nodes, definitions)


TYPES = _small_types()
"""Types of up to three levels, with one definition that may contain itself; small, so that many are looked at."""


@st.composite
def edited(draw: DrawFn, gtype: GType, times: int = 1) -> GType:
    """Draw *gtype* with so many edits, each in one node of the root or of a definition."""
    for _ in range(times):
        places = [name for name, node in gtype.definitions.items() for _ in _all(node)]
        name = draw(st.sampled_from(("", *places, *("" for _ in _all(gtype.root)))))
        if name:
            changed = draw(_edited_node(gtype.definitions[name], nameable=True))
            gtype = GType(root=gtype.root, definitions={**gtype.definitions, name: changed})
        else:
            gtype = GType(root=draw(_edited_node(gtype.root, nameable=False)), definitions=gtype.definitions)
    return gtype


def _all(node: Node) -> Iterator[Node]:
    yield node
    for child in children(node):
        yield from _all(child)


@st.composite
def _edited_node(draw: DrawFn, node: Node, *, nameable: bool) -> Node:
    """Draw *node* with one of all nodes in it edited; a definition stays what it is at its root."""
    count = sum(1 for _ in _all(node))
    chosen = draw(st.integers(0, count - 1))
    position = -1

    def visit(inner: Node) -> Node:
        nonlocal position
        position += 1
        if position == chosen:
            position += count
            return draw(_edit(inner, inside=inner is node and nameable))
        return map_children(inner, visit)

    return visit(node)


def _edit(node: Node, *, inside: bool) -> SearchStrategy[Node]:
    """Return a strategy for *node* after one edit; one of its own keywords if it has to stay *inside* its kind."""
    own = _own_edit(node)
    if inside:
        return own
    wrapped: list[SearchStrategy[Node]] = [
        st.just(n.Union(members=(node, n.Null()))),
        scalars().map(lambda other: n.Union(members=(node, other))),
        st.just(n.Array(items=node)),
    ]
    return st.one_of(own, own, own, scalars(), *wrapped)


def _own_edit(node: Node) -> SearchStrategy[Node]:
    match node:
        case n.Object():
            return _object(node)
        case n.Record():
            keys = st.none() | st.builds(lambda pattern: n.String(pattern=pattern), st.sampled_from(PATTERNS))
            return _attribute(node, min_size=_SIZES, max_size=_SIZES, keys=keys)
        case n.Array():
            return _attribute(node, min_items=_SIZES, max_items=_SIZES, unique=st.booleans())
        case n.Tuple(items=items):
            return _members(items, lambda found: n.Tuple(items=found))
        case n.String():
            patterns = st.none() | st.sampled_from(PATTERNS)
            return _attribute(node, min_length=_SIZES, max_length=_SIZES, pattern=patterns)
        case n.Integer():
            steps = st.sampled_from((None, 1, 2, 3, 6))
            numbers = st.builds(
                lambda ge, gt, le, lt: n.Number(ge=ge, gt=gt, le=le, lt=lt),
                *(st.just(bound) for bound in (node.ge, node.gt, node.le, node.lt)),
            )
            return _attribute(node, ge=_BOUNDS, gt=_BOUNDS, le=_BOUNDS, lt=_BOUNDS, multiple_of=steps) | numbers
        case n.Number():
            steps = st.sampled_from((None, 0.1, 0.5, 1.0, 2.5))
            return _attribute(node, ge=_BOUNDS, gt=_BOUNDS, le=_BOUNDS, lt=_BOUNDS, multiple_of=steps)
        case n.Literal(values=values):
            return _values(values).map(lambda found: n.Literal(values=found))
        case n.Enum(members=members):
            given = tuple(value for _, value in members)
            return _values(given).map(
                lambda found: n.Enum(members=tuple((f"M{index}", value) for index, value in enumerate(found)))
            )
        case n.Union(members=members):
            return _members(members, lambda found: replace(node, members=found), least=1)
        case n.Intersection(members=members):
            return _members(members, lambda found: n.Intersection(members=found), least=1)
        case _:
            return scalars()


def _attribute(node: Any, **choices: SearchStrategy[Any]) -> SearchStrategy[Node]:
    return st.one_of([_replaced(node, name, strategy) for name, strategy in choices.items()])


def _replaced(node: Any, name: str, values: SearchStrategy[Any]) -> SearchStrategy[Node]:
    return values.map(lambda value: replace(node, **{name: value}))


def _members(given: tuple[Node, ...], make: Callable[[tuple[Node, ...]], Node], least: int = 0) -> SearchStrategy[Node]:
    added = scalars().map(lambda other: make((*given, other)))
    if len(given) <= least:
        return added
    removed = st.integers(0, len(given) - 1).map(lambda index: make((*given[:index], *given[index + 1 :])))
    return added | removed


def _values(given: tuple[Any, ...]) -> SearchStrategy[tuple[Any, ...]]:
    added = _CONSTANTS.map(
        lambda value: (*(each for each in given if (type(each), each) != (type(value), value)), value)
    )
    if len(given) < 2:
        return added
    return added | st.integers(0, len(given) - 1).map(lambda index: (*given[:index], *given[index + 1 :]))


def _object(node: n.Object) -> SearchStrategy[Node]:
    fields = node.fields
    choices: list[SearchStrategy[Node]] = [st.just(replace(node, closed=not node.closed))]
    free = [name for name in (*NAMES, "new") if name not in {field.name for field in fields}]
    if free:
        field = st.builds(lambda name, inner, required: Field(name=name, node=inner, required=required),
                          st.sampled_from(free), scalars(), st.booleans())  # fmt: skip
        choices.append(field.map(lambda added: replace(node, fields=(*fields, added))))
    if fields:
        indexes = st.integers(0, len(fields) - 1)
        choices.append(indexes.map(lambda index: replace(node, fields=(*fields[:index], *fields[index + 1 :]))))
        choices.append(indexes.map(lambda index: replace(node, fields=_flipped(fields, index))))
    return st.one_of(choices)


def _flipped(fields: tuple[Field, ...], index: int) -> tuple[Field, ...]:
    field = fields[index]
    changed = Field(name=field.name, node=field.node, required=not field.required)
    return (*fields[:index], changed, *fields[index + 1 :])
