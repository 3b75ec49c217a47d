"""Code that makes a value of one type of a value of another, as far as that is mechanical.

Where it is not, the code has a hole: a call of `Revision.todo` at the very place of the value that a person has to
make. A hole for some of the values only (a number with a fraction, a value of an enumeration without counterpart) has
the others carried over beside it.
"""

from collections.abc import Mapping
from typing import final

from msgspec import UNSET

from perdure.gtype.nodes import Array, Enum, Field, Node, Null, Object, Record, Ref, Scalar, String, Tuple, Union
from perdure.timescape.authoring.fitting import Fitting, finite_values
from perdure.timescape.authoring.layout import Call, Choice, Code, Each, ListOf, MapOf, Text, literal
from perdure.timescape.authoring.notes import Notes, identifier
from perdure.timescape.authoring.scalars import scalar_recipe
from perdure.timescape.authoring.telling import told_by, value_tuple
from perdure.timescape.authoring.wording import words

__all__ = ["Converter", "constant_of", "counterparts"]

_DEEPEST = 6
"""Comprehensions within each other; nobody reads more."""
_ITEMS = ("item", "inner", "innermost")


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

    def convert(self, source: Node, target: Node, value: str, what: str, depth: int = 0) -> Code | None:
        """Return code that makes a *target* of the expression *value*; None where the value is one already.

        Args:
            source: What *value* is.
            target: What is to be made.
            value: Any expression without side effects.
            what: What the value is called, for the person who fills a hole.
            depth: How many comprehensions stand around the code.
        """
        if self.fitting.fits(source, target):
            return None
        if depth > _DEEPEST or (names := (_name(source), _name(target))) in self._open:
            return self._hole(source, target, value, what)
        self._open.append(names)
        try:
            return self._convert(source, target, value, what, depth)
        finally:
            self._open.pop()

    def _convert(self, source: Node, target: Node, value: str, what: str, depth: int) -> Code | None:
        named = source, target
        source, target = self.fitting.resolve(source), self.fitting.resolve(target)
        # Objects of one name may be others on each side, with functions of their own.
        if isinstance(source, Array) and isinstance(target, Object) and self.fitting.fits(source.items, named[1]):
            return self._only(source, target, None, value, what)
        if isinstance(source, Object) and isinstance(target, Array) and self.fitting.fits(named[0], target.items):
            return self._wrap(named[0], target, value, what, depth)
        if _has_null(source) and not isinstance(source, Null):
            return self._nullable(source, target, value, what, depth)
        if isinstance(target, Union):
            return self._into_union(source, target, value, what, depth)
        if isinstance(source, Union):
            return self._from_union(source, target, value, what, depth)
        if finite_values(source) is not None or finite_values(target) is not None:
            return self._choose(source, target, value, what)
        return self._structured(source, target, value, what, depth)

    def values(
        self, source: Node, target: Node, value: str, what: str, names: Mapping[str, str], table: str = ""
    ) -> Code | None:
        """Return code for a value of an enumeration some of whose values are called otherwise now.

        Args:
            source: An enumeration or literal.
            target: Another.
            value: As for `convert`.
            what: As for `convert`.
            table: What a table of them is called; by default after *what*.
            names: For values of *source*, as text, those of *target*; several for one are left to a person.
        """
        known = counterparts(source, target, names)
        ours = finite_values(source) or ()
        if all(key in known and known[key] == key and type(known[key]) is type(key) for key in ours):
            return None
        if len(set(ours)) < len(ours) or not known:  # 1 and True
            return self._hole(source, target, value, what)
        missing = [each for each in ours if each not in known]
        question = self._among(missing, target, what)
        if all(key == counterpart for key, counterpart in known.items()):
            left = f"!= {literal(missing[0])}" if len(missing) == 1 else f"not in {value_tuple(missing)}"
            return Choice(Text(value), f"{value} {left}", self.notes.hole(question, value))
        table = self.notes.table((table or identifier(what)).upper(), known)
        found = Text(f"{table}[{value}]")
        return found if not missing else Choice(found, f"{value} in {table}", self.notes.hole(question, value))

    def _hole(self, source: Node, target: Node, value: str, what: str) -> Code:
        return self.notes.hole(f"{what}: {words(target)}, from {words(source)}", value)

    def _among(self, missing: list[Scalar], target: Node, what: str) -> str:
        gone = " or ".join(repr(each) for each in missing[:6])
        return f"{what}: {gone} has no counterpart; it must become {words(target)}"

    def _nullable(self, source: Node, target: Node, value: str, what: str, depth: int) -> Code:
        inner = _without_null(source)
        made = self.convert(inner, target, value, what, depth) or Text(value)
        shape = _without_null(target)
        if _has_null(target):
            return Choice(made, f"{value} is not None", Text("None"))
        if isinstance(shape, Array) and not shape.min_items and not isinstance(self.fitting.resolve(inner), Array):
            return Choice(made, f"{value} is not None", Text("[]"))
        hole = self.notes.hole(f"{what}: {words(target)} where it was null")
        return Choice(made, f"{value} is not None", hole)

    def _into_union(self, source: Node, target: Union, value: str, what: str, depth: int) -> Code:
        members = [member for member in target.members if not isinstance(self.fitting.resolve(member), Null)]
        if isinstance(source, Array) and len(members) < len(target.members) and len(members) == 1:
            shape = self.fitting.resolve(members[0])
            if not isinstance(shape, Array | Tuple):
                made = self.convert(source, shape, value, what, depth) or Text(value)
                return Choice(Text("None"), f"not {value}", made)
        if isinstance(source, Union):
            return self._from_union(source, target, value, what, depth)
        if len(members) == 1:
            return self.convert(source, members[0], value, what, depth) or Text(value)
        for member in members:
            trial = Converter(self.fitting, Notes())
            if trial.convert(source, member, value, what, depth) is not None and not trial.notes.holes:
                return self.convert(source, member, value, what, depth) or Text(value)
        return self._hole(source, target, value, what)

    def _from_union(self, source: Union, target: Node, value: str, what: str, depth: int) -> Code:
        """Tell members that do not fit by their tag or their kind, and convert each."""
        odd = [member for member in source.members if not self.fitting.fits(member, target)]
        conditions = [told_by(member, source, value, self.fitting.types) for member in odd]
        if None in conditions:
            return self._hole(source, target, value, what)
        asked = self.notes.holes
        made = [self.convert(member, target, value, what, depth) or Text(value) for member in odd]
        is_all_odd = len(odd) == len(source.members)
        if is_all_odd and all(isinstance(each, Call) and each.function == "revision.todo" for each in made):
            self.notes.holes = asked
            return self._hole(source, target, value, what)
        code = made.pop() if is_all_odd else Text(value)
        for each, condition in reversed(list(zip(made, conditions, strict=False))):
            code = Choice(each, condition or "", code)
        return code

    def _choose(self, source: Node, target: Node, value: str, what: str) -> Code:
        """Convert where one side is a list of values."""
        theirs = finite_values(target)
        if finite_values(source) is not None and theirs is not None:
            return self.values(source, target, value, what, {}) or Text(value)
        if isinstance(source, String) and theirs is not None and all(isinstance(each, str) for each in theirs):
            question = f"{what}: {words(target)}, from any other text"
            return Choice(Text(value), f"{value} in {value_tuple(list(theirs))}", self.notes.hole(question, value))
        if isinstance(self.fitting.resolve(target), Object | Array):
            return self._structured(source, target, value, what, 0)
        if isinstance(source, Object | Array):
            return self._structured(source, target, value, what, 0)
        return self._hole(source, target, value, what)

    def _structured(self, source: Node, target: Node, value: str, what: str, depth: int) -> Code:
        match source, target:
            case Array(), Array():
                return self._items(source, target, value, what, depth)
            case Tuple(items=ours), Tuple(items=theirs) if len(ours) == len(theirs):
                places = [f"{value}[{place}]" for place in range(len(ours))]
                made = [
                    self.convert(one, other, place, what, depth) or Text(place)
                    for one, other, place in zip(ours, theirs, places, strict=True)
                ]
                return ListOf(tuple(made))
            case Record(), Record() if target.keys is None and not target.min_size and target.max_size is None:
                item = _ITEMS[min(depth, 2)]
                below = self.convert(source.values, target.values, item, what, depth + 1) or Text(item)
                return Each(below, f"name, {item}", f"{value}.items()", key="name")
            case Object(), Object():
                return self._object(source, target, value, what, depth)
            case ((Array() | Tuple() | Record()), (Array() | Tuple() | Record())):
                return self._hole(source, target, value, what)
            case Object(), Array() if self._holds_a_list(source):
                return self._unbox(source, target, value, what, depth)
            case _, Array():
                return self._wrap(source, target, value, what, depth)
            case Array(), _:
                return self._unwrap(source, target, value, what, depth)
            case _, Object():
                return self._box(source, target, value, what, depth)
            case Object(), _:
                return self._unbox(source, target, value, what, depth)
            case _:
                return self._scalar(source, target, value, what)

    def _items(self, source: Array, target: Array, value: str, what: str, depth: int) -> Code:
        item = _ITEMS[min(depth, 2)]
        below = self.convert(source.items, target.items, item, what, depth + 1)
        made: Code = Text(value) if below is None else Each(below, item, value)
        if target.unique and not source.unique:
            return self._hole(source, target, value, what)
        bounds = []
        if target.min_items and (source.min_items or 0) < target.min_items:
            bounds.append(f"len({value}) >= {target.min_items}")
        if target.max_items is not None and (source.max_items is None or source.max_items > target.max_items):
            bounds.append(f"len({value}) <= {target.max_items}")
        if not bounds:
            return made
        return Choice(made, " and ".join(bounds), self._hole(source, target, value, what))

    def _wrap(self, source: Node, target: Array, value: str, what: str, depth: int) -> Code:
        if (target.min_items or 0) > 1 or target.max_items == 0:
            return self._hole(source, target, value, what)
        return ListOf((self.convert(source, target.items, value, what, depth) or Text(value),))

    def _unwrap(self, source: Array, target: Node, value: str, what: str, depth: int) -> Code:
        if isinstance(target, Object) and self._holds_a_list(target):
            return self._box(source, target, value, what, depth)
        return self._only(source, target, self.convert(source.items, target, f"{value}[0]", what, depth), value, what)

    def _only(self, source: Array, target: Node, made: Code | None, value: str, what: str) -> Code:
        """Take the only item of a list, which *made* converts; a person says what comes of any other list."""
        only = made or Text(f"{value}[0]")
        if source.min_items == source.max_items == 1:
            return only
        hole = self.notes.hole(f"{what}: {words(target)}, from a list without or with several items", value)
        return Choice(only, f"len({value}) == 1", hole)

    def _box(self, source: Node, target: Object, value: str, what: str, depth: int) -> Code:
        """Put a value into an object whose other members are known."""
        entries: list[tuple[str, Code]] = []
        only = _box_field(target)
        for field in target.fields:
            constant = constant_of(field.node)
            if field.name == only:
                entries.append((field.name, self.convert(source, field.node, value, field.name, depth) or Text(value)))
            elif field.required and constant is not None:
                entries.append((field.name, Text(literal(constant[0]))))
            elif field.required:
                question = f"{field.name}: {words(field.node)}, from {words(source)}"
                entries.append((field.name, self.notes.hole(question, value)))
        return MapOf(tuple(entries)) if entries else self._hole(source, target, value, what)

    def _unbox(self, source: Object, target: Node, value: str, what: str, depth: int) -> Code:
        only = _box_field(source)
        if only is None:
            return self._hole(source, target, value, what)
        field = next(each for each in source.fields if each.name == only)
        member = f"{value}[{literal(only)}]"
        made = self.convert(field.node, target, member, what, depth) or Text(member)
        others = [each for each in source.fields if each.name != only and constant_of(each.node) is None]
        if not others:
            return made
        odd = " or ".join(
            f"{each.name} is there" if each.default is UNSET else f"{each.name} is not {each.default!r}"
            for each in others
        )
        hole = self.notes.hole(f"{what}: {words(target)}, where {odd}", value)
        return Choice(made, " and ".join(_says_nothing(each, value) for each in others), hole)

    def _holds_a_list(self, node: Object) -> bool:
        """Tell whether *node* is an object around a list."""
        only = _box_field(node)
        return any(
            field.name == only and isinstance(self.fitting.resolve(field.node), Array | Tuple) for field in node.fields
        )

    def _object(self, source: Object, target: Object, value: str, what: str, depth: int) -> Code:
        """Write an object anew, where all that can be known of it is certainly there."""
        ours = {field.name: field for field in source.fields}
        if any(not field.required and field.name in ours for field in target.fields):
            return self._hole(source, target, value, what)
        entries: list[tuple[str, Code]] = []
        for field in target.fields:
            own, constant = ours.get(field.name), constant_of(field.node)
            if own is not None and own.required:
                member = f"{value}[{literal(field.name)}]"
                entries.append(
                    (field.name, self.convert(own.node, field.node, member, field.name, depth) or Text(member))
                )
            elif field.required and constant is not None:
                entries.append((field.name, Text(literal(constant[0]))))
            elif field.required:
                entries.append((field.name, self.notes.hole(f"{field.name}: {words(field.node)}", value)))
        return MapOf(tuple(entries))

    def _scalar(self, source: Node, target: Node, value: str, what: str) -> Code:
        recipe = scalar_recipe(source, target, value, self.notes)
        if recipe is None or not self._is_free(target):
            return self._hole(source, target, value, what)
        if not recipe.condition:
            return Text(recipe.text)
        hole = self.notes.hole(f"{what}: {words(target)}, from {recipe.otherwise}", value)
        return Choice(Text(recipe.text), recipe.condition, hole)

    def _is_free(self, target: Node) -> bool:
        """Tell whether *target* has no rules besides its kind, which a converted value might break."""
        return type(target)() == _bare(target)  # type: ignore[call-arg]


def _bare(node: Node) -> Node:
    """Return *node* without what says nothing of its values."""
    from msgspec.structs import replace

    plain = replace(node, description=None, deprecated=False, secret=False)
    if isinstance(plain, String):
        return replace(plain, format=None, min_length=None if plain.min_length in {None, 0, 1} else plain.min_length)
    return replace(plain, tz=None) if hasattr(plain, "tz") else plain


def constant_of(node: Node) -> tuple[Scalar] | None:
    """Return the only value of *node*, in a tuple; None where there are more, or none that can be listed."""
    values = finite_values(node)
    return (values[0],) if values is not None and len(values) == 1 else None


def counterparts(source: Node, target: Node, names: Mapping[str, str]) -> dict[Scalar, Scalar]:
    """Return for values of *source* what they are called in *target*: as said, or the same value, or the same name."""
    theirs = finite_values(target) or ()
    by_text = {str(value): value for value in theirs}
    found: dict[Scalar, Scalar] = {}
    for value in finite_values(source) or ():
        if str(value) in names:
            if names[str(value)] in by_text:
                found[value] = by_text[names[str(value)]]
        elif any(value == other and type(value) is type(other) for other in theirs):
            found[value] = value
    if isinstance(source, Enum) and isinstance(target, Enum):
        new = dict(target.members)
        for name, value in source.members:
            if value not in found and str(value) not in names and name in new and new[name] not in found.values():
                found[value] = new[name]
    return found


def _box_field(node: Object) -> str | None:
    """Return the one member of *node* that holds something: the only one, but for those with a single value."""
    holding = [field for field in node.fields if field.required and constant_of(field.node) is None]
    return holding[0].name if len(holding) == 1 else None


def _says_nothing(field: Field, value: str) -> str:
    """Return an expression that is true where the optional member *field* of *value* is what it is by default."""
    name = literal(field.name)
    if field.default is UNSET:
        return f"{name} not in {value}"
    if field.default is None:
        return f"{value}.get({name}) is None"
    usual = literal(field.default)
    return f"{value}.get({name}, {usual}) == {usual}"


def _name(node: Node) -> object:
    return node.name if isinstance(node, Ref) else id(node)


def _has_null(node: Node) -> bool:
    return isinstance(node, Null) or (isinstance(node, Union) and any(isinstance(each, Null) for each in node.members))


def _without_null(node: Node) -> Node:
    if not isinstance(node, Union):
        return node
    members = tuple(each for each in node.members if not isinstance(each, Null))
    return members[0] if len(members) == 1 else Union(members=members, discriminator=node.discriminator)
