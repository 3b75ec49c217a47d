"""Definitions that are defined by themselves, cut open.

``Pet`` is one of ``Cat`` and ``Dog``, and each of these is all of ``Pet`` and more: authors write so to say that a cat
is a pet. Read by the letter, whether a value is a pet hangs on whether it is one. So the way back is cut, preferably
where it only adds to what a definition demands.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple
from urllib.parse import unquote

from perdure.openapi.dialect_level import Clean
from perdure.openapi.references import tokens_of

__all__ = ["break_circles"]


class _Edge(NamedTuple):
    """A reference of a definition to another that every value of the one has to be judged by."""

    source: str
    target: str
    holder: Clean
    """The schema that has the ``$ref``."""
    demands: bool
    """It stands under ``allOf``, or beside other keywords."""


def break_circles(definitions: dict[str, Clean], warn: Callable[[str, str], None]) -> None:
    """Remove references from *definitions* until none is defined by itself with no array or object between.

    Args:
        definitions: Schemas by name; changed in place.
        warn: Takes the name of a definition that was cut, and what was.
    """
    edges = {name: list(_heads(name, schema, demands=False)) for name, schema in definitions.items()}
    for start in definitions:
        while (circle := _circle_through(start, edges)) is not None:
            cut = next((edge for edge in circle if edge.demands), circle[-1])
            del cut.holder["$ref"]
            edges[cut.source].remove(cut)
            _prune(definitions[cut.source])
            warn(cut.source, "it is defined by way of itself; the way back is read as anything")


def _heads(name: str, schema: Clean, *, demands: bool) -> Iterator[_Edge]:
    reference = schema.get("$ref")
    if isinstance(reference, str):
        yield _Edge(name, tokens_of(unquote(reference[1:]))[1], schema, demands or len(schema) > 1)
    for keyword in ("allOf", "anyOf", "oneOf"):
        members = schema.get(keyword)
        for member in members if isinstance(members, list) else ():
            yield from _heads(name, member, demands=keyword == "allOf")


def _prune(schema: Clean) -> None:
    """Remove members of ``allOf`` that demand nothing."""
    for keyword in ("allOf", "anyOf", "oneOf"):
        members = schema.get(keyword)
        if isinstance(members, list):
            for member in members:
                _prune(member)
            if keyword == "allOf":
                schema[keyword] = [member for member in members if member] or [{}]


def _circle_through(start: str, edges: dict[str, list[_Edge]]) -> list[_Edge] | None:
    """Return the references that lead from *start* back to it, if any do."""
    came_by: dict[str, _Edge] = {}
    waiting = [start]
    while waiting:
        for edge in edges.get(waiting.pop(), ()):
            if edge.target == start:
                way = [edge]
                while way[-1].source != start:
                    way.append(came_by[way[-1].source])
                return way[::-1]
            if edge.target not in came_by:
                came_by[edge.target] = edge
                waiting.append(edge.target)
    return None
