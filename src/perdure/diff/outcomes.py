"""What a search for a value ends with."""

from collections.abc import Callable, Iterable
from enum import Enum
from typing import NamedTuple

from perdure.gtype.nodes import Field, Literal, Node, Object, Tuple, Union

__all__ = ["EMPTY", "UNKNOWN", "Found", "Outcome", "Solve", "constant", "first"]


class Found(NamedTuple):
    """There is a value: this."""

    value: object


class _Nothing(Enum):
    EMPTY = "empty"
    UNKNOWN = "unknown"


EMPTY = _Nothing.EMPTY
"""There is no such value."""

UNKNOWN = _Nothing.UNKNOWN
"""Whether there is such a value was not found out."""

Outcome = Found | _Nothing
"""What a search for a value ends with."""

Solve = Callable[[tuple[Node, ...], tuple[Node, ...]], Outcome]
"""Finds a value that is valid by all of the first nodes and by none of the second."""


def first(outcomes: Iterable[Outcome]) -> Outcome:
    """Return the first value among *outcomes*, which are no longer asked for then; else whether one may exist."""
    result: Outcome = EMPTY
    for outcome in outcomes:
        if isinstance(outcome, Found):
            return outcome
        if outcome is UNKNOWN:
            result = UNKNOWN
    return result


def constant(values: Iterable[object]) -> Node:
    """Return the type of which *values*, as JSON data, are the only ones."""
    scalars: list[str | int | float | bool | None] = []
    others: list[Node] = []
    for value in values:
        if isinstance(value, dict):
            fields = tuple(Field(name=name, node=constant((member,))) for name, member in value.items())
            others.append(Object(fields=fields, closed=True))
        elif isinstance(value, list):
            others.append(Tuple(items=tuple(constant((item,)) for item in value)))
        elif value is None or isinstance(value, str | int | float):
            scalars.append(value)
    if not others:
        return Literal(values=tuple(scalars))
    return Union(members=(*others, Literal(values=tuple(scalars))))
