"""Which values one type has that another has not: the judge of what is breaking.

``A`` is a subset of ``B`` if no value is in ``A`` and not in ``B``. So a value is searched for that is valid by all of
some nodes, the *wanted*, and by none of some others, the *unwanted*. Combinations are taken apart first: a wanted union
is any of its members, an unwanted one all of them, and the other way round for intersections. What is left are wanted
and unwanted nodes of one kind of JSON value, and each kind has a search of its own. Items and members are searches like
the first; where one is needed to answer itself, the answer is no: values are finite.

This is semantic subtyping (Frisch, Castagna and Benzaken, 2008) on JSON, and finds an example along the way.
Rejected: comparing keyword by keyword. It cannot see that two members of a union together cover what one did.

Source: SPEC 3.5, property 14.
"""

from collections.abc import Callable, Iterable
from fractions import Fraction
from typing import Final, NamedTuple, final

import msgspec

from perdure.diff.array_sets import find_array
from perdure.diff.number_sets import Range, exact, find_number, range_of
from perdure.diff.object_sets import find_object
from perdure.diff.outcomes import EMPTY, UNKNOWN, Found, Outcome, first
from perdure.diff.text_sets import Text, find_text
from perdure.errors import TypeDefinitionError
from perdure.gtype.nodes import (
    AnyValue,
    Array,
    Boolean,
    Bytes,
    Date,
    DateTime,
    Decimal,
    Duration,
    Enum,
    GType,
    Integer,
    Intersection,
    Literal,
    Node,
    Null,
    Number,
    Object,
    Record,
    Ref,
    String,
    Time,
    Tuple,
    Union,
    Uuid,
)
from perdure.gtype.validator import compile_validator
from perdure.gtype.validator_containers import json_kind
from perdure.gtype.validator_scalars import allowed_values

__all__ = ["Sets"]

_KINDS: Final = ("null", "boolean", "number", "string", "array", "object")
_MOST_SEARCHES: Final = 60_000
_FEWEST_SEARCHES: Final = 2_000
# And of all goals that one question leads to, some seconds in all.
_MOST_STEPS: Final = 1_000_000
_FEWEST_STEPS: Final = 20_000
_MOST_COVERS: Final = 32
_MOST_INNER_COVERS: Final = 8

_Key = tuple[frozenset[int], frozenset[int]]
_Nodes = tuple[Node, ...]


class _Goal(NamedTuple):
    """A value to be found: all of *wanted* and none of *unwanted*."""

    key: _Key
    wanted: _Nodes
    unwanted: _Nodes


class _ExhaustedError(Exception):
    """The search takes too long."""


@final
class Sets:
    """Types as sets of values. Remembers what it found out.

    A search that reaches a reference leaves it for later and goes on as if nothing were to be found there; when
    something is, those who asked are searched again. So types may refer to each other in circles, however long, and
    a question is asked once, whoever asks it.
    """

    def __init__(self, definition: Callable[[str], Node], spoken: Callable[[str], str] = str) -> None:
        """Prepare to compare types.

        Args:
            definition: Looks up what a reference refers to; it raises `KeyError` where there is nothing.
            spoken: Returns what a reference is called outside; those called the same are compared first.
        """
        self._definition = definition
        self._spoken = spoken
        self._numbers: dict[bytes, int] = {}
        self._identities: dict[int, tuple[Node, int]] = {}
        self._known: dict[_Key, Outcome] = {}
        """What was found so far. For a goal of its own more may be found later, while goals wait."""
        self._goals: dict[_Key, _Goal] = {}
        """Those that are searched on their own."""
        self._askers: dict[_Key, dict[_Key, None]] = {}
        """Who is to be searched again when more is found for a goal."""
        self._waiting: dict[_Key, None] = {}
        self._given_up: set[_Key] = set()
        self._current: _Key | None = None
        self._asked = 0
        self._budget = 0
        self._steps = 0
        self._unanswered = 0
        self._judges: dict[int, Callable[[object], bool]] = {}

    def included(self, a: Node, b: Node) -> bool | None:
        """Tell whether each value of *a* is one of *b*; None where that cannot be decided."""
        outcome = self.search(a, b)
        return None if outcome is UNKNOWN else outcome is EMPTY

    def search(self, a: Node, b: Node) -> Outcome:
        """Return a value of *a* that is none of *b*, if there is one."""
        goal = self._goal((a,), (b,))
        if goal is None:
            return EMPTY
        self._current = None
        self._ask(goal)
        spent, limit = self._steps, max(_MOST_STEPS // (1 + self._unanswered), _FEWEST_STEPS)
        while self._waiting and not isinstance(self._known[goal.key], Found):
            if self._steps - spent > limit:
                self._unanswered += 1
                return UNKNOWN
            self._search_next()
        return self._known[goal.key]

    def _search_next(self) -> None:
        """Search the goal that was asked for last; where more is found than before, its askers wait again.

        The last first: what is found is carried to who asked without a look at all else that might be found.
        """
        key, _ = self._waiting.popitem()
        if key in self._given_up:
            return
        self._current = key
        # Where many questions are hard, each gets less time, so that all of them together stay bearable.
        self._budget = max(_MOST_SEARCHES // (1 + len(self._given_up)), _FEWEST_SEARCHES)
        try:
            outcome = self._apart(self._goals[key])
        except (_ExhaustedError, RecursionError, TypeDefinitionError):  # the last: a pattern no engine can use
            self._given_up.add(key)
            outcome = UNKNOWN
        if outcome is EMPTY or outcome is self._known[key]:
            return
        self._known[key] = outcome
        asking = self._askers.get(key, {})
        self._waiting |= {each: None for each in asking if not isinstance(self._known[each], Found)}

    def _number(self, node: Node) -> int:
        """Return a number that is the same for nodes that are written alike."""
        known = self._identities.get(id(node))
        if known is None:
            text = msgspec.json.encode(node)
            # The node is kept: were it freed, another might get its identity.
            known = self._identities[id(node)] = (node, self._numbers.setdefault(text, len(self._numbers)))
        return known[1]

    def _goal(self, wanted: _Nodes, unwanted: _Nodes) -> _Goal | None:
        """Return what it is to find a value that is all of *wanted* and none of *unwanted*; None if there is none."""
        wanted_by, unwanted_by = {}, {}
        for node in _opened(wanted, Intersection):
            if not isinstance(node, AnyValue):
                wanted_by[self._number(node)] = node
        for node in _opened(unwanted, Union):
            if isinstance(node, AnyValue):
                return None
            unwanted_by[self._number(node)] = node
        if not wanted_by.keys().isdisjoint(unwanted_by):
            return None
        key = (frozenset(wanted_by), frozenset(unwanted_by))
        return _Goal(key, tuple(wanted_by.values()), tuple(unwanted_by.values()))

    def _solve(self, wanted: _Nodes, unwanted: _Nodes) -> Outcome:
        """Find a value that is all of *wanted* and none of *unwanted*, as far as is known by now."""
        self._steps += 1
        self._budget -= 1
        if self._budget < 0:
            raise _ExhaustedError
        goal = self._goal(wanted, unwanted)
        if goal is None:
            return EMPTY
        if goal.key in self._goals or any(isinstance(node, Ref) for node in (*goal.wanted, *goal.unwanted)):
            return self._ask(goal)
        known = self._known.get(goal.key)
        if known is None:
            asked = self._asked
            known = self._apart(goal)
            if asked == self._asked:
                self._known[goal.key] = known
        return known

    def _ask(self, goal: _Goal) -> Outcome:
        """Return what was found for *goal* so far, which is searched on its own."""
        self._asked += 1
        if self._current is not None:
            self._askers.setdefault(goal.key, {})[self._current] = None
        known = self._known.get(goal.key)
        if known is None:
            known = self._known[goal.key] = EMPTY
            self._goals[goal.key] = goal
            self._waiting[goal.key] = None
        return known

    def _apart(self, goal: _Goal) -> Outcome:
        """Take the first combination apart; where there is none, open references; else search.

        References are opened last, and on both sides at once: so what is alike on both sides stays side by side, and
        questions about inner types are the ones that are asked about them from elsewhere.
        """
        _, wanted, unwanted = goal
        for index, node in enumerate(wanted):
            if isinstance(node, Union):
                others = (*wanted[:index], *wanted[index + 1 :])
                return first(self._solve((*others, member), unwanted) for member in node.members)
        for index, node in enumerate(unwanted):
            if isinstance(node, Intersection):
                others = (*unwanted[:index], *unwanted[index + 1 :])
                return first(self._solve(wanted, (*others, member)) for member in node.members)
        if self._is_covered(goal):
            return EMPTY
        if any(isinstance(node, Ref) for node in (*wanted, *unwanted)):
            return self._solve(self._dereferenced(wanted), self._dereferenced(unwanted))
        return first(self._of_kind(kind, wanted, unwanted) for kind in _KINDS)

    def _is_covered(self, goal: _Goal) -> bool:
        """Tell whether one of the unwanted nodes, as far as is known by now, leaves nothing.

        All of them together leave no more than that. So mostly pairs of types are searched, of which there are few, and
        not every set of types that may come together.
        """
        most = _MOST_COVERS if goal.key in self._goals else _MOST_INNER_COVERS
        if not 1 < len(goal.unwanted) <= most:
            return False
        names = {self._spoken(node.name) for node in goal.wanted if isinstance(node, Ref)}
        ordered = sorted(
            goal.unwanted, key=lambda node: not isinstance(node, Ref) or self._spoken(node.name) not in names
        )
        return any(self._solve(goal.wanted, (node,)) is EMPTY for node in ordered)

    def _dereferenced(self, nodes: _Nodes) -> _Nodes:
        return tuple(self._definition(node.name) if isinstance(node, Ref) else node for node in nodes)

    def _of_kind(self, kind: str, wanted: Iterable[Node], unwanted: Iterable[Node]) -> Outcome:
        """Find a value that is, in JSON, of *kind*."""
        if not all(kind in _kinds(node) for node in wanted):
            return EMPTY
        against = [node for node in unwanted if kind in _kinds(node)]
        match kind:
            case "null":
                return EMPTY if any(self._admits(node, None) for node in against) else self._if_fits(None, wanted)
            case "boolean":
                return first(
                    EMPTY if any(self._admits(node, value) for node in against) else self._if_fits(value, wanted)
                    for value in (True, False)
                )
            case "number":
                return self._number_between(list(wanted), against)
            case "string":
                return find_text(_texts(wanted), _texts(against), self._admits)
            case "array":
                return find_array(_arrays(wanted), _arrays(against), self._solve)
            case _:
                return find_object(_objects(wanted), _objects(against), self._solve)

    def _if_fits(self, value: object, wanted: Iterable[Node]) -> Outcome:
        return Found(value) if all(self._admits(node, value) for node in wanted) else EMPTY

    def _number_between(self, wanted: list[Node], unwanted: list[Node]) -> Outcome:
        listed = [node for node in wanted if isinstance(node, Literal | Enum)]
        if listed:
            numbers = [value for value in allowed_values(listed[0]) if json_kind(value) == "number"]
            fitting = (
                value
                for value in numbers
                if all(self._admits(node, value) for node in wanted)
                and not any(self._admits(node, value) for node in unwanted)
            )
            return next((Found(value) for value in fitting), EMPTY)
        ranges = [_range(node) for node in unwanted if not isinstance(node, Literal | Enum)]
        points = frozenset(point for node in unwanted if isinstance(node, Literal | Enum) for point in _points(node))
        bounds = range_of(node for node in wanted if isinstance(node, Integer | Number))
        return find_number(bounds, ranges, points)

    def _admits(self, node: Node, value: object) -> bool:
        """Tell whether *value* is valid by *node*, which has no references."""
        number = self._number(node)
        judge = self._judges.get(number)
        if judge is None:
            judge = self._judges[number] = compile_validator(GType(root=node)).is_valid
        return judge(value)


def _opened(nodes: Iterable[Node], combination: type[Intersection] | type[Union]) -> Iterable[Node]:
    """Yield *nodes*, with the members of each *combination* in its place."""
    for node in nodes:
        if isinstance(node, combination):
            yield from _opened(node.members, combination)
        else:
            yield node


def _texts(nodes: Iterable[Node]) -> list[Text]:
    return [node for node in nodes if isinstance(node, Text)]


def _arrays(nodes: Iterable[Node]) -> list[Array | Tuple]:
    return [node for node in nodes if isinstance(node, Array | Tuple)]


def _objects(nodes: Iterable[Node]) -> list[Object | Record]:
    return [node for node in nodes if isinstance(node, Object | Record)]


def _range(node: Node) -> Range:
    return range_of([node]) if isinstance(node, Integer | Number) else Range()


def _points(node: Literal | Enum) -> Iterable[Fraction]:
    for value in allowed_values(node):
        if isinstance(value, int | float) and not isinstance(value, bool):
            yield exact(value)


def _kinds(node: Node) -> frozenset[str]:
    """Return the kinds of JSON values that *node*, which is no combination, may have."""
    match node:
        case Literal() | Enum():
            return frozenset(map(json_kind, allowed_values(node)))
        case Object() | Record():
            return frozenset({"object"})
        case Array() | Tuple():
            return frozenset({"array"})
        case Integer() | Number():
            return frozenset({"number"})
        case Decimal():
            return frozenset({"number", "string"})
        case Boolean():
            return frozenset({"boolean"})
        case Null():
            return frozenset({"null"})
        case String() | Bytes() | Date() | Time() | DateTime() | Duration() | Uuid():
            return frozenset({"string"})
        case _:
            return frozenset(_KINDS)
