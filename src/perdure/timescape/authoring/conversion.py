"""Code that makes a value of one type of a value of another, as far as that is mechanical.

Where it is not, the code has a hole: a call of `Revision.todo` at the very place of the value that a person has to
make. A hole for some of the values only (a number with a fraction, a value of an enumeration without counterpart) has
the others carried over beside it.
"""

from collections.abc import Mapping
from typing import final

from perdure.gtype.nodes import Array, Node, Null, Object, Record, Ref, Scalar, String, Tuple, Union
from perdure.timescape.authoring.conversion_lists import (
    list_to_list,
    map_to_map,
    only_item,
    tuple_to_tuple,
    value_to_list,
)
from perdure.timescape.authoring.conversion_objects import (
    holds_a_list,
    object_to_object,
    object_to_value,
    value_to_object,
)
from perdure.timescape.authoring.conversion_unions import from_nullable, from_union, has_null, into_union
from perdure.timescape.authoring.converting import Spot
from perdure.timescape.authoring.counterparts import counterparts
from perdure.timescape.authoring.fitting import Fitting, finite_values
from perdure.timescape.authoring.layout import Choice, Code, Text, literal
from perdure.timescape.authoring.notes import Notes, identifier
from perdure.timescape.authoring.scalars import is_free, scalar_recipe
from perdure.timescape.authoring.telling import value_tuple
from perdure.timescape.authoring.wording import words

__all__ = ["Converter"]

_DEEPEST = 6
"""Comprehensions within each other; nobody reads more."""


@final
class Converter:
    """Writes conversions between types.

    Args:
        fitting: Knows what the names in all nodes mean.
        notes: Takes what the code needs besides itself.
    """

    def __init__(self, fitting: Fitting, notes: Notes) -> None:
        self.fitting = fitting
        self.notes = notes
        self._open: list[tuple[object, object]] = []
        """What is being converted: a type that holds itself would never end."""

    def convert(self, source: Node, target: Node, spot: Spot) -> Code | None:
        """Return code that makes a *target* of the value at *spot*, a *source*; None where it is one already."""
        if self.fitting.fits(source, target):
            return None
        if spot.depth > _DEEPEST or (names := (_name(source), _name(target))) in self._open:
            return self.hole(source, target, spot)
        self._open.append(names)
        try:
            return self._convert(source, target, spot)
        finally:
            self._open.pop()

    def converted(self, source: Node, target: Node, spot: Spot) -> Code:
        """Return code for a *target*: what `convert` returns, or the value as it is."""
        return self.convert(source, target, spot) or Text(spot.value)

    def values(self, source: Node, target: Node, spot: Spot, names: Mapping[str, str], table: str = "") -> Code | None:
        """Return code for a value of an enumeration some of whose values are called otherwise now.

        Args:
            source: An enumeration or literal.
            target: Another.
            spot: As for `convert`.
            names: For values of *source*, as text, those of *target*; several for one are left to a person.
            table: What a table of them is called; by default after what the value is called.
        """
        value, known = spot.value, counterparts(source, target, names)
        ours = finite_values(source) or ()
        if all(key in known and known[key] == key and type(known[key]) is type(key) for key in ours):
            return None
        if len(set(ours)) < len(ours) or not known:  # 1 and True
            return self.hole(source, target, spot)
        missing = [each for each in ours if each not in known]
        question = _without_counterpart(missing, target, spot.what)
        if all(key == counterpart for key, counterpart in known.items()):
            left = f"!= {literal(missing[0])}" if len(missing) == 1 else f"not in {value_tuple(missing)}"
            return Choice(Text(value), f"{value} {left}", self.notes.hole(question, value))
        table = self.notes.table((table or identifier(spot.what)).upper(), known)
        found = Text(f"{table}[{value}]")
        return found if not missing else Choice(found, f"{value} in {table}", self.notes.hole(question, value))

    def hole(self, source: Node, target: Node, spot: Spot) -> Code:
        """Return code that asks a person for all of it."""
        return self.notes.hole(f"{spot.what}: {words(target)}, from {words(source)}", spot.value)

    def trial(self) -> "Converter":
        """Return another that writes nothing down, to see what would come of a conversion."""
        return Converter(self.fitting, Notes())

    def _convert(self, source: Node, target: Node, spot: Spot) -> Code | None:
        named = source, target
        source, target = self.fitting.resolve(source), self.fitting.resolve(target)
        # Objects of one name may be others on each side, with functions of their own.
        if isinstance(source, Array) and isinstance(target, Object) and self.fitting.fits(source.items, named[1]):
            return only_item(self, source, target, Text(spot.at(0).value), spot)
        if isinstance(source, Object) and isinstance(target, Array) and self.fitting.fits(named[0], target.items):
            return value_to_list(self, named[0], target, spot)
        if has_null(source) and not isinstance(source, Null):
            return from_nullable(self, source, target, spot)
        if isinstance(target, Union):
            return into_union(self, source, target, spot)
        if isinstance(source, Union):
            return from_union(self, source, target, spot)
        if finite_values(source) is not None or finite_values(target) is not None:
            return self._choose(source, target, spot)
        return self._structured(source, target, spot)

    def _choose(self, source: Node, target: Node, spot: Spot) -> Code:
        """Convert where one side is a list of values."""
        value, theirs = spot.value, finite_values(target)
        if finite_values(source) is not None and theirs is not None:
            return self.values(source, target, spot, {}) or Text(value)
        if isinstance(source, String) and theirs is not None and all(isinstance(each, str) for each in theirs):
            question = f"{spot.what}: {words(target)}, from any other text"
            return Choice(Text(value), f"{value} in {value_tuple(list(theirs))}", self.notes.hole(question, value))
        if isinstance(source, Object | Array) or isinstance(target, Object | Array):
            return self._structured(source, target, spot)
        return self.hole(source, target, spot)

    def _structured(self, source: Node, target: Node, spot: Spot) -> Code:
        match source, target:
            case Array(), Array():
                return list_to_list(self, source, target, spot)
            case Tuple(items=ours), Tuple(items=theirs) if len(ours) == len(theirs):
                return tuple_to_tuple(self, source, target, spot)
            case Record(), Record() if target.keys is None and not target.min_size and target.max_size is None:
                return map_to_map(self, source, target, spot)
            case Object(), Object():
                return object_to_object(self, source, target, spot)
            case ((Array() | Tuple() | Record()), (Array() | Tuple() | Record())):
                return self.hole(source, target, spot)
            case Object(), Array() if holds_a_list(source, self.fitting):
                return object_to_value(self, source, target, spot)
            case _, Array():
                return value_to_list(self, source, target, spot)
            case Array(), Object() if holds_a_list(target, self.fitting):
                return value_to_object(self, source, target, spot)
            case Array(), _:
                return only_item(self, source, target, self.converted(source.items, target, spot.at(0)), spot)
            case _, Object():
                return value_to_object(self, source, target, spot)
            case Object(), _:
                return object_to_value(self, source, target, spot)
            case _:
                return self._scalar(source, target, spot)

    def _scalar(self, source: Node, target: Node, spot: Spot) -> Code:
        recipe = scalar_recipe(source, target, spot.value, self.notes)
        if recipe is None or not is_free(target):
            return self.hole(source, target, spot)
        if not recipe.condition:
            return Text(recipe.text)
        hole = self.notes.hole(f"{spot.what}: {words(target)}, from {recipe.otherwise}", spot.value)
        return Choice(Text(recipe.text), recipe.condition, hole)


def _without_counterpart(missing: list[Scalar], target: Node, what: str) -> str:
    gone = " or ".join(repr(each) for each in missing[:6])
    return f"{what}: {gone} has no counterpart; it must become {words(target)}"


def _name(node: Node) -> object:
    return node.name if isinstance(node, Ref) else id(node)
