"""Renames that look likely: told, never assumed."""

from collections.abc import Iterator
from difflib import SequenceMatcher

from perdure.gtype.nodes import Enum, Field, Literal, Object
from perdure.timescape.authoring.counterparts import counterparts
from perdure.timescape.authoring.fitting import Fitting, finite_values
from perdure.timescape.authoring.sides import Sides

__all__ = ["suggestions"]


_ALIKE = 0.5


def suggestions(sides: Sides) -> Iterator[str]:
    """Yield hints for members and values that are gone where ones of the same type, or at the same place, are new."""
    fitting = Fitting(sides.shapes)
    for old, new in sides.types.items():
        if new is None:
            continue
        before, after = sides.carried(sides.before.types[old]), sides.after.types[new]
        if isinstance(before, Object) and isinstance(after, Object):
            yield from _members(old, before, after, sides, fitting)
        elif isinstance(before, Enum | Literal) and isinstance(after, Enum | Literal):
            yield from _values(old, before, after, sides)
    yield from _endpoints(sides)


def _members(owner: str, before: Object, after: Object, sides: Sides, fitting: Fitting) -> Iterator[str]:
    names = sides.members(owner)
    ours = {field.name for field in before.fields}
    theirs = {field.name for field in after.fields}
    gone = [field for field in before.fields if field.name not in theirs and field.name not in names]
    fresh = [field for field in after.fields if field.name not in ours and field.name not in names.values()]
    for field in gone:
        for is_alike in (_is_called_alike, lambda one, other: _is_same(one, other, fitting)):
            alike = [each for each in fresh if is_alike(field, each)]
            rivals = [each for each in gone if alike and is_alike(each, alike[0])]
            if len(alike) == len(rivals) == 1:
                yield f"--rename {owner}.{field.name}={alike[0].name}"
                break


def _is_called_alike(one: Field, other: Field) -> bool:
    return SequenceMatcher(None, one.name.lower(), other.name.lower()).ratio() > _ALIKE


def _is_same(one: Field, other: Field, fitting: Fitting) -> bool:
    return fitting.fits(one.node, other.node) and fitting.fits(other.node, one.node)


def _values(owner: str, before: Enum | Literal, after: Enum | Literal, sides: Sides) -> Iterator[str]:
    ours, theirs = finite_values(before) or (), finite_values(after) or ()
    known = counterparts(before, after, sides.members(owner))
    if len(ours) == len(theirs):
        for one, other in zip(ours, theirs, strict=True):
            if one not in known and other not in known.values():
                yield f"--rename {owner}.{one}={other}"


def _endpoints(sides: Sides) -> Iterator[str]:
    taken = set(sides.endpoints.values())
    fresh = [key for key in sides.after.endpoints if key not in taken]
    for key, successor in sides.endpoints.items():
        if successor is None:
            own = sides.before.endpoints[key]
            alike = [each for each in fresh if sides.after.endpoints[each].response == own.response is not None]
            if len(alike) == 1:
                yield f"--move '{key}={alike[0]}'"
