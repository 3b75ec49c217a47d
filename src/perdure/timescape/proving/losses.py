"""Members that both sides have and that never get through.

A value without an optional member is valid, so nothing complains when a function forgets to copy it. But a member that
is the same before and after, and comes out the same whatever went in, was lost.
"""

from collections.abc import Iterator, Mapping
from typing import final

import msgspec
from msgspec import UNSET, structs

from perdure.gtype.nodes import Enum, Field, Literal, Node, Null, Object, Ref
from perdure.timescape.proving.flaws import Flaw, Guilty
from perdure.timescape.proving.plain import fresh, size

__all__ = ["MemberLosses", "shared_members"]

_ABSENT = b"absent"
_ENOUGH_VALUES = 5


def shared_members(
    source: Node | None, target: Node | None, before: Mapping[str, Node], after: Mapping[str, Node]
) -> dict[str, Field]:
    """Return the members that two objects have in common: name and type are the same, and there is a choice of values.

    Args:
        source: What goes in, an object or a reference to one; else there are none.
        target: What comes out.
        before: The types of *source*.
        after: The types of *target*.
    """
    old, new = _object(source, before), _object(target, after)
    known = {field.name: field for field in new.fields}
    return {
        field.name: known[field.name]
        for field in old.fields
        if field.name in known and _plain(field.node) == _plain(known[field.name].node) and _varies(field.node)
    }


def _object(node: Node | None, types: Mapping[str, Node]) -> Object:
    while isinstance(node, Ref):
        node = types.get(node.name)
    return node if isinstance(node, Object) else Object()


def _plain(node: Node) -> Node:
    return structs.replace(node, description=None)


def _varies(node: Node) -> bool:
    match node:
        case Null():
            return False
        case Literal(values=values):
            return len(values) > 1
        case Enum(members=members):
            return len(members) > 1
        case _:
            return True


@final
class MemberLosses:
    """Watches values go in and come out.

    Args:
        members: By place, what to watch: each place is a part of a request, or "" for a value itself.
        guilty: Who is to blame if one gets lost.
    """

    def __init__(self, members: Mapping[str, Mapping[str, Field]], guilty: Guilty) -> None:
        self._members = members
        self._guilty = guilty
        self._values = 0
        self._went_in: dict[tuple[str, str], dict[bytes, object]] = {}
        self._came_out: dict[tuple[str, str], set[bytes]] = {}

    def observe(self, given: object, went_in: object, came: object) -> None:
        """Take note of what became of *given*, which *went_in* to the chain, and *came* out of it."""
        self._values += 1
        for place, members in self._members.items():
            old, new = _part(went_in, place), _part(came, place)
            if not isinstance(old, dict) or not isinstance(new, dict):
                continue
            for name, field in members.items():
                seen = self._went_in.setdefault((place, name), {})
                text = _text(old, name, field)
                if text not in seen or size(given) < size(seen[text]):
                    seen[text] = fresh(given)
                self._came_out.setdefault((place, name), set()).add(_text(new, name, field))

    def conclude(self) -> Iterator[tuple[object, Flaw]]:
        """Yield what got lost, each with a value that shows it."""
        if self._values < _ENOUGH_VALUES:
            return
        for (place, name), seen in self._went_in.items():
            came = self._came_out[place, name]
            if len(seen) < 2 or len(came) > 1:
                continue
            always = "is not there any more" if came == {_ABSENT} else f"is always {next(iter(came)).decode()}"
            telling = min((value for text, value in seen.items() if text not in came), key=size)
            where = f"{place} " if place else ""
            message = f"loses {where}{name!r}: it is the same on both sides, but {always}, whatever went in"
            cure = f"copy it; if it is meant, say revision.lossless({self._guilty.target!r}, keeps='nothing')"
            yield telling, Flaw("lost", self._guilty, message, cure, about=name)


def _part(value: object, place: str) -> object:
    return value.get(place) if place and isinstance(value, dict) else value


def _text(value: Mapping[str, object], name: str, field: Field) -> bytes:
    """Return the member *name* as text; one that is not there is the same as its default."""
    if name in value:
        return msgspec.json.encode(value[name], order="deterministic")
    return _ABSENT if field.default is UNSET else msgspec.json.encode(field.default, order="deterministic")
