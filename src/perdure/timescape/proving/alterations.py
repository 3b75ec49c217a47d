"""Members that are the same on both sides and yet come back to their sender as something else.

A number made positive, a text in capitals, a list of lists made flat: each is valid, nothing is cut, and sent again it
stays what it is, so nothing else complains. But where neither name nor type changed there was nothing to convert. It
may be meant, so it is a warning.
"""

from collections.abc import Collection, Iterator, Mapping
from typing import Final, NamedTuple, final

from perdure.gtype.nodes import Array, GType, Node, Null, Object, Record, Ref, Tuple, Union
from perdure.gtype.traversal import reachable
from perdure.timescape.proving.flaws import Flaw, Guilty
from perdure.timescape.proving.losses import shared_members
from perdure.timescape.proving.naming import Naming
from perdure.timescape.proving.plain import brief, equal, fresh, size

__all__ = ["Alterations", "Legs"]

_MOST_TOLD: Final = 3


class Legs(NamedTuple):
    """A value as it was sent, as it arrived, and as it was told."""

    sent: object
    arrived: object
    told: object


class _Change(NamedTuple):
    member: str
    """Of the type, even where that holds itself."""
    path: tuple[str, ...]
    """Where in the value it differs."""


class _Witness(NamedTuple):
    given: object
    was: object
    became: object
    guilty: Guilty


@final
class Alterations:
    """Watches values of one type go there and come back.

    Args:
        name: The type.
        sides: What it is before the revision and after it.
        naming: What is called otherwise after it.
        opaque: Types that have functions of their own: what is in them is their matter.
        guilty: The functions for the way there and the way back.
    """

    def __init__(
        self, name: str, sides: tuple[GType, GType], naming: Naming, opaque: Collection[str],
        guilty: tuple[Guilty, Guilty],
    ) -> None:  # fmt: skip
        self._name = name
        self._before, self._after = (each.definitions for each in sides)
        self._naming = naming
        self._opaque = frozenset(opaque) | {name}
        self._guilty = guilty
        roots = sides[0].root, sides[1].root
        self._members = shared_members(roots, sides[0].definitions, sides[1].definitions, naming)
        self._witnesses: dict[str, _Witness] = {}

    def observe(self, given: object, legs: Legs) -> None:
        """Take note of what became of a value, made from *given*."""
        for name, path in self._changed(legs.sent, legs.told):
            known = self._witnesses.get(name)
            if known is None or size(given) < size(known.given):
                was, became = (_member(each, path) for each in (legs.sent, legs.told))
                self._witnesses[name] = _Witness(fresh(given), fresh(was), fresh(became), self._at_fault(legs, path[0]))

    def conclude(self) -> Iterator[tuple[object, Flaw]]:
        """Yield the members that came back as something else, each with a value that shows it."""
        for name, each in list(self._witnesses.items())[:_MOST_TOLD]:
            message = (
                f"changes {name!r}, which is the same on both sides: {brief(each.was, 80)} is told as "
                f"{brief(each.became, 80)} to who sent it"
            )
            cure = f"carry it as it is; if it is meant, say revision.lossless({self._name!r}, keeps='nothing')"
            yield each.given, Flaw("altered", each.guilty, message, cure, each.became, about=name)

    def _at_fault(self, legs: Legs, name: str) -> Guilty:
        """Return the function for the way there, unless the member arrived as it was sent."""
        sent, arrived = (each if isinstance(each, dict) else {} for each in (legs.sent, legs.arrived))
        return self._guilty[equal(sent.get(name), arrived.get(self._members[name].name))]

    def _changed(self, sent: object, told: object) -> Iterator[_Change]:
        """Yield where two values of the type differ, of the members that are the same on both sides."""
        if not isinstance(sent, dict) or not isinstance(told, dict):
            return
        for name, member in self._members.items():
            if member.is_same and name in sent and name in told:
                yield from self._below(member.before.node, sent[name], told[name], _Change(name, (name,)))

    def _below(self, node: Node, sent: object, told: object, at: _Change) -> Iterator[_Change]:
        if equal(sent, told):
            return
        match node:
            case Ref(name=name) if name == self._name:
                yield from (_Change(name, (*at.path, *path)) for name, path in self._changed(sent, told))
            case Ref(name=name) if name in self._opaque:
                return
            case Ref(name=name) if name in self._before:
                if self._is_unchanged(name):
                    yield from self._below(self._before[name], sent, told, at)
            case Union(members=members) if self._is_of_others(node) and sent is not None and told is not None:
                meant = [each for each in members if not isinstance(each, Null)]
                if len(meant) == 1:
                    yield from self._below(meant[0], sent, told, at)
            case _:
                ours, theirs = _parts(sent), _parts(told)
                nodes = _nodes(node, ours)
                if not nodes or type(sent) is not type(told) or ours.keys() != theirs.keys():
                    yield at
                    return
                for name in nodes:
                    yield from self._below(nodes[name], ours[name], theirs[name], _Change(at.member, (*at.path, name)))

    def _is_unchanged(self, name: str) -> bool:
        """Tell whether the type *name* is the same after the revision, but for those it mentions."""
        now = self._after.get(self._naming.types.get(name, name))
        return now is not None and self._naming.called(self._before[name]) == Naming().called(now)

    def _is_of_others(self, node: Node) -> bool:
        """Tell whether *node* has types with functions of their own in it."""
        return not reachable(node, self._before).keys().isdisjoint(self._opaque)


def _parts(value: object) -> dict[str, object]:
    """Return the members of an object, or the items of a list by their index."""
    if isinstance(value, list):
        return {str(index): each for index, each in enumerate(value)}
    return value if isinstance(value, dict) else {}


def _nodes(node: Node, parts: Mapping[str, object]) -> dict[str, Node]:
    """Return the types of *parts* of a value of *node*."""
    match node:
        case Object(fields=fields):
            return {field.name: field.node for field in fields if field.name in parts}
        case Record(values=values):
            return dict.fromkeys(parts, values)
        case Array(items=items):
            return dict.fromkeys(parts, items)
        case Tuple(items=members):
            return dict(zip(parts, members, strict=False))
        case _:
            return {}


def _member(value: object, path: tuple[str, ...]) -> object:
    for name in path:
        if isinstance(value, list):
            value = value[int(name)]
        elif isinstance(value, dict):
            value = value[name]
    return value
