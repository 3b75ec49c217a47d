"""Members that both sides have and that never get through.

A value without an optional member is valid, so nothing complains when a function forgets to copy it. But a member that
is the same before and after, and comes out the same whatever went in, was lost; what was recorded to be called
otherwise since is the same member. If its type is another one, too, it must at least be there.
"""

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple, final

import msgspec
from msgspec import UNSET

from perdure.gtype.nodes import Enum, Field, Literal, Node, Null, Object, Ref
from perdure.timescape.proving.flaws import Flaw, Guilty
from perdure.timescape.proving.naming import Naming
from perdure.timescape.proving.plain import fresh, size

__all__ = ["MemberLosses", "Shared", "shared_members", "varies"]

_ABSENT = b"absent"
_THERE = b"there"
_ENOUGH_VALUES = 5
_AS_IT_WAS: Final = Naming()


class Shared(NamedTuple):
    """A member that both sides have."""

    name: str
    """What it is called where it comes out."""
    before: Field
    after: Field
    is_same: bool
    """Its type is the same."""


def shared_members(
    nodes: tuple[Node | None, Node | None], before: Mapping[str, Node], after: Mapping[str, Node],
    naming: Naming = _AS_IT_WAS,
) -> dict[str, Shared]:  # fmt: skip
    """Return the members that two objects have in common and that have a choice of values, by name where they go in.

    Name and type are the same; or the member was recorded to be called otherwise since.

    Args:
        nodes: What goes in and what comes out, objects or references to them; else there are none.
        before: The types of what goes in.
        after: The types of what comes out.
        naming: What is called otherwise there.
    """
    old, new = _object(nodes[0], before), _object(nodes[1], after)
    known = {field.name: field for field in new.fields}
    found: dict[str, Shared] = {}
    for field in old.fields:
        is_renamed = field.name in naming.members
        name = naming.members.get(field.name, field.name)
        if name not in known or not varies(field.node) or (not is_renamed and name in naming.members.values()):
            continue
        is_same = naming.called(field.node) == _AS_IT_WAS.called(known[name].node)
        if is_same or is_renamed:
            found[field.name] = Shared(name, field, known[name], is_same)
    return found


def _object(node: Node | None, types: Mapping[str, Node]) -> Object:
    while isinstance(node, Ref):
        node = types.get(node.name)
    return node if isinstance(node, Object) else Object()


def varies(node: Node) -> bool:
    """Tell whether there is a choice of values of *node*."""
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

    def __init__(self, members: Mapping[str, Mapping[str, Shared]], guilty: Guilty) -> None:
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
            for name, member in members.items():
                seen = self._went_in.setdefault((place, name), {})
                text = _text(old, name, member.before)
                if text not in seen or size(given) < size(seen[text]):
                    seen[text] = fresh(given)
                out = _text(new, member.name, member.after)
                if not member.is_same:
                    out = _THERE if member.name in new else _ABSENT
                self._came_out.setdefault((place, name), set()).add(out)

    def conclude(self) -> Iterator[tuple[object, Flaw]]:
        """Yield what got lost, each with a value that shows it."""
        if self._values < _ENOUGH_VALUES:
            return
        for (place, name), seen in self._went_in.items():
            came = self._came_out[place, name]
            member = self._members[place][name]
            if len(seen) < 2 or len(came) > 1 or came == {_THERE}:
                continue
            always = "is not there any more" if came == {_ABSENT} else f"is always {next(iter(came)).decode()}"
            telling = min((value for text, value in seen.items() if text not in came), key=size)
            where = f"{place} " if place else ""
            known = "it is the same on both sides" if name == member.name else f"it is called {member.name!r} there"
            message = f"loses {where}{name!r}: {known}, but {always}, whatever went in"
            direction, target = self._guilty.direction, self._guilty.target
            mend = f"declare @revision.{direction}({target!r})" if self._guilty.is_missing else "copy it"
            cure = f"{mend}; if it is meant, say revision.lossless({target!r}, keeps='nothing')"
            yield telling, Flaw("lost", self._guilty, message, cure, about=name)


def _part(value: object, place: str) -> object:
    return value.get(place) if place and isinstance(value, dict) else value


def _text(value: Mapping[str, object], name: str, field: Field) -> bytes:
    """Return the member *name* as text; one that is not there is the same as its default."""
    if name in value:
        return msgspec.json.encode(value[name], order="deterministic")
    return _ABSENT if field.default is UNSET else msgspec.json.encode(field.default, order="deterministic")
