"""Strategies for values of any type. Imported only where values are generated."""

import math
from typing import final

import msgspec
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec.structs import replace

from perdure.errors import TypeDefinitionError
from perdure.gtype.generate_scalars import TEXT, scalar_data
from perdure.gtype.intersections import combine
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Enum,
    GType,
    Intersection,
    Literal,
    Node,
    Null,
    Object,
    Record,
    Ref,
    Tuple,
    Union,
)
from perdure.gtype.validator import compile_validator
from perdure.gtype.validator_scalars import ScalarNode, allowed_values, json_key

__all__ = ["ANYTHING", "valid_data"]

_USUAL_ITEMS = 4
ANYTHING: SearchStrategy[object] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: (
        st.lists(inner, max_size=_USUAL_ITEMS) | st.dictionaries(st.text(max_size=5), inner, max_size=_USUAL_ITEMS)
    ),
    max_leaves=5,
)
"""Any JSON value, not large."""


def valid_data(gtype: GType, max_depth: int) -> SearchStrategy[object]:
    """Return a strategy for data that is valid by *gtype* and nests no more than *max_depth* where it can be helped.

    Raises:
        TypeDefinitionError: *gtype* cannot be compiled, or has no value that ends.
    """
    compile_validator(gtype)
    generator = _Generator(gtype)
    least = generator.height(gtype.root)
    if least == math.inf:
        raise TypeDefinitionError("the type has no value that ends: it always contains itself")
    return generator.strategy(gtype.root, max(max_depth, least))


@final
class _Generator:
    """Makes strategies for the nodes of one GType, each with a budget of levels still allowed.

    A node's *height* is the least number of levels one of its values needs. Choices that are higher than the budget are
    left out, so recursive types end.
    """

    def __init__(self, gtype: GType) -> None:
        self._gtype = gtype
        self._named: dict[str | bytes, Node] = dict(gtype.definitions.items())
        """Definitions, and intersections that are one type, as they may contain themselves."""
        self._heights: dict[str | bytes, float] = {}
        self._strategies: dict[tuple[str | bytes, float], SearchStrategy[object]] = {}
        self.height(gtype.root)
        self._find_heights()

    def _find_heights(self) -> None:
        """Lower the heights of what has a name from infinity until nothing changes."""
        before: dict[str | bytes, float] | None = None
        while before != self._heights:
            before = dict(self._heights)
            for name, node in list(self._named.items()):
                self._heights[name] = self.height(node)

    def height(self, node: Node) -> float:
        """Return the least number of levels of a value of *node*; infinity if none ends."""
        match node:
            case Ref(name=name):
                return self._heights.get(name, math.inf)
            case Object(fields=fields):
                return 1 + max((self.height(field.node) for field in fields if field.required), default=0)
            case Array(items=items, min_items=size) | Record(values=items, min_size=size):
                return 1 + (self.height(items) if size else 0)
            case Tuple(items=members):
                return 1 + max(map(self.height, members), default=0)
            case Union(members=members):
                return min(map(self.height, members), default=math.inf)
            case Intersection(members=members):
                one = self._name(node)
                return max(map(self.height, members), default=0) if one is None else self._heights.get(one, math.inf)
            case _:
                return 0

    def _name(self, node: Intersection) -> bytes | None:
        """Return the name of the one type that *node* is, if it is one."""
        combined = combine(node, self._gtype)
        if isinstance(combined, Intersection):
            return None
        name = msgspec.json.encode(combined)
        self._named.setdefault(name, combined)
        return name

    def strategy(self, node: Node, budget: float) -> SearchStrategy[object]:
        """Return a strategy for *node* that uses at most *budget* levels, or as few as there can be."""
        match node:
            case Ref(name=name):
                return self._by_name(name, budget)
            case Object():
                return self._objects(node, budget)
            case Record():
                return self._records(node, budget)
            case Array():
                return self._arrays(node, budget)
            case Tuple(items=members):
                return st.tuples(*(self._inside(member, budget) for member in members)).map(list)
            case Union(members=members):
                return self._unions(members, budget)
            case Intersection():
                return self._intersections(node, budget)
            case AnyValue():
                return ANYTHING
            case _:
                scalar: ScalarNode = node
                return scalar_data(scalar)

    def _by_name(self, name: str | bytes, budget: float) -> SearchStrategy[object]:
        key = (name, budget)
        if key not in self._strategies:
            self._strategies[key] = self.strategy(self._named[name], budget)
        return self._strategies[key]

    def _inside(self, node: Node, budget: float) -> SearchStrategy[object]:
        """Return a strategy for *node* one level further in; an empty one where none of its values ends."""
        height = self.height(node)
        return st.nothing() if height == math.inf else self.strategy(node, max(budget - 1, height))

    def _objects(self, node: Object, budget: float) -> SearchStrategy[object]:
        required = {field.name: self._inside(field.node, budget) for field in node.fields if field.required}
        optional = {
            field.name: self._inside(field.node, budget)
            for field in node.fields
            if not field.required and self.height(field.node) < budget
        }
        return st.fixed_dictionaries(required, optional=optional)

    def _records(self, node: Record, budget: float) -> SearchStrategy[object]:
        variety = math.inf if node.keys is None else self._variety(node.keys)
        low, high = _sizes(node.min_size, node.max_size, variety, fits=self.height(node.values) < budget)
        keys = st.text(max_size=10) if node.keys is None else self.strategy(node.keys, 0).filter(_is_text)
        if high == 0:
            return st.nothing() if low else st.just({})
        members = self._inside(node.values, budget)
        if keys.is_empty or members.is_empty or low > high:
            return st.nothing() if low else st.just({})
        return st.dictionaries(_opaque(keys), members, min_size=low, max_size=high)

    def _arrays(self, node: Array, budget: float) -> SearchStrategy[object]:
        variety = self._variety(node.items) if node.unique else math.inf
        low, high = _sizes(node.min_items, node.max_items, variety, fits=self.height(node.items) < budget)
        if high == 0:
            return st.nothing() if low else st.just([])
        items = self._inside(node.items, budget)
        if items.is_empty or low > high:
            return st.nothing() if low else st.just([])
        if not node.unique:
            return st.lists(items, min_size=low, max_size=high)
        return st.lists(_opaque(items), min_size=low, max_size=high, unique_by=json_key)

    def _variety(self, node: Node) -> float:
        """Return how many different values *node* has, as far as it can be told without looking far."""
        match self._gtype.resolve(node):
            case Literal() | Enum() as listed:
                return len({json_key(value) for value in allowed_values(listed)})
            case Boolean():
                return 2
            case Null():
                return 1
            case Union(members=members):
                return sum(map(self._variety, members))
            case _:
                return math.inf

    def _unions(self, members: tuple[Node, ...], budget: float) -> SearchStrategy[object]:
        fitting = [member for member in members if self.height(member) <= budget]
        lowest = [min(members, key=self.height)]
        return st.one_of(*(self.strategy(member, budget) for member in fitting or lowest))

    def _intersections(self, node: Intersection, budget: float) -> SearchStrategy[object]:
        name = self._name(node)
        if name is not None:
            return self._by_name(name, budget)
        valid = compile_validator(replace(self._gtype, root=node)).is_valid
        return st.one_of(*(self.strategy(member, budget) for member in node.members)).filter(valid)


def _sizes(low: int | None, high: int | None, variety: float, *, fits: bool) -> tuple[int, int]:
    """Return how few and how many members to make; no more than have to be where they do not fit.

    Where there are too few different ones, the first is greater than the second.
    """
    least = low or 0
    usual = least + _USUAL_ITEMS if fits else least
    return least, int(min(usual if high is None else min(high, usual), variety))


def _opaque(strategy: SearchStrategy[object]) -> SearchStrategy[object]:
    """Return *strategy* such that Hypothesis does not see how few values it has, which it would call an error."""
    return st.tuples(strategy).map(lambda one: one[0])


def _is_text(value: object) -> bool:
    return isinstance(value, str)
