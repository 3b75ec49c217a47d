"""A revision that is not written yet: what the files will say."""

from perdure.diff.apis import diff_apis
from perdure.diff.grouping import Group, group
from perdure.gtype.nodes import Object
from perdure.manifest.records import Api
from perdure.timescape.authoring.endpoints import endpoint_functions
from perdure.timescape.authoring.functions import type_functions
from perdure.timescape.authoring.notes import Notes
from perdure.timescape.authoring.sides import Sides
from perdure.timescape.authoring.source import Body, name_functions

__all__ = ["draft_body", "list_changes"]

_LISTED = 60
"""How many changes a file lists."""


def draft_body(sides: Sides, taken: frozenset[str] = frozenset()) -> Body:
    """Return what carries requests and answers from the one of *sides* to the other.

    Args:
        sides: The APIs before and after.
        taken: Names that the file has already.
    """
    notes = Notes()
    notes.taken |= taken
    of_endpoints, no_ways = endpoint_functions(sides, notes)
    functions = [*type_functions(sides, notes), *of_endpoints]
    titles = {key: endpoint.handler for key, endpoint in sides.before.endpoints.items()}
    moves = [(old, new) for old, new in sides.endpoints.items() if new is not None and new != old]
    return Body(moves, no_ways, name_functions(functions, titles, notes), notes)


def list_changes(sides: Sides) -> list[str]:
    """Return what is different between *sides*, an edit a sentence: endpoints, then types, each by name.

    Nothing for the first revision, in which everything is new.
    """
    if not sides.before.endpoints and not sides.before.types:
        return []
    moves = {old: new for old, new in sides.endpoints.items() if new is not None}
    found = group(diff_apis(sides.before, sides.after, renames=sides.hints.renames.pairs(), moves=moves))
    told = [(each.type != "", _subject(each, sides), each.message) for each in found]
    lines = [_line(subject, message) for _, subject, message in dict.fromkeys(sorted(told))]
    more = len(lines) - _LISTED
    return lines if more <= 0 else [*lines[:_LISTED], f"And {more} more; `perdure diff` lists them all."]


def _line(subject: str, message: str) -> str:
    moved = f"the endpoint was {subject} and "
    return f"{subject} {message.removeprefix(moved)}." if message.startswith(moved) else f"{subject}: {message}."


def _subject(each: Group, sides: Sides) -> str:
    """Return what changed: an endpoint, a type, or a member of one where the message does not name it."""
    pointer = each.pointers[0]
    member, inner = _place(pointer)
    if not each.type:
        where = each.endpoints[0] if len(each.endpoints) == 1 else f"{len(each.endpoints)} endpoints"
        return f"{where}, {pointer[1:]}" if pointer and f'"{member}"' not in each.message else where
    known = {*_members(each.type, sides.before), *_members(each.type, sides.after)}
    if member not in known or (not inner and f'"{member}"' in each.message):
        return each.type
    return f"{each.type}.{member}{inner}"


def _place(pointer: str) -> tuple[str, str]:
    """Return the last name in *pointer*, and what follows it, items and values of maps: ``.*``."""
    steps = pointer.split("/")
    count = len(steps)
    while count > 1 and (steps[count - 1] == "*" or steps[count - 1].isdigit()):
        count -= 1
    return steps[count - 1], "".join(f".{step}" for step in steps[count:])


def _members(name: str, api: Api) -> list[str]:
    node = api.types.get(name)
    return [field.name for field in node.fields] if isinstance(node, Object) else []
